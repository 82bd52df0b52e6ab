//! How long to wait before trying again: a pure state machine, with the random number as an argument.

use std::time::Duration;

/// The longest pause between two tries.
pub const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Exponential back-off with jitter, for a limited number of retries.
#[derive(Debug, Clone)]
pub struct Backoff {
    retries_left: u32,
    pause: Duration,
}

impl Backoff {
    /// Back-off that allows `retries` retries, the first after about `first_pause`.
    pub fn new(retries: u32, first_pause: Duration) -> Backoff {
        Backoff {
            retries_left: retries,
            pause: first_pause.min(PAUSE_MAX),
        }
    }

    /// The pause before the next try, or `None` when there have been enough. `random` is any number; it decides
    /// which part of the second half of the pause is waited, so that clients that failed together do not return together.
    pub fn after_failure(&mut self, random: u32) -> Option<Duration> {
        self.retries_left = self.retries_left.checked_sub(1)?;
        let half = self.pause / 2;
        let jitter = half.mul_f64(f64::from(random) / f64::from(u32::MAX));
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        Some(half + jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(retries: u32, first_ms: u64, random: u32) -> Vec<u64> {
        let mut backoff = Backoff::new(retries, Duration::from_millis(first_ms));
        std::iter::from_fn(|| backoff.after_failure(random))
            .map(|pause| pause.as_millis() as u64)
            .collect()
    }

    #[test]
    fn pauses_double_up_to_their_limit() {
        assert_eq!(pauses(7, 200, u32::MAX), [200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn jitter_takes_off_at_most_half() {
        assert_eq!(pauses(3, 200, 0), [100, 200, 400]);
    }

    #[test]
    fn no_retries_means_no_pause() {
        assert_eq!(pauses(0, 200, 7), [0u64; 0]);
    }
}
