//! The right to change a name: a lock for each name, and a record of the last change that took effect.
//!
//! Both live in a file in memory without a name. The first process of a server makes it and hands its
//! descriptor to the others, so no other user can reach it; a lock on the folder itself could be held by any
//! user who may read the folder. A name falls into one of the file's buckets. Between processes, the lock of
//! a bucket is an open file description lock on one byte, which ends with its process however that ends.
//! Within a process, which has one description, it is a mutex.
//!
//! The record is for an upload that is held up between its last byte and its publication, by a slow disk for
//! example. If a later request has changed the same name meanwhile, the upload has been overtaken and must
//! not undo that change.

mod table;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use self::table::{LockName, LockTable};
pub(super) use self::table::{ServerRun, Ticket};
use crate::{Error, Key};

/// The longest wait for a lock. A lock is held for the few calls of a publication, so only a worker that was
/// stopped in the middle of one can hold it for so long. Then the operation is refused, and does not hang.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The pause between two tries to lock. It is short beside a publication, so that waiting costs little.
const PAUSE: Duration = Duration::from_micros(200);

/// How many mutexes a process has. Two names that share a mutex wait for each other without need, for a
/// moment.
const STRIPES: usize = 1024;

/// What to do while a lock is held by another change of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockMode {
    /// Waits, for [`WAIT_MAX`] at most.
    Block,
    /// Gives up at once.
    Try,
}

/// The locks and records of all names beneath a root.
#[derive(Debug)]
pub(super) struct Locks {
    table: LockTable,
    stripes: Vec<Mutex<()>>,
    wait_max: Duration,
}

/// The right to change what one name stands for. Dropped, it is given up.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    locks: &'a Locks,
    name: LockName,
    _stripe: Option<MutexGuard<'a, ()>>,
}

/// The right to change what two names stand for.
#[derive(Debug)]
pub(super) struct TurnOfTwo<'a> {
    locks: &'a Locks,
    recorded: LockName,
    _turns: [Option<Turn<'a>>; 2],
}

impl Locks {
    /// Makes the table of a new run.
    pub(super) fn create() -> io::Result<Self> {
        LockTable::create().map(Self::over)
    }

    /// Joins the table that another process has made.
    pub(super) fn join(file: OwnedFd) -> io::Result<Self> {
        LockTable::join(file).map(Self::over)
    }

    fn over(table: LockTable) -> Self {
        Self {
            table,
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            wait_max: WAIT_MAX,
        }
    }

    #[cfg(test)]
    pub(super) fn impatient(self) -> Self {
        Self {
            wait_max: Duration::ZERO,
            ..self
        }
    }

    pub(super) fn run(&self) -> ServerRun {
        self.table.run()
    }

