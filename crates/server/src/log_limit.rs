//! A limit for log lines of one kind that peers or the system can cause as often as they like: one in ten
//! seconds.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long further lines are held back after one.
const PERIOD: Duration = Duration::from_secs(10);

/// Lines of one kind.
#[derive(Debug, Default)]
pub(crate) struct LogLimit(Mutex<LogHistory>);

#[derive(Debug, Default)]
struct LogHistory {
    last: Option<Instant>,
    unlogged: u64,
}

impl LogLimit {
    /// Whether another line may be written now, and then how many were left out since the last one.
    pub(crate) fn admits(&self) -> Option<u64> {
        self.admits_at(Instant::now())
    }

    fn admits_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < PERIOD)
        {
            state.unlogged += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_a_period_is_written_and_the_next_counts_those_left_out() {
        let limit = LogLimit::default();
        let now = Instant::now();
        assert_eq!(limit.admits_at(now), Some(0));
        assert_eq!(limit.admits_at(now), None);
        assert_eq!(limit.admits_at(now + PERIOD / 2), None);
        assert_eq!(limit.admits_at(now + PERIOD), Some(2));
        assert_eq!(limit.admits_at(now + 2 * PERIOD), Some(0));
    }
}
