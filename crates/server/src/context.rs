//! What a worker is made of, whatever its kind, and what all workers of one process share.

use std::io;
use std::net::TcpListener;
use std::ops::Range;
use std::sync::Arc;

use haul_store::{Blocking, LocalStore, Store};
use haul_types::PoolKind;

use crate::budget::Budget;
use crate::buffers::BufferPool;
use crate::connections::Connections;
use crate::drain::Drain;
use crate::ledger::{Ledger, Slot};
use crate::log_limit::LogLimit;
use crate::processors::Processors;
use crate::queue::{QueueWakeup, Receiver};
use crate::{Config, Limits};

/// Spare pairs of buffers that a worker with many connections keeps: enough for the busy ones of a moment.
const SPARE_PAIRS_MAX: usize = 64;

/// What all workers of one process share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ledger: Ledger,
    pub(crate) listeners: Arc<[TcpListener]>,
    pub(crate) drain: Drain,
    pub(crate) buffers: BufferPool,
    pub(crate) processors: Processors,
    pub(crate) connections: Arc<Connections>,
    /// Where clients come from that have waited in the queue.
    pub(crate) queued: Receiver,
    pub(crate) listings: Budget,
    pub(crate) digests: Budget,
    exhaustion: LogLimit,
}

/// What a process of workers is given.
#[derive(Debug)]
pub(crate) struct Inherited {
    pub(crate) ledger: Ledger,
    pub(crate) listeners: Arc<[TcpListener]>,
    pub(crate) queued: Receiver,
    pub(crate) wakeup: QueueWakeup,
}

impl Context {
    /// The store works as the pool's kind needs it. `records`: the numbers of the ledger's records that the connections of
    /// this process share out.
    pub(crate) fn new(
        config: Config,
        store: &LocalStore,
        inherited: Inherited,
        records: Range<u32>,
        drain: Drain,
    ) -> Self {
        let blocking = if config.serves_one_at_a_time() {
            Blocking::Inline
        } else {
            Blocking::Offload
        };
        let kept = match config.pool.kind {
            // A process has one worker, and this buffers is its own.
            PoolKind::Processes => config.pool.connections_per_worker(),
            PoolKind::Threads | PoolKind::Tasks => config.pool.capacity(),
        };
        let buffers = BufferPool::new(config.limits.buffer_bytes, SPARE_PAIRS_MAX.min(kept as usize));
        let Inherited {
            ledger,
            listeners,
            queued,
            wakeup,
        } = inherited;
        let connections = Connections::new(ledger.clone(), records, wakeup);
        Self {
            config,
            store: Arc::new(store.with_blocking(blocking)),
            ledger,
            listeners,
            drain,
            buffers,
            processors: Processors::of_this_machine(),
            connections: Arc::new(connections),
            queued,
            listings: Budget::new(Limits::LISTINGS_MAX, Limits::LISTINGS_MAX / 2),
            digests: Budget::new(Limits::DIGESTS_MAX, Limits::DIGESTS_MAX / 2),
            exhaustion: LogLimit::default(),
        }
    }

    /// This process or the system has nothing left for another connection. That counts as a full pool, so that idle
    /// connections make room.
    pub(crate) fn note_exhaustion(&self, error: &io::Error) {
        self.ledger.note_exhaustion();
        if let Some(unlogged) = self.exhaustion.admits() {
            tracing::warn!(%error, unlogged, "no further connection can be accepted now; idle ones make room");
        }
    }
}

/// One worker: its slot in the ledger, and what it shares.
#[derive(Debug, Clone)]
pub(crate) struct WorkerContext {
    pub(crate) context: Arc<Context>,
    pub(crate) slot: Slot,
}

impl WorkerContext {
    pub(crate) fn new(context: &Arc<Context>, number: u32) -> Self {
        Self {
            context: Arc::clone(context),
            slot: context.ledger.slot(number),
        }
    }
}
