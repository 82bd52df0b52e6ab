//! A file in flight: being written, invisible, and gone without a trace unless it lands. Where the file system can, it has no
//! name at all (O_TMPFILE); otherwise, and for the moment in which it replaces another file, it has a reserved one.
//!
//! Whoever gives a file a reserved name holds an exclusive lock on it from before a sweeper can see the name until the name is
//! gone again. So a reserved name whose file can be locked belongs to nobody any more and may be swept, by any process.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, fstat, linkat, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use super::facts::descriptor_path;
use super::lock::{Patience, lock, try_lock};
use crate::Error;
use crate::key::RESERVED_PREFIX;

/// How often another name is tried when a sweeper was faster than the lock.
const NAME_TRIES_MAX: usize = 16;

/// Whether a name is one of a file in flight.
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
    /// What this process can do: files without a name are given one through `/proc`.
    pub(super) fn here() -> Self {
        match statat(CWD, "/proc/self/fd", AtFlags::empty()) {
            Ok(_) => Self::Unnamed,
            Err(_) => Self::Named,
        }
    }
}

#[derive(Debug)]
pub(super) struct Flight {
    /// Before the file, so that it is dropped before the lock is.
    name: Option<Reserved>,
    file: Arc<File>,
}

/// A reserved name. Dropped, it is removed.
#[derive(Debug)]
struct Reserved {
    folder: Arc<OwnedFd>,
    name: String,
}

/// How a landing treats an object that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landing {
    /// It refuses with `EEXIST`.
    Beside,
    /// It takes its place.
    Instead,
}

impl Flight {
    /// A file without a name, on the file system of `folder`; `None` where that cannot be had.
    pub(super) fn unnamed(folder: impl AsFd) -> Result<Option<Self>, Errno> {
        let flags = OFlags::WRONLY | OFlags::TMPFILE | OFlags::CLOEXEC;
        match retry_on_intr(|| openat(&folder, ".", flags, Mode::from_raw_mode(0o666))) {
            Ok(file) => Ok(Some(Self {
                name: None,
                file: Arc::new(file.into()),
            })),
            // What file systems and kernels without it say, old kernels the latter two.
            Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::ISDIR | Errno::NOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// A file with a reserved name in `folder`.
    pub(super) fn named(folder: &Arc<OwnedFd>) -> Result<Self, Error> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Held for these few calls only. A folder that may be written to but not read cannot be locked.
        let readable = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let guard = openat(folder, ".", readable, Mode::empty()).ok();
        if let Some(guard) = &guard {
            lock(guard, Patience::Wait)?;
        }
        for _ in 0..NAME_TRIES_MAX {
            let name = reserved_name()?;
            let file = retry_on_intr(|| openat(folder, &name, flags, Mode::from_raw_mode(0o666)))?;
            let name = Reserved {
                folder: Arc::clone(folder),
                name,
            };
            // Where the folder could not be locked, a sweeper may have come between the two calls: then the lock is its, or the
            // name is gone already.
            if try_lock(&file)? && fstat(&file)?.st_nlink > 0 {
                return Ok(Self {
                    name: Some(name),
                    file: Arc::new(file.into()),
                });
            }
        }
        Err(Errno::AGAIN.into())
    }

    pub(super) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Gives the file its name in `folder`, in one step. Where that takes a reserved name, it lies in one of `waypoints`, the
    /// first that the file system allows.
    pub(super) fn land(
        &mut self,
        folder: &Arc<OwnedFd>,
        name: &str,
        landing: Landing,
        waypoints: &[&Arc<OwnedFd>],
    ) -> Result<(), Errno> {
        if self.name.is_none() {
            if landing == Landing::Beside {
                return self.link(folder, name);
            }
            self.reserve(waypoints)?;
        }
        let reserved = self
            .name
            .as_ref()
            .expect("a flight without a name was given one above");
        match landing {
            Landing::Beside => reserved.land_beside(folder, name)?,
            Landing::Instead => renameat(&reserved.folder, &reserved.name, folder, name)?,
        }
        // The reserved name is gone with the landing, so there is nothing left to remove.
        if let Some(landed) = self.name.take() {
            landed.forget();
        }
        Ok(())
    }

    fn reserve(&mut self, waypoints: &[&Arc<OwnedFd>]) -> Result<(), Errno> {
        // Nobody else can know a file without a name, so the lock is free.
        try_lock(&self.file)?;
        let mut refusal = Errno::NOENT;
        for folder in waypoints {
            let name = reserved_name()?;
            match self.link(folder, &name) {
                Ok(()) => {
                    self.name = Some(Reserved {
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

impl Reserved {
    fn land_beside(&self, folder: &OwnedFd, name: &str) -> Result<(), Errno> {
        match renameat_with(&self.folder, &self.name, folder, name, RenameFlags::NOREPLACE) {
            // A file system, or a kernel, that knows no such rename. A link refuses what is there just as well, and once
            // there is one, the reserved name can go.
            Err(Errno::INVAL | Errno::NOSYS) => {
                linkat(&self.folder, &self.name, folder, name, AtFlags::empty())?;
                unlinkat(&self.folder, &self.name, AtFlags::empty())
            }
            done => done,
        }
    }

    fn forget(mut self) {
        self.name.clear();
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.name.is_empty()
            && let Err(errno) = unlinkat(&self.folder, &self.name, AtFlags::empty())
            && errno != Errno::NOENT
        {
            tracing::warn!(name = self.name, error = %errno, "a file in flight was left behind, for the next sweep");
        }
    }
}

fn reserved_name() -> Result<String, Errno> {
    let mut random = [0; 16];
    retry_on_intr(|| rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty()))?;
    Ok(format!("{RESERVED_PREFIX}{:032x}", u128::from_ne_bytes(random)))
}
