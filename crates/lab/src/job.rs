//! The plain data that crosses the boundary between the lab and its client workers: a job one way, messages the other.
//!
//! A client worker is a process that runs some of a trial's clients as threads: all of them where the client pool is
//! `threads`, one where it is `processes`. Its job is an argument, its messages are lines on its standard output. One byte
//! on its standard input releases it, the end of its standard input ends it.

use haul_results::{ByteSize, Dialect, Operation};
use serde::{Deserialize, Serialize};

use crate::marks::ClientResult;

/// The most bytes of a line: as many as a pipe takes in one piece, so that the lines of several workers do not mix.
pub(crate) const LINE_BYTES_MAX: usize = 4096;

/// The most content of a warm-up transfer.
pub const WARM_UP_MAX: ByteSize = ByteSize::mib(8);

/// The work of a client worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The worker's number within its trial, from 0.
    pub(crate) worker: u32,
    /// The number of its first client within the trial.
    pub(crate) first_client: u32,
    /// How many clients it runs.
    pub(crate) clients: u32,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) operation: Operation,
    pub(crate) dialect: Dialect,
    pub(crate) volume: ByteSize,
    pub(crate) buffer: ByteSize,
    pub(crate) seed: u64,
    /// The trial's number within the run: uploads of different trials differ.
    pub(crate) trial: u32,
    /// The longest silence of the server, in milliseconds.
    pub(crate) stall_ms: u64,
}

impl Job {
    /// How much a warm-up transfer moves.
    pub(crate) fn warm_up(&self) -> ByteSize {
        warm_up(self.volume)
    }
}

/// How much the warm-up of a transfer of this volume moves.
pub(crate) fn warm_up(volume: ByteSize) -> ByteSize {
    volume.min(WARM_UP_MAX)
}

/// A report of a client worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientMessage {
    /// The warm-ups of all its clients are over.
    Ready {
        /// Its number.
        worker: u32,
    },
    /// A client has done its transfer, well or not.
    Done(Box<ClientResult>),
}

impl ClientMessage {
    /// As a line with its end, at most [`LINE_BYTES_MAX`] long.
    pub(crate) fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("plain data with text keys can be written as JSON");
        line.push('\n');
        debug_assert!(
            line.len() <= LINE_BYTES_MAX,
            "the details of a failure are cut before"
        );
        line
    }
}
