//! What can be typed after `haul bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueHint;
use haul_lab::{Address, ServerCommand};
use haul_report::Lang;
use haul_results::{ClientPool, Dialect, Factor, Header, Operation, PoolLevel, Threshold};
use haul_types::{ByteSize, Durability};

use crate::settings;
use crate::value_parsers::{LevelList, parsed, suggesting, word, words};

/// The flags of `bench`, as typed.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Run a small matrix: 54 cells with 1, 5 and 10MiB, clients and workers of 1, 4 and 16, in under a minute
    #[arg(long)]
    pub(crate) quick: bool,
    /// Print the plan, the bytes to move, the scratch space and about how long it takes; do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How often each cell is measured [default: 3]
    #[arg(long, value_name = "COUNT", value_parser = repeats, value_hint = ValueHint::Other)]
    pub(crate) repeats: Option<u32>,
    /// Number from which order, content and intervals follow [default: a new one each time]
    #[arg(long, value_name = "NUMBER", value_parser = parsed::<u64>, value_hint = ValueHint::Other)]
    pub(crate) seed: Option<u64>,
    /// Vary one factor, workers or clients, over 1, 2, 4, 8, 12, 16, 24, 32 and 50; all others at their last level
    #[arg(long, value_name = "FACTOR", num_args = 0..=1, default_missing_value = "workers",
          value_parser = words::<Factor>(["workers", "clients"]))]
    pub(crate) scale: Option<Factor>,
    /// The levels of the matrix.
    #[command(flatten)]
    pub(crate) levels: LevelArgs,
    /// The server under test.
    #[command(flatten)]
    pub(crate) subject: SubjectArgs,
    /// Results and report.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The levels of the matrix, as typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Matrix")]
pub(crate) struct LevelArgs {
    /// Operations [default: download,upload]
    #[arg(long, value_name = "LIST", value_parser = suggesting::<LevelList<Operation>>(&["download", "upload", "download,upload"]), hide_possible_values = true)]
    pub(crate) operations: Option<LevelList<Operation>>,
    /// Bytes that each client moves [default: 10MiB,50MiB,100MiB]
    #[arg(long, value_name = "LIST", value_parser = parsed::<LevelList<ByteSize>>, value_hint = ValueHint::Other)]
    pub(crate) volumes: Option<LevelList<ByteSize>>,
    /// Numbers of clients [default: 1,5,50]
    #[arg(long, value_name = "LIST", value_parser = parsed::<LevelList<u32>>, value_hint = ValueHint::Other)]
    pub(crate) clients: Option<LevelList<u32>>,
    /// Numbers of server workers [default: 1,5,50]
    #[arg(long, value_name = "LIST", value_parser = parsed::<LevelList<u32>>, value_hint = ValueHint::Other)]
    pub(crate) workers: Option<LevelList<u32>>,
    /// Server pools: kinds (threads, processes, tasks), or whole specs like processes:2x2048
    /// [default: threads,processes]
    #[arg(long, value_name = "LIST", value_parser = suggesting::<LevelList<PoolLevel>>(&["threads", "processes", "tasks", "threads,processes"]),
          hide_possible_values = true)]
    pub(crate) pools: Option<LevelList<PoolLevel>>,
    /// Clients as threads of one process, or as processes of their own [default: threads,processes]
    #[arg(long, value_name = "LIST", value_parser = suggesting::<LevelList<ClientPool>>(&["threads", "processes", "threads,processes"]),
          hide_possible_values = true)]
    pub(crate) client_pools: Option<LevelList<ClientPool>>,
    /// How much a client reads or writes at a time [default: 128KiB]
    #[arg(long, value_name = "LIST", value_parser = parsed::<LevelList<ByteSize>>, value_hint = ValueHint::Other)]
    pub(crate) buffers: Option<LevelList<ByteSize>>,
    /// Verbs that the clients speak: classic, extended [default: classic]
    #[arg(long, alias = "front", value_name = "LIST", value_parser = suggesting::<LevelList<Dialect>>(&["classic", "extended", "classic,extended"]),
          hide_possible_values = true)]
    pub(crate) dialect: Option<LevelList<Dialect>>,
}

/// The server under test, as typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Server under test")]
pub(crate) struct SubjectArgs {
    /// Measure this server instead of ours; {port}, {workers}, {root} and {pool} are filled in
    #[arg(long, value_name = "COMMAND", value_parser = parsed::<ServerCommand>, conflicts_with = "target")]
    pub(crate) server_command: Option<ServerCommand>,
    /// Measure a server that runs already
    #[arg(long, value_name = "URL", value_parser = parsed::<Address>, value_hint = ValueHint::Url)]
    pub(crate) target: Option<Address>,
    /// When our own server counts an upload as stored: synced to disk, or taken by the system [default: buffered]
    #[arg(long, value_name = "WHEN", value_parser = word::<Durability>())]
    pub(crate) durability: Option<Durability>,
    /// Longest wait for a server to listen [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = settings::timeout, value_hint = ValueHint::Other)]
    pub(crate) start_timeout: Option<Duration>,
    /// Longest wait of a client for a byte to move, its time in the server's queue among it [default: 2m]
    #[arg(long, value_name = "TIME", value_parser = settings::timeout, value_hint = ValueHint::Other)]
    pub(crate) stall_timeout: Option<Duration>,
    /// Longest time for all transfers of a trial [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = settings::timeout, value_hint = ValueHint::Other)]
    pub(crate) deadline: Option<Duration>,
}

/// Results and report, as typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct OutputArgs {
    /// Folder for the results [default: haul-results/TIME]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Go on with the run in this folder: measure the trials that are missing
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath,
          conflicts_with_all = ["out", "quick", "scale", "repeats", "seed", "operations", "volumes", "clients", "workers",
                                "pools", "client_pools", "buffers", "dialect", "server_command", "target", "durability"])]
    pub(crate) resume: Option<PathBuf>,
    /// Where served and uploaded objects lie meanwhile [default: memory where they fit, else a folder for temporary files]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) scratch: Option<PathBuf>,
    /// Fail (exit code 4) if a cell crosses a threshold, like '[clients=50] throughput < 500MiB/s'; give the flag again for a further one
    #[arg(long, value_name = "EXPRESSION", value_parser = parsed::<Threshold>, value_hint = ValueHint::Other)]
    pub(crate) fail_if: Vec<Threshold>,
    /// Set the results beside those of another run, or of a table
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) baseline: Option<PathBuf>,
    /// Language of table and report
    #[arg(long, value_name = "LANGUAGE", default_value = "en", value_parser = word::<Lang>())]
    pub(crate) lang: Lang,
    /// Show no progress
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// How often each cell is measured.
fn repeats(text: &str) -> Result<u32, String> {
    match parsed(text)? {
        count @ 1..=Header::REPEATS_MAX => Ok(count),
        count => Err(format!("{count} is not from 1 to {}", Header::REPEATS_MAX)),
    }
}
