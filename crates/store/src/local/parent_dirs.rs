//! The folders that lead to a name. They are made where they are missing, removed again where the upload
//! fails, and on the disk before the upload is acknowledged.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags, StatxFlags, fsync, mkdirat, openat, statx, unlinkat};
use rustix::io::{Errno, retry_on_intr};

use super::Disk;
use super::displaced::discard_folder;
use super::medium::Care;
use super::root::{OpenPurpose, Root};
use crate::{Error, Key};

/// How many folders are remembered as synced, some hundred bytes each. Then all are forgotten, which costs a
/// sync of each when it is next used.
const SETTLED_MAX: usize = 4096;

/// The permissions that a new folder asks for; the umask takes some of them away.
const NEW_FOLDER: u32 = 0o777;

/// The folders whose entries, and those of their parents, this process has synced. A folder that existed
/// already is not among them at first: another upload, or another program, may have made it a moment ago.
#[derive(Debug, Default)]
pub(super) struct SyncedDirs(Mutex<HashMap<Key, FolderIdentity>>);

/// Tells a folder from another one of the same name, even in the same inode: its device, inode and time of
/// birth.
type FolderIdentity = (u32, u32, u64, i64, u32);

impl SyncedDirs {
    fn knows(&self, key: &Key, identity: Option<FolderIdentity>) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        identity.is_some() && known.get(key).copied() == identity
    }

    fn learn(&self, key: &Key, identity: Option<FolderIdentity>) {
        let Some(identity) = identity else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SETTLED_MAX {
            known.clear();
        }
        known.insert(key.clone(), identity);
    }
}

/// The folders that lead to a name. Folders that had to be made are removed again on drop, unless
/// [`Self::keep`] is called.
pub(super) struct ParentDirs<'a> {
    disk: &'a Disk,
    pub(super) folder: Arc<OwnedFd>,
    /// The care that uploads take on the file system of the folder.
    pub(super) care: Care,
    /// The folders that were made, from the root on.
    made: Vec<Key>,
}

impl<'a> ParentDirs<'a> {
    /// The folders that lead to the contents of `folder`, which must exist; `None` is the root.
    pub(super) fn find(disk: &'a Disk, folder: Option<&Key>) -> Result<Self, Error> {
        Self::over(disk, disk.root.find(folder, OpenPurpose::Folder)?, folder)
    }

    /// The same for a folder that is open already as `found`.
    pub(super) fn over(disk: &'a Disk, found: OwnedFd, folder: Option<&Key>) -> Result<Self, Error> {
        Self::starting(disk, found)?.settled(folder)
    }

    /// The same, with folders made where they are missing.
    pub(super) fn make(disk: &'a Disk, folder: Option<&Key>) -> Result<Self, Error> {
        let mut missing = Vec::new();
        let mut nearest = folder.cloned();
        let start = loop {
            match (disk.root.find(nearest.as_ref(), OpenPurpose::Folder), nearest) {
                (Err(Error::NotFound), Some(folder)) => {
                    nearest = folder.parent();
                    missing.push(folder);
                }
                (found, _) => break found?,
            }
        };
        let mut parents = Self::starting(disk, start)?;
        while let Some(folder) = missing.pop() {
            parents.step(folder)?;
        }
        parents.settled(folder)
    }

    fn starting(disk: &'a Disk, folder: OwnedFd) -> Result<Self, Error> {
        Ok(Self {
            disk,
            care: disk.care_for(&folder)?,
            folder: Arc::new(folder),
            made: Vec::new(),
        })
    }

