//! One request in the books, from its beginning to the end of its reply.

use haul_wire::Verb;

use super::{Slot, add, row, subtract, word};

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
    row: usize,
    stage: Stage,
}

impl RequestEntry {
    pub(super) fn begin(slot: Slot, row: usize) -> Self {
        add(slot.row_word(row, word::STARTED), 1);
        Self {
            slot,
            row,
            stage: Stage::Begun,
        }
    }

    /// What was begun turns out to be a request of this verb.
    pub(crate) fn rename(&mut self, verb: Option<Verb>) {
        let row = row(verb);
        if row != self.row {
            // Begun anew first: a worker that dies in between has one request too many in flight, not one too few.
            add(self.slot.row_word(row, word::STARTED), 1);
            subtract(self.slot.row_word(self.row, word::STARTED), 1);
            self.row = row;
        }
    }

    /// Counts the request as ok, with the bytes of content that it moved. To be called before the last bytes of the
    /// reply are handed to the kernel, so that whoever sees the reply finds it counted.
    pub(crate) fn succeed(&mut self, bytes_in: u64, bytes_out: u64) {
        debug_assert_eq!(self.stage, Stage::Begun, "a request ends once");
        self.stage = Stage::Unsettled(bytes_in, bytes_out);
        add(self.slot.word(word::BYTES_IN), bytes_in);
        add(self.slot.word(word::BYTES_OUT), bytes_out);
        add(self.slot.word(word::UNSETTLED_IN), bytes_in);
        add(self.slot.word(word::UNSETTLED_OUT), bytes_out);
        add(self.slot.row_word(self.row, word::OK), 1);
        add(self.slot.row_word(self.row, word::UNSETTLED), 1);
    }

    /// Counts the request as failed. To be called before its refusal is handed to the kernel.
    pub(crate) fn fail(&mut self) {
        if self.stage == Stage::Begun {
            add(self.slot.row_word(self.row, word::FAILED), 1);
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
        subtract(self.slot.row_word(self.row, word::UNSETTLED), 1);
        subtract(self.slot.word(word::UNSETTLED_IN), bytes_in);
        subtract(self.slot.word(word::UNSETTLED_OUT), bytes_out);
    }
}

impl Drop for RequestEntry {
    fn drop(&mut self) {
        if let Stage::Unsettled(bytes_in, bytes_out) = self.stage {
            self.clear_unsettled(bytes_in, bytes_out);
            subtract(self.slot.word(word::BYTES_IN), bytes_in);
            subtract(self.slot.word(word::BYTES_OUT), bytes_out);
            subtract(self.slot.row_word(self.row, word::OK), 1);
            self.stage = Stage::Begun;
        }
        self.fail();
    }
}
