//! What a server is told: plain data, so that it can be handed to a worker process.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use haul_store::{Blocking, StoreSpec};
use haul_types::{ByteSize, ByteSizeError, Durability, GIB, PoolKind, PoolSpec};
use serde::{Deserialize, Serialize};

/// Everything `haul serve` can be told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    /// What is served.
    pub root: ServedRoot,
    /// Where to listen; port 0 picks a free one.
    pub listen: Vec<SocketAddr>,
    /// Kind and size of the pool.
    pub pool: PoolSpec,
    /// Whether UPLOAD, DELETE and WRITE are served.
    pub writable: bool,
    /// When an upload counts as stored.
    pub durability: Durability,
    /// Sizes and times.
    pub limits: Limits,
    /// Whether UPLOAD and DELETE without a line end are obeyed after [`Limits::UNTERMINATED_WRITE_SILENCE`].
    /// Unsafe: a sender that stalls looks the same.
    pub unterminated_writes: bool,
}

/// What a server serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServedRoot {
    /// A folder of this machine.
    Folder(PathBuf),
    /// Objects in the server's memory, empty at the start and gone at the end, which may take so many bytes.
    Memory(ByteSize),
}

impl ServedRoot {
    /// What a store in memory may take where its size is not given: 1 GiB.
    pub const MEMORY_MAX: ByteSize = ByteSize(GIB);

    /// Reads `memory:` or `memory:SIZE`; everything else is a folder, which can be called `./memory:` as
    /// well.
    ///
    /// # Errors
    /// When the size cannot be read.
    pub fn parse(argument: &OsStr) -> Result<Self, ByteSizeError> {
        match argument.to_str().and_then(|text| text.strip_prefix("memory:")) {
            Some("") => Ok(Self::Memory(Self::MEMORY_MAX)),
            Some(size) => size.parse().map(Self::Memory),
            None => Ok(Self::Folder(argument.into())),
        }
    }
}

impl fmt::Display for ServedRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(f),
            Self::Memory(size) => write!(f, "memory:{size}"),
        }
    }
}

impl Config {
    /// The store that holds what is served.
    pub(crate) fn store(&self) -> StoreSpec {
        match &self.root {
            ServedRoot::Folder(root) => StoreSpec::Local {
                root: root.clone(),
                durability: self.durability,
            },
            ServedRoot::Memory(size) => StoreSpec::Memory { bytes_max: size.0 },
        }
    }

    /// Where a worker waits for the store's disk: a thread that serves one connection may wait itself.
    pub(crate) fn blocking(&self) -> Blocking {
        if self.serves_one_at_a_time() {
            Blocking::Inline
        } else {
            Blocking::Offload
        }
    }

    /// Connections served at once, over all workers: the pool's capacity, within [`Limits::connections_max`],
    /// and what is left of that when it is shared out evenly among independent workers.
    #[must_use]
    pub fn connections_served_max(&self) -> u32 {
        match self.pool.kind {
            PoolKind::Tasks => self.pool.capacity().min(self.limits.connections_max.get()),
            PoolKind::Threads | PoolKind::Processes => {
                self.connections_per_worker().saturating_mul(self.pool.workers)
            }
        }
    }

    /// Whether each worker has a thread to itself and serves one connection from start to end.
    pub(crate) fn serves_one_at_a_time(&self) -> bool {
        self.pool.kind != PoolKind::Tasks && self.connections_per_worker() == 1
    }

    /// Connections that one of several independent workers serves at once; 0 where there are more workers
    /// than connections.
    pub(crate) fn connections_per_worker(&self) -> u32 {
        self.pool
            .connections_per_worker()
            .min(self.limits.connections_max.get() / self.pool.workers)
    }

    /// Connections at once for which so many descriptors of each process are enough: two each, for a socket
    /// and a file, beside a quarter for clients that wait and some for the server itself. Never fewer than
    /// workers.
    pub(crate) fn connections_within(&self, descriptors: u64) -> u32 {
        let workers = self.pool.workers;
        let each = |left: u64| u32::try_from(left.saturating_sub(DESCRIPTORS_KEPT) / 2).unwrap_or(u32::MAX);
        let fitting = match self.pool.kind {
            // The clients that wait are with the supervisor.
            PoolKind::Processes => each(descriptors).saturating_mul(workers),
            PoolKind::Threads | PoolKind::Tasks => each(descriptors - descriptors / 4),
        };
        fitting.max(workers)
    }

    /// The numbers of the records that the connections of one of several worker processes share out.
    pub(crate) fn records_of(&self, worker: u32) -> Range<u32> {
        let each = self.connections_per_worker();
        worker * each..(worker + 1) * each
    }
}

/// Descriptors of a process that are for no connection: listeners, log, ledger, queue, runtime.
const DESCRIPTORS_KEPT: u64 = 64;

/// The server's limits. Each names its default and unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes moved at a time, for each connection that is moving any. Default 96 KiB: measured, see
    /// docs/performance.md; what is read, encoded and sent then stays in the second-level cache.
    pub buffer_bytes: usize,
    /// Bytes of content that an upload may have. Default: no limit.
    pub upload_bytes_max: Option<u64>,
    /// Connections served at once, over all workers; further ones wait in the backlog. Default 4,096.
    pub connections_max: NonZeroU32,
    /// How long a connection may be idle between requests while no client waits. Default 60 s.
    pub idle_timeout: Duration,
    /// How long a peer may neither send nor take a byte in the middle of a request or reply. Default 60 s.
    pub stall_timeout: Duration,
    /// How long a request line may take from its first byte to its end. Default 30 s.
    pub line_timeout: Duration,
    /// How long a drain waits for what is in flight. Default 30 s.
    pub grace: Duration,
}

