//! A file in flight: being written, invisible, and gone without a trace unless it is published. Where the
//! file system can, it has no name at all (O_TMPFILE); otherwise, and for the moment in which it replaces
//! another file, it has a reserved one.
//!
//! An upload holds an exclusive lock (`flock`) on its file for as long as the file has a reserved name. So a
//! reserved name whose file can be locked belongs to a dead upload and may be swept, by any process of any
//! server. No other program gets in between: a file without a name is locked before it is given one, and a
//! file that is created with a name may be opened by its owner only until it is published.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags, flock, fstat, getxattr, linkat, openat,
    renameat, renameat_with, statat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use super::descriptor_path;
use crate::Error;
use crate::key::RESERVED_PREFIX;

/// The permissions that a new file asks for; the umask, or the folder's list of permissions, takes some of
/// them away.
const NEW_FILE: u32 = 0o666;
/// The permissions of a file in flight that other users could open by its name.
const PRIVATE: u32 = 0o600;

/// How often another name is tried when a sweeper was faster than the lock.
const NAME_TRIES_MAX: usize = 16;

/// Whether a name is the reserved name of a file in flight.
pub(super) fn is_reserved(name: &[u8]) -> bool {
    name.starts_with(RESERVED_PREFIX.as_bytes())
}

/// How files in flight are kept out of sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hiding {
    /// Without a name where the file system can, reserved otherwise.
    Unnamed,
    /// Always behind a reserved name.
    Named,
}

impl Hiding {
    /// The best that this process can do: a file without a name is given one through `/proc`.
    pub(super) fn here() -> Self {
        match statat(CWD, "/proc/self/fd", AtFlags::empty()) {
            Ok(_) => Self::Unnamed,
            Err(_) => Self::Named,
        }
    }
}

#[derive(Debug)]
pub(super) struct TempFile {
    /// This stands before the file, so that the name is dropped before the lock.
    name: Option<ReservedName>,
    file: Arc<File>,
    /// The folder in which the file was begun.
    home: Arc<OwnedFd>,
    /// The permissions that a new file has here, if this file was given fewer.
    usual: Option<u32>,
}

/// A reserved name. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct ReservedName {
    folder: Arc<OwnedFd>,
    name: String,
}

/// How a publication treats an object that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PublishMode {
    /// The publication is refused with `EEXIST`.
    New,
    /// The object is replaced.
    Replace,
}

/// How a file came by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedBy {
    /// It had no name before, so its count of links went up.
    Linked,
    /// It had a reserved name before, which is gone.
    Renamed,
}

