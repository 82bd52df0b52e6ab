//! One level for each factor: what a trial measures.

use std::fmt;
use std::str::FromStr;

use haul_types::{ByteSize, Dialect, PoolKind, PoolSpec, PoolSpecError, closed_list};
use serde::{Deserialize, Serialize};

closed_list! {
    /// What each client does.
    pub Operation, "an operation" {
        /// It fetches an object.
        Download = "download",
        /// It stores an object of its own.
        Upload = "upload",
    }
}

closed_list! {
    /// How the clients of a trial are run.
    pub ClientPool, "a client pool" {
        /// Threads of one process.
        Threads = "threads",
        /// Processes of their own.
        Processes = "processes",
    }
}

/// A level of the factor *pools*: a kind alone is crossed with all numbers of workers, a whole spec stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum PoolLevel {
    /// With every level of the factor *workers*.
    Kind(PoolKind),
    /// With its own number of workers only.
    Fixed(PoolSpec),
}

impl fmt::Display for PoolLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => kind.fmt(f),
            Self::Fixed(pool) => pool.fmt(f),
        }
    }
}

impl FromStr for PoolLevel {
    type Err = PoolSpecError;

    fn from_str(text: &str) -> Result<Self, PoolSpecError> {
        match text.parse() {
            Ok(kind) => Ok(Self::Kind(kind)),
            Err(_) => text.parse().map(Self::Fixed),
        }
    }
}

impl From<PoolLevel> for String {
    fn from(level: PoolLevel) -> Self {
        level.to_string()
    }
}

impl TryFrom<String> for PoolLevel {
    type Error = PoolSpecError;

    fn try_from(text: String) -> Result<Self, PoolSpecError> {
        text.parse()
    }
}

/// One level for each factor. As text: `download 10MiB clients=5 workers=50 pool=threads client-pool=threads
/// buffer=256KiB dialect=classic`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// What each client does.
    pub operation: Operation,
    /// How many bytes of content each client moves.
    pub volume: ByteSize,
    /// How many clients there are, released together.
    pub clients: u32,
    /// The server's pool with its number of workers.
    pub pool: PoolSpec,
    /// How the clients are run.
    pub client_pool: ClientPool,
    /// How much a client reads or writes at a time.
    pub buffer: ByteSize,
    /// Which verbs the clients speak; `front` in a journal.
    #[serde(rename = "front")]
    pub dialect: Dialect,
}

impl Cell {
    /// Bytes of content that one trial moves if every client succeeds.
    #[must_use]
    pub fn content(&self) -> ByteSize {
        self.volume.times(u64::from(self.clients))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} clients={} workers={} pool={} client-pool={} buffer={} dialect={}",
            self.operation,
            self.volume,
            self.clients,
            self.pool.workers,
            self.pool.family().replace(' ', ""),
            self.client_pool,
            self.buffer,
            self.dialect
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_read_and_written_back() {
        for text in ["threads:50", "processes:2x2048", "tasks:5", "threads:1"] {
            let pool: PoolSpec = text.parse().unwrap();
            assert_eq!(pool.to_string(), text);
            assert_eq!(text.parse::<PoolLevel>().unwrap(), PoolLevel::Fixed(pool));
        }
        assert_eq!(
            "tasks".parse::<PoolLevel>().unwrap(),
            PoolLevel::Kind(PoolKind::Tasks)
        );
        assert_eq!("processes:2x2048".parse::<PoolSpec>().unwrap().capacity(), 4096);
        assert_eq!("tasks:5".parse::<PoolSpec>().unwrap().capacity(), 4096);
        assert_eq!("threads:5".parse::<PoolSpec>().unwrap().capacity(), 5);
    }

    #[test]
    fn what_is_not_a_pool_is_refused_with_an_example() {
        for text in [
            "",
            "fork",
            "threads:",
            "threads:0",
            "threads:+5",
            "threads:5x",
            "threads:5x0",
            "threads:5000",
            "Threads:5",
        ] {
            let error = text.parse::<PoolLevel>().unwrap_err().to_string();
            assert!(error.contains("threads:50"), "{text}: {error}");
        }
    }

    #[test]
    fn a_word_is_the_same_in_text_and_in_json() {
        for kind in PoolKind::ALL {
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(kind.as_str().parse::<PoolKind>().unwrap(), *kind);
        }
        let error = "list".parse::<Operation>().unwrap_err().to_string();
        assert_eq!(error, "`list` is not an operation; write download or upload");
    }
}
