//! What the connections of one process share, and what a worker is made of, whatever its kind.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use haul_store::Store;
use haul_types::PoolKind;

use crate::Config;
use crate::buffers::BufferPool;
use crate::connections::Connections;
use crate::drain::Drain;
use crate::ledger::{Ledger, Slot};
use crate::log_limit::LogLimit;
use crate::processors::Processors;
use crate::queue::Receiver;
use crate::service::ServiceContext;

/// Spare pairs of buffers that a worker with many connections keeps: enough for the busy ones of a moment.
const SPARE_PAIRS_MAX: usize = 64;

/// What all connections of one process share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) service: ServiceContext,
    pub(crate) ledger: Ledger,
    pub(crate) drain: Drain,
    pub(crate) buffers: BufferPool,
    pub(crate) processors: Processors,
    pub(crate) connections: Arc<Connections>,
}

impl Context {
    pub(crate) fn new(
        config: Config,
        store: Arc<dyn Store>,
        ledger: Ledger,
        connections: Connections,
        drain: Drain,
    ) -> Self {
        let kept = match config.pool.kind {
            // A process has one worker, and these buffers are its own.
            PoolKind::Processes => config.connections_per_worker(),
            PoolKind::Threads | PoolKind::Tasks => config.pool.capacity(),
        };
        let buffers = BufferPool::new(config.limits.buffer_bytes, SPARE_PAIRS_MAX.min(kept as usize));
        Self {
            service: ServiceContext::new(&config, store, ledger.clone()),
            config,
            ledger,
            drain,
            buffers,
            processors: Processors::of_this_machine(),
            connections: Arc::new(connections),
        }
    }
}

/// Where the clients of a process come from.
#[derive(Debug)]
pub(crate) struct Arrivals {
    pub(crate) listeners: Arc<[TcpListener]>,
    /// Clients that have waited in the queue.
    pub(crate) queued: Receiver,
    exhaustion: LogLimit,
}

impl Arrivals {
    pub(crate) fn new(listeners: Arc<[TcpListener]>, queued: Receiver) -> Self {
        Self {
            listeners,
            queued,
            exhaustion: LogLimit::default(),
        }
    }
}

/// One worker: its slot in the ledger, and what it shares.
#[derive(Debug, Clone)]
pub(crate) struct WorkerContext {
    pub(crate) context: Arc<Context>,
    pub(crate) arrivals: Arc<Arrivals>,
    pub(crate) slot: Slot,
}

impl WorkerContext {
    pub(crate) fn new(context: &Arc<Context>, arrivals: &Arc<Arrivals>, number: u32) -> Self {
        Self {
            context: Arc::clone(context),
            arrivals: Arc::clone(arrivals),
            slot: context.ledger.slot(number),
        }
    }

    /// This process or the system has nothing left for another connection. That counts as a full pool, so
    /// that idle connections make room.
    pub(crate) fn note_exhaustion(&self, error: &io::Error) {
        self.context.ledger.note_exhaustion();
        if let Some(unlogged) = self.arrivals.exhaustion.admits() {
            tracing::warn!(%error, unlogged, "no further connection can be accepted now; idle ones make room");
        }
    }
}