impl TempFile {
    /// A file without a name, on the file system of `folder`; `None` where that cannot be had.
    pub(super) fn unnamed(folder: &Arc<OwnedFd>) -> Result<Option<Self>, Errno> {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        match retry_on_intr(|| openat(folder, ".", flags, Mode::from_raw_mode(NEW_FILE))) {
            Ok(file) => Ok(Some(Self {
                name: None,
                file: Arc::new(file.into()),
                home: Arc::clone(folder),
                usual: None,
            })),
            // File systems and kernels without O_TMPFILE return these errors, old kernels the latter two.
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::ISDIR | Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// A file with a reserved name in `folder`.
    pub(super) fn named(folder: &Arc<OwnedFd>) -> Result<Self, Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let usual = usual_mode(folder);
        let mode = Mode::from_raw_mode(usual.map_or(NEW_FILE, |_| PRIVATE));
        for _ in 0..NAME_TRIES_MAX {
            let name = reserved_name()?;
            let file = retry_on_intr(|| openat(folder, &name, flags, mode))?;
            let name = ReservedName {
                folder: Arc::clone(folder),
                name,
            };
            // A sweep may have come between the two calls. Then it has the lock, or has removed the name
            // already.
            if try_lock(&file)? && fstat(&file)?.st_nlink > 0 {
                return Ok(Self {
                    name: Some(name),
                    file: Arc::new(file.into()),
                    home: Arc::clone(folder),
                    usual,
                });
            }
        }
        Err(Error::Busy)
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// The permissions of a new file, if this one has others so far.
    pub(super) fn usual_mode(&self) -> Option<u32> {
        self.usual
    }

    /// Gives the file a reserved name, if it has none, so that it can replace another file. The name lies in
    /// `top` or, where that is another mount or may not be written to, in the folder in which the file was
    /// begun.
    pub(super) fn reserve(&mut self, top: &Arc<OwnedFd>) -> Result<(), Errno> {
        if self.name.is_some() {
            return Ok(());
        }
        // No other process can open a file without a name, so the lock is free.
        try_lock(&self.file)?;
        let mut refusal = Errno::NOENT;
        for folder in [top, &self.home] {
            let name = reserved_name()?;
            match self.link(folder, &name) {
                Ok(()) => {
                    self.name = Some(ReservedName {
                        folder: Arc::clone(folder),
                        name,
                    });
                    return Ok(());
                }
                Err(errno @ (Errno::XDEV | Errno::ACCESS | Errno::PERM | Errno::ROFS)) => refusal = errno,
                Err(errno) => return Err(errno),
            }
        }
        Err(refusal)
    }

    /// Gives the file its name in `folder`, in one step; to take another file's place it must have a reserved
    /// name.
    pub(super) fn publish_as(
        &mut self,
        folder: &OwnedFd,
        name: &str,
        mode: PublishMode,
    ) -> Result<NamedBy, Errno> {
        let Some(reserved) = &self.name else {
            return match mode {
                PublishMode::New => self.link(folder, name).map(|()| NamedBy::Linked),
                PublishMode::Replace => Err(Errno::EXIST),
            };
        };
        let named_by = match mode {
            PublishMode::New => reserved.publish_new(folder, name)?,
            PublishMode::Replace => {
                renameat(&reserved.folder, &reserved.name, folder, name)?;
                NamedBy::Renamed
            }
        };
        // The reserved name is gone with the publication, so there is nothing left to remove.
        if let Some(gone) = self.name.take() {
            gone.forget();
        }
        Ok(named_by)
    }

    /// Removes the reserved name; `false` if there is none.
    pub(super) fn drop_name(&mut self) -> bool {
        self.name.take().is_some()
    }

    fn link(&self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        linkat(
            CWD,
            descriptor_path(&self.file),
            folder,
            name,
            AtFlags::SYMLINK_FOLLOW,
        )
    }
}

impl ReservedName {
    /// Gives the file, or link, `name` in `folder` another name as well, in `top` or beside it; `None` where
    /// that is not possible.
    pub(super) fn of_present(top: &Arc<OwnedFd>, folder: &Arc<OwnedFd>, name: &str) -> Option<Self> {
        [top, folder].into_iter().find_map(|place| {
            let own = reserved_name().ok()?;
            linkat(folder, name, place, &own, AtFlags::empty()).ok()?;
            Some(Self {
                folder: Arc::clone(place),
                name: own,
            })
        })
    }

    /// Moves the file to `name` in `folder`, where it replaces any other file. Where that is the same file
    /// already, only the reserved name is removed.
    pub(super) fn replace(self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        renameat(&self.folder, &self.name, folder, name)?;
        // The system renames nothing where both names belong to one file. Then the drop removes the reserved
        // name.
        Ok(())
    }

    fn publish_new(&self, folder: &OwnedFd, name: &str) -> Result<NamedBy, Errno> {
        match renameat_with(&self.folder, &self.name, folder, name, RenameFlags::NOREPLACE) {
            // This file system, or kernel, has no such rename. A link refuses what is there just as well, and
            // once there is one, the reserved name can go.
            Err(Errno::INVAL | Errno::NOSYS) => {
                linkat(&self.folder, &self.name, folder, name, AtFlags::empty())?;
                unlinkat(&self.folder, &self.name, AtFlags::empty())?;
                Ok(NamedBy::Linked)
            }
            done => done.map(|()| NamedBy::Renamed),
        }
    }

    fn forget(mut self) {
        self.name.clear();
    }
}

impl Drop for ReservedName {
    fn drop(&mut self) {
        if !self.name.is_empty()
            && let Err(errno) = unlinkat(&self.folder, &self.name, AtFlags::empty())
            && errno != Errno::NOENT
        {
            tracing::warn!(name = self.name, error = %errno, "a file in flight was left behind, for the next sweep");
        }
    }
}

/// Locks a file in flight if that is possible at once. A file system without locks counts as locked, and
/// nothing is swept there.
fn try_lock(file: impl AsFd) -> Result<bool, Errno> {
    match retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(Errno::OPNOTSUPP | Errno::NOLCK | Errno::NOSYS) => Ok(true),
        Err(errno) => Err(errno),
    }
}

/// The permissions of a new file in `folder`; `None` where the folder has a list of permissions that new
/// files inherit, which only the kernel can apply.
fn usual_mode(folder: &OwnedFd) -> Option<u32> {
    let mut list = [0; 0];
    match getxattr(descriptor_path(folder), "system.posix_acl_default", &mut list[..]) {
        Ok(_) => None,
        Err(_) => Some(NEW_FILE & !umask()),
    }
}

/// The umask: the permissions that new files do not get. It is read from `/proc`, because the system call
/// would change it for a moment. Where it cannot be read, files are private.
fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok())
        .unwrap_or(0o077)
}

fn reserved_name() -> Result<String, Errno> {
    super::random().map(|random| format!("{RESERVED_PREFIX}{random:032x}"))
}
