//! Where the next write runs when a thread serves many connections: in place while writes are quick, because a hop to another
//! thread costs more than a write into the page cache, and on the blocking pool while they are slow, because then everybody
//! else on the thread would wait. A pure decision: durations come in as arguments.

use std::time::Duration;

/// A write that takes longer sends the following ones to the blocking pool: 2 ms, about what a hundred writes of 64 KiB into
/// memory take, and as long as the other connections of a thread can wait without anybody noticing.
pub(super) const QUICK_MAX: Duration = Duration::from_millis(2);

/// Where a write runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Place {
    /// On the thread that asks.
    #[default]
    Here,
    /// On tokio's blocking pool.
    Pool,
}

impl Place {
    /// Where the write after one that took `took` runs, waiting for a thread of the pool not counted.
    pub(super) fn after(took: Duration) -> Self {
        if took > QUICK_MAX { Self::Pool } else { Self::Here }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_write_runs_in_place() {
        assert_eq!(Place::default(), Place::Here);
    }

    #[test]
    fn after_a_slow_write_the_pool_writes_until_one_is_quick_again() {
        assert_eq!(Place::after(QUICK_MAX), Place::Here);
        assert_eq!(Place::after(QUICK_MAX + Duration::from_nanos(1)), Place::Pool);
        assert_eq!(Place::after(Duration::from_micros(20)), Place::Here);
    }
}
