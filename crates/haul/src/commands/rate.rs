//! How fast something moves now: bytes over the last seconds, with the clock as an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What happened longer ago says nothing about now.
const WINDOW: Duration = Duration::from_secs(5);
/// A rate over less than this is noise.
const SPAN_MIN: Duration = Duration::from_millis(400);
/// Samples nearer to each other than this are one: it bounds their number.
const STEP: Duration = Duration::from_millis(100);

/// Samples of a count of moved bytes. What was here before a transfer began does not move, and is not in the count.
#[derive(Debug, Default)]
pub(super) struct Rate {
    samples: VecDeque<(Instant, u64)>,
}

impl Rate {
    /// Takes the count of `now`; gives bytes per second, once enough time has passed.
    pub(super) fn at(&mut self, now: Instant, moved_bytes: u64) -> Option<f64> {
        let is_new = self
            .samples
            .back()
            .is_none_or(|(last, _)| now.saturating_duration_since(*last) >= STEP);
        if is_new {
            self.samples.push_back((now, moved_bytes));
        }
        // The oldest one stays until the next is a whole window old: the span is never shorter than it could be.
        while self
            .samples
            .get(1)
            .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW)
        {
            self.samples.pop_front();
        }
        let (since, bytes) = *self.samples.front()?;
        let span = now.saturating_duration_since(since);
        (span >= SPAN_MIN).then(|| moved_bytes.saturating_sub(bytes) as f64 / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let mut rate = Rate::default();
        assert_eq!(rate.at(at(0), 0), None);
        assert_eq!(rate.at(at(100), 1 << 20), None, "too short to tell");
        assert_eq!(rate.at(at(1000), 1000), Some(1000.0));
        for second in 2..=20 {
            rate.at(at(second * 1000), 1000 + (second - 1) * 50);
        }
        assert_eq!(
            rate.at(at(21_000), 1000 + 20 * 50),
            Some(50.0),
            "the fast beginning is forgotten"
        );
        let stalled = rate.at(at(40_000), 2000).unwrap();
        assert!(stalled < 1.0, "{stalled}");
        assert!(rate.samples.len() < 100);
    }
}
