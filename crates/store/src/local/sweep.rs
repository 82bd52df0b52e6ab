//! Removing files whose upload died in flight: those with a reserved name on which no process holds a lock.
//!
//! Reserved names lie in the root, or next to their target where that is another mount or the root may not be
//! written to. So a sweep reads the root only, and goes into the folders beneath it just for those two cases.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RawDir, flock, fsync, openat, readlinkat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use super::descriptor_path;
use super::facts::FileFacts;
use super::medium::Medium;
use super::publish::may_write;
use super::root::{OpenPurpose, Root};
use super::temp_file::is_reserved;
use crate::{Error, Key};

const ENTRIES_BYTES: usize = 32 * 1024;

/// Returns how many files were removed.
pub(super) fn sweep(root: &Root) -> io::Result<usize> {
    let mut folders = Vec::new();
    let mut swept = sweep_folder(&open(root, None)?, |name| folders.push(name.parse()))?;
    if may_write(root) != Err(Errno::ACCESS) {
        folders = mounts_beneath(root).into_iter().map(Ok).collect();
    }
    let mut ahead: Vec<Key> = folders.into_iter().flatten().collect();
    while let Some(key) = ahead.pop() {
        // A folder that cannot be entered, or is gone by now, holds no file that could be removed.
        let Ok(folder) = open(root, Some(&key)) else {
            continue;
        };
        // A folder that cannot be read to its end keeps what is in it; the others are swept all the same.
        swept += sweep_folder(&folder, |name| ahead.extend(key.join(name))).unwrap_or(0);
    }
    Ok(swept)
}

fn open(root: &Root, key: Option<&Key>) -> io::Result<OwnedFd> {
    root.find(key, OpenPurpose::Folder).map_err(|error| match error {
        Error::Io(error) => error,
        refusal => io::Error::other(refusal),
    })
}

/// Sweeps one folder and names the folders in it.
fn sweep_folder(folder: &OwnedFd, mut found: impl FnMut(&str)) -> io::Result<usize> {
    let mut room = Vec::with_capacity(ENTRIES_BYTES);
    let mut entries = RawDir::new(folder, room.spare_capacity_mut());
    let mut swept = 0;
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Err(Errno::INTR) => continue,
            entry => entry?,
        };
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if is_reserved(name.as_bytes()) {
            swept += usize::from(sweep_file(folder, name));
        } else if matches!(entry.file_type(), FileType::Directory | FileType::Unknown) {
            found(name);
        }
    }
    Ok(swept)
}

/// Removes a file unless an upload holds its lock. The name cannot have passed to another file: reserved
/// names are random and used once.
fn sweep_file(folder: &OwnedFd, name: &str) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = openat(folder, name, flags, Mode::empty()) else {
        return false;
    };
    let is_swept = FileFacts::of(&file).is_ok_and(|facts| facts.kind == FileType::RegularFile)
        && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        && unlinkat(folder, name, AtFlags::empty()).is_ok();
    if is_swept {
        let _unless_the_disk_fails = sync_freed(&file);
    }
    is_swept
}

/// As in [`super::displaced`]. On other disks there is nothing to wait for.
fn sync_freed(file: &OwnedFd) -> Result<(), Errno> {
    if Medium::of(file)? == Medium::Bare {
        retry_on_intr(|| fsync(file))?;
    }
    Ok(())
}

/// The mount points beneath the root, as `/proc` tells them; none where it does not.
fn mounts_beneath(root: &Root) -> Vec<Key> {
    let Ok(path) = readlinkat(CWD, descriptor_path(root), Vec::new()) else {
        return Vec::new();
    };
    let Ok(table) = std::fs::read("/proc/self/mountinfo") else {
        return Vec::new();
    };
    mount_points(&table)
        .filter_map(|point| key_beneath(path.as_bytes(), &point))
        .collect()
}

/// The fifth field of each line of a mountinfo table, unescaped. See proc_pid_mountinfo(5).
fn mount_points(table: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    table
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(|&byte| byte == b' ').nth(4))
        .map(unescaped)
}

fn key_beneath(root: &[u8], point: &[u8]) -> Option<Key> {
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let beneath = point.strip_prefix(root)?.strip_prefix(b"/")?;
    std::str::from_utf8(beneath).ok()?.parse().ok()
}

/// Undoes the table's `\040` for a space and its like.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .filter(|_| byte == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) => {
                bytes.push(escaped);
                rest = &after[3..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_beneath_the_root_are_found_and_unescaped() {
        let table = b"22 1 0:5 / / rw - ext4 /dev/a rw\n23 22 0:6 / /srv/a\\040b rw - tmpfs t rw\n\
            24 22 0:7 / /srv rw - tmpfs t rw\n25 22 0:8 / /srvx/c rw - tmpfs t rw\n";
        let found = |root: &[u8]| {
            mount_points(table)
                .filter_map(|point| key_beneath(root, &point))
                .map(|key| key.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(b"/srv"), ["a b"]);
        assert_eq!(found(b"/"), ["srv/a b", "srv", "srvx/c"]);
    }

    #[test]
    fn a_stray_backslash_stays_what_it_is() {
        assert_eq!(unescaped(b"a\\"), b"a\\");
        assert_eq!(unescaped(b"\\9zz\\134"), b"\\9zz\\");
    }
}
