//! The clock that all processes of one machine share: the clients' marks and the release are read from it, whichever
//! process reads them.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A moment by the machine's clock, in nanoseconds since some moment before the machine's start. It means something only
/// beside another one, so what is kept for longer is the time between two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment(u64);

impl Moment {
    pub(crate) fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        Self(seconds.saturating_mul(1_000_000_000) + u64::try_from(now.tv_nsec).unwrap_or_default())
    }

    /// Nanoseconds since `earlier`; 0 if that was later.
    pub(crate) fn ns_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn after(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)),
        )
    }

    /// A moment that a test chooses.
    #[cfg(test)]
    pub(crate) fn at(ns: u64) -> Self {
        Self(ns)
    }
}