    /// Takes the turn to change `key`; `None` where [`LockMode::Try`] would have to wait.
    pub(super) fn lock(&self, key: &Key, mode: LockMode) -> Result<Option<Turn<'_>>, Error> {
        let name = LockName::of(key);
        self.wait_for(key, mode, || {
            let stripe = self.try_stripe(name);
            stripe.map_or(Ok(None), |stripe| self.try_bucket(name, Some(stripe)))
        })
    }

    /// Takes the turns to change two names at once. The change will be recorded for the first of them.
    pub(super) fn lock_both(&self, recorded: &Key, other: &Key) -> Result<TurnOfTwo<'_>, Error> {
        let (recorded_name, other_name) = (LockName::of(recorded), LockName::of(other));
        let locked = self.wait_for(recorded, LockMode::Block, || {
            self.try_lock_both(recorded_name, other_name)
        });
        let turns = locked?.ok_or(Error::Busy)?;
        Ok(TurnOfTwo {
            locks: self,
            recorded: recorded_name,
            _turns: turns,
        })
    }

    fn wait_for<T>(
        &self,
        key: &Key,
        mode: LockMode,
        mut try_lock: impl FnMut() -> Result<Option<T>, Errno>,
    ) -> Result<Option<T>, Error> {
        let started = Instant::now();
        loop {
            if let Some(turn) = try_lock()? {
                return Ok(Some(turn));
            }
            if mode == LockMode::Try {
                return Ok(None);
            }
            let waited = started.elapsed();
            if waited >= self.wait_max {
                tracing::warn!(%key, ?waited, "another change of this name holds its lock; this one is refused");
                return Err(Error::Busy);
            }
            thread::sleep(PAUSE);
        }
    }

    /// The order of the two locks is always the same, and neither is held while the other is waited for.
    fn try_lock_both(&self, one: LockName, other: LockName) -> Result<Option<[Option<Turn<'_>>; 2]>, Errno> {
        let (low, high) = if order(one) <= order(other) {
            (one, other)
        } else {
            (other, one)
        };
        let Some(stripe) = self.try_stripe(low) else {
            return Ok(None);
        };
        let Some(first) = self.try_bucket(low, Some(stripe))? else {
            return Ok(None);
        };
        if low.bucket == high.bucket {
            return Ok(Some([Some(first), None]));
        }
        let stripe = match self.try_stripe(high) {
            _ if stripe_of(low) == stripe_of(high) => None,
            Some(stripe) => Some(stripe),
            None => return Ok(None),
        };
        let second = self.try_bucket(high, stripe)?;
        // The array is dropped in order: the lower name holds the stripe that both may share, so it goes
        // last.
        Ok(second.map(|second| [Some(second), Some(first)]))
    }

    fn try_stripe(&self, name: LockName) -> Option<MutexGuard<'_, ()>> {
        match self.stripes[stripe_of(name)].try_lock() {
            Ok(stripe) => Some(stripe),
            Err(TryLockError::WouldBlock) => None,
            // The mutex guards no data that a panic could have left half done.
            Err(TryLockError::Poisoned(stripe)) => Some(stripe.into_inner()),
        }
    }

    /// `stripe` is `None` where the caller holds it already.
    fn try_bucket<'a>(
        &'a self,
        name: LockName,
        stripe: Option<MutexGuard<'a, ()>>,
    ) -> Result<Option<Turn<'a>>, Errno> {
        let is_free = self.table.try_lock(name)?;
        Ok(is_free.then_some(stripe).map(|stripe| Turn {
            locks: self,
            name,
            _stripe: stripe,
        }))
    }
}

impl AsFd for Locks {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.table.as_fd()
    }
}

impl Turn<'_> {
    /// Whether a change of this name that was asked for later than `ticket` has taken effect already.
    pub(super) fn is_overtaken(&self, ticket: Ticket) -> Result<bool, Errno> {
        self.locks.table.is_overtaken(self.name, ticket)
    }

    /// Records a change that has just taken effect.
    pub(super) fn record(&self, ticket: Ticket) -> Result<(), Errno> {
        self.locks.table.record(self.name, ticket)
    }
}

impl TurnOfTwo<'_> {
    /// Records a change of the first name that has just taken effect.
    pub(super) fn record(&self, ticket: Ticket) -> Result<(), Errno> {
        self.locks.table.record(self.recorded, ticket)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.locks.table.unlock(self.name) {
            tracing::error!(%error, "a lock cannot be given up");
        }
    }
}

/// The order in which the locks of several names are taken.
fn order(name: LockName) -> (usize, u64) {
    (stripe_of(name), name.bucket)
}

