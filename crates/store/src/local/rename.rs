//! Giving an object or a folder another name, in one step.
//!
//! On a disk without a journal a power cut may keep the removal of the old entry and lose the new one. So an
//! object is linked to its new name there, and leaves the old one when the new one is on the disk.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, RenameFlags, linkat, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;

use super::Disk;
use super::displaced::{Displaced, sync_content};
use super::facts::FileFacts;
use super::locks::Ticket;
use super::medium::Care;
use super::parent_dirs::{ParentDirs, parent};
use super::publish::{Present, present};
use super::root::OpenPurpose;
use super::temp_file::ReservedName;
use crate::{Condition, Error, IfTaken, Key, NodeKind};

/// Moves `from` to `to`. The locks of both names are held for the step itself. Other programs do not know of
/// these locks; against them, the refusal to replace is atomic where the file system has such a rename.
pub(super) fn rename(disk: &Disk, from: &Key, to: &Key, if_taken: IfTaken) -> Result<(), Error> {
    let ticket = Ticket::now();
    let source = super::remove::parent(disk, from)?;
    let kind = source_kind(disk, &source, from)?;
    if kind == NodeKind::Folder && to.is_beneath(from) {
        return Err(Error::IntoItself);
    }
    let folder = parent(&disk.root, to, OpenPurpose::Folder)?;
    let target = ParentDirs::over(disk, folder, to.parent().as_ref())?;
    let moving = Moving {
        disk,
        from,
        to,
        if_taken,
        source,
        target,
    };
    if from == to {
        return moving.stay();
    }
    match kind {
        NodeKind::File => moving.object(ticket),
        NodeKind::Folder => moving.folder(ticket),
    }
}

/// What has the old name: an object or a folder of its own, not a link to one.
fn source_kind(disk: &Disk, source: &ParentDirs<'_>, key: &Key) -> Result<NodeKind, Error> {
    let found = match statat(&source.folder, key.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) if disk.root.is_gone() => return Err(Error::Gone),
        found => found?,
    };
    match FileType::from_raw_mode(found.st_mode) {
        FileType::RegularFile => Ok(NodeKind::File),
        FileType::Directory => Ok(NodeKind::Folder),
        // A link that moves may lead elsewhere, nowhere, or to itself.
        FileType::Symlink => match present(&disk.root, key, &Condition::Always) {
            Ok(None) => Err(Error::NotFound),
            Ok(Some(_)) | Err(Error::IsAFolder) => Err(Error::Forbidden),
            Err(refusal) => Err(refusal),
        },
        _ => Err(Error::Forbidden),
    }
}

/// One rename.
struct Moving<'a> {
    disk: &'a Disk,
    from: &'a Key,
    to: &'a Key,
    if_taken: IfTaken,
    source: ParentDirs<'a>,
    target: ParentDirs<'a>,
}

