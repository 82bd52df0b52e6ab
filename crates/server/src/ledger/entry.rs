//! One request in the ledger, from its beginning to the end of its reply.

use super::Slot;
use super::layout::{add, subtract};
use crate::service::RequestKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Begun; dropped now, it has failed.
    Begun,
    /// Counted as ok with these bytes of content in and out, its reply not handed over yet.
    Unsettled(u64, u64),
    /// Counted for good.
    Ended,
}

/// A request that has begun. Exactly one of ok and failed is counted for it, however it ends.
#[derive(Debug)]
pub(crate) struct RequestEntry {
    slot: Slot,
    kind: RequestKind,
    stage: Stage,
}

impl RequestEntry {
    pub(super) fn begin(slot: Slot, kind: RequestKind) -> Self {
        add(&slot.row(kind).started, 1);
        Self {
            slot,
            kind,
            stage: Stage::Begun,
        }
    }

    /// What was begun turns out to be a request of this kind.
    pub(crate) fn identify(&mut self, kind: RequestKind) {
        if kind != self.kind {
            // Begun anew first: if the worker dies in between, one request too many is in flight, not one too
            // few.
            add(&self.slot.row(kind).started, 1);
            subtract(&self.slot.row(self.kind).started, 1);
            self.kind = kind;
        }
    }

    /// Counts the request as ok, with the bytes of content that it moved. To be called before the last bytes
    /// of the reply are handed to the kernel, so that a client which sees the reply finds it counted.
    pub(crate) fn succeed(&mut self, bytes_in: u64, bytes_out: u64) {
        debug_assert_eq!(self.stage, Stage::Begun, "a request ends once");
        self.stage = Stage::Unsettled(bytes_in, bytes_out);
        let counters = self.slot.counters();
        add(&counters.bytes_in, bytes_in);
        add(&counters.bytes_out, bytes_out);
        add(&counters.unsettled_in, bytes_in);
        add(&counters.unsettled_out, bytes_out);
        add(&self.slot.row(self.kind).ok, 1);
        add(&self.slot.row(self.kind).unsettled, 1);
    }

    /// Counts the request as failed. To be called before its refusal is handed to the kernel.
    pub(crate) fn fail(&mut self) {
        if self.stage == Stage::Begun {
            add(&self.slot.row(self.kind).failed, 1);
            self.stage = Stage::Ended;
        }
    }

    /// The reply is in the kernel's hands.
    pub(crate) fn settle(&mut self) {
        if let Stage::Unsettled(bytes_in, bytes_out) = self.stage {
            self.clear_unsettled(bytes_in, bytes_out);
            self.stage = Stage::Ended;
        }
    }

    fn clear_unsettled(&self, bytes_in: u64, bytes_out: u64) {
        subtract(&self.slot.row(self.kind).unsettled, 1);
        subtract(&self.slot.counters().unsettled_in, bytes_in);
        subtract(&self.slot.counters().unsettled_out, bytes_out);
    }
}

impl Drop for RequestEntry {
    fn drop(&mut self) {
        if let Stage::Unsettled(bytes_in, bytes_out) = self.stage {
            self.clear_unsettled(bytes_in, bytes_out);
            subtract(&self.slot.counters().bytes_in, bytes_in);
            subtract(&self.slot.counters().bytes_out, bytes_out);
            subtract(&self.slot.row(self.kind).ok, 1);
            self.stage = Stage::Begun;
        }
        self.fail();
    }
}
