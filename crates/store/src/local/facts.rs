//! What the file system knows of an object, and the etag that is made of it.

use std::os::fd::AsFd;
use std::time::SystemTime;

use rustix::fs::{FileType, Gid, Stat, Timespec, Timestamps, UTIME_OMIT, Uid, fstat, futimens};
use rustix::io::Errno;

use super::note::DigestNote;
use super::owner::Owner;
use crate::stamp::Stamp;
use crate::{Error, Meta};

/// The facts of one version of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileFacts {
    pub(super) kind: FileType,
    pub(super) device: u64,
    pub(super) size: u64,
    pub(super) modified: Stamp,
    pub(super) owner: Owner,
    inode: u64,
    /// The time of the last change of anything but the access time (ctime). No program can set it.
    changed: Stamp,
}

impl FileFacts {
    pub(super) fn of(file: impl AsFd) -> Result<Self, Errno> {
        Ok(Self::from(&fstat(file)?))
    }

    /// The same, if it is an object.
    pub(super) fn of_object(file: impl AsFd) -> Result<Self, Error> {
        let facts = Self::of(file)?;
        match facts.kind {
            FileType::RegularFile => Ok(facts),
            FileType::Directory => Err(Error::IsAFolder),
            _ => Err(Error::Forbidden),
        }
    }

    /// A token that changes whenever the content does: another file has another inode, a file written to has
    /// another modification time, and a file whose modification time was set back has another change time.
    /// The system's own times tick too slowly to tell one upload from the next in an inode that is used again
    /// at once; so uploads set the modification time to the nanosecond, or note the time `at` which they were
    /// stored where the sender has chosen the modification time. An etag also changes with permissions, names
    /// and attributes (a client then starts over without need), but not with reading.
    pub(super) fn etag(&self, note: Option<&DigestNote>) -> String {
        let Self {
            inode,
            size,
            modified,
            changed,
            ..
        } = self;
        let (ms, mn) = (modified.seconds, modified.nanoseconds);
        let (cs, cn) = (changed.seconds, changed.nanoseconds);
        let mut etag = format!("{inode:x}-{size:x}-{ms:x}.{mn:x}-{cs:x}.{cn:x}");
        if let Some(Stamp { seconds, nanoseconds }) = note.and_then(|note| note.at) {
            etag += &format!("-{seconds:x}.{nanoseconds:x}");
        }
        etag
    }

    /// Whether both are facts of one file, which may have changed in between.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// The facts for a caller, with the digest of a note that is known to hold.
    pub(super) fn meta(&self, note: Option<&DigestNote>) -> Meta {
        Meta {
            size: self.size,
            modified: self.modified.time(),
            etag: self.etag(note),
            digest: note.map(|note| note.digest),
            mode: Some(self.owner.mode),
        }
    }
}

impl From<&Stat> for FileFacts {
    #[allow(
        clippy::unnecessary_cast,
        reason = "the fields' types differ between architectures"
    )]
    fn from(stat: &Stat) -> Self {
        Self {
            kind: FileType::from_raw_mode(stat.st_mode),
            device: stat.st_dev as u64,
            size: stat.st_size as u64,
            modified: Stamp {
                seconds: stat.st_mtime as i64,
                nanoseconds: stat.st_mtime_nsec as u32,
            },
            owner: Owner {
                mode: stat.st_mode as u32 & 0o777,
                user: Uid::from_raw(stat.st_uid),
                group: Gid::from_raw(stat.st_gid),
            },
            inode: stat.st_ino as u64,
            changed: Stamp {
                seconds: stat.st_ctime as i64,
                nanoseconds: stat.st_ctime_nsec as u32,
            },
        }
    }
}

/// Sets the modification time, to the nanosecond.
pub(super) fn set_modified(file: impl AsFd, modified: SystemTime) -> Result<(), Errno> {
    let Stamp { seconds, nanoseconds } = modified.into();
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
    futimens(file, &times)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn facts(size: u64, seconds: i64, nanoseconds: u32) -> FileFacts {
        let modified = Stamp { seconds, nanoseconds };
        FileFacts {
            kind: FileType::RegularFile,
            device: 1,
            size,
            modified,
            owner: Owner {
                mode: 0o644,
                user: Uid::ROOT,
                group: Gid::ROOT,
            },
            inode: 2,
            changed: modified,
        }
    }

    fn at(nanoseconds: u32) -> DigestNote {
        DigestNote {
            digest: blake3::hash(b""),
            at: Some(Stamp {
                seconds: 5,
                nanoseconds,
            }),
            unsynced: None,
        }
    }

    #[test]
    fn an_etag_is_one_ascii_word_without_quotes() {
        let etag = facts(7, -1, 2).etag(Some(&at(7)));
        assert!(
            etag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'),
            "{etag}"
        );
    }

    #[test]
    fn an_etag_differs_when_any_fact_but_the_device_and_the_owner_does() {
        let base = facts(7, 1, 2);
        let others = [
            facts(8, 1, 2),
            facts(7, 2, 2),
            facts(7, 1, 3),
            FileFacts { inode: 3, ..base },
            FileFacts {
                changed: Stamp {
                    seconds: 1,
                    nanoseconds: 9,
                },
                ..base
            },
        ];
        assert!(others.iter().all(|other| other.etag(None) != base.etag(None)));
        let stored = [None, Some(at(1)), Some(at(2))].map(|note| base.etag(note.as_ref()));
        assert!(stored[0] != stored[1] && stored[1] != stored[2]);
    }
}
