//! A server from bind to drain.

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use haul_store::{Blocking, LocalStore};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::ledger::Ledger;
use crate::pool::{Plan, Pool};
use crate::queue::{Handoff, Queue, Wakeup};
use crate::{Config, listener};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder to serve is not there, not a folder, or may not be opened.
    #[error("cannot serve {}: {error}", root.display())]
    Root {
        /// The folder.
        root: PathBuf,
        /// What the system said.
        error: io::Error,
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

/// How a pool of processes starts a worker: a program that calls [`run_worker`](crate::run_worker).
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// A server that listens and does not serve yet.
#[derive(Debug)]
pub struct Server {
    config: Config,
    /// The root as it was opened at the start, whatever becomes of its path.
    store: LocalStore,
    listeners: Arc<[TcpListener]>,
    /// Heard from before anybody is told of the listeners: who waits for that may send one at once.
    signals: Signals,
    runtime: Runtime,
}

impl Server {
    /// Opens the root, sweeps what an earlier server left in flight there, and binds the listeners. From here on
    /// clients can connect and signals are heard; both wait until [`Server::run`].
    ///
    /// # Errors
    /// When the root cannot be opened, an address cannot be bound, or the pool does not fit its limits.
    pub fn bind(mut config: Config) -> Result<Self, StartError> {
        let (workers, connections) = (config.pool.workers.get(), config.limits.connections_max.get());
        if workers > connections {
            return Err(StartError::TooFewConnections { workers, connections });
        }
        let no_root = |error| StartError::Root {
            root: config.root.clone(),
            error,
        };
        let store = LocalStore::open(&config.root, config.durability, Blocking::Inline).map_err(no_root)?;
        if config.writable {
            match store.sweep() {
                Ok(0) => {}
                Ok(swept) => tracing::info!(swept, "files that an earlier server left in flight were swept"),
                Err(error) => tracing::warn!(%error, "files in flight cannot be swept"),
            }
        }
        let descriptors = raise_descriptor_limit();
        fit_connections(&mut config, descriptors);
        let bind = |&address: &SocketAddr| {
            listener::bind_patiently(address).map_err(|error| StartError::Listen { address, error })
        };
        let listeners = config.listen.iter().map(bind).collect::<Result<Vec<_>, _>>()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let signals = {
            let _context = runtime.enter();
            Signals::new()?
        };
        Ok(Self {
            config,
            store,
            listeners: listeners.into(),
            signals,
            runtime,
        })
    }

    /// Where the server listens, in the order of the configuration, with the ports that were picked.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Starts the pool and serves until SIGTERM or SIGINT, then drains it.
    ///
    /// # Errors
    /// When the pool cannot be started, or a second signal ended the drain.
    pub fn run(self, worker_command: WorkerCommand) -> Result<(), ServeError> {
        let Self {
            config,
            store,
            listeners,
            mut signals,
            runtime,
        } = self;
        let outcome = runtime.block_on(Self::serve(
            config,
            store,
            listeners,
            &mut signals,
            worker_command,
        ));
        runtime.shutdown_background();
        outcome
    }

    async fn serve(
        config: Config,
        store: LocalStore,
        listeners: Arc<[TcpListener]>,
        signals: &mut Signals,
        worker_command: WorkerCommand,
    ) -> Result<(), ServeError> {
        let grace = config.limits.grace;
        let connections = config.connections_served_max();
        let ledger = Ledger::create(config.pool.workers.get(), connections, SystemTime::now())?;
        let (wakeup, wakeups) = Wakeup::new()?;
        // Kept to the end: workers that drain must not find it gone.
        let handoff = Arc::new(Handoff::new()?);
        let plan = Plan {
            config: config.clone(),
            store,
            listeners: Arc::clone(&listeners),
            ledger: ledger.clone(),
            queued: handoff.receiver(),
            wakeup,
            worker_command,
        };
        let pool = Pool::start(plan)?;
        let (alarm, waiting) = (pool.alarm(), Arc::clone(&listeners));
        let queue = Queue::new(config, waiting, ledger, Arc::clone(&handoff), wakeups, alarm);
        let queue = tokio::spawn(queue.run());
        signals.next().await;
        queue.abort();
        tracing::info!(
            ?grace,
            "draining: no new connections; what is in flight may finish"
        );
        listener::stop_listening(&listeners);
        tokio::select! {
            () = pool.drain(grace) => Ok(()),
            () = signals.next() => Err(ServeError::Interrupted),
        }
    }
}

/// SIGTERM and SIGINT, which mean the same.
#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A connection takes a descriptor or two, and the usual soft limit is 1,024: raised as far as the system allows.
/// Returns the limit.
fn raise_descriptor_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Lowers the connections served at once to what fits the limit of open files, so that none is accepted that cannot be
/// served.
fn fit_connections(config: &mut Config, descriptors: u64) {
    let wanted = config.connections_served_max();
    let fitting = config.connections_within(descriptors);
    if fitting < wanted {
        config.limits.connections_max = NonZeroU32::new(fitting).unwrap_or(NonZeroU32::MIN);
        tracing::warn!(
            descriptors,
            wanted,
            connections = config.connections_served_max(),
            "the limit of open files (RLIMIT_NOFILE) leaves room for fewer connections at once; further ones wait"
        );
    }
}
