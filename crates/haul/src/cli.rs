//! What can be typed: the tree of subcommands and their flags.
//!
//! The settings of `serve` stay text here: flags, environment and file go through the same parsers in
//! [`crate::settings`], so that a wrong value is reported the same way whichever layer gave it. Every other flag is read by
//! its parser, whose error quotes the value and says what to write instead.
// The comments here are the help as it is printed: their brackets are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command as Tree, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueHint};
use haul_client::DialectChoice;

use crate::commands::{cat, get, ls, put, rm, stat, stats};
use crate::help;
use crate::settings::{self, LogTable, ServeArgs, TypedFlags};
use crate::value_parsers::words;

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
    Ls(RemoteCommand<ls::LsArgs>),
    /// Download objects
    #[command(alias = "download")]
    Get(RemoteCommand<get::GetArgs>),
    /// Upload files
    #[command(alias = "upload")]
    Put(RemoteCommand<put::PutArgs>),
    /// Remove objects and folders
    #[command(aliases = ["delete", "del"])]
    Rm(RemoteCommand<rm::RmArgs>),
    /// Print objects on standard output
    #[command(hide = true)]
    Cat(RemoteCommand<cat::CatArgs>),
    /// Show what the server knows of an object
    Stat(RemoteCommand<stat::StatArgs>),
    /// Show the server's ledger: what each worker has done
    Stats(RemoteCommand<stats::StatsArgs>),
    /// Measure a server: how pool and clients change what each client gets, every byte verified
    Bench(Box<crate::bench::BenchArgs>),
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
    Worker(TypedFlags<LogTable>),
    /// Be clients of a trial (started by bench only)
    #[command(hide = true)]
    ClientWorker {
        /// What to do.
        job: String,
    },
}

/// A client subcommand: its own arguments and those that all of them share.
#[derive(Debug, Args)]
pub(crate) struct RemoteCommand<A: Args> {
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
          value_parser = words::<DialectChoice>(["auto", "classic", "extended"]))]
    pub(crate) dialect: DialectChoice,
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
