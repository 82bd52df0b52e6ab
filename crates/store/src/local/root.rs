//! The root: one descriptor, and every path resolved beneath it. Neither `..` nor a symbolic link leads out,
//! even one that is swapped in between check and use, because there is no check that could be apart from the
//! use: the kernel resolves the path (`openat2`), and where it cannot, [`walk`] does, one open folder after
//! the other.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use super::walk;
use crate::{Error, Key};

/// The kernel gives up with `EAGAIN` when any program renames anything while it goes through the `..` of a
/// link. The kernel is asked so many times before the path is walked instead, which no rename disturbs.
const KERNEL_TRIES_MAX: usize = 16;

/// The longest path that the kernel takes in one piece. Keys may be one byte longer.
const KERNEL_PATH_BYTES_MAX: usize = 4095;

/// How often an object is looked at again because it was replaced during the look.
const LOOKS_MAX: usize = 8;

const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);

/// How paths are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolve {
    /// `openat2` with RESOLVE_BENEATH.
    Kernel,
    /// Part by part in this process, for kernels before 5.6 and sandboxes that refuse `openat2`.
    Walk,
}

/// What to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenPurpose {
    /// Reading an object. Does not wait for the other end of a pipe.
    Read,
    /// Nothing but its facts; needs no permission on the object itself.
    FileFacts,
    /// Listing, locking and syncing a folder.
    Folder,
    /// Making entries in a folder, or asking what folder it is.
    FolderFacts,
}

#[derive(Debug)]
pub(super) struct Root {
    folder: Arc<OwnedFd>,
    resolve: Resolve,
    /// Whether the kernel may know RESOLVE_CACHED (since 5.12).
    asks_cache: AtomicBool,
}

impl Root {
    /// Opens the root. `resolve` is found out where it is `None`.
    pub(super) fn open(path: &Path, resolve: Option<Resolve>) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self::at(openat(CWD, path, flags, Mode::empty())?, resolve)
    }

    /// The same for a folder that is open already.
    pub(super) fn at(folder: OwnedFd, resolve: Option<Resolve>) -> io::Result<Self> {
        if FileType::from_raw_mode(fstat(&folder)?.st_mode) != FileType::Directory {
            return Err(Errno::NOTDIR.into());
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = resolve.unwrap_or_else(|| match openat2(&folder, ".", flags, Mode::empty(), BENEATH) {
            Ok(_) => Resolve::Kernel,
            Err(_) => Resolve::Walk,
        });
        Ok(Self {
            folder: Arc::new(folder),
            resolve,
            asks_cache: AtomicBool::new(resolve == Resolve::Kernel),
        })
    }

    /// Opens what `key` leads to, the root itself where it is `None`.
    pub(super) fn find(&self, key: Option<&Key>, purpose: OpenPurpose) -> Result<OwnedFd, Error> {
        let path = key.map_or(".", Key::as_str);
        let asked = match self.resolve {
            Resolve::Kernel if path.len() <= KERNEL_PATH_BYTES_MAX => self.ask(path, purpose),
            _ => None,
        };
        asked
            .unwrap_or_else(|| walk::open_beneath(self.folder.as_fd(), path, purpose.flags()))
            .map_err(|errno| self.refusal(errno))
    }

    /// The same where the answer needs no disk; `None` where it might.
    pub(super) fn find_cached(&self, key: &Key, purpose: OpenPurpose) -> Option<Result<OwnedFd, Error>> {
        if key.as_str().len() > KERNEL_PATH_BYTES_MAX || !self.asks_cache.load(Ordering::Relaxed) {
            return None;
        }
        let flags = BENEATH | ResolveFlags::CACHED;
        match openat2(&self.folder, key.as_str(), purpose.flags(), Mode::empty(), flags) {
            Err(Errno::AGAIN | Errno::INTR) => None,
            Err(Errno::INVAL) => {
                self.asks_cache.store(false, Ordering::Relaxed);
                None
            }
            found => Some(found.map_err(|errno| self.refusal(errno))),
        }
    }

    /// The root itself, to make entries in.
    pub(super) fn folder(&self) -> &Arc<OwnedFd> {
        &self.folder
    }

    /// Whether the root has been removed.
    pub(super) fn is_gone(&self) -> bool {
        fstat(&self.folder).map_or_else(|errno| errno == Errno::STALE, |facts| facts.st_nlink == 0)
    }

    /// The kernel's answer, or `None` where it gives up.
    fn ask(&self, path: &str, purpose: OpenPurpose) -> Option<Result<OwnedFd, Errno>> {
        (0..KERNEL_TRIES_MAX)
            .map(|_| openat2(&self.folder, path, purpose.flags(), Mode::empty(), BENEATH))
            .find(|answer| !matches!(answer, Err(Errno::AGAIN | Errno::INTR)))
    }

    /// What an error means when a path is resolved. For other calls, see [`Error::from`].
    fn refusal(&self, errno: Errno) -> Error {
        match errno {
            Errno::XDEV | Errno::LOOP => Error::Escapes,
            Errno::NOENT | Errno::STALE if self.is_gone() => Error::Gone,
            other => other.into(),
        }
    }
}

/// Looks at an object again if it was replaced between two steps of a look, which some file systems notice.
/// An object that is replaced at every look counts as missing.
pub(super) fn look_again<T>(mut look: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 0..LOOKS_MAX {
        match look() {
            Err(error) if error.is_stale() => {}
            seen => return seen,
        }
    }
    Err(Error::NotFound)
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

impl OpenPurpose {
    fn flags(self) -> OFlags {
        let flags = match self {
            Self::Read => OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY,
            Self::FileFacts => OFlags::PATH,
            Self::Folder => OFlags::RDONLY | OFlags::DIRECTORY,
            Self::FolderFacts => OFlags::PATH | OFlags::DIRECTORY,
        };
        flags | OFlags::CLOEXEC
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_during_a_look_is_looked_at_again() {
        let mut answers = [
            Err(Errno::STALE.into()),
            Err(Errno::STALE.into()),
            Ok(7),
            Err(Error::Forbidden),
        ]
        .into_iter();
        assert!(matches!(look_again(|| answers.next().unwrap()), Ok(7)));
        assert!(matches!(
            look_again(|| answers.next().unwrap()),
            Err(Error::Forbidden)
        ));
    }

    #[test]
    fn what_is_replaced_at_every_look_is_not_found() {
        let looked = look_again::<()>(|| Err(Errno::STALE.into()));
        assert!(matches!(looked, Err(Error::NotFound)));
    }
}
