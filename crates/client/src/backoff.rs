//! How long to wait before trying again: a pure state machine, with the random number and the time as arguments.

use std::time::Duration;

/// The longest pause between two tries.
pub const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Exponential back-off with jitter, for as long as its time allows.
///
/// ```
/// use std::time::Duration;
///
/// use haul_client::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_secs(30), Some(2), Duration::from_millis(200));
/// let pauses = [0, 0, 0].map(|random| backoff.after_failure(Duration::ZERO, random));
/// assert_eq!(pauses, [Some(Duration::from_millis(100)), Some(Duration::from_millis(200)), None]);
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    time: Duration,
    retries_left: Option<u32>,
    pause: Duration,
}

impl Backoff {
    /// Back-off for `time` from the first failure on and at most `retries` retries, the first after about `first_pause`.
    pub fn new(time: Duration, retries: Option<u32>, first_pause: Duration) -> Self {
        Self {
            time,
            retries_left: retries,
            pause: first_pause.min(PAUSE_MAX),
        }
    }

    /// The pause before the next try, or `None` when there have been enough. `since_first` is the time since the first
    /// failure; the last try is at the end of the time. `random` is any number; it decides which part of the second
    /// half of the pause is waited, so that clients that failed together do not return together.
    pub fn after_failure(&mut self, since_first: Duration, random: u32) -> Option<Duration> {
        let left = self
            .time
            .checked_sub(since_first)
            .filter(|left| !left.is_zero())?;
        if let Some(retries_left) = &mut self.retries_left {
            *retries_left = retries_left.checked_sub(1)?;
        }
        let half = self.pause / 2;
        let jitter = half.mul_f64(f64::from(random) / f64::from(u32::MAX));
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Some((half + jitter).min(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pauses of an operation whose tries take no time.
    fn pauses(time_ms: u64, retries: Option<u32>, first_ms: u64, random: u32) -> Vec<u64> {
        let mut backoff = Backoff::new(
            Duration::from_millis(time_ms),
            retries,
            Duration::from_millis(first_ms),
        );
        let mut since_first = Duration::ZERO;
        std::iter::from_fn(|| {
            let pause = backoff.after_failure(since_first, random)?;
            since_first += pause;
            Some(pause.as_millis() as u64)
        })
        .collect()
    }

    #[test]
    fn pauses_double_up_to_their_limit_until_the_time_is_over() {
        assert_eq!(
            pauses(30_000, None, 200, u32::MAX),
            [200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000, 3800]
        );
    }

    #[test]
    fn jitter_takes_off_at_most_half() {
        assert_eq!(pauses(30_000, Some(3), 200, 0), [100, 200, 400]);
    }

    #[test]
    fn no_retries_and_no_time_mean_no_pause() {
        assert_eq!(pauses(30_000, Some(0), 200, 7), [0u64; 0]);
        assert_eq!(pauses(0, None, 200, 7), [0u64; 0]);
    }
}
