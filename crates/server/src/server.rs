//! A server from bind to drain.

use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::SystemTime;

use haul_store::{Blocking, Maintenance, Store};
use haul_types::PoolKind;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::ledger::Ledger;
use crate::pool::{Pool, PoolPlan};
use crate::queue::{Handoff, Queue, QueueWakeup};
use crate::signals::Signals;
use crate::{Config, ServeError, StartError, WorkerCommand, listener};

/// A server that listens and does not serve yet.
#[derive(Debug)]
pub struct Server {
    config: Config,
    /// As it was opened at the start, whatever becomes of its path.
    store: Arc<dyn Store>,
    listeners: Arc<[TcpListener]>,
    /// Received from before the listeners are announced: a program that waits for the announcement may send
    /// one at once.
    signals: Signals,
    runtime: Runtime,
}

impl Server {
    /// Opens the root, sweeps what an earlier server left in flight there, and binds the listeners. From here
    /// on clients can connect and signals are received; both wait until [`Server::run`].
    ///
    /// # Errors
    /// When the root cannot be opened, an address cannot be bound, or the pool does not fit its limits.
    pub fn bind(mut config: Config) -> Result<Self, StartError> {
        let (workers, connections) = (config.pool.workers, config.limits.connections_max.get());
        if workers > connections {
            return Err(StartError::TooFewConnections { workers, connections });
        }
        let descriptors = raise_descriptor_limit();
        fit_connections(&mut config, descriptors);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let store = open_store(&config)?;
        if config.writable {
            runtime.block_on(sweep(&*store));
        }
        let bind = |&address: &SocketAddr| {
            listener::bind_patiently(address).map_err(|error| StartError::Listen { address, error })
        };
        let listeners = config.listen.iter().map(bind).collect::<Result<Vec<_>, _>>()?;
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
        store: Arc<dyn Store>,
        listeners: Arc<[TcpListener]>,
        signals: &mut Signals,
        worker_command: WorkerCommand,
    ) -> Result<(), ServeError> {
        let grace = config.limits.grace;
        let connections = config.connections_served_max();
        let ledger = Ledger::create(config.pool.workers, connections, SystemTime::now())?;
        let (wakeup, wakeups) = QueueWakeup::new()?;
        // Kept to the end: workers that drain must not find it gone.
        let handoff = Arc::new(Handoff::new()?);
        let plan = PoolPlan {
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

/// Opens the store, for the workers of this process or for those that will be handed it.
fn open_store(config: &Config) -> Result<Arc<dyn Store>, StartError> {
    let has_processes = config.pool.kind == PoolKind::Processes;
    // The supervisor's own thread has other things to do than to wait for a sweep.
    let blocking = if has_processes {
        Blocking::Offload
    } else {
        config.blocking()
    };
    let opened = config.store().open(blocking);
    let store = opened.map_err(|error| StartError::Root {
        root: config.root.clone(),
        error,
    })?;
    if has_processes && !store.capabilities().processes {
        return Err(StartError::NotShared {
            root: config.root.clone(),
        });
    }
    Ok(store)
}

/// Sweeps what an earlier server has left in flight.
async fn sweep(store: &dyn Store) {
    match store.maintain().await {
        Ok(Maintenance { swept: 0 }) => {}
        Ok(Maintenance { swept }) => {
            tracing::info!(swept, "files that an earlier server left in flight were swept");
        }
        Err(error) => tracing::warn!(%error, "files in flight cannot be swept"),
    }
}

/// A connection takes a descriptor or two, and the usual soft limit is 1,024: raised as far as the system
/// allows. Returns the limit.
fn raise_descriptor_limit() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Lowers the connections served at once to what fits the limit of open files, so that none is accepted that
/// cannot be served.
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
