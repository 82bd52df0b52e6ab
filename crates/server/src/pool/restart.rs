//! When a worker that died is started again: with exponential back-off, without end, from the beginning once
//! it was healthy. A pure state machine; the time is an argument.

use std::time::Duration;

/// The first pause; each death in a row doubles it.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(10);
/// A worker that has lived this long was healthy.
const HEALTHY: Duration = Duration::from_secs(10);

/// The deaths of one worker in a row.
#[derive(Debug, Default)]
pub(super) struct RestartPolicy {
    deaths: u32,
}

impl RestartPolicy {
    /// The worker died after it had `lived`; returns how long to wait before it is started again.
    pub(super) fn died(&mut self, lived: Duration) -> Duration {
        if lived >= HEALTHY {
            self.deaths = 0;
        }
        let pause = FIRST
            .saturating_mul(1_u32.checked_shl(self.deaths).unwrap_or(u32::MAX))
            .min(LONGEST);
        self.deaths = self.deaths.saturating_add(1);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_from_100_ms_to_10_s_and_stays_there() {
        let mut restart = RestartPolicy::default();
        let pauses: Vec<u128> = (0..40)
            .map(|_| restart.died(Duration::from_secs(1)).as_millis())
            .collect();
        assert_eq!(
            pauses[..9],
            [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
        );
        assert!(pauses[9..].iter().all(|&pause| pause == 10_000));
    }

    #[test]
    fn ten_healthy_seconds_reset_the_pause() {
        let mut restart = RestartPolicy::default();
        for _ in 0..5 {
            restart.died(Duration::ZERO);
        }
        assert_eq!(restart.died(Duration::from_secs(10)), FIRST);
        assert_eq!(restart.died(Duration::from_millis(9_999)), FIRST * 2);
    }
}
