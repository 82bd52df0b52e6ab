//! The clock that all processes of one machine share: a client's times and the release of the barrier are read from it,
//! whichever process reads them.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since some moment before this machine's start, never going back.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000) + u64::try_from(now.tv_nsec).unwrap_or_default()
}
