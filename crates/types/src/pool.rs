//! What kind of pool, and how large: `KIND[:WORKERS][xCONNECTIONS]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::closed_list;

closed_list! {
    /// How the workers of a server's pool are run.
    pub PoolKind, "a kind of pool" {
        /// Threads of the server's process.
        Threads = "threads",
        /// Processes of the same binary under a supervisor.
        Processes = "processes",
        /// One asynchronous runtime; its workers are the runtime's threads.
        Tasks = "tasks",
    }
}

/// The pool of a server. `threads:50` is 50 threads with one connection each, `processes:2x2048` two processes that
/// interleave up to 2,048 connections each, `tasks` one runtime with up to 4,096 connections. As JSON it is that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[non_exhaustive]
pub struct PoolSpec {
    /// Threads, processes or tasks.
    pub kind: PoolKind,
    /// How many workers there are, 1 to [`PoolSpec::WORKERS_MAX`].
    pub workers: u32,
    /// How many connections one worker serves at once, 1 to [`PoolSpec::CONNECTIONS_MAX`], where it is not the default:
    /// one for threads and processes, [`PoolSpec::TASKS_CONNECTIONS`] over all workers for tasks.
    pub connections: Option<u32>,
}

/// A pool spec that cannot be read; the text names what is wrong and gives examples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{spec}` is not a pool: {problem} (for example threads:50, processes:50, tasks, processes:2x2048)")]
pub struct PoolSpecError {
    spec: String,
    problem: &'static str,
}

impl PoolSpec {
    /// The most workers a pool may have.
    pub const WORKERS_MAX: u32 = 1024;
    /// The most connections one worker may interleave.
    pub const CONNECTIONS_MAX: u32 = 65_536;
    /// Connections that `tasks` serves at once unless told otherwise, over all its workers.
    pub const TASKS_CONNECTIONS: u32 = 4096;

    /// So many workers with the default number of connections. A number beyond 1 to [`PoolSpec::WORKERS_MAX`] becomes the
    /// nearest within.
    #[must_use]
    pub fn new(kind: PoolKind, workers: u32) -> Self {
        Self {
            kind,
            workers: workers.clamp(1, Self::WORKERS_MAX),
            connections: None,
        }
    }

    /// How many connections the whole pool serves at once, one for each worker at least.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        match (self.connections, self.kind) {
            (Some(connections), _) => self.workers.saturating_mul(connections),
            (None, PoolKind::Tasks) => Self::TASKS_CONNECTIONS.max(self.workers),
            (None, PoolKind::Threads | PoolKind::Processes) => self.workers,
        }
    }

    /// How many connections one worker serves at once: its share of the capacity, rounded up.
    #[must_use]
    pub fn connections_per_worker(&self) -> u32 {
        self.capacity().div_ceil(self.workers)
    }

    /// The pool apart from its workers: `threads`, `processes`, `processes x2048`.
    #[must_use]
    pub fn family(&self) -> String {
        match self.connections {
            Some(connections) => format!("{} x{connections}", self.kind),
            None => self.kind.to_string(),
        }
    }

    /// The same pool with so many connections for each worker; the default number is not kept as one of its own, so that
    /// one pool has one text.
    fn with_connections(self, connections: u32) -> Self {
        let given = Self {
            connections: Some(connections),
            ..self
        };
        if given.capacity() == self.capacity() {
            self
        } else {
            given
        }
    }
}

impl Default for PoolSpec {
    /// `tasks`, with a worker for each processor.
    fn default() -> Self {
        Self::new(PoolKind::Tasks, processors())
    }
}

fn processors() -> u32 {
    let found = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(found).unwrap_or(PoolSpec::WORKERS_MAX)
}

fn count(text: &str, most: u32) -> Option<u32> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|count| digits_only && (1..=most).contains(count))
}

impl FromStr for PoolSpec {
    type Err = PoolSpecError;

