//! What can be typed: the tree of subcommands and their flags.
//!
//! The flags of `serve` stay text here: flags, environment and file go through the same parsers in
//! [`crate::settings`], so that a wrong value is reported the same way whichever layer gave it.
// The comments here are the help as it is printed: their brackets are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command as Tree, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueHint};

use crate::commands::{cat, get, ls, put, rm, stat, stats};
use crate::help;
use crate::settings;
use crate::suggestions::Suggestions;

/// The program's name.
pub(crate) const NAME: &str = "haul";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = NAME, version, about, long_about = None, propagate_version = true)]
pub(crate) struct Cli {
    /// Server of the client commands; it may also stand behind the command
    #[arg(id = "early-server", long = "server", value_name = "ADDR", value_hint = ValueHint::Url)]
    pub(crate) server: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands that are for people, in the order of `--help`.
pub(crate) const DOCUMENTED: [&str; 12] = [
    "serve",
    "ls",
    "get",
    "put",
    "rm",
    "stat",
    "stats",
    "bench",
    "report",
    "compare",
    "completions",
    "man",
];

/// The tree of subcommands, with examples and exit codes in the help of each.
pub(crate) fn tree() -> Tree {
    let with_guide = |tree: Tree, name: &str| match help::guide(name) {
        Some(guide) => tree.after_help(guide.after_help()),
        None => tree,
    };
    DOCUMENTED
        .iter()
        .fold(with_guide(Cli::command(), ""), |tree, &name| {
            tree.mut_subcommand(name, |command| with_guide(command, name))
        })
}

/// What was typed; its first word is the program.
///
/// # Errors
/// When it cannot be parsed, or asks for help or the version.
pub(crate) fn parse(typed: &[std::ffi::OsString]) -> Result<Cli, clap::Error> {
    let matches = tree().try_get_matches_from(typed)?;
    Cli::from_arg_matches(&matches)
}

/// How many transfers at a time, 1 to 256.
pub(crate) fn jobs(text: &str) -> Result<u16, String> {
    let count = text.parse().ok().filter(|count| (1..=256).contains(count));
    count.ok_or_else(|| format!("`{text}` is not a number of transfers; write one from 1 to 256"))
}

fn retries(text: &str) -> Result<u32, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number of tries; write 0, 1, 2 …"))
}

/// One variant for each subcommand.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a folder
    Serve(Box<ServeArgs>),
    /// List a folder of the server
    Ls(Remote<ls::Args>),
    /// Download objects
    #[command(alias = "download")]
    Get(Remote<get::Args>),
    /// Upload files
    #[command(alias = "upload")]
    Put(Remote<put::Args>),
    /// Remove objects and folders
    #[command(aliases = ["delete", "del"])]
    Rm(Remote<rm::Args>),
    /// Print objects on standard output
    #[command(hide = true)]
    Cat(Remote<cat::Args>),
    /// Show what the server knows of an object
    Stat(Remote<stat::Args>),
    /// Show the server's ledger: what each worker has done
    Stats(Remote<stats::Args>),
    /// Measure a server: how pool and clients change what each client gets, every byte verified
    Bench(Box<crate::bench::Args>),
    /// Write the report of a run again, from its results folder
    Report(crate::report::ReportArgs),
    /// Compare two runs, cell by cell
    Compare(crate::report::CompareArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual: all pages, or that of one subcommand
    Man {
        /// The subcommand whose page to print
        #[arg(value_name = "COMMAND", value_parser = PossibleValuesParser::new(DOCUMENTED), hide_possible_values = true)]
        subcommand: Option<String>,
        /// Write the pages into this folder instead, as haul.1, haul-get.1, …
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        out: Option<PathBuf>,
    },
    /// Serve as a worker process (started by a supervisor only)
    #[command(hide = true)]
    Worker(LogArgs),
    /// Be clients of a trial (started by bench only)
    #[command(hide = true)]
    ClientWorker {
        /// What to do.
        job: String,
    },
}

/// A client subcommand: its own arguments and those that all of them share.
#[derive(Debug, Args)]
pub(crate) struct Remote<A: Args> {
    /// The subcommand's own arguments.
    #[command(flatten)]
    pub(crate) own: A,
    /// What all client subcommands share.
    #[command(flatten)]
    pub(crate) shared: RemoteArgs,
}

