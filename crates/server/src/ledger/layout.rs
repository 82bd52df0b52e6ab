//! How the shared memory is divided: words that every process reads and writes as atomics, in structures that
//! begin on a cache line of their own, so that two workers, or two connections, never write to the same one.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::service::RequestKind;

/// What is not a worker's.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct LedgerHead {
    /// When the server started, in nanoseconds since 1970.
    pub(super) started: AtomicU64,
    /// 1 while the queue sleeps and is to be woken by the next connection.
    pub(super) queue_sleeps: AtomicU64,
    /// 1 while clients wait in the queue, so that workers take the next one from there.
    pub(super) clients_queue: AtomicU64,
    /// 1 once a worker had no descriptor or memory for another connection.
    pub(super) exhausted: AtomicU64,
}

/// One worker's counters.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct SlotCounters {
    pub(super) state: AtomicU64,
    pub(super) process: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) restarts: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    /// The bytes of requests whose success is unsettled; they are in `bytes_in` and `bytes_out` too.
    pub(super) unsettled_in: AtomicU64,
    pub(super) unsettled_out: AtomicU64,
    pub(super) rows: [RowCounters; RequestKind::COUNT],
}

/// The requests of one kind.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct RowCounters {
    pub(super) started: AtomicU64,
    pub(super) ok: AtomicU64,
    pub(super) failed: AtomicU64,
    /// Those of `ok` whose reply is not in the kernel's hands yet.
    pub(super) unsettled: AtomicU64,
}

/// What one connection does, and the queue's order to it.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct RecordWords {
    /// How often the record was taken and given back: odd while it is taken.
    pub(super) generation: AtomicU64,
    pub(super) address: AtomicU64,
    pub(super) worker: AtomicU64,
    /// How often the phase has changed, and in the lowest byte the phase.
    pub(super) phase: AtomicU64,
    /// Bytes received and sent.
    pub(super) moved: AtomicU64,
    /// 1 while the peer has to do something.
    pub(super) waiting: AtomicU64,
    /// The generation that an order is for, and in the lowest byte its reason.
    pub(super) order: AtomicU64,
}

impl RowCounters {
    /// Requests that have begun and not ended, as far as counters that change meanwhile can tell.
    pub(super) fn in_progress(&self) -> u64 {
        let ended = load(&self.ok) + load(&self.failed);
        load(&self.started).saturating_sub(ended)
    }
}

pub(super) fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

pub(super) fn store(word: &AtomicU64, value: u64) {
    word.store(value, Ordering::Relaxed);
}

pub(super) fn add(word: &AtomicU64, amount: u64) {
    word.fetch_add(amount, Ordering::Relaxed);
}

pub(super) fn subtract(word: &AtomicU64, amount: u64) {
    word.fetch_sub(amount, Ordering::Relaxed);
}

pub(super) fn take(word: &AtomicU64) -> u64 {
    word.swap(0, Ordering::Relaxed)
}
