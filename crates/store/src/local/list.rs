//! Listing a folder: entries as the system hands them out, with a look at an entry only where its facts are
//! needed.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, RawDir, statat};
use rustix::io::{Errno, retry_on_intr};

use super::facts::FileFacts;
use super::root::{OpenPurpose, Root};
use crate::key::can_name;
use crate::listing::EntryFacts;
use crate::{Detail, Error, Key, Listing, ListingBuilder, NodeKind, Page};

/// Room for about a thousand entries a call.
const ENTRIES_BYTES: usize = 32 * 1024;

pub(super) fn list(root: &Root, dir: Option<&Key>, page: Page<'_>, detail: Detail) -> Result<Listing, Error> {
    let folder = root.find(dir, OpenPurpose::Folder)?;
    let mut room = Vec::with_capacity(ENTRIES_BYTES);
    let mut entries = RawDir::new(&folder, room.spare_capacity_mut());
    let mut listing = ListingBuilder::new(page);
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
        let kind = kind_of(entry.file_type());
        let may_be_one = matches!(entry.file_type(), FileType::Symlink | FileType::Unknown);
        if can_name(dir, name) && (kind.is_some() || may_be_one) {
            listing.offer(name, kind.map(EntryFacts::kind_only));
        }
    }
    let sees_all = detail == Detail::Full;
    listing.finish_with(sees_all, |name| entry_facts(root, &folder, dir, name, detail))
}

/// What the listing says of an entry; `None` where it is neither an object nor a folder, or has vanished
/// meanwhile.
fn entry_facts(
    root: &Root,
    folder: &OwnedFd,
    dir: Option<&Key>,
    name: &str,
    detail: Detail,
) -> Result<Option<EntryFacts>, Error> {
    let facts = match retry_on_intr(|| statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)) {
        Ok(found) => FileFacts::from(&found),
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
            (Detail::Names, _) => EntryFacts::kind_only(kind),
            (Detail::Full, _) => EntryFacts {
                kind,
                size: if kind == NodeKind::File { facts.size } else { 0 },
                modified: facts.modified,
            },
        })
    }))
}

/// The object that a symbolic link leads to, if it leads to one beneath the root.
fn linked_object(root: &Root, dir: Option<&Key>, name: &str) -> Option<FileFacts> {
    let key = dir.map_or_else(|| name.parse(), |dir| dir.join(name)).ok()?;
    FileFacts::of_object(root.find(Some(&key), OpenPurpose::FileFacts).ok()?).ok()
}

fn kind_of(file_type: FileType) -> Option<NodeKind> {
    match file_type {
        FileType::RegularFile => Some(NodeKind::File),
        FileType::Directory => Some(NodeKind::Folder),
        _ => None,
    }
}