/// What all client subcommands share.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server and output")]
pub(crate) struct RemoteArgs {
    /// Server of plain names, HOST:PORT or haul://HOST:PORT [env: HAUL_SERVER] [default: 127.0.0.1:46666]
    #[arg(id = "default-server", long = "server", value_name = "ADDR", value_hint = ValueHint::Url)]
    pub(crate) server: Option<String>,
    /// Verbs to use: classic (any server of the family), extended (haul only), or auto to ask the server
    #[arg(long, value_name = "DIALECT", default_value = "auto",
          value_parser = PossibleValuesParser::new(["auto", "classic", "extended"]))]
    pub(crate) dialect: String,
    /// Longest silence in the middle of a transfer
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = settings::timeout, value_hint = ValueHint::Other)]
    pub(crate) timeout: Duration,
    /// How long a transfer that makes no progress is tried again; 0 gives up at once
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = settings::time, value_hint = ValueHint::Other)]
    pub(crate) retry_for: Duration,
    /// At most so many further tries [default: as many as --retry-for allows]
    #[arg(long, value_name = "COUNT", value_parser = retries, value_hint = ValueHint::Other)]
    pub(crate) retries: Option<u32>,
    /// Print JSON for machines
    #[arg(long)]
    pub(crate) json: bool,
    /// Show results and errors only: no progress, notices or sums
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// The flags of `serve`, as typed.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Folder to serve, or memory:[SIZE] for an empty store in memory [default: the current folder]
    #[arg(value_name = "ROOT", value_hint = ValueHint::DirPath)]
    pub(crate) root: Option<PathBuf>,
    /// Address to listen on, IP:PORT; give the flag again for a further one. Port 0 picks a free port
    /// [default: 127.0.0.1:46666]
    #[arg(long, value_name = "ADDR", value_parser = Suggestions(&["127.0.0.1:46666", "127.0.0.1:0", "0.0.0.0:46666", "[::]:46666"]),
          hide_possible_values = true)]
    pub(crate) listen: Vec<String>,
    /// Port to listen on, on this machine only: short for --listen 127.0.0.1:PORT
    #[arg(short, long, value_name = "PORT", conflicts_with = "listen", value_hint = ValueHint::Other)]
    pub(crate) port: Option<String>,
    /// Pool of workers: threads:N, processes:N or tasks[:N], each with xC for C connections per worker
    /// [default: tasks]
    #[arg(long, value_name = "SPEC", value_parser = Suggestions(&["tasks", "threads:50", "processes:50", "processes:2x2048"]),
          hide_possible_values = true)]
    pub(crate) pool: Option<String>,
    /// Allow UPLOAD, DELETE and WRITE
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) writable: Option<String>,
    /// When an upload counts as stored: synced to disk, or taken by the system [default: synced]
    #[arg(long, value_name = "WHEN", value_parser = PossibleValuesParser::new(["synced", "buffered"]))]
    pub(crate) durability: Option<String>,
    /// Bytes moved at a time, for each busy connection [default: 96KiB]
    #[arg(long, value_name = "SIZE", value_hint = ValueHint::Other)]
    pub(crate) buffer: Option<String>,
    /// Largest upload, in bytes of content, or `none` [default: none]
    #[arg(long, value_name = "SIZE", value_hint = ValueHint::Other)]
    pub(crate) max_upload: Option<String>,
    /// Connections served at once; further ones wait [default: 4096]
    #[arg(long, value_name = "COUNT", value_hint = ValueHint::Other)]
    pub(crate) max_connections: Option<String>,
    /// Close a connection that is idle between requests for so long; after 1s where others wait [default: 60s]
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other)]
    pub(crate) idle_timeout: Option<String>,
    /// Cut a peer that neither sends nor takes a byte in the middle of a transfer for so long [default: 60s]
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other)]
    pub(crate) stall_timeout: Option<String>,
    /// Cut a peer that needs longer for a request line [default: 30s]
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other)]
    pub(crate) line_timeout: Option<String>,
    /// How long a drain (SIGTERM, SIGINT) lets transfers finish before it cuts them [default: 30s]
    #[arg(long, value_name = "TIME", value_hint = ValueHint::Other)]
    pub(crate) grace: Option<String>,
    /// UNSAFE: obey UPLOAD and DELETE without a line end after 1s of silence; a stalled sender looks the same,
    /// so half a file may be stored
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) unterminated_writes: Option<String>,
    /// TOML file with any of these settings [env: HAUL_CONFIG]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// How the log is written.
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// How the log is written, as typed.
#[derive(Debug, Default, Args)]
pub(crate) struct LogArgs {
    /// Form of the log lines on standard error [default: text]
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(["text", "json"]))]
    pub(crate) log_format: Option<String>,
    /// Least important lines to log; access lines are `info` [default: info]
    #[arg(long, value_name = "LEVEL",
          value_parser = PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"]))]
    pub(crate) log_level: Option<String>,
}
