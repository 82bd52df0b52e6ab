//! The ledger: for each worker a fixed slot of counters, in memory that worker processes share with their supervisor.
//!
//! A request is counted before the last bytes of its reply are handed to the kernel: whoever has seen a reply finds
//! it in the ledger. Until those bytes are gone the success is *unsettled*; when the peer turns out to be gone, or
//! the worker dies in between, it becomes a failure. So the counters add up to what the clients saw.

mod entry;
mod memory;
mod record;

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use haul_wire::Verb;
use haul_wire::reply::{Stats, VerbStats, WorkerStats};

pub(crate) use entry::RequestEntry;
use memory::Memory;
pub(crate) use record::{ConnectionPhase, ConnectionRecord, HostAddress, Reason, Snapshot};

/// What a worker is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum WorkerState {
    /// Not up yet.
    Starting = 0,
    /// Up; whether it is idle or serving follows from its open connections.
    Up = 1,
    /// Dead, to be replaced.
    Restarting = 2,
    /// Ended with the server.
    Ended = 3,
}

/// A row of counters: the verbs in this order, and at the end the requests whose verb is not one.
const VERBS: [Verb; 11] = [
    Verb::List,
    Verb::Get,
    Verb::Upload,
    Verb::Delete,
    Verb::Hello,
    Verb::Ls,
    Verb::Stat,
    Verb::Read,
    Verb::Write,
    Verb::RemoveDir,
    Verb::Stats,
];
const ROWS: usize = VERBS.len() + 1;

/// Where things are in a slot, in words.
mod word {
    pub(super) const STATE: usize = 0;
    pub(super) const PROCESS: usize = 1;
    pub(super) const CONNECTIONS: usize = 2;
    pub(super) const OPEN: usize = 3;
    pub(super) const RESTARTS: usize = 4;
    pub(super) const BYTES_IN: usize = 5;
    pub(super) const BYTES_OUT: usize = 6;
    pub(super) const UNSETTLED_IN: usize = 7;
    pub(super) const UNSETTLED_OUT: usize = 8;
    pub(super) const ROWS: usize = 9;
    pub(super) const STARTED: usize = 0;
    pub(super) const OK: usize = 1;
    pub(super) const FAILED: usize = 2;
    pub(super) const UNSETTLED: usize = 3;
    pub(super) const ROW: usize = 4;
}
/// Rounded up to whole cache lines, so that two workers never write to the same one.
const SLOT_WORDS: usize = (word::ROWS + ROWS * word::ROW).next_multiple_of(8);
/// One line of its own for what is not a worker's.
const HEAD_WORDS: usize = 8;

/// Where things are in the head, in words.
mod head {
    /// When the server started, in nanoseconds since 1970.
    pub(super) const STARTED: usize = 0;
    /// 1 while the queue sleeps and is to be woken by the next connection.
    pub(super) const QUEUE_SLEEPS: usize = 1;
    /// 1 while clients wait in the queue, so that workers take the next one from there.
    pub(super) const CLIENTS_QUEUE: usize = 2;
    /// 1 once a worker had no descriptor or memory for another connection.
    pub(super) const EXHAUSTED: usize = 3;
}

/// The counters of all workers.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    memory: Arc<Memory>,
    workers: u32,
    records: u32,
}

