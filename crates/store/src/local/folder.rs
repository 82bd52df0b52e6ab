//! Listing a folder: its entries as the system hands them out, and facts only of those that need them.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, RawDir, statat};
use rustix::io::{Errno, retry_on_intr};

use super::facts::Facts;
use super::root::{Purpose, Root};
use crate::key::can_name;
use crate::types::Stamp;
use crate::{Detail, Error, Key, Kind, Listing};

/// Room for about a thousand entries a call.
const ENTRIES_BYTES: usize = 32 * 1024;

pub(super) fn list(root: &Root, dir: Option<&Key>, detail: Detail) -> Result<Listing, Error> {
    let folder = root.find(dir, Purpose::Folder)?;
    let mut room = Vec::with_capacity(ENTRIES_BYTES);
    let mut entries = RawDir::new(&folder, room.spare_capacity_mut());
    let mut listing = Listing::default();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(Errno::INTR) => continue,
            // The folder was removed while it was read.
            Err(Errno::NOENT) if root.is_gone() => return Err(Error::Gone),
            Err(errno) => return Err(errno.into()),
        };
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if !can_name(dir, name) {
            continue;
        }
        if let Some((kind, size, modified)) =
            entry_facts(root, &folder, dir, name, entry.file_type(), detail)?
        {
            listing.push(name, kind, size, modified);
        }
    }
    Ok(listing.sorted())
}

/// What the listing says of an entry; `None` where it is neither object nor folder, or has vanished meanwhile.
fn entry_facts(
    root: &Root,
    folder: &OwnedFd,
    dir: Option<&Key>,
    name: &str,
    file_type: FileType,
    detail: Detail,
) -> Result<Option<(Kind, u64, Stamp)>, Error> {
    match (kind_of(file_type), detail) {
        (Some(kind), Detail::Names) => return Ok(Some((kind, 0, Stamp::default()))),
        (None, _) if !matches!(file_type, FileType::Symlink | FileType::Unknown) => return Ok(None),
        _ => {}
    }
    let facts = match retry_on_intr(|| statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)) {
        Ok(found) => Facts::from(&found),
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let facts = match facts.kind {
        FileType::Symlink => linked_object(root, dir, name),
        _ => Some(facts),
    };
    Ok(facts.and_then(|facts| {
        let kind = kind_of(facts.kind)?;
        Some(match (detail, kind) {
            (Detail::Names, _) => (kind, 0, Stamp::default()),
            (Detail::Full, Kind::File) => (kind, facts.size, facts.modified),
            (Detail::Full, Kind::Folder) => (kind, 0, facts.modified),
        })
    }))
}

/// The object that a symbolic link leads to, if it leads to one beneath the root.
fn linked_object(root: &Root, dir: Option<&Key>, name: &str) -> Option<Facts> {
    let key = dir.map_or_else(|| name.parse(), |dir| dir.join(name)).ok()?;
    Facts::of_object(root.find(Some(&key), Purpose::Facts).ok()?).ok()
}

fn kind_of(file_type: FileType) -> Option<Kind> {
    match file_type {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Folder),
        _ => None,
    }
}
