//! Exclusive locks (`flock`) among all threads, processes and servers that share a root: on a folder while its names change,
//! on a file while it is in flight. They end with the descriptor, however a process ends.

use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

use crate::Error;

/// The longest wait for a folder's lock. Ours is held for the few calls of a publication; only another program could hold it
/// so long, and then the operation fails rather than hang.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(10);

/// The pause between two tries to lock: short beside a publication, so that taking turns costs little.
const LOCK_PAUSE: Duration = Duration::from_micros(200);

/// What to do while somebody else holds the folder's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// Wait, at most [`LOCK_WAIT_MAX`].
    Wait,
    /// Come back later.
    Return,
}

/// Locks a folder until its descriptor is closed; false where that would take waiting, and nobody wants to. On a file system
/// without locks, conditions are checked without one.
pub(super) fn lock(folder: impl AsFd, patience: Patience) -> Result<bool, Error> {
    let started = Instant::now();
    while !try_lock(&folder)? {
        if patience == Patience::Return {
            return Ok(false);
        }
        if started.elapsed() > LOCK_WAIT_MAX {
            return Err(Error::Busy);
        }
        thread::sleep(LOCK_PAUSE);
    }
    Ok(true)
}

/// Locks a file or folder if that is possible at once. On a file system without locks it passes for locked: conditions are
/// checked without one then, and nothing is swept.
pub(super) fn try_lock(file: impl AsFd) -> Result<bool, Errno> {
    match retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(Errno::OPNOTSUPP | Errno::NOLCK | Errno::NOSYS) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// Before a folder is synced, so that nobody waits for the disk.
pub(super) fn unlock(folder: impl AsFd) {
    let _closing_unlocks_too = flock(folder, FlockOperation::Unlock);
}
