//! What can be typed: the tree of subcommands and their flags.
//!
//! The flags of `serve` stay text here: flags, environment and file go through the same parsers in
//! [`crate::settings`], so that a wrong value is reported the same way whichever layer gave it.
// The comments here are the help as it is printed: their brackets are no links.
#![allow(rustdoc::broken_intra_doc_links)]

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueHint};

use crate::commands::{get, ls, put, rm, stat, stats};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "haul", version, about, long_about = None, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One variant for each subcommand.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a folder
    Serve(Box<ServeArgs>),
    /// List a folder of the server
    Ls(Remote<ls::Args>),
    /// Download objects
    Get(Remote<get::Args>),
    /// Upload files
    Put(Remote<put::Args>),
    /// Remove objects
    Rm(Remote<rm::Args>),
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
        subcommand: Option<String>,
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
    /// Server for names that are no haul:// URL [env: HAUL_SERVER] [default: haul://127.0.0.1:46666]
    #[arg(id = "default-server", long = "server", value_name = "ADDR", value_hint = ValueHint::Url)]
    pub(crate) server: Option<String>,
    /// Verbs to use: those of every server of the family, those of haul, or what the server knows
    #[arg(long, value_name = "DIALECT", default_value = "auto",
          value_parser = PossibleValuesParser::new(["auto", "classic", "extended"]))]
    pub(crate) dialect: String,
    /// How often a transfer that lost its connection is tried again
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    pub(crate) retries: u32,
    /// Print JSON for machines
    #[arg(long)]
    pub(crate) json: bool,
    /// Show no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// The flags of `serve`, as typed.
#[derive(Debug, Default, Args)]
#[command(
    after_help = "Each flag can also be set in the environment (HAUL_MAX_UPLOAD for --max-upload) or in the \
    file of --config (max-upload = \"1GB\"). A flag beats the environment, the environment beats the file.\n\
    Sizes are bytes, or like 256KiB and 1GB (KiB = 1024, KB = 1000); times are seconds, or like 30s and 1m."
)]
pub(crate) struct ServeArgs {
    /// Folder to serve [default: the current one]
    #[arg(value_name = "ROOT", value_hint = ValueHint::DirPath)]
    pub(crate) root: Option<PathBuf>,
    /// Address to listen on, several times for several; port 0 picks a free one [default: 127.0.0.1:46666]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
    /// Pool of workers: threads:N, processes:N or tasks[:N], each with xC for C connections per worker
    /// [default: tasks]
    #[arg(long, value_name = "SPEC")]
    pub(crate) pool: Option<String>,
    /// Allow UPLOAD, DELETE and WRITE
    #[arg(short, long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) writable: Option<String>,
    /// When an upload counts as stored: synced to disk, or taken by the system [default: synced]
    #[arg(long, value_name = "WHEN", value_parser = PossibleValuesParser::new(["synced", "buffered"]))]
    pub(crate) durability: Option<String>,
    /// Bytes moved at a time, for each busy connection [default: 96KiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) buffer: Option<String>,
    /// Largest upload, in bytes of content, or `none` [default: none]
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_upload: Option<String>,
    /// Connections served at once; further ones wait [default: 4096]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_connections: Option<String>,
    /// Close a connection that is idle between requests for so long; after 1s where others wait [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub(crate) idle_timeout: Option<String>,
    /// Cut a peer that neither sends nor takes a byte in the middle of a transfer for so long [default: 60s]
    #[arg(long, value_name = "TIME")]
    pub(crate) stall_timeout: Option<String>,
    /// Cut a peer that needs longer for a request line [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub(crate) line_timeout: Option<String>,
    /// How long a drain (SIGTERM, SIGINT) lets transfers finish before it cuts them [default: 30s]
    #[arg(long, value_name = "TIME")]
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
