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

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use rustix::fs::{
    CWD, MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, fstat, ftruncate, memfd_create, openat,
};
use rustix::io::{Errno, pread, pwrite};
use rustix::time::{ClockId, clock_gettime};

use super::descriptor_path;
use crate::{Error, Key};

/// The longest wait for a lock. A lock is held for the few calls of a publication, so only a worker that was
/// stopped in the middle of one can hold it for so long. Then the operation is refused, and does not hang.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The pause between two tries to lock. It is short beside a publication, so that waiting costs little.
const PAUSE: Duration = Duration::from_micros(200);

const BUCKETS: u64 = 1 << 14;
/// How many names of one bucket are remembered. A further name takes the place of the one that changed first.
const RECORDS: usize = 4;
const RECORD_BYTES: usize = 24;
const BUCKET_BYTES: usize = RECORDS * RECORD_BYTES;
const RUN_BYTES: usize = 16;
const FILE_BYTES: u64 = RUN_BYTES as u64 + BUCKETS * BUCKET_BYTES as u64;
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

/// When a change was asked for, on the clock that all processes of a machine share. For an upload, when its
/// last byte had arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

impl Ticket {
    /// Nanoseconds since the machine started, which never go back.
    pub(super) fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    }
}

/// One run of a server, from the opening of its root to the end of its last process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerRun(pub(super) u128);

/// The locks and records of all names beneath a root.
#[derive(Debug)]
pub(super) struct Locks {
    file: OwnedFd,
    run: ServerRun,
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

/// A key as the table knows it.
#[derive(Debug, Clone, Copy)]
struct LockName {
    id: [u8; 16],
    bucket: u64,
}

impl Locks {
    /// A new table, for a new run.
    pub(super) fn create() -> io::Result<Self> {
        let file = memfd_create("haul-locks", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, FILE_BYTES)?;
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let run = super::random()?;
        pwrite(&file, &run.to_ne_bytes(), 0)?;
        Self::over(file)
    }

    /// The table that another process has made.
    pub(super) fn join(file: OwnedFd) -> io::Result<Self> {
        // A descriptor that was passed on shares its description, and so its locks, with the one that passed
        // it.
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        match openat(CWD, descriptor_path(&file), flags, Mode::empty()) {
            Ok(own) => Self::over(own),
            Err(error) => {
                tracing::warn!(%error, "without /proc, workers do not wait for each other at one name");
                Self::over(file)
            }
        }
    }

    fn over(file: OwnedFd) -> io::Result<Self> {
        let mut run = [0; RUN_BYTES];
        if u64::try_from(fstat(&file)?.st_size) != Ok(FILE_BYTES)
            || pread(&file, &mut run[..], 0)? != RUN_BYTES
        {
            return Err(Errno::INVAL.into());
        }
        Ok(Self {
            file,
            run: ServerRun(u128::from_ne_bytes(run)),
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            wait_max: WAIT_MAX,
        })
    }

    #[cfg(test)]
    pub(super) fn impatient(self) -> Self {
        Self {
            wait_max: Duration::ZERO,
            ..self
        }
    }

    pub(super) fn run(&self) -> ServerRun {
        self.run
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
        let (low, high) = if one.order() <= other.order() {
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
            _ if low.stripe() == high.stripe() => None,
            Some(stripe) => Some(stripe),
            None => return Ok(None),
        };
        let second = self.try_bucket(high, stripe)?;
        // The array is dropped in order: the lower name holds the stripe that both may share, so it goes
        // last.
        Ok(second.map(|second| [Some(second), Some(first)]))
    }

    fn try_stripe(&self, name: LockName) -> Option<MutexGuard<'_, ()>> {
        match self.stripes[name.stripe()].try_lock() {
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
        match self.set_lock(name, libc::F_WRLCK) {
            Ok(()) => Ok(Some(Turn {
                locks: self,
                name,
                _stripe: stripe,
            })),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    fn set_lock(&self, name: LockName, kind: libc::c_int) -> Result<(), Errno> {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "the kinds are small, and the table has 2 MB at most"
        )]
        let lock = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: name.offset() as libc::off_t,
            l_len: 1,
            l_pid: 0,
        };
        match fcntl(&self.file, FcntlArg::F_OFD_SETLK(&lock)) {
            Ok(_) => Ok(()),
            Err(errno) => Err(Errno::from_raw_os_error(errno as i32)),
        }
    }

