//! Removing objects and folders.

use rustix::fs::{AtFlags, FileType, statat, unlinkat};
use rustix::io::Errno;

use super::Disk;
use super::folders::Way;
use super::leaving::Leaving;
use super::locks::{Patience, Ticket};
use super::publish::present;
use crate::{Condition, Error, Key};

/// Removes the object, or the symbolic link, of this name.
pub(super) fn remove(disk: &Disk, key: &Key) -> Result<(), Error> {
    let ticket = Ticket::now();
    let way = parent(disk, key)?;
    let turn = disk.locks.lock(key, Patience::Wait)?.ok_or(Error::Busy)?;
    let found = match statat(&way.folder, key.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) if disk.root.is_gone() => return Err(Error::Gone),
        found => found?,
    };
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Error::IsAFolder),
        // A link that leads out, or nowhere, may go like any other; one to a folder is a folder to everybody who asks.
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
    let leaving = Leaving::hold(&way.folder, key.file_name());
    unlinkat(&way.folder, key.file_name(), AtFlags::empty())?;
    turn.record(ticket)?;
    drop(turn);
    leaving.settle(&way)
}

/// Removes the folder of this name if it is empty. A symbolic link to a folder is none.
pub(super) fn remove_dir(disk: &Disk, key: &Key) -> Result<(), Error> {
    let way = parent(disk, key)?;
    let leaving = Leaving::hold(&way.folder, key.file_name());
    match unlinkat(&way.folder, key.file_name(), AtFlags::REMOVEDIR) {
        Err(Errno::NOENT) if disk.root.is_gone() => return Err(Error::Gone),
        // What some file systems say instead of ENOTEMPTY.
        Err(Errno::EXIST) => return Err(Error::NotEmpty),
        // Another disk is mounted there.
        Err(Errno::BUSY) => return Err(Error::Forbidden),
        removed => removed?,
    }
    leaving.settle(&way)
}

/// The way to what exists: a parent that is no folder means that there is nothing.
pub(super) fn parent<'a>(disk: &'a Disk, key: &Key) -> Result<Way<'a>, Error> {
    match Way::find(disk, key.parent().as_ref()) {
        Err(Error::NotAFolder) => Err(Error::NotFound),
        found => found,
    }
}
