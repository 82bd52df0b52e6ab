//! What a listing says of each thing in it, whatever the dialect.

use haul_wire::reply::{Entry, Kind};

/// One thing in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name within the folder that was listed.
    pub name: String,
    /// File or folder; the classic dialect lists files only.
    pub kind: Kind,
    /// Its size in bytes; unknown in the classic dialect.
    pub size_bytes: Option<u64>,
    /// When it was changed last (RFC 3339); unknown in the classic dialect.
    pub modified: Option<String>,
}

impl Listed {
    pub(crate) fn from_name(name: String) -> Listed {
        Listed {
            name,
            kind: Kind::File,
            size_bytes: None,
            modified: None,
        }
    }

    pub(crate) fn from_entry(entry: Entry) -> Listed {
        let Entry {
            name,
            kind,
            size,
            modified,
        } = entry;
        Listed {
            name,
            kind,
            size_bytes: Some(size),
            modified: Some(modified),
        }
    }
}
