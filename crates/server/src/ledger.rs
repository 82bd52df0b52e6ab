//! The ledger: for each worker a fixed slot of counters, in memory that worker processes share with their
//! supervisor.
//!
//! A request is counted before the last bytes of its reply are handed to the kernel: a client that has seen a
//! reply finds it in the ledger. Until those bytes are gone the success is *unsettled*; when the peer turns
//! out to be gone, or the worker dies in between, it becomes a failure. So the counters add up to what the
//! clients saw.

mod entry;
mod layout;
mod memory;
mod record;
mod slot;

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use entry::RequestEntry;
use layout::{LedgerHead, RowCounters, load, store, take};
use memory::Memory;
pub(crate) use record::{ConnectionPhase, ConnectionRecord, HostAddress, Reason, Snapshot};
pub(crate) use slot::{OpenConnection, Slot, SlotStats, WorkerState};

/// The counters of all workers.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    memory: Arc<Memory>,
    workers: u32,
    records: u32,
}

/// The ledger at one moment.
#[derive(Debug)]
pub(crate) struct LedgerStats {
    pub(crate) uptime: Duration,
    /// One for each worker.
    pub(crate) slots: Vec<SlotStats>,
}

impl Ledger {
    /// A ledger for so many workers, and connections served at once.
    pub(crate) fn create(workers: u32, connections: u32, now: SystemTime) -> io::Result<Self> {
        let ledger = Self {
            memory: Arc::new(Memory::create(workers, connections)?),
            workers,
            records: connections,
        };
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanoseconds = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX);
        store(&ledger.head().started, nanoseconds);
        Ok(ledger)
    }

    /// The ledger that a supervisor created, in the worker that received its memory.
    pub(crate) fn join(memory: OwnedFd, workers: u32, connections: u32) -> io::Result<Self> {
        Ok(Self {
            memory: Arc::new(Memory::map(memory, workers, connections)?),
            workers,
            records: connections,
        })
    }

    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.memory.descriptor()
    }

    pub(crate) fn slot(&self, worker: u32) -> Slot {
        assert!(
            worker < self.workers,
            "worker {worker} of {} has no slot",
            self.workers
        );
        Slot::new(Arc::clone(&self.memory), worker)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        (0..self.workers).map(|worker| self.slot(worker))
    }

    /// Connections that are open now, over all workers.
    pub(crate) fn open(&self) -> u64 {
        self.memory.slots().iter().map(|slot| load(&slot.open)).sum()
    }

    /// Requests that have begun and not ended, over all workers, as far as counters that change meanwhile can
    /// tell.
    pub(crate) fn requests_in_progress(&self) -> u64 {
        let rows = self.memory.slots().iter().flat_map(|slot| &slot.rows);
        rows.map(RowCounters::in_progress).sum()
    }

    pub(crate) fn stats(&self, now: SystemTime) -> LedgerStats {
        let started = Duration::from_nanos(load(&self.head().started));
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        LedgerStats {
            uptime: since_epoch.saturating_sub(started),
            slots: self.slots().map(|slot| slot.stats()).collect(),
        }
    }

    /// The record of a connection, of as many as the pool may serve.
    pub(crate) fn record(&self, number: u32) -> ConnectionRecord {
        assert!(
            number < self.records,
            "connection {number} of {} has no record",
            self.records
        );
        ConnectionRecord::new(Arc::clone(&self.memory), number)
    }

    /// What each connection that is served does now, with the number of its record.
    pub(crate) fn connections(&self) -> impl Iterator<Item = (u32, Snapshot)> {
        (0..self.records).filter_map(|number| Some((number, self.record(number).snapshot()?)))
    }

    /// The queue sleeps until a connection wakes it, or is awake.
    pub(crate) fn set_queue_sleeps(&self, sleeps: bool) {
        self.head().queue_sleeps.store(sleeps.into(), Ordering::SeqCst);
    }

    /// Whether the caller is to wake the queue; only one caller is asked to.
    pub(crate) fn takes_on_waking_queue(&self) -> bool {
        let sleeps = &self.head().queue_sleeps;
        sleeps.load(Ordering::SeqCst) != 0 && sleeps.swap(0, Ordering::SeqCst) != 0
    }

    pub(crate) fn set_clients_queue(&self, queue: bool) {
        self.head().clients_queue.store(queue.into(), Ordering::SeqCst);
    }

    /// Whether clients wait in the queue, so that the next one is to be taken from there.
    pub(crate) fn clients_queue(&self) -> bool {
        self.head().clients_queue.load(Ordering::SeqCst) != 0
    }

    /// A worker has no descriptor or memory for another connection.
    pub(crate) fn note_exhaustion(&self) {
        store(&self.head().exhausted, 1);
    }

    /// Whether that has happened since the last call.
    pub(crate) fn takes_note_of_exhaustion(&self) -> bool {
        take(&self.head().exhausted) != 0
    }

    fn head(&self) -> &LedgerHead {
        self.memory.head()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Operation, Protocol, RequestKind};

    const GET: RequestKind = RequestKind::new(Operation::Read, Protocol::Classic);
    const UPLOAD: RequestKind = RequestKind::new(Operation::Write, Protocol::Classic);
    const LIST: RequestKind = RequestKind::new(Operation::List, Protocol::Classic);

    fn counts(slot: &Slot, kind: RequestKind) -> (u64, u64) {
        let counts = slot.counts(kind);
        (counts.ok, counts.failed)
    }

    fn ledger() -> Ledger {
        Ledger::create(3, 9, SystemTime::now()).unwrap()
    }

    #[test]
    fn a_request_is_ok_once_it_succeeded_and_failed_when_it_is_dropped_before() {
        let slot = ledger().slot(1);
        let mut entry = slot.begin(GET);
        entry.succeed(0, 10);
        assert_eq!(counts(&slot, GET), (1, 0), "counted before the reply is gone");
        entry.settle();
        drop(slot.begin(GET));
        assert_eq!(counts(&slot, GET), (1, 1));
        assert_eq!(slot.stats().bytes_out, 10);
    }

    #[test]
    fn a_success_whose_reply_did_not_leave_becomes_a_failure() {
        let slot = ledger().slot(0);
        let mut entry = slot.begin(UPLOAD);
        entry.succeed(7, 0);
        drop(entry);
        assert_eq!(counts(&slot, UPLOAD), (0, 1));
        assert_eq!(slot.stats().bytes_in, 0);
    }

    #[test]
    fn a_request_that_turns_out_to_be_another_is_counted_once() {
        let slot = ledger().slot(0);
        let mut entry = slot.begin(GET);
        entry.identify(LIST);
        drop(entry);
        slot.settle_dead();
        assert_eq!((counts(&slot, GET), counts(&slot, LIST)), ((0, 0), (0, 1)));
    }

    #[test]
    fn what_a_dead_worker_had_begun_has_failed() {
        let ledger = ledger();
        let slot = ledger.slot(2);
        let connection = slot.connect();
        let mut replying = slot.begin(GET);
        replying.succeed(0, 99);
        let receiving = slot.begin(UPLOAD);
        // The process is gone: nothing of it is ever dropped.
        std::mem::forget((replying, receiving, connection));
        assert_eq!(ledger.open(), 1);
        slot.settle_dead();
        assert_eq!(counts(&slot, GET), (0, 1));
        assert_eq!(counts(&slot, UPLOAD), (0, 1));
        assert_eq!((slot.stats().bytes_out, ledger.open()), (0, 0));
    }

    #[test]
    fn a_request_that_never_became_whole_has_failed_under_the_verb_that_was_known() {
        let slot = ledger().slot(0);
        let mut entry = slot.begin(RequestKind::UNKNOWN);
        entry.identify(UPLOAD);
        drop(entry);
        assert_eq!(counts(&slot, UPLOAD), (0, 1));
        assert_eq!(
            slot.stats().requests.len(),
            1,
            "nothing is left under the verb that was not known"
        );
    }

    #[test]
    fn another_process_that_maps_the_memory_sees_the_same_counters() {
        let ours = ledger();
        let theirs = Ledger::join(ours.descriptor().try_clone_to_owned().unwrap(), 3, 9).unwrap();
        let mut entry = theirs.slot(2).begin(RequestKind::UNKNOWN);
        entry.succeed(1, 2);
        entry.settle();
        let stats = ours.stats(SystemTime::now()).slots.remove(2);
        assert_eq!(counts(&ours.slot(2), RequestKind::UNKNOWN), (1, 0));
        assert_eq!((stats.bytes_in, stats.bytes_out), (1, 2));
        assert!(Ledger::join(ours.descriptor().try_clone_to_owned().unwrap(), 4, 9).is_err());
    }
}
