//! An entry of a listing, the same in both dialects.

use haul_wire::reply::{EntryKind, LsEntry};

/// One thing in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name within the folder that was listed.
    pub name: String,
    /// File or folder; the classic dialect lists files only.
    pub kind: EntryKind,
    /// Its size in bytes; unknown in the classic dialect.
    pub size_bytes: Option<u64>,
    /// When it was changed last (RFC 3339); unknown in the classic dialect.
    pub modified: Option<String>,
}

impl DirEntry {
    pub(crate) fn from_name(name: String) -> Self {
        Self {
            name,
            kind: EntryKind::File,
            size_bytes: None,
            modified: None,
        }
    }

    pub(crate) fn from_entry(entry: LsEntry) -> Self {
        let LsEntry {
            name,
            kind,
            size,
            modified,
        } = entry;
        Self {
            name,
            kind,
            size_bytes: Some(size),
            modified: Some(modified),
        }
    }
}
