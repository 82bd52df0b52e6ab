//! From a file in flight to an object: the conditions, the folders on the way, and the one step that makes it visible.
//!
//! Everything that changes which object a name belongs to happens under an exclusive lock on the name's folder, so that a
//! condition is checked and acted upon as one step among all workers, processes and servers that share the root. Other
//! programs do not know of the lock; against them, `Absent` is atomic all the same and `Matches` is not.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::{
    Access, AtFlags, FileType, Mode, OFlags, StatxFlags, Timespec, Timestamps, UTIME_OMIT, accessat, fchmod,
    fsync, futimens, mkdirat, openat, statat, statx, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use super::facts::{Facts, keep_digest};
use super::flight::{Flight, Hiding, Landing};
use super::lock::{Patience, lock, unlock};
use super::root::{Purpose, Root};
use super::{Disk, Durability};
use crate::types::Stamp;
use crate::{Commit, Condition, Error, Key, Meta};

/// How often a landing starts over because another program removes the folders on the way as fast as they are made.
const LANDING_TRIES_MAX: usize = 8;

/// What an upload is for.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) key: Key,
    pub(super) condition: Condition,
}

/// How far a publication came.
#[derive(Debug)]
pub(super) enum Outcome {
    Published(Meta),
    /// Somebody else holds the folder's lock, and nothing has been done.
    Busy,
}

/// Opens a file in flight for `target`, after refusing what can be refused already. Makes no folders.
pub(super) fn take_off(disk: &Disk, target: &Target) -> Result<Flight, Error> {
    target.condition.admits(
        present(&disk.root, &target.key)?
            .map(|facts| facts.etag())
            .as_deref(),
    )?;
    let folder = Arc::new(nearest_folder(&disk.root, target.key.parent())?);
    if disk.hiding == Hiding::Unnamed
        && let Some(flight) = Flight::unnamed(&folder)?
    {
        return Ok(flight);
    }
    let top = disk.root.folder();
    let waypoint = if is_waypoint(top, &folder) { top } else { &folder };
    Flight::named(waypoint)
}

/// Everything that is done to the file before anybody can see it.
pub(super) fn seal(disk: &Disk, flight: &Flight, given: &Commit, now: SystemTime) -> Result<(), Error> {
    let Stamp { seconds, nanoseconds } = given.modified.unwrap_or(now).into();
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds.into(),
        },
    };
    // The system's own times tick too slowly to tell one version from the next; where ours are refused, they have to do.
    let _etags_are_weaker_without = futimens(flight.file(), &times);
    if let Some(digest) = &given.digest {
        keep_digest(flight.file(), digest)?;
    }
    // After the attribute, which takes the permission to write.
    if let Some(mode) = given.mode {
        fchmod(flight.file(), Mode::from_raw_mode(mode & 0o777))?;
    }
    if disk.durability == Durability::Synced {
        retry_on_intr(|| fsync(flight.file()))?;
    }
    Ok(())
}

/// Publishes a sealed file under its key, in one step. When the folder cannot be synced afterwards, that is an error although
/// the object is in place: nobody may rely on it.
pub(super) fn land(
    disk: &Disk,
    flight: &mut Flight,
    target: &Target,
    given: &Commit,
    patience: Patience,
) -> Result<Outcome, Error> {
    let mut vanished = Error::NotFound;
    for _ in 0..LANDING_TRIES_MAX {
        match land_once(disk, flight, target, given, patience) {
            Err(Error::NotFound) if !disk.root.is_gone() => vanished = Error::Io(Errno::NOENT.into()),
            Err(Error::NotFound) => return Err(Error::Gone),
            done => return done,
        }
    }
    Err(vanished)
}

/// Removes the object, or the symbolic link, of this name.
pub(super) fn remove(disk: &Disk, key: &Key) -> Result<(), Error> {
    let folder = match disk.root.find(key.parent().as_ref(), Purpose::Folder) {
        Err(Error::NotAFolder) => Err(Error::NotFound),
        found => found,
    }?;
    lock(&folder, Patience::Wait)?;
    let found = match statat(&folder, key.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) if disk.root.is_gone() => return Err(Error::Gone),
        found => found?,
    };
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Error::IsAFolder),
        // A link that leads out, or nowhere, may go like any other; one to a folder is a folder to everybody who asks.
        FileType::Symlink if matches!(present(&disk.root, key), Err(Error::IsAFolder)) => {
            return Err(Error::IsAFolder);
        }
        FileType::Symlink => {}
        _ => return Err(Error::Forbidden),
    }
    unlinkat(&folder, key.file_name(), AtFlags::empty())?;
    unlock(&folder);
    sync_folder(disk, &folder)
}

/// Removes the folder of this name if it is empty. A symbolic link to a folder is none.
pub(super) fn remove_dir(disk: &Disk, key: &Key) -> Result<(), Error> {
    let parent = match disk.root.find(key.parent().as_ref(), Purpose::Folder) {
        Err(Error::NotAFolder) => Err(Error::NotFound),
        found => found,
    }?;
    match unlinkat(&parent, key.file_name(), AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) if disk.root.is_gone() => return Err(Error::Gone),
        // What some file systems say instead of ENOTEMPTY.
        Err(Errno::EXIST) => return Err(Error::NotEmpty),
        // Another disk is mounted there.
        Err(Errno::BUSY) => return Err(Error::Forbidden),
        removed => removed?,
    }
    sync_folder(disk, &parent)
}