    fn from_str(spec: &str) -> Result<Self, PoolSpecError> {
        let wrong = |problem| PoolSpecError {
            spec: spec.to_owned(),
            problem,
        };
        let (kind, size) = match spec.split_once(':') {
            Some((kind, size)) => (kind, Some(size)),
            None => (spec, None),
        };
        let kind = kind
            .parse()
            .map_err(|_| wrong("the kind is threads, processes or tasks"))?;
        match (size, kind) {
            (Some(size), _) => sized(kind, size).map_err(wrong),
            (None, PoolKind::Tasks) => Ok(Self::default()),
            (None, PoolKind::Threads | PoolKind::Processes) => {
                Err(wrong("threads and processes need a number of workers"))
            }
        }
    }
}

/// Reads `WORKERS[xCONNECTIONS]`.
fn sized(kind: PoolKind, size: &str) -> Result<PoolSpec, &'static str> {
    let (workers, connections) = match size.split_once('x') {
        Some((workers, connections)) => (workers, Some(connections)),
        None => (size, None),
    };
    if workers.is_empty() {
        return Err("the number of workers is missing");
    }
    let workers = count(workers, PoolSpec::WORKERS_MAX)
        .ok_or("the number of workers is a whole number from 1 to 1024")?;
    let pool = PoolSpec::new(kind, workers);
    match connections {
        None => Ok(pool),
        Some(text) => count(text, PoolSpec::CONNECTIONS_MAX)
            .map(|connections| pool.with_connections(connections))
            .ok_or("the connections of a worker are a whole number from 1 to 65536"),
    }
}

/// The shortest text that parses to the same spec, with the workers always named.
impl fmt::Display for PoolSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.workers)?;
        match self.connections {
            Some(connections) => write!(f, "x{connections}"),
            None => Ok(()),
        }
    }
}

impl From<PoolSpec> for String {
    fn from(spec: PoolSpec) -> Self {
        spec.to_string()
    }
}

impl TryFrom<String> for PoolSpec {
    type Error = PoolSpecError;

    fn try_from(spec: String) -> Result<Self, PoolSpecError> {
        spec.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(text: &str) -> PoolSpec {
        text.parse().unwrap()
    }

    #[test]
    fn a_spec_is_read_and_written_back() {
        for text in [
            "threads:50",
            "processes:2x2048",
            "threads:1",
            "tasks:5",
            "tasks:4x10",
            "processes:50",
            "tasks:5x820",
        ] {
            assert_eq!(pool(text).to_string(), text);
        }
    }

    #[test]
    fn tasks_serve_4096_connections_over_all_workers_unless_told_otherwise() {
        for text in ["tasks", "tasks:1", "tasks:5", "tasks:1024"] {
            assert_eq!(pool(text).capacity(), 4096, "{text}");
        }
        assert_eq!(pool("tasks:5").connections_per_worker(), 820);
        assert_eq!(pool("tasks:5x10").capacity(), 50);
        assert_eq!(pool("threads:50").capacity(), 50);
        assert_eq!(pool("processes:2x2048").capacity(), 4096);
        assert_eq!(pool("processes:2x2048").connections_per_worker(), 2048);
    }

    #[test]
    fn a_pool_has_one_text_however_it_was_typed() {
        assert_eq!(pool("threads:5x1"), pool("threads:5"));
        assert_eq!(pool("tasks:4x1024"), pool("tasks:4"));
        assert_eq!(pool("threads:5").family(), "threads");
        assert_eq!(pool("processes:2x2048").family(), "processes x2048");
    }

    #[test]
    fn what_is_not_a_spec_is_refused() {
        for text in [
            "",
            "threads",
            "processes",
            "threads:",
            "threads:0",
            "threads:-1",
            "threads:5x",
            "threads:5x0",
            "fork:3",
            "threads:+5",
            "threads:5000",
            "tasks:",
            "threads:5x2x3",
            "Threads:5",
            "threads: 5",
        ] {
            let error = text.parse::<PoolSpec>().unwrap_err().to_string();
            assert!(error.contains("threads:50"), "{text}: {error}");
        }
    }
}
