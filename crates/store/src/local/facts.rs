//! What the file system knows of an object, and what is made of it: the etag, and the digest kept beside the content.
//!
//! The digest lies in the extended attribute `user.haul.digest`, as text: `blake3 <hex> <size> <seconds>.<nanoseconds>`. It
//! holds only while size and modification time are those written there, so a file changed by another program loses it.

use std::os::fd::{AsFd, AsRawFd};

use rustix::fs::{FileType, Stat, XattrFlags, fgetxattr, fsetxattr, fstat, getxattr};
use rustix::io::Errno;

use crate::types::Stamp;
use crate::{Digest, Error, Meta};

const ATTRIBUTE: &str = "user.haul.digest";
/// Room for the longest text that this file writes, which has 134 bytes.
const ATTRIBUTE_BYTES_MAX: usize = 160;

/// The facts of one version of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) kind: FileType,
    pub(super) device: u64,
    pub(super) size: u64,
    pub(super) modified: Stamp,
    /// The permission bits.
    pub(super) mode: u32,
    inode: u64,
    /// The time of the last change of anything but the access time. No program can set it.
    changed: Stamp,
}

impl Facts {
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

    /// Changes whenever the content does: another file has another inode, a file written to has another modification time,
    /// and one whose modification time was set back has another change time. Uploads set the modification time to the
    /// nanosecond, so an inode that is used again at once makes no old etag true. It also changes with permissions, names
    /// and attributes (a client then starts over without need), but not with reading.
    pub(super) fn etag(&self) -> String {
        let Self {
            inode,
            size,
            modified,
            changed,
            ..
        } = self;
        let (ms, mn) = (modified.seconds, modified.nanoseconds);
        let (cs, cn) = (changed.seconds, changed.nanoseconds);
        format!("{inode:x}-{size:x}-{ms:x}.{mn:x}-{cs:x}.{cn:x}")
    }

    pub(super) fn meta(&self, digest: Option<Digest>) -> Meta {
        Meta {
            size: self.size,
            modified: self.modified.time(),
            etag: self.etag(),
            digest,
            mode: Some(self.mode),
        }
    }
}

impl From<&Stat> for Facts {
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
            mode: stat.st_mode as u32 & 0o777,
            inode: stat.st_ino as u64,
            changed: Stamp {
                seconds: stat.st_ctime as i64,
                nanoseconds: stat.st_ctime_nsec as u32,
            },
        }
    }
}

/// The digest kept with a file that is open for reading.
pub(super) fn digest_of_open(file: impl AsFd, facts: &Facts) -> Option<Digest> {
    let mut text = [0; ATTRIBUTE_BYTES_MAX];
    let length = fgetxattr(file, ATTRIBUTE, &mut text[..]).ok()?;
    parse(&text[..length], facts)
}

/// The same through a descriptor that gives no access to the content; it takes `/proc` and the permission to read the file.
pub(super) fn digest_of_found(file: impl AsFd, facts: &Facts) -> Option<Digest> {
    let mut text = [0; ATTRIBUTE_BYTES_MAX];
    let length = getxattr(descriptor_path(file), ATTRIBUTE, &mut text[..]).ok()?;
    parse(&text[..length], facts)
}

/// Keeps `digest` with a file that will not be written to any more. Where attributes are unknown or do not fit, the object
/// simply has no digest.
pub(super) fn keep_digest(file: impl AsFd, digest: &Digest) -> Result<(), Errno> {
    let facts = Facts::of(&file)?;
    let _absent_digests_are_legal = fsetxattr(
        file,
        ATTRIBUTE,
        text(digest, &facts).as_bytes(),
        XattrFlags::empty(),
    );
    Ok(())
}

/// Keeps a digest that was computed from this file while its facts were `facts`, and returns them as they are now. The digest
/// comes back with them only where it could be kept.
pub(super) fn keep_digest_of_open(file: impl AsFd, facts: &Facts, digest: &Digest) -> Result<Meta, Errno> {
    // The facts are those of before: where the content has changed meanwhile, the digest does not hold.
    let _absent_digests_are_legal = fsetxattr(
        &file,
        ATTRIBUTE,
        text(digest, facts).as_bytes(),
        XattrFlags::empty(),
    );
    let facts = Facts::of(&file)?;
    Ok(facts.meta(digest_of_open(&file, &facts)))
}

/// A path that leads to what the descriptor is open on.
pub(super) fn descriptor_path(file: impl AsFd) -> String {
    format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())
}

fn text(digest: &Digest, facts: &Facts) -> String {
    let Stamp { seconds, nanoseconds } = facts.modified;
    format!(
        "blake3 {} {} {seconds}.{nanoseconds:09}",
        digest.to_hex(),
        facts.size
    )
}

fn parse(kept: &[u8], facts: &Facts) -> Option<Digest> {
    let kept = std::str::from_utf8(kept).ok()?;
    let digest = Digest::from_hex(kept.split(' ').nth(1)?).ok()?;
    (kept == text(&digest, facts)).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(size: u64, seconds: i64, nanoseconds: u32) -> Facts {
        let modified = Stamp { seconds, nanoseconds };
        Facts {
            kind: FileType::RegularFile,
            device: 1,
            size,
            modified,
            mode: 0o644,
            inode: 2,
            changed: modified,
        }
    }

    #[test]
    fn a_kept_digest_holds_for_its_size_and_time_only() {
        let digest = blake3::hash(b"content");
        let kept = text(&digest, &facts(7, 1, 2));
        assert_eq!(kept, format!("blake3 {} 7 1.000000002", digest.to_hex()));
        assert_eq!(parse(kept.as_bytes(), &facts(7, 1, 2)), Some(digest));
        for other in [facts(8, 1, 2), facts(7, 2, 2), facts(7, 1, 3)] {
            assert_eq!(parse(kept.as_bytes(), &other), None);
        }
    }

    #[test]
    fn a_damaged_digest_is_no_digest() {
        let facts = facts(7, 1, 2);
        let kept = text(&blake3::hash(b"content"), &facts);
        for damaged in [
            "",
            "blake3",
            "blake3 zz 7 1.000000002",
            &kept[1..],
            &kept[..kept.len() - 1],
            &(kept.clone() + " "),
        ] {
            assert_eq!(parse(damaged.as_bytes(), &facts), None, "{damaged}");
        }
        assert_eq!(parse(&[0xff; 3], &facts), None);
    }

    #[test]
    fn the_longest_text_fits_the_buffer() {
        let kept = text(&blake3::hash(b""), &facts(u64::MAX, i64::MIN, 999_999_999));
        assert!(kept.len() <= ATTRIBUTE_BYTES_MAX, "{}", kept.len());
    }

    #[test]
    fn an_etag_is_one_ascii_word_without_quotes() {
        let etag = facts(7, -1, 2).etag();
        assert!(
            etag.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'),
            "{etag}"
        );
    }

    #[test]
    fn an_etag_differs_when_any_fact_but_the_device_does() {
        let base = facts(7, 1, 2);
        let others = [
            facts(8, 1, 2),
            facts(7, 2, 2),
            facts(7, 1, 3),
            Facts { inode: 3, ..base },
            Facts {
                changed: Stamp {
                    seconds: 1,
                    nanoseconds: 9,
                },
                ..base
            },
        ];
        assert!(others.iter().all(|other| other.etag() != base.etag()));
    }
}