    /// Makes a folder and enters it. A folder that was made by another upload in the meantime is used, but a
    /// link in its place is not followed.
    fn step(&mut self, key: Key) -> Result<(), Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let here = Arc::clone(&self.folder);
        let made = match mkdirat(&here, key.file_name(), Mode::from_raw_mode(NEW_FOLDER)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(errno.into()),
        };
        let inner = openat(&here, key.file_name(), flags, Mode::empty());
        if made {
            self.made.push(key);
        }
        self.folder = Arc::new(inner.map_err(|errno| match errno {
            Errno::LOOP => Error::NotAFolder,
            other => other.into(),
        })?);
        Ok(())
    }

    /// Syncs the entries of all these folders, unless this process knows them to be on the disk.
    fn settled(self, folder: Option<&Key>) -> Result<Self, Error> {
        let Some(key) = folder.filter(|_| self.care.syncs_names()) else {
            return Ok(self);
        };
        let identity = identity(&self.folder);
        if self.disk.settled.knows(key, identity) {
            return Ok(self);
        }
        // The folder is synced before its name, like a file: without a journal, a repair cannot handle an
        // entry whose folder is not on the disk.
        if self.care.syncs_freed() {
            sync(&self.folder)?;
        }
        let mut above: Vec<_> = std::iter::successors(key.parent(), Key::parent)
            .map(Some)
            .collect();
        above.push(None);
        for folder in &above {
            match self.disk.root.find(folder.as_ref(), OpenPurpose::Folder) {
                Ok(folder) => sync(&folder)?,
                // This folder can be passed through but not opened, so this server has made no entry in it.
                Err(Error::Forbidden) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        self.disk.settled.learn(key, identity);
        Ok(self)
    }

    /// Syncs the entries of the folder itself, if uploads are synced here.
    pub(super) fn sync(&self) -> Result<(), Error> {
        if self.care.syncs_names() {
            sync(&self.folder)
        } else {
            Ok(())
        }
    }

    pub(super) fn keep(mut self) {
        self.made.clear();
    }

    fn discard(&self, made: &Key) -> Result<(), Error> {
        let purpose = if self.care.syncs_freed() {
            OpenPurpose::Folder
        } else {
            OpenPurpose::FolderFacts
        };
        let parent = self.disk.root.find(made.parent().as_ref(), purpose)?;
        if self.care.syncs_freed() {
            Ok(discard_folder(&parent, made.file_name())?)
        } else {
            Ok(unlinkat(&parent, made.file_name(), AtFlags::REMOVEDIR)?)
        }
    }
}

impl Drop for ParentDirs<'_> {
    fn drop(&mut self) {
        for key in self.made.iter().rev() {
            // A folder that another upload uses by now is not empty and stays.
            let _unless_in_use = self.discard(key);
        }
    }
}

/// Makes one folder, and syncs it if uploads are synced here.
pub(super) fn make_dir(disk: &Disk, key: &Key) -> Result<(), Error> {
    let above = parent(&disk.root, key, OpenPurpose::FolderFacts)?;
    let mut parents = ParentDirs::starting(disk, above)?;
    match mkdirat(&parents.folder, key.file_name(), Mode::from_raw_mode(NEW_FOLDER)) {
        Err(Errno::NOENT) if disk.root.is_gone() => return Err(Error::Gone),
        made => made?,
    }
    parents.made.push(key.clone());
    parents.folder = Arc::new(disk.root.find(Some(key), OpenPurpose::Folder)?);
    parents.settled(Some(key))?.keep();
    Ok(())
}

/// The folder that a name lies in, which must be there.
pub(super) fn parent(root: &Root, key: &Key, purpose: OpenPurpose) -> Result<OwnedFd, Error> {
    match root.find(key.parent().as_ref(), purpose) {
        Err(Error::NotFound) => Err(Error::NoParent),
        found => found,
    }
}

/// The folder itself or, where it does not exist yet, the nearest folder above it that does.
pub(super) fn nearest(root: &Root, folder: Option<Key>) -> Result<OwnedFd, Error> {
    let mut folder = folder;
    loop {
        match root.find(folder.as_ref(), OpenPurpose::FolderFacts) {
            Err(Error::NotFound) if folder.is_some() => folder = folder.and_then(|folder| folder.parent()),
            found => return found,
        }
    }
}

fn sync(folder: impl AsFd) -> Result<(), Error> {
    match retry_on_intr(|| fsync(&folder)) {
        // A file system on which folders are not synced apart from their files.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        done => Ok(done?),
    }
}

/// Identifies the folder; `None` where the system does not tell.
fn identity(folder: impl AsFd) -> Option<FolderIdentity> {
    let mask = StatxFlags::INO | StatxFlags::BTIME;
    let facts = statx(folder, "", AtFlags::EMPTY_PATH, mask).ok()?;
    if facts.stx_mask & mask.bits() != mask.bits() {
        return None;
    }
    let birth = facts.stx_btime;
    Some((
        facts.stx_dev_major,
        facts.stx_dev_minor,
        facts.stx_ino,
        birth.tv_sec,
        birth.tv_nsec,
    ))
}
