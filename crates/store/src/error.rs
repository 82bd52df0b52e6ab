//! Why a store did not do what it was asked. A variant exists because a caller answers differently. No
//! message shows a path of the machine.

use rustix::io::Errno;

/// A store's refusal or failure. The caller knows which object was meant, so no variant repeats its name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No object, or no folder where one was to be listed, has this name.
    #[error("there is no object of that name")]
    NotFound,
    /// A folder has this name, where an object was meant.
    #[error("that name belongs to a folder")]
    IsAFolder,
    /// An object stands where a folder was meant: the thing to list, or a parent of the name.
    #[error("a part of that name belongs to an object, not to a folder")]
    NotAFolder,
    /// [`Condition::Absent`](crate::Condition::Absent) does not hold.
    #[error("an object of that name exists already")]
    Exists,
    /// [`Condition::Matches`](crate::Condition::Matches) does not hold: the object is another version, or
    /// there is none.
    #[error("the object is not the version that was asked for")]
    ConditionFailed,
    /// The folder that the name would lie in is missing, and the operation makes none.
    #[error("the folder of that name is missing")]
    NoParent,
    /// The folder to remove, or to replace, holds something.
    #[error("that folder is not empty")]
    NotEmpty,
    /// Permissions, a read-only file system, or a name that belongs to something which is no object (a pipe,
    /// a device).
    #[error("the server may not touch that object")]
    Forbidden,
    /// A symbolic link leads out of the root, or never ends.
    #[error("that name leads out of the served folder")]
    Escapes,
    /// The disk, the quota or the store's capacity is used up.
    #[error("there is no space left")]
    NoSpace,
    /// The content on the disk is not what was uploaded: a power cut or a crash of the system came before it
    /// was written.
    #[error("the object was damaged by a power cut or a crash of the system")]
    Torn,
    /// Another change of the same name, or another program, has held the object for longer than the store
    /// waits (10 s).
    #[error("something else holds that object")]
    Busy,
    /// A folder was to be moved into itself, or an object to be copied onto itself.
    #[error("nothing can be moved into itself or copied onto itself")]
    IntoItself,
    /// The store cannot do this at all: its [`Capabilities`](crate::Capabilities) say so.
    #[error("the storage cannot do that")]
    Unsupported,
    /// The storage cannot be reached now. The same may work later; the cause is for the log.
    #[error("the storage cannot be reached")]
    Unavailable(#[source] std::io::Error),
    /// The root itself has vanished: nothing can be served until it is back and the store is opened again.
    #[error("the served folder has vanished")]
    Gone,
    /// Any other failure, which every caller answers alike. The cause is for the log.
    #[error("the storage failed")]
    Io(#[source] std::io::Error),
}

impl Error {
    /// Whether the object was replaced or removed between two looks at it. File systems of other machines and
    /// of other processes notice that only at the second look.
    pub(crate) fn is_stale(&self) -> bool {
        matches!(self, Self::Io(error) if Errno::from_io_error(error) == Some(Errno::STALE))
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::NOENT => Self::NotFound,
            Errno::ISDIR => Self::IsAFolder,
            Errno::NOTDIR => Self::NotAFolder,
            Errno::NOTEMPTY => Self::NotEmpty,
            Errno::EXIST => Self::Exists,
            Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::TXTBSY => Self::Forbidden,
            // Sockets, and devices without a driver.
            Errno::NXIO | Errno::NODEV => Self::Forbidden,
            // The file system cannot hold such a name at all.
            Errno::NAMETOOLONG | Errno::ILSEQ => Self::Forbidden,
            Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Self::NoSpace,
            // Another program has a lease on the file, or a limit of the system is reached for now.
            Errno::AGAIN => Self::Busy,
            other => Self::Io(other.into()),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        match Errno::from_io_error(&error) {
            Some(errno) => errno.into(),
            None => Self::Io(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_a_used_up_quota_and_a_file_too_large_are_all_no_space() {
        for errno in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
            assert!(matches!(Error::from(errno), Error::NoSpace), "{errno:?}");
        }
    }

    #[test]
    fn a_missing_permission_and_a_read_only_disk_are_forbidden() {
        for errno in [Errno::ACCESS, Errno::PERM, Errno::ROFS, Errno::TXTBSY] {
            assert!(matches!(Error::from(errno), Error::Forbidden), "{errno:?}");
        }
    }

    #[test]
    fn a_stale_object_is_not_the_loss_of_the_root() {
        assert!(matches!(Error::from(Errno::STALE), Error::Io(_)));
        assert!(Error::from(Errno::STALE).is_stale());
        assert!(!Error::from(Errno::IO).is_stale());
    }

    #[test]
    fn an_error_of_the_standard_library_is_classified_by_its_number() {
        let full = std::io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
        assert!(matches!(Error::from(full), Error::NoSpace));
        assert!(matches!(Error::from(std::io::Error::other("odd")), Error::Io(_)));
    }
}