    /// Records the last change of a name, whose turn the caller holds.
    fn record(&self, name: LockName, ticket: Ticket) -> Result<(), Errno> {
        let mut bucket = self.read(name)?;
        let known = bucket.iter_mut().find(|record| record.id == name.id);
        match known {
            Some(record) => record.ticket = record.ticket.max(ticket.0),
            None => {
                let first = bucket.iter_mut().min_by_key(|record| record.ticket);
                if let Some(record) = first {
                    *record = LastChange {
                        id: name.id,
                        ticket: ticket.0,
                    };
                }
            }
        }
        self.write(name, &bucket)
    }

    fn read(&self, name: LockName) -> Result<[LastChange; RECORDS], Errno> {
        let mut bytes = [0; BUCKET_BYTES];
        if pread(&self.file, &mut bytes[..], name.offset())? != BUCKET_BYTES {
            return Err(Errno::IO);
        }
        let mut records = [LastChange::default(); RECORDS];
        for (record, bytes) in records.iter_mut().zip(bytes.chunks_exact(RECORD_BYTES)) {
            let (id, ticket) = bytes.split_at(16);
            record.id.copy_from_slice(id);
            record.ticket = ticket
                .iter()
                .rev()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        }
        Ok(records)
    }

    fn write(&self, name: LockName, records: &[LastChange; RECORDS]) -> Result<(), Errno> {
        let mut bytes = [0; BUCKET_BYTES];
        for (record, bytes) in records.iter().zip(bytes.chunks_exact_mut(RECORD_BYTES)) {
            let (id, ticket) = bytes.split_at_mut(16);
            id.copy_from_slice(&record.id);
            ticket.copy_from_slice(&record.ticket.to_le_bytes());
        }
        pwrite(&self.file, &bytes, name.offset())?;
        Ok(())
    }
}

impl AsFd for Locks {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Turn<'_> {
    /// Whether a change of this name that was asked for later than `ticket` has taken effect already.
    pub(super) fn is_overtaken(&self, ticket: Ticket) -> Result<bool, Errno> {
        let bucket = self.locks.read(self.name)?;
        Ok(bucket
            .iter()
            .any(|record| record.id == self.name.id && record.ticket > ticket.0))
    }

    /// Records a change that has just taken effect.
    pub(super) fn record(&self, ticket: Ticket) -> Result<(), Errno> {
        self.locks.record(self.name, ticket)
    }
}

impl TurnOfTwo<'_> {
    /// Records a change of the first name that has just taken effect.
    pub(super) fn record(&self, ticket: Ticket) -> Result<(), Errno> {
        self.locks.record(self.recorded, ticket)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.locks.set_lock(self.name, libc::F_UNLCK) {
            tracing::error!(%error, "a lock cannot be given up");
        }
    }
}

/// The last change of one name. All zero means that there was none.
#[derive(Debug, Clone, Copy, Default)]
struct LastChange {
    id: [u8; 16],
    ticket: u64,
}

impl LockName {
    fn of(key: &Key) -> Self {
        let digest = blake3::hash(key.as_str().as_bytes());
        let (id, rest) = digest.as_bytes().split_at(16);
        let mut name = Self {
            id: [0; 16],
            bucket: (u64::from(rest[0]) << 8 | u64::from(rest[1])) % BUCKETS,
        };
        name.id.copy_from_slice(id);
        name
    }

    fn offset(self) -> u64 {
        RUN_BYTES as u64 + self.bucket * BUCKET_BYTES as u64
    }

    /// The order in which the locks of several names are taken.
    fn order(self) -> (usize, u64) {
        (self.stripe(), self.bucket)
    }

    fn stripe(self) -> usize {
        usize::try_from(self.bucket).unwrap_or(0) % STRIPES
    }
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
            name.stripe() == first.stripe() && name.bucket != first.bucket
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
            .take(RECORDS + 1)
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
