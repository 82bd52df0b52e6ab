//! What get and put have in common: how a transfer ends, and the one notice about permissions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use haul_client::Error;

use super::CommandOutcome;
use super::console::Console;
use super::record::{Item, Moved};

/// How a transfer ended that did not fail.
#[derive(Debug)]
pub(super) enum Transferred {
    /// Content moved, now or in an earlier run.
    Moved(Moved),
    /// The content was on the other side already.
    Skipped,
}

/// Why a transfer failed, and what it leaves for the next run.
#[derive(Debug)]
pub(super) struct TransferFailure {
    pub(super) error: Error,
    pub(super) kept_bytes: u64,
}

impl From<Error> for TransferFailure {
    fn from(error: Error) -> Self {
        Self { error, kept_bytes: 0 }
    }
}

impl Console {
    /// Counts and prints the end of a transfer that took so long. `subject` is what a failure is about.
    pub(super) fn transferred(
        &self,
        subject: &str,
        item: Item<'_>,
        result: Result<Transferred, TransferFailure>,
        took: Duration,
    ) -> CommandOutcome {
        match result {
            Ok(Transferred::Moved(moved)) => self.done(item, moved, took),
            Ok(Transferred::Skipped) => self.skipped(item),
            Err(TransferFailure { error, kept_bytes }) => {
                self.failed_after(subject, item, &error, kept_bytes, took)
            }
        }
    }
}

/// A notice that is given once for a command, about the first thing that it is true of.
#[derive(Debug, Default)]
pub(super) struct OnceNotice(AtomicBool);

impl OnceNotice {
    /// Gives the notice, unless it was given.
    pub(super) fn give(&self, console: &Console, subject: &str, sentence: &str) {
        if !self.0.swap(true, Ordering::Relaxed) {
            console.notice(subject, sentence);
        }
    }
}
