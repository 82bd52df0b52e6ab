//! Where the next write runs when a thread serves many connections. Quick writes run in place, because a move
//! to another thread costs more than a write into the page cache. After a slow one the next runs on the
//! blocking pool, so that the other connections of the thread need not wait. A pure decision: durations come
//! in as arguments.

use std::time::Duration;

/// The longest quick write: 2 ms, about what a hundred writes of 64 KiB into memory take, and a pause of the
/// thread's other connections that no person notices.
pub(super) const QUICK_MAX: Duration = Duration::from_millis(2);

/// Where a write runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum IoSite {
    /// On the thread of the caller.
    #[default]
    Inline,
    /// On tokio's blocking pool.
    BlockingPool,
}

impl IoSite {
    /// Where the next write runs after one that took `took`. Time spent waiting for a thread of the pool is
    /// not counted.
    pub(super) fn after(took: Duration) -> Self {
        if took > QUICK_MAX {
            Self::BlockingPool
        } else {
            Self::Inline
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_write_runs_in_place() {
        assert_eq!(IoSite::default(), IoSite::Inline);
    }

    #[test]
    fn after_a_slow_write_the_pool_writes_until_one_is_quick_again() {
        assert_eq!(IoSite::after(QUICK_MAX), IoSite::Inline);
        assert_eq!(
            IoSite::after(QUICK_MAX + Duration::from_nanos(1)),
            IoSite::BlockingPool
        );
        assert_eq!(IoSite::after(Duration::from_micros(20)), IoSite::Inline);
    }
}
