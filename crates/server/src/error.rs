//! Why a server does not start, and why it ends.

use std::io;
use std::net::SocketAddr;

use crate::ServedRoot;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder to serve is not there, not a folder, or may not be opened.
    #[error("cannot serve {root}: {error}")]
    Root {
        /// The folder.
        root: ServedRoot,
        /// What the system said.
        error: io::Error,
    },
    /// A store that belongs to one process is to be served by several.
    #[error(
        "{root} is served by threads or tasks: worker processes would each have a memory of their own (choose --pool threads:N or --pool tasks)"
    )]
    NotShared {
        /// What is to be served.
        root: ServedRoot,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// More workers than connections that may be served.
    #[error(
        "the pool has {workers} workers, but only {connections} connections may be served: raise --max-connections or make the pool smaller"
    )]
    TooFewConnections {
        /// Workers of the pool.
        workers: u32,
        /// The limit.
        connections: u32,
    },
    /// The system refused something that every server needs.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

/// Why a server ended other than by a drain.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A second signal ended it at once.
    #[error("ended at once by a second signal; what was in flight is lost")]
    Interrupted,
    /// [`run_worker`](crate::run_worker) was not started by a supervisor.
    #[error("this is started by a server for its pool of processes, not by hand")]
    NotAWorker,
    /// The system refused something.
    #[error(transparent)]
    System(#[from] io::Error),
}
