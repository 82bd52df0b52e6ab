//! Objects that leave their name, because they are replaced or removed, and what a power cut must not make of
//! them on a disk without a journal.
//!
//! On such a disk the inode of a removed object may stay marked as used for half a minute, with blocks that
//! belong to another object by now. A repair after a power cut believes the inode and takes those blocks from
//! the other object. So the inode is synced, with the links that it has left, while the store still holds it
//! open and the system cannot use it again.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, syncfs, unlinkat};
use rustix::io::{Errno, retry_on_intr};

use super::descriptor_path;
use super::parent_dirs::ParentDirs;
use super::temp_file::ReservedName;
use crate::Error;

/// An object that leaves its name, held open until its folder is synced. Before that a power cut may bring
/// the entry back, and it would lead to the next use of the inode.
#[derive(Debug, Default)]
pub(super) struct Displaced {
    /// For a symbolic link, the link itself.
    held: Option<OwnedFd>,
    other_name: Option<ReservedName>,
}

impl Displaced {
    pub(super) fn hold(folder: impl AsFd, name: &str) -> Self {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self {
            held: openat(folder, name, flags, Mode::empty()).ok(),
            other_name: None,
        }
    }

    /// The same, and gives the object another name in `top`, or beside the first, for as long.
    pub(super) fn hold_by_name(top: &Arc<OwnedFd>, folder: &Arc<OwnedFd>, name: &str) -> Self {
        Self {
            other_name: ReservedName::of_present(top, folder, name),
            ..Self::hold(folder, name)
        }
    }

    /// Syncs the folder that the object has left, then releases the object.
    pub(super) fn settle(self, parents: &ParentDirs<'_>) -> Result<(), Error> {
        parents.sync()?;
        drop(self.other_name);
        match self.held {
            Some(held) if parents.care.syncs_freed() => Ok(sync_freed(&held, &parents.folder)?),
            _ => Ok(()),
        }
    }
}

/// Removes a folder that was made in vain and is empty. It may have been synced already.
pub(super) fn discard_folder(parent: impl AsFd, name: &str) -> Result<(), Errno> {
    let displaced = Displaced::hold(&parent, name);
    unlinkat(&parent, name, AtFlags::REMOVEDIR)?;
    retry_on_intr(|| fsync(&parent))?;
    displaced.held.map_or(Ok(()), |held| sync_freed(&held, &parent))
}

/// Syncs the content and the inode of the file `name`.
pub(super) fn sync_content(folder: impl AsFd, name: &str) -> Result<(), Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    sync_freed(&openat(&folder, name, flags, Mode::empty())?, &folder)
}

fn sync_freed(held: &OwnedFd, folder: impl AsFd) -> Result<(), Errno> {
    match reopen(held) {
        Ok(freed) => retry_on_intr(|| fsync(&freed)),
        // A symbolic link, or a file that this process may not read, can only be synced with the whole file
        // system.
        Err(_) => syncfs(folder),
    }
}

/// Opens the file again, since the descriptor that holds it cannot be synced.
fn reopen(held: &OwnedFd) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    retry_on_intr(|| openat(rustix::fs::CWD, descriptor_path(held), flags, Mode::empty()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use rustix::fs::fstat;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_has_left_its_name_is_held_and_can_be_synced() {
        let top = TempDir::new().unwrap();
        fs::write(top.path().join("file"), b"content").unwrap();
        fs::create_dir(top.path().join("folder")).unwrap();
        let parent = File::open(top.path()).unwrap();
        for (name, how) in [("file", AtFlags::empty()), ("folder", AtFlags::REMOVEDIR)] {
            let held = Displaced::hold(&parent, name).held.unwrap();
            let inode = fstat(&held).unwrap().st_ino;
            unlinkat(&parent, name, how).unwrap();
            let freed = reopen(&held).unwrap();
            let facts = fstat(&freed).unwrap();
            assert_eq!((facts.st_ino, facts.st_nlink), (inode, 0));
            sync_freed(&held, &parent).unwrap();
        }
    }

    #[test]
    fn a_link_that_has_left_its_name_is_synced_as_well() {
        let top = TempDir::new().unwrap();
        std::os::unix::fs::symlink("nowhere", top.path().join("link")).unwrap();
        let parent = File::open(top.path()).unwrap();
        let held = Displaced::hold(&parent, "link").held.unwrap();
        unlinkat(&parent, "link", AtFlags::empty()).unwrap();
        assert!(reopen(&held).is_err());
        sync_freed(&held, &parent).unwrap();
    }

    #[test]
    fn what_replaces_another_leaves_no_other_name_behind() {
        let top = TempDir::new().unwrap();
        fs::write(top.path().join("file"), b"content").unwrap();
        let folder = Arc::new(OwnedFd::from(File::open(top.path()).unwrap()));
        let displaced = Displaced::hold_by_name(&folder, &folder, "file");
        assert!(displaced.held.is_some());
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 2);
        drop(displaced);
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_in_use_is_not_discarded() {
        let top = TempDir::new().unwrap();
        fs::create_dir_all(top.path().join("folder/inner")).unwrap();
        let parent = File::open(top.path()).unwrap();
        assert!(discard_folder(&parent, "folder").is_err());
        let folder = File::open(top.path().join("folder")).unwrap();
        discard_folder(folder, "inner").unwrap();
        discard_folder(&parent, "folder").unwrap();
        assert_eq!(fs::read_dir(top.path()).unwrap().count(), 0);
    }
}