impl Moving<'_> {
    fn stay(&self) -> Result<(), Error> {
        match self.if_taken {
            IfTaken::Refuse => Err(Error::Exists),
            IfTaken::Replace => Ok(()),
        }
    }

    fn object(&self, ticket: Ticket) -> Result<(), Error> {
        // The first sync comes before the locks, since it may take long.
        self.sync_source()?;
        let turns = self.disk.locks.lock_both(self.to, self.from)?;
        let replaced = self.replaced_object()?;
        let is_same = self.is_same_file(replaced.as_ref())?;
        let displaced = match &replaced {
            Some(_) if !is_same && self.target.care.syncs_freed() => {
                Displaced::hold_by_name(self.disk.root.folder(), &self.target.folder, self.to.file_name())
            }
            _ => Displaced::default(),
        };
        if is_same {
            // The system renames nothing where both names belong to one file.
            self.unlink_source()?;
        } else if self.target.care.syncs_freed() {
            self.link_and_unlink()?;
        } else {
            self.rename_at().map_err(refusal)?;
        }
        turns.record(ticket)?;
        drop(turns);
        self.settle(displaced)
    }

    fn folder(&self, ticket: Ticket) -> Result<(), Error> {
        let turns = self.disk.locks.lock_both(self.to, self.from)?;
        let displaced = if self.if_taken == IfTaken::Replace && self.target.care.syncs_freed() {
            Displaced::hold(&self.target.folder, self.to.file_name())
        } else {
            Displaced::default()
        };
        self.rename_at().map_err(|errno| match (errno, self.if_taken) {
            // Some file systems return this instead of ENOTEMPTY.
            (Errno::EXIST, IfTaken::Replace) => Error::NotEmpty,
            (Errno::INVAL, _) => Error::IntoItself,
            (other, _) => refusal(other),
        })?;
        turns.record(ticket)?;
        drop(turns);
        self.settle(displaced)
    }

    /// The object that has the new name, which an object may replace.
    fn replaced_object(&self) -> Result<Option<Present>, Error> {
        match present(&self.disk.root, self.to, &Condition::Always) {
            Err(Error::IsAFolder) if self.if_taken == IfTaken::Refuse => Err(Error::Exists),
            Ok(Some(_)) if self.if_taken == IfTaken::Refuse => Err(Error::Exists),
            found => found,
        }
    }

    /// Whether both names belong to one file already.
    fn is_same_file(&self, replaced: Option<&Present>) -> Result<bool, Error> {
        let Some(replaced) = replaced else {
            return Ok(false);
        };
        let [from, to] = [(&self.source, self.from), (&self.target, self.to)].map(|(parents, key)| {
            statat(&parents.folder, key.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                .map(|found| FileFacts::from(&found))
        });
        let (from, to) = (from?, to?);
        Ok(from.is_same_file(&to) && replaced.is_file(&to))
    }

    /// An object that replaces another is synced first, so that the old one is not lost for a new one that is
    /// not whole.
    fn sync_source(&self) -> Result<(), Error> {
        if self.if_taken == IfTaken::Replace && self.target.care != Care::None {
            sync_content(&self.source.folder, self.from.file_name())?;
        }
        Ok(())
    }

    fn rename_at(&self) -> Result<(), Errno> {
        let (source, target) = (&self.source.folder, &self.target.folder);
        let (from, to) = (self.from.file_name(), self.to.file_name());
        match self.if_taken {
            IfTaken::Replace => renameat(source, from, target, to),
            IfTaken::Refuse => match renameat_with(source, from, target, to, RenameFlags::NOREPLACE) {
                // This file system, or kernel, has no such rename.
                Err(Errno::INVAL | Errno::NOSYS) => rename_where_free(source, from, target, to),
                renamed => renamed,
            },
        }
    }

    fn link_and_unlink(&self) -> Result<(), Error> {
        let (source, target) = (&self.source.folder, &self.target.folder);
        let (from, to) = (self.from.file_name(), self.to.file_name());
        match self.if_taken {
            IfTaken::Refuse => linkat(source, from, target, to, AtFlags::empty()).map_err(refusal)?,
            IfTaken::Replace => {
                let beside = ReservedName::of_present(self.disk.root.folder(), source, from);
                beside
                    .ok_or(Error::Unsupported)?
                    .replace(target, to)
                    .map_err(refusal)?;
            }
        }
        sync_content(target, to)?;
        self.target.sync()?;
        self.unlink_source()
    }

    fn unlink_source(&self) -> Result<(), Error> {
        Ok(unlinkat(
            &self.source.folder,
            self.from.file_name(),
            AtFlags::empty(),
        )?)
    }

    /// The new entry is synced before the removal of the old one.
    fn settle(&self, displaced: Displaced) -> Result<(), Error> {
        displaced.settle(&self.target)?;
        self.source.sync()?;
        if self.source.care.syncs_freed() {
            sync_content(&self.target.folder, self.to.file_name())?;
        }
        Ok(())
    }
}

/// Looks first and renames then, since the kernel does not do both at once here.
fn rename_where_free(source: &Arc<OwnedFd>, from: &str, target: impl AsFd, to: &str) -> Result<(), Errno> {
    match statat(&target, to, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => renameat(source, from, target, to),
        Err(errno) => Err(errno),
    }
}

fn refusal(errno: Errno) -> Error {
    match errno {
        // The names lie on two file systems beneath the root, between which there is no atomic rename.
        Errno::XDEV => Error::Unsupported,
        // Another disk is mounted there.
        Errno::BUSY => Error::Forbidden,
        other => other.into(),
    }
}
