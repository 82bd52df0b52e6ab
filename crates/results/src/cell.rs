//! One level for each factor: what a trial measures.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::units::Bytes;
use crate::words::words;

words! {
    /// What each client does.
    Operation, "an operation" {
        /// It fetches an object.
        Download = "download",
        /// It stores an object of its own.
        Upload = "upload",
    }
}

words! {
    /// How the workers of a server's pool are run.
    PoolKind, "a kind of pool" {
        /// Threads of one process.
        Threads = "threads",
        /// Supervised processes.
        Processes = "processes",
        /// One asynchronous runtime; its workers are the runtime's threads.
        Tasks = "tasks",
    }
}

words! {
    /// How the clients of a trial are run.
    ClientPool, "a client pool" {
        /// Threads of one process.
        Threads = "threads",
        /// Processes of their own.
        Processes = "processes",
    }
}

words! {
    /// Which verbs the clients speak.
    Dialect, "a dialect" {
        /// The verbs that every server of the family knows, with content in base64.
        Classic = "classic",
        /// The verbs of haul, with content as it is.
        Extended = "extended",
    }
}

/// The pool of the server under test, `KIND:WORKERS[xCONNECTIONS]`: `threads:50`, `processes:2x2048`. As JSON it is
/// that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pool {
    /// Threads, processes or tasks.
    pub kind: PoolKind,
    /// How many workers there are, 1 to [`Pool::WORKERS_MAX`].
    pub workers: u32,
    /// How many connections one worker serves at once, 1 to [`Pool::CONNECTIONS_MAX`]; `None` leaves it to the
    /// server: one for threads and processes, 4,096 over all workers for tasks.
    pub connections: Option<u32>,
}

const WRONG_KIND: &str = "the kind is threads, processes or tasks";

/// A pool that cannot be read; the text says what is wrong and gives an example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a pool: {problem} (for example threads, processes, tasks, threads:50, processes:2x2048)"
)]
pub struct PoolError {
    text: String,
    problem: &'static str,
}

impl Pool {
    /// The most workers a pool may have.
    pub const WORKERS_MAX: u32 = 1024;
    /// The most connections one worker may serve at once.
    pub const CONNECTIONS_MAX: u32 = 65_536;

    /// How many connections the whole pool serves at once.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        match (self.connections, self.kind) {
            (Some(connections), _) => self.workers.saturating_mul(connections),
            (None, PoolKind::Tasks) => 4096.max(self.workers),
            (None, PoolKind::Threads | PoolKind::Processes) => self.workers,
        }
    }

    /// What the pool is called apart from its workers: `threads`, `processes`, `processes x2048`.
    #[must_use]
    pub fn family(&self) -> String {
        match self.connections {
            Some(connections) => format!("{} x{connections}", self.kind),
            None => self.kind.to_string(),
        }
    }
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.workers)?;
        match self.connections {
            Some(connections) => write!(f, "x{connections}"),
            None => Ok(()),
        }
    }
}

fn count(text: &str, most: u32) -> Option<u32> {
    let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|count| digits_only && (1..=most).contains(count))
}

impl FromStr for Pool {
    type Err = PoolError;

    fn from_str(text: &str) -> Result<Self, PoolError> {
        let wrong = |problem| PoolError {
            text: text.to_owned(),
            problem,
        };
        let (kind, size) = text
            .split_once(':')
            .ok_or_else(|| wrong("it has no number of workers"))?;
        let kind = kind.parse().map_err(|_| wrong(WRONG_KIND))?;
        let (workers, connections) = match size.split_once('x') {
            Some((workers, connections)) => (workers, Some(connections)),
            None => (size, None),
        };
        let workers = count(workers, Self::WORKERS_MAX)
            .ok_or_else(|| wrong("the number of workers is a whole number from 1 to 1024"))?;
        let connections = connections
            .map(|text| {
                count(text, Self::CONNECTIONS_MAX)
                    .ok_or_else(|| wrong("the connections of a worker are a whole number from 1 to 65536"))
            })
            .transpose()?;
        Ok(Self {
            kind,
            workers,
            connections,
        })
    }
}

impl From<Pool> for String {
    fn from(pool: Pool) -> Self {
        pool.to_string()
    }
}

impl TryFrom<String> for Pool {
    type Error = PoolError;

    fn try_from(text: String) -> Result<Self, PoolError> {
        text.parse()
    }
}

/// A level of the factor *pools*: a kind alone is crossed with all numbers of workers, a whole spec stands for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum PoolLevel {
    /// With every level of the factor *workers*.
    Kind(PoolKind),
    /// With its own number of workers only.
    Fixed(Pool),
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
    type Err = PoolError;

    fn from_str(text: &str) -> Result<Self, PoolError> {
        match text.parse() {
            Ok(kind) => Ok(Self::Kind(kind)),
            Err(_) if text.contains(':') => text.parse().map(Self::Fixed),
            Err(_) => Err(PoolError {
                text: text.to_owned(),
                problem: WRONG_KIND,
            }),
        }
    }
}

impl From<PoolLevel> for String {
    fn from(level: PoolLevel) -> Self {
        level.to_string()
    }
}

impl TryFrom<String> for PoolLevel {
    type Error = PoolError;

    fn try_from(text: String) -> Result<Self, PoolError> {
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
    pub volume: Bytes,
    /// How many clients there are, released together.
    pub clients: u32,
    /// The server's pool with its number of workers.
    pub pool: Pool,
    /// How the clients are run.
    pub client_pool: ClientPool,
    /// How much a client reads or writes at a time.
    pub buffer: Bytes,
    /// Which verbs the clients speak; `front` in a journal.
    #[serde(rename = "front")]
    pub dialect: Dialect,
}

impl Cell {
    /// Bytes of content that one trial moves if every client succeeds.
    #[must_use]
    pub fn content(&self) -> Bytes {
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
            let pool: Pool = text.parse().unwrap();
            assert_eq!(pool.to_string(), text);
            assert_eq!(text.parse::<PoolLevel>().unwrap(), PoolLevel::Fixed(pool));
        }
        assert_eq!(
            "tasks".parse::<PoolLevel>().unwrap(),
            PoolLevel::Kind(PoolKind::Tasks)
        );
        assert_eq!("processes:2x2048".parse::<Pool>().unwrap().capacity(), 4096);
        assert_eq!("tasks:5".parse::<Pool>().unwrap().capacity(), 4096);
        assert_eq!("threads:5".parse::<Pool>().unwrap().capacity(), 5);
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
            assert_eq!(kind.word().parse::<PoolKind>().unwrap(), *kind);
        }
        let error = "list".parse::<Operation>().unwrap_err().to_string();
        assert_eq!(error, "`list` is not an operation: it is one of download, upload");
    }
}