fn stripe_of(name: LockName) -> usize {
    usize::try_from(name.bucket).unwrap_or(0) % STRIPES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::key;

    /// The same table as another process has it.
    fn another(locks: &Locks) -> Locks {
        Locks::join(locks.as_fd().try_clone_to_owned().unwrap())
            .unwrap()
            .impatient()
    }

    #[test]
    fn a_name_is_locked_for_this_process_and_for_others_and_other_names_are_not() {
        let locks = Locks::create().unwrap().impatient();
        let other = another(&locks);
        let turn = locks.lock(&key("a/b"), LockMode::Block).unwrap().unwrap();
        for table in [&locks, &other] {
            assert!(table.lock(&key("a/b"), LockMode::Try).unwrap().is_none());
            assert!(matches!(
                table.lock(&key("a/b"), LockMode::Block),
                Err(Error::Busy)
            ));
            assert!(table.lock(&key("a/c"), LockMode::Try).unwrap().is_some());
        }
        drop(turn);
        for table in [&locks, &other] {
            assert!(table.lock(&key("a/b"), LockMode::Try).unwrap().is_some());
        }
    }

    #[test]
    fn two_names_are_locked_at_once_whichever_comes_first_and_whatever_they_share() {
        let locks = Locks::create().unwrap().impatient();
        let (other, third) = (another(&locks), another(&locks));
        let first = LockName::of(&key("a"));
        let numbered = || (0_u32..).map(|number| key(&number.to_string()));
        let same_bucket = numbered().find(|key| LockName::of(key).bucket == first.bucket);
        let same_stripe = numbered().find(|key| {
            let name = LockName::of(key);
            stripe_of(name) == stripe_of(first) && name.bucket != first.bucket
        });
        for second in [key("b"), same_bucket.unwrap(), same_stripe.unwrap()] {
            for (one, two) in [(&key("a"), &second), (&second, &key("a"))] {
                let turns = locks.lock_both(one, two).unwrap();
                for table in [&locks, &other] {
                    assert!(table.lock(one, LockMode::Try).unwrap().is_none());
                    assert!(table.lock(two, LockMode::Try).unwrap().is_none());
                    assert!(matches!(table.lock_both(two, one), Err(Error::Busy)));
                }
                turns.record(Ticket(7)).unwrap();
                drop(turns);
                for table in [&locks, &other] {
                    let turn = table.lock(one, LockMode::Try).unwrap().unwrap();
                    assert!(turn.is_overtaken(Ticket(6)).unwrap());
                    drop(turn);
                    assert!(table.lock(two, LockMode::Try).unwrap().is_some());
                }
                // One that cannot have both has neither.
                let held = other.lock(one, LockMode::Try).unwrap().unwrap();
                assert!(matches!(locks.lock_both(two, one), Err(Error::Busy)));
                if LockName::of(one).bucket != LockName::of(two).bucket {
                    assert!(third.lock(two, LockMode::Try).unwrap().is_some());
                }
                drop(held);
            }
        }
    }

    #[test]
    fn a_change_is_overtaken_by_those_that_were_asked_for_later_and_by_no_others() {
        let locks = Locks::create().unwrap();
        let other = another(&locks);
        let turn = |name: &str| other.lock(&key(name), LockMode::Try).unwrap().unwrap();
        assert!(!turn("a").is_overtaken(Ticket(1)).unwrap());
        turn("a").record(Ticket(5)).unwrap();
        turn("a").record(Ticket(3)).unwrap();
        turn("b").record(Ticket(9)).unwrap();
        let seen = locks.lock(&key("a"), LockMode::Try).unwrap().unwrap();
        assert!(seen.is_overtaken(Ticket(4)).unwrap());
        assert!(!seen.is_overtaken(Ticket(5)).unwrap());
        assert!(!seen.is_overtaken(Ticket(6)).unwrap());
    }

    #[test]
    fn a_bucket_forgets_the_change_that_was_asked_for_first() {
        let locks = Locks::create().unwrap();
        let bucket = LockName::of(&key("a")).bucket;
        let same_bucket: Vec<_> = (0_u32..)
            .map(|number| key(&number.to_string()))
            .filter(|key| LockName::of(key).bucket == bucket)
            .take(table::RECORDS + 1)
            .collect();
        let turn = |key| locks.lock(key, LockMode::Try).unwrap().unwrap();
        for (ticket, key) in (10..).zip(&same_bucket) {
            turn(key).record(Ticket(ticket)).unwrap();
        }
        let overtaken: Vec<_> = same_bucket
            .iter()
            .map(|key| turn(key).is_overtaken(Ticket(1)).unwrap())
            .collect();
        assert_eq!(overtaken, [false, true, true, true, true]);
    }

    #[test]
    fn all_processes_of_a_server_know_the_same_run_and_another_server_another() {
        let locks = Locks::create().unwrap();
        assert_eq!(another(&locks).run(), locks.run());
        assert_ne!(Locks::create().unwrap().run(), locks.run());
    }

    #[test]
    fn a_file_that_is_no_table_is_refused() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(Locks::join(file.into()).is_err());
    }
}
