//! The wish to stop, set from a signal, seen wherever the lab waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the lab waits at most before it looks whether it is to stop.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Whether the run is to stop. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

/// The run is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interrupted;

/// Why a step of the lab was not completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop<F = String> {
    /// The run is to stop.
    Interrupted,
    /// The step failed; the text is for people.
    Failed(F),
}

impl<F> From<Interrupted> for Stop<F> {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl<F> Stop<F> {
    /// The same with another account of the failure.
    pub(crate) fn map<G>(self, account: impl FnOnce(F) -> G) -> Stop<G> {
        match self {
            Self::Interrupted => Stop::Interrupted,
            Self::Failed(failure) => Stop::Failed(account(failure)),
        }
    }
}

impl Interrupt {
    /// The flag itself, for a signal handler that sets it.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Asks the run to stop; it cleans up first.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run is to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.is_set() { Err(Interrupted) } else { Ok(()) }
    }
}