impl Limits {
    /// Silence after which a lone `LIST`, `GET name` or `DOWNLOAD name` without a line end is answered.
    pub const UNTERMINATED_READ_SILENCE: Duration = Duration::from_millis(200);
    /// How long the next line is waited for behind an UPLOAD whose payload may be there. Its reply waits as
    /// long, unless a blank line follows it.
    pub const NEXT_LINE_SILENCE: Duration = Duration::from_millis(20);
    /// The same as [`Self::UNTERMINATED_READ_SILENCE`] for UPLOAD and DELETE, where it is allowed at all.
    pub const UNTERMINATED_WRITE_SILENCE: Duration = Duration::from_secs(1);
    /// How long an idle connection is kept while others wait for a worker.
    pub const IDLE_WHILE_OTHERS_WAIT: Duration = Duration::from_secs(1);
    /// The same for a connection that has sent nothing yet. The kernel has held it back for up to 30 s by
    /// then, in the hope of its first bytes.
    pub const SILENT_WHILE_OTHERS_WAIT: Duration = Duration::from_millis(20);
    /// How long a connection is served while others wait before it ends between two requests.
    pub const TURN_WHILE_OTHERS_WAIT: Duration = Duration::from_secs(10);
    /// How long the rest of a refused request is read and discarded while others wait.
    pub const DISCARDING_WHILE_OTHERS_WAIT: Duration = Duration::from_secs(5);
    /// Below this rate, over [`Limits::MINIMUM_RATE_WINDOW`], a request or reply ends while others wait.
    pub const MINIMUM_BYTES_PER_SECOND: u64 = 1024;
    /// The time over which the minimum rate is averaged.
    pub const MINIMUM_RATE_WINDOW: Duration = Duration::from_secs(10);
    /// Below this rate, over [`Limits::SLOW_WINDOW`], a request or reply ends while a client waits whose
    /// address has fewer connections.
    pub const SLOW_BYTES_PER_SECOND: u64 = 1024 * 1024;
    /// The time over which that is averaged.
    pub const SLOW_WINDOW: Duration = Duration::from_secs(1);
    /// Listings that one process holds at once; one address has half of them. Further requests wait.
    pub const LISTINGS_MAX: usize = 16;
    /// Objects that one process reads through at once for `STAT name digest`; one address has half of them.
    pub const DIGESTS_MAX: usize = 2;
    /// How long a request waits for its turn at one of these; then it is `busy`.
    pub const TURN_WAIT: Duration = Duration::from_secs(10);
    /// How long a listing may take to be sent while others wait for their turn, and a second more for each
    /// [`Limits::LISTING_BYTES_PER_SECOND`].
    pub const LISTING_SENT_WITHIN: Duration = Duration::from_secs(5);
    /// See [`Limits::LISTING_SENT_WITHIN`].
    pub const LISTING_BYTES_PER_SECOND: u64 = 64 * 1024;
    /// How long an object is read through for a peer that has closed its sending side, and may be gone.
    pub const DIGEST_WHEN_HALF_CLOSED: Duration = Duration::from_secs(2);
    /// After this time a connection that is served while others wait is logged.
    pub const HOLD_LOGGED_AFTER: Duration = Duration::from_secs(60);
    /// How long the rest of a refused request is read and discarded, so that a close does not destroy the
    /// refusal.
    pub const LINGER: Duration = Duration::from_secs(30);
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            buffer_bytes: 96 * 1024,
            upload_bytes_max: None,
            connections_max: NonZeroU32::new(4096).expect("4,096 is not zero"),
            idle_timeout: Duration::from_secs(60),
            stall_timeout: Duration::from_secs(60),
            line_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(30),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            root: ServedRoot::Folder(PathBuf::from(".")),
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 46666))],
            pool: PoolSpec::default(),
            writable: false,
            durability: Durability::Synced,
            limits: Limits::default(),
            unterminated_writes: false,
        }
    }
}

/// How a pool of processes starts a worker: a program that calls [`run_worker`](crate::run_worker).
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_a_folder_unless_it_says_that_it_is_memory() {
        let parsed = |text: &str| ServedRoot::parse(OsStr::new(text));
        assert_eq!(parsed("/srv").unwrap(), ServedRoot::Folder("/srv".into()));
        assert_eq!(
            parsed("./memory:").unwrap(),
            ServedRoot::Folder("./memory:".into())
        );
        assert_eq!(parsed("memory").unwrap(), ServedRoot::Folder("memory".into()));
        assert_eq!(
            parsed("memory:").unwrap(),
            ServedRoot::Memory(ServedRoot::MEMORY_MAX)
        );
        let small = parsed("memory:64MiB").unwrap();
        assert_eq!(
            (small.to_string().as_str(), &small),
            ("memory:64MiB", &ServedRoot::Memory(ByteSize::mib(64)))
        );
        assert!(parsed("memory:lots").is_err());
    }

    #[test]
    fn connections_fit_the_limit_of_open_files() {
        let within = |pool: &str, descriptors| {
            let config = Config {
                pool: pool.parse().unwrap(),
                ..Config::default()
            };
            config.connections_within(descriptors)
        };
        assert_eq!(within("tasks", 1024), (1024 - 256 - 64) / 2);
        assert_eq!(within("processes:4x2048", 1024), 4 * (1024 - 64) / 2);
        assert_eq!(within("threads:50", 64), 50, "a worker has a connection at least");
        assert!(within("tasks", u64::MAX) > 1_000_000);
    }
}
