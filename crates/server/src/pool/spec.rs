//! What kind of pool, and how large: `KIND[:WORKERS][xCONNECTIONS]`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the workers of a pool are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Threads of the server's process.
    Threads,
    /// Processes of the same binary under a supervisor.
    Processes,
    /// One asynchronous runtime; its workers are the runtime's threads.
    Tasks,
}

/// The spec of a pool. `threads:50` is 50 threads with one connection each, `processes:2x2048` two processes that
/// interleave up to 2,048 connections each, `tasks` one runtime with up to 4,096 connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PoolSpec {
    /// Threads, processes or tasks.
    pub kind: Kind,
    /// How many workers there are.
    pub workers: NonZeroU32,
    /// How many connections one worker serves at once.
    pub connections: NonZeroU32,
}

/// A pool spec that cannot be read; the text names what is wrong and an example.
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

    /// Connections served at once by the whole pool.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.workers.get().saturating_mul(self.connections.get())
    }
}

impl Default for PoolSpec {
    fn default() -> Self {
        "tasks".parse().expect("`tasks` is a pool spec")
    }
}

fn processors() -> NonZeroU32 {
    let found = std::thread::available_parallelism().map_or(1, usize::from);
    NonZeroU32::new(u32::try_from(found).unwrap_or(1)).unwrap_or(NonZeroU32::MIN)
}

fn count(text: &str, most: u32) -> Option<NonZeroU32> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse::<NonZeroU32>()
        .ok()
        .filter(|count| digits_only && count.get() <= most)
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
        let kind = match kind {
            "threads" => Kind::Threads,
            "processes" => Kind::Processes,
            "tasks" => Kind::Tasks,
            _ => return Err(wrong("the kind is threads, processes or tasks")),
        };
        let (workers, connections) = match size.map(|size| size.split_once('x').unwrap_or((size, ""))) {
            Some(("", _)) => return Err(wrong("the number of workers is missing")),
            Some((workers, "")) if size.is_some_and(|size| !size.ends_with('x')) => (Some(workers), None),
            Some((workers, connections)) => (Some(workers), Some(connections)),
            None => (None, None),
        };
        let workers = match workers {
            Some(text) => count(text, Self::WORKERS_MAX)
                .ok_or_else(|| wrong("the number of workers is a whole number from 1 to 1024"))?,
            None if kind == Kind::Tasks => processors(),
            None => return Err(wrong("threads and processes need a number of workers")),
        };
        let connections = match connections {
            Some(text) => count(text, Self::CONNECTIONS_MAX)
                .ok_or_else(|| wrong("the connections of a worker are a whole number from 1 to 65536"))?,
            None if kind == Kind::Tasks => {
                NonZeroU32::new(Self::TASKS_CONNECTIONS.div_ceil(workers.get())).unwrap_or(NonZeroU32::MIN)
            }
            None => NonZeroU32::MIN,
        };
        Ok(Self {
            kind,
            workers,
            connections,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Tasks => "tasks",
        })
    }
}

/// The shortest text that parses to the same spec, with the workers always named.
impl fmt::Display for PoolSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.workers)?;
        let implied = match self.kind {
            Kind::Tasks => Self::TASKS_CONNECTIONS.div_ceil(self.workers.get()),
            Kind::Threads | Kind::Processes => 1,
        };
        if self.connections.get() != implied {
            write!(f, "x{}", self.connections)?;
        }
        Ok(())
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

    #[test]
    fn a_spec_is_read_and_written_back() {
        for text in [
            "threads:50",
            "processes:2x2048",
            "threads:1",
            "tasks:5",
            "tasks:4x10",
            "processes:50",
        ] {
            assert_eq!(text.parse::<PoolSpec>().unwrap().to_string(), text);
        }
        assert_eq!("tasks:5".parse::<PoolSpec>().unwrap().capacity(), 4100);
        assert_eq!("threads:50".parse::<PoolSpec>().unwrap().capacity(), 50);
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