impl Ledger {
    /// A ledger for so many workers, and connections served at once.
    pub(crate) fn create(workers: u32, connections: u32, now: SystemTime) -> io::Result<Self> {
        let ledger = Self {
            memory: Arc::new(Memory::create(Self::words(workers, connections))?),
            workers,
            records: connections,
        };
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanoseconds = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX);
        ledger.head(head::STARTED).store(nanoseconds, Ordering::Relaxed);
        Ok(ledger)
    }

    /// The ledger that a supervisor created, in the worker that was handed its memory.
    pub(crate) fn join(memory: OwnedFd, workers: u32, connections: u32) -> io::Result<Self> {
        Ok(Self {
            memory: Arc::new(Memory::map(memory, Self::words(workers, connections))?),
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
        Slot {
            memory: Arc::clone(&self.memory),
            first: HEAD_WORDS + worker as usize * SLOT_WORDS,
            worker,
        }
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> {
        (0..self.workers).map(|worker| self.slot(worker))
    }

    /// Connections that are open now, over all workers.
    pub(crate) fn open(&self) -> u64 {
        let words = self.memory.words();
        (0..self.workers as usize)
            .map(|worker| words[HEAD_WORDS + worker * SLOT_WORDS + word::OPEN].load(Ordering::Relaxed))
            .sum()
    }

    /// Requests that have begun and not ended, over all workers, as far as counters that change meanwhile can tell.
    pub(crate) fn requests_in_progress(&self) -> u64 {
        let in_row = |slot: &Slot, row| {
            let ended = load(slot.row_word(row, word::OK)) + load(slot.row_word(row, word::FAILED));
            load(slot.row_word(row, word::STARTED)).saturating_sub(ended)
        };
        self.slots()
            .map(|slot| (0..ROWS).map(|row| in_row(&slot, row)).sum::<u64>())
            .sum()
    }

    /// The whole ledger as STATS shows it.
    pub(crate) fn stats(&self, pool: String, now: SystemTime) -> Stats {
        let started = Duration::from_nanos(load(self.head(head::STARTED)));
        let uptime = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .saturating_sub(started);
        Stats {
            pool,
            uptime_seconds: uptime.as_millis() as f64 / 1e3,
            workers: self.slots().map(|slot| slot.stats()).collect(),
        }
    }

    /// The record of a connection, of as many as the pool may serve.
    pub(crate) fn record(&self, number: u32) -> ConnectionRecord {
        assert!(
            number < self.records,
            "connection {number} of {} has no record",
            self.records
        );
        ConnectionRecord {
            memory: Arc::clone(&self.memory),
            first: Self::words(self.workers, number),
        }
    }

    /// What each connection that is served does now, with the number of its record.
    pub(crate) fn connections(&self) -> impl Iterator<Item = (u32, Snapshot)> {
        (0..self.records).filter_map(|number| Some((number, self.record(number).snapshot()?)))
    }

    /// The queue sleeps until a connection wakes it, or is awake.
    pub(crate) fn set_queue_sleeps(&self, sleeps: bool) {
        self.head(head::QUEUE_SLEEPS)
            .store(sleeps.into(), Ordering::SeqCst);
    }

    /// Whether the caller is to wake the queue; nobody else is asked to.
    pub(crate) fn takes_on_waking_queue(&self) -> bool {
        let word = self.head(head::QUEUE_SLEEPS);
        word.load(Ordering::SeqCst) != 0 && word.swap(0, Ordering::SeqCst) != 0
    }

    pub(crate) fn set_clients_queue(&self, queue: bool) {
        self.head(head::CLIENTS_QUEUE)
            .store(queue.into(), Ordering::SeqCst);
    }

    /// Whether clients wait in the queue, so that the next one is to be taken from there.
    pub(crate) fn clients_queue(&self) -> bool {
        self.head(head::CLIENTS_QUEUE).load(Ordering::SeqCst) != 0
    }

    /// A worker has no descriptor or memory for another connection.
    pub(crate) fn note_exhaustion(&self) {
        self.head(head::EXHAUSTED).store(1, Ordering::Relaxed);
    }

    /// Whether that has happened since the last call.
    pub(crate) fn takes_note_of_exhaustion(&self) -> bool {
        self.head(head::EXHAUSTED).swap(0, Ordering::Relaxed) != 0
    }

    fn head(&self, index: usize) -> &AtomicU64 {
        &self.memory.words()[index]
    }

    fn words(workers: u32, connections: u32) -> usize {
        HEAD_WORDS + workers as usize * SLOT_WORDS + connections as usize * record::RECORD_WORDS
    }
}

/// One worker's counters.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    memory: Arc<Memory>,
    first: usize,
    worker: u32,
}

impl Slot {
    pub(crate) fn worker(&self) -> u32 {
        self.worker
    }

    pub(crate) fn enter(&self, state: WorkerState) {
        self.word(word::STATE).store(state as u64, Ordering::Relaxed);
    }

    pub(crate) fn name_process(&self, process: u32) {
        self.word(word::PROCESS)
            .store(u64::from(process), Ordering::Relaxed);
    }

    /// Whether the worker can take connections.
    pub(crate) fn is_up(&self) -> bool {
        load(self.word(word::STATE)) == WorkerState::Up as u64
    }

    pub(crate) fn connections_open(&self) -> u64 {
        self.word(word::OPEN).load(Ordering::Relaxed)
    }

    /// Counts a connection as open for as long as the guard lives.
    pub(crate) fn connect(&self) -> OpenConnection {
        add(self.word(word::CONNECTIONS), 1);
        add(self.word(word::OPEN), 1);
        OpenConnection(self.clone())
    }

    /// Counts a request as started.
    pub(crate) fn begin(&self, verb: Option<Verb>) -> RequestEntry {
        RequestEntry::begin(self.clone(), row(verb))
    }

    /// Counts one more death of this worker.
    pub(crate) fn count_restart(&self) {
        add(self.word(word::RESTARTS), 1);
        self.enter(WorkerState::Restarting);
    }

    /// Settles the books of a worker process that is dead: what it had begun and not ended has failed. Only the
    /// supervisor may call it, and only when the process has been waited for.
    pub(crate) fn settle_dead(&self) {
        for row in 0..ROWS {
            let unsettled = self.row_word(row, word::UNSETTLED).swap(0, Ordering::Relaxed);
            subtract(self.row_word(row, word::OK), unsettled);
            let ended = load(self.row_word(row, word::OK)) + load(self.row_word(row, word::FAILED));
            let begun = load(self.row_word(row, word::STARTED));
            add(self.row_word(row, word::FAILED), begun.saturating_sub(ended));
        }
        subtract(
            self.word(word::BYTES_IN),
            self.word(word::UNSETTLED_IN).swap(0, Ordering::Relaxed),
        );
        subtract(
            self.word(word::BYTES_OUT),
            self.word(word::UNSETTLED_OUT).swap(0, Ordering::Relaxed),
        );
        self.word(word::OPEN).store(0, Ordering::Relaxed);
        self.name_process(0);
    }

    fn stats(&self) -> WorkerStats {
        let open = self.connections_open();
        let process = u32::try_from(load(self.word(word::PROCESS))).unwrap_or_default();
        let verbs = VERBS.iter().map(|&verb| Some(verb)).chain([None]);
        WorkerStats {
            worker: self.worker,
            state: self.state_word(open).to_owned(),
            pid: (process != 0).then_some(process),
            connections: load(self.word(word::CONNECTIONS)),
            open,
            verbs: verbs.filter_map(|verb| self.verb_stats(verb)).collect(),
            bytes_in: load(self.word(word::BYTES_IN)),
            bytes_out: load(self.word(word::BYTES_OUT)),
            restarts: load(self.word(word::RESTARTS)),
        }
    }

    fn verb_stats(&self, verb: Option<Verb>) -> Option<(String, VerbStats)> {
        let row = row(verb);
        let ok = load(self.row_word(row, word::OK));
        let failed = load(self.row_word(row, word::FAILED));
        let name = verb.map_or("unknown", Verb::as_str);
        (ok + failed > 0).then(|| (name.to_owned(), VerbStats { ok, failed }))
    }

    fn state_word(&self, open: u64) -> &'static str {
        const STARTING: u64 = WorkerState::Starting as u64;
        const RESTARTING: u64 = WorkerState::Restarting as u64;
        const ENDED: u64 = WorkerState::Ended as u64;
        match load(self.word(word::STATE)) {
            STARTING => "starting",
            RESTARTING => "restarting",
            ENDED => "ended",
            _ if open > 0 => "serving",
            _ => "idle",
        }
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        &self.memory.words()[self.first + index]
    }

    fn row_word(&self, row: usize, index: usize) -> &AtomicU64 {
        self.word(word::ROWS + row * word::ROW + index)
    }
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Slot);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        subtract(self.0.word(word::OPEN), 1);
    }
}