fn land_once(
    disk: &Disk,
    flight: &mut Flight,
    target: &Target,
    given: &Commit,
    patience: Patience,
) -> Result<Outcome, Error> {
    let key = &target.key;
    let way = Way::to(disk, target)?;
    if !lock(&way.folder, patience)? {
        return Ok(Outcome::Busy);
    }
    let present = present(&disk.root, key)?;
    target
        .condition
        .admits(present.map(|facts| facts.etag()).as_deref())?;
    if let (Some(present), None) = (&present, given.mode) {
        // Before anybody can see it: what was private stays private.
        fchmod(flight.file(), Mode::from_raw_mode(present.mode))?;
    }
    let waypoints = [disk.root.folder(), &way.folder];
    let landing = if present.is_some() {
        Landing::Instead
    } else {
        Landing::Beside
    };
    match flight.land(&way.folder, key.file_name(), landing, &waypoints) {
        // A link that leads nowhere has the name, or another program was faster.
        Err(Errno::EXIST) if target.condition == Condition::Always => {
            flight.land(&way.folder, key.file_name(), Landing::Instead, &waypoints)?;
        }
        done => done?,
    }
    let meta = Facts::of(flight.file())?.meta(given.digest);
    unlock(&way.folder);
    sync_folder(disk, &way.folder)?;
    way.keep();
    Ok(Outcome::Published(meta))
}

/// The object that a name leads to.
fn present(root: &Root, key: &Key) -> Result<Option<Facts>, Error> {
    match root.find(Some(key), Purpose::Facts) {
        Ok(found) => Facts::of_object(found).map(Some),
        Err(Error::NotFound) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// The folder itself or, as far as there is none yet, the one that it will be made in.
fn nearest_folder(root: &Root, folder: Option<Key>) -> Result<OwnedFd, Error> {
    let mut folder = folder;
    loop {
        match root.find(folder.as_ref(), Purpose::FolderFacts) {
            Err(Error::NotFound) if folder.is_some() => folder = folder.and_then(|folder| folder.parent()),
            found => return found,
        }
    }
}

/// Whether a file in flight may wait in `top` for its way to `folder`: only within one mount can it be renamed, and only if the
/// server may write there.
fn is_waypoint(top: &OwnedFd, folder: &OwnedFd) -> bool {
    let mount = |folder: &OwnedFd| {
        let facts = statx(folder, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
        Some((facts.stx_dev_major, facts.stx_dev_minor, facts.stx_mnt_id))
    };
    may_write(top).is_ok() && mount(top) == mount(folder)
}

/// Whether this process may make entries in a folder, or why not.
pub(super) fn may_write(folder: impl AsFd) -> Result<(), Errno> {
    accessat(folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
}

fn sync_folder(disk: &Disk, folder: &OwnedFd) -> Result<(), Error> {
    if disk.durability == Durability::Buffered {
        return Ok(());
    }
    match retry_on_intr(|| fsync(folder)) {
        // A file system on which folders are not synced apart from their files.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        done => Ok(done?),
    }
}

/// The folders that lead to a name. Those that had to be made are removed again unless the way is kept.
struct Way<'a> {
    disk: &'a Disk,
    folder: Arc<OwnedFd>,
    /// From the root on.
    made: Vec<Key>,
}

impl<'a> Way<'a> {
    fn to(disk: &'a Disk, target: &Target) -> Result<Self, Error> {
        let parent = target.key.parent();
        match disk.root.find(parent.as_ref(), Purpose::Folder) {
            Ok(folder) => Ok(Self {
                disk,
                folder: Arc::new(folder),
                made: Vec::new(),
            }),
            // There cannot be an object either, and no folder is made for an upload that will be refused.
            Err(Error::NotFound) if matches!(target.condition, Condition::Matches(_)) => {
                Err(Error::ConditionFailed)
            }
            Err(Error::NotFound) => Self::make(disk, parent),
            Err(refusal) => Err(refusal),
        }
    }

    fn make(disk: &'a Disk, folder: Option<Key>) -> Result<Self, Error> {
        let mut missing = Vec::new();
        let mut nearest = folder;
        let start = loop {
            match (disk.root.find(nearest.as_ref(), Purpose::Folder), nearest) {
                (Err(Error::NotFound), Some(folder)) => {
                    nearest = folder.parent();
                    missing.push(folder);
                }
                (found, _) => break found?,
            }
        };
        let mut way = Self {
            disk,
            folder: Arc::new(start),
            made: Vec::new(),
        };
        while let Some(folder) = missing.pop() {
            way.step(folder)?;
        }
        Ok(way)
    }

    /// Makes a folder and enters it. If somebody made it in the meantime it is used, but a link in its place is not followed.
    fn step(&mut self, key: Key) -> Result<(), Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let here = Arc::clone(&self.folder);
        let made = match mkdirat(&here, key.file_name(), Mode::from_raw_mode(0o777)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(errno.into()),
        };
        let inner = openat(&here, key.file_name(), flags, Mode::empty());
        if made {
            self.made.push(key);
            sync_folder(self.disk, &here)?;
        }
        self.folder = Arc::new(inner.map_err(|errno| match errno {
            Errno::LOOP => Error::NotAFolder,
            other => other.into(),
        })?);
        Ok(())
    }

    fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        for key in self.made.iter().rev() {
            if let Ok(folder) = self.disk.root.find(key.parent().as_ref(), Purpose::FolderFacts) {
                // Refused where another upload has arrived there, which is as it should be.
                let _unless_in_use = unlinkat(&folder, key.file_name(), AtFlags::REMOVEDIR);
            }
        }
    }
}
