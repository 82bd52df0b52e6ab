//! One worker's counters, as the worker counts and as others read them.

use std::sync::Arc;

use super::RequestEntry;
use super::layout::{RowCounters, SlotCounters, add, load, store, subtract, take};
use super::memory::Memory;
use crate::service::RequestKind;

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

/// The slot of one worker.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    memory: Arc<Memory>,
    worker: u32,
}

/// A slot at one moment.
#[derive(Debug)]
pub(crate) struct SlotStats {
    pub(crate) worker: u32,
    /// What the worker is doing, in a word.
    pub(crate) state: &'static str,
    /// Its process, where it has one of its own.
    pub(crate) process: Option<u32>,
    /// Connections accepted so far, and those of them that are open.
    pub(crate) connections: u64,
    pub(crate) open: u64,
    /// The kinds of request of which any has ended.
    pub(crate) requests: Vec<(RequestKind, RequestCounts)>,
    /// Bytes of content.
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) restarts: u64,
}

/// How the requests of one kind ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RequestCounts {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
}

impl Slot {
    pub(super) fn new(memory: Arc<Memory>, worker: u32) -> Self {
        Self { memory, worker }
    }

    pub(crate) fn worker(&self) -> u32 {
        self.worker
    }

    pub(crate) fn enter(&self, state: WorkerState) {
        store(&self.counters().state, state as u64);
    }

    pub(crate) fn name_process(&self, process: u32) {
        store(&self.counters().process, process.into());
    }

    /// Whether the worker can take connections.
    pub(crate) fn is_up(&self) -> bool {
        load(&self.counters().state) == WorkerState::Up as u64
    }

    pub(crate) fn connections_open(&self) -> u64 {
        load(&self.counters().open)
    }

    /// Counts a connection as open for as long as the guard lives.
    pub(crate) fn connect(&self) -> OpenConnection {
        add(&self.counters().connections, 1);
        add(&self.counters().open, 1);
        OpenConnection(self.clone())
    }

    /// Counts a request as started.
    pub(crate) fn begin(&self, kind: RequestKind) -> RequestEntry {
        RequestEntry::begin(self.clone(), kind)
    }

    /// Counts one more death of this worker.
    pub(crate) fn count_restart(&self) {
        add(&self.counters().restarts, 1);
        self.enter(WorkerState::Restarting);
    }

    /// Settles the counters of a worker process that is dead: what it had begun and not ended has failed.
    /// Only the supervisor may call it, and only when the process has been waited for.
    pub(crate) fn settle_dead(&self) {
        let counters = self.counters();
        for row in &counters.rows {
            subtract(&row.ok, take(&row.unsettled));
            add(&row.failed, row.in_progress());
        }
        subtract(&counters.bytes_in, take(&counters.unsettled_in));
        subtract(&counters.bytes_out, take(&counters.unsettled_out));
        store(&counters.open, 0);
        self.name_process(0);
    }

    pub(super) fn stats(&self) -> SlotStats {
        let counters = self.counters();
        let open = self.connections_open();
        let process = u32::try_from(load(&counters.process)).unwrap_or_default();
        SlotStats {
            worker: self.worker,
            state: self.state_word(open),
            process: (process != 0).then_some(process),
            connections: load(&counters.connections),
            open,
            requests: RequestKind::all()
                .map(|kind| (kind, self.counts(kind)))
                .filter(|(_, counts)| *counts != RequestCounts::default())
                .collect(),
            bytes_in: load(&counters.bytes_in),
            bytes_out: load(&counters.bytes_out),
            restarts: load(&counters.restarts),
        }
    }

    pub(crate) fn counts(&self, kind: RequestKind) -> RequestCounts {
        let row = self.row(kind);
        RequestCounts {
            ok: load(&row.ok),
            failed: load(&row.failed),
        }
    }

    fn state_word(&self, open: u64) -> &'static str {
        const STARTING: u64 = WorkerState::Starting as u64;
        const RESTARTING: u64 = WorkerState::Restarting as u64;
        const ENDED: u64 = WorkerState::Ended as u64;
        match load(&self.counters().state) {
            STARTING => "starting",
            RESTARTING => "restarting",
            ENDED => "ended",
            _ if open > 0 => "serving",
            _ => "idle",
        }
    }

    pub(super) fn counters(&self) -> &SlotCounters {
        &self.memory.slots()[self.worker as usize]
    }

    pub(super) fn row(&self, kind: RequestKind) -> &RowCounters {
        &self.counters().rows[kind.index()]
    }
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenConnection(Slot);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        subtract(&self.0.counters().open, 1);
    }
}