fn row(verb: Option<Verb>) -> usize {
    verb.and_then(|verb| VERBS.iter().position(|&known| known == verb))
        .unwrap_or(VERBS.len())
}

fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

fn add(word: &AtomicU64, amount: u64) {
    word.fetch_add(amount, Ordering::Relaxed);
}

fn subtract(word: &AtomicU64, amount: u64) {
    word.fetch_sub(amount, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(slot: &Slot, verb: Verb) -> (u64, u64) {
        slot.verb_stats(Some(verb))
            .map_or((0, 0), |(_, stats)| (stats.ok, stats.failed))
    }

    fn ledger() -> Ledger {
        Ledger::create(3, 9, SystemTime::now()).unwrap()
    }

    #[test]
    fn a_request_is_ok_once_it_succeeded_and_failed_when_it_is_dropped_before() {
        let slot = ledger().slot(1);
        let mut entry = slot.begin(Some(Verb::Get));
        entry.succeed(0, 10);
        assert_eq!(
            counts(&slot, Verb::Get),
            (1, 0),
            "counted before the reply is gone"
        );
        entry.settle();
        drop(slot.begin(Some(Verb::Get)));
        assert_eq!(counts(&slot, Verb::Get), (1, 1));
        assert_eq!(slot.stats().bytes_out, 10);
    }

    #[test]
    fn a_success_whose_reply_did_not_leave_becomes_a_failure() {
        let slot = ledger().slot(0);
        let mut entry = slot.begin(Some(Verb::Upload));
        entry.succeed(7, 0);
        drop(entry);
        assert_eq!(counts(&slot, Verb::Upload), (0, 1));
        assert_eq!(slot.stats().bytes_in, 0);
    }

    #[test]
    fn a_request_that_turns_out_to_be_another_is_counted_once() {
        let slot = ledger().slot(0);
        let mut entry = slot.begin(Some(Verb::Get));
        entry.rename(Some(Verb::List));
        drop(entry);
        slot.settle_dead();
        assert_eq!(
            (counts(&slot, Verb::Get), counts(&slot, Verb::List)),
            ((0, 0), (0, 1))
        );
    }

    #[test]
    fn what_a_dead_worker_had_begun_has_failed() {
        let books = ledger();
        let slot = books.slot(2);
        let connection = slot.connect();
        let mut replying = slot.begin(Some(Verb::Get));
        replying.succeed(0, 99);
        let receiving = slot.begin(Some(Verb::Upload));
        // The process is gone: nothing of it is ever dropped.
        std::mem::forget((replying, receiving, connection));
        assert_eq!(books.open(), 1);
        slot.settle_dead();
        assert_eq!(counts(&slot, Verb::Get), (0, 1));
        assert_eq!(counts(&slot, Verb::Upload), (0, 1));
        assert_eq!((slot.stats().bytes_out, books.open()), (0, 0));
    }

    #[test]
    fn a_request_that_never_became_whole_has_failed_under_the_verb_that_was_known() {
        let slot = ledger().slot(0);
        let mut entry = slot.begin(None);
        entry.rename(Some(Verb::Upload));
        drop(entry);
        assert_eq!(counts(&slot, Verb::Upload), (0, 1));
        assert_eq!(
            slot.stats().verbs.len(),
            1,
            "nothing is left under the verb that was not known"
        );
    }

    #[test]
    fn another_process_that_maps_the_memory_sees_the_same_counters() {
        let ours = ledger();
        let theirs = Ledger::join(ours.descriptor().try_clone_to_owned().unwrap(), 3, 9).unwrap();
        let mut entry = theirs.slot(2).begin(None);
        entry.succeed(1, 2);
        entry.settle();
        let stats = ours.stats("threads:3".to_owned(), SystemTime::now());
        assert_eq!(stats.workers[2].verbs["unknown"].ok, 1);
        assert_eq!((stats.workers[2].bytes_in, stats.workers[2].bytes_out), (1, 2));
        assert!(Ledger::join(ours.descriptor().try_clone_to_owned().unwrap(), 4, 9).is_err());
    }
}
