//! The settings of a run.

use std::path::PathBuf;
use std::time::Duration;

use haul_results::{Binary, Matrix};

use crate::command::CommandLine;
use crate::subject::SubjectSpec;

/// The settings of a run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// All cells.
    pub matrix: Matrix,
    /// How often each cell is measured.
    pub repeats: u32,
    /// From which every order, every interval and all content follow.
    pub seed: u64,
    /// The server.
    pub subject: SubjectSpec,
    /// The program that does a client worker's job, which is appended as its last argument.
    pub clients: CommandLine,
    /// The program of the [reapers](crate::reap()): the folder to remove, if any, is appended as its last argument.
    pub reaper: CommandLine,
    /// This program, for the record.
    pub program: Binary,
    /// The command line, for the record.
    pub arguments: Vec<String>,
    /// Where scratch space is to be; `None` chooses.
    pub scratch: Option<PathBuf>,
    /// The folder of the run's results.
    pub folder: PathBuf,
    /// The longest waits.
    pub limits: WaitLimits,
    /// How long one measurement of a ceiling takes, about.
    pub ceiling_span: Duration,
}

/// The longest waits of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitLimits {
    /// For a server to listen. Default: 30 s.
    pub start: Duration,
    /// For a byte to move. Default: 2 min; a client that waits in a slow server's queue is silent all that time.
    pub stall: Duration,
    /// For a whole trial. Default: 10 min.
    pub trial: Duration,
}

impl Default for WaitLimits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(30),
            stall: Duration::from_secs(120),
            trial: Duration::from_secs(600),
        }
    }
}
