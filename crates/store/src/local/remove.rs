//! Removing objects and folders.

use rustix::fs::{AtFlags, FileType, statat, unlinkat};
use rustix::io::Errno;

use super::Disk;
use super::displaced::Displaced;
use super::locks::{LockMode, Ticket};
use super::parent_dirs::ParentDirs;
use super::publish::present;
use crate::{Condition, Error, Key};

/// Removes the object, or the symbolic link, of this name.
pub(super) fn remove(disk: &Disk, key: &Key) -> Result<(), Error> {
    let ticket = Ticket::now();
    let parents = parent(disk, key)?;
    let turn = disk.locks.lock(key, LockMode::Block)?.ok_or(Error::Busy)?;
    let found = match statat(&parents.folder, key.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) if disk.root.is_gone() => return Err(Error::Gone),
        found => found?,
    };
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Error::IsAFolder),
        // A link that leads out, or nowhere, is removed like any other. A link to a folder counts as a
        // folder.
        FileType::Symlink
            if matches!(
                present(&disk.root, key, &Condition::Always),
                Err(Error::IsAFolder)
            ) =>
        {
            return Err(Error::IsAFolder);
        }
        FileType::Symlink => {}
        _ => return Err(Error::Forbidden),
    }
    let displaced = Displaced::hold(&parents.folder, key.file_name());
    unlinkat(&parents.folder, key.file_name(), AtFlags::empty())?;
    turn.record(ticket)?;
    drop(turn);
    displaced.settle(&parents)
}

/// Removes the folder of this name if it is empty. A symbolic link to a folder is none.
pub(super) fn remove_dir(disk: &Disk, key: &Key) -> Result<(), Error> {
    let parents = parent(disk, key)?;
    let displaced = Displaced::hold(&parents.folder, key.file_name());
    match unlinkat(&parents.folder, key.file_name(), AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) if disk.root.is_gone() => return Err(Error::Gone),
        // Some file systems return this instead of ENOTEMPTY.
        Err(Errno::EXIST) => return Err(Error::NotEmpty),
        // Another disk is mounted there.
        Err(Errno::BUSY) => return Err(Error::Forbidden),
        removed => removed?,
    }
    displaced.settle(&parents)
}

/// The parent folders of a name that should exist. Where a parent is no folder, there is no such name.
pub(super) fn parent<'a>(disk: &'a Disk, key: &Key) -> Result<ParentDirs<'a>, Error> {
    match ParentDirs::find(disk, key.parent().as_ref()) {
        Err(Error::NotAFolder) => Err(Error::NotFound),
        found => found,
    }
}
