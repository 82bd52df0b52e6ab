//! What a caller may ask of a store beyond the name: which page, which condition, what to do with an existing
//! object.

use std::num::NonZeroUsize;

use crate::Condition;

/// How much a listing says of each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Name and kind only; sizes and times are zero. Cheap.
    Names,
    /// Size and time of modification as well.
    Full,
}

/// A part of a folder's entries, in the order of their names (bytewise).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<'a> {
    /// Only entries whose names come after this one, which need not exist; from the first entry on where it
    /// is `None`.
    pub after: Option<&'a str>,
    /// At most so many entries. A store keeps at most twice as many in memory, about 60 bytes each, while it
    /// looks through the folder; it looks through all of it for each page, so pages of some 100,000 entries
    /// cost least.
    pub limit: NonZeroUsize,
}

impl Page<'_> {
    /// The whole folder in one page, however large it is.
    pub const WHOLE: Self = Self {
        after: None,
        limit: NonZeroUsize::MAX,
    };
}

/// How an object is created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateOptions {
    /// When the object may be published. Default: always.
    pub condition: Condition,
    /// How many bytes will be written, where the caller knows. A hint: a store may refuse at once what it has
    /// no room for, or choose how it sends the content; another number of bytes may follow all the same.
    pub size_hint: Option<u64>,
    /// What happens where the folder of the object is missing. Default: it is made.
    pub parents: Parents,
}

impl CreateOptions {
    /// The default options with a condition.
    #[must_use]
    pub fn with_condition(condition: Condition) -> Self {
        Self {
            condition,
            ..Self::default()
        }
    }
}

/// What happens where the folders that lead to a name are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parents {
    /// They are made when the object is published.
    #[default]
    Make,
    /// The operation is refused with [`Error::NoParent`](crate::Error::NoParent).
    Require,
}

/// What happens to an object that has the new name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfTaken {
    /// It is replaced in the same step.
    Replace,
    /// The operation is refused with [`Error::Exists`](crate::Error::Exists).
    Refuse,
}

impl IfTaken {
    /// The same as a condition of an upload.
    pub(crate) fn condition(self) -> Condition {
        match self {
            Self::Replace => Condition::Always,
            Self::Refuse => Condition::Absent,
        }
    }
}

/// What a store can do beyond listing, reading, writing and removing objects. A method whose capability is
/// missing refuses with [`Error::Unsupported`](crate::Error::Unsupported) before it has changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a capability of its own, and no two exclude each other"
)]
pub struct Capabilities {
    /// Folders are things of their own: [`Store::make_dir`](crate::Store::make_dir),
    /// [`Store::remove_dir`](crate::Store::remove_dir), and folders that stay when their last object is
    /// removed.
    pub folders: bool,
    /// [`Store::rename`](crate::Store::rename) of an object, in one step.
    pub rename: bool,
    /// [`Store::rename`](crate::Store::rename) of a folder with all that is in it, in one step.
    pub rename_folders: bool,
    /// [`Store::copy`](crate::Store::copy), without the content passing through the caller.
    pub copy: bool,
    /// [`Store::set_modified`](crate::Store::set_modified), and the modification time of a
    /// [`Commit`](crate::Commit).
    pub modified: bool,
    /// The permission bits of a [`Commit`](crate::Commit) are kept.
    pub modes: bool,
    /// [`Store::keep_digest`](crate::Store::keep_digest) keeps what it is given.
    pub late_digests: bool,
    /// Other processes of the same server can open the same store; see
    /// [`Store::descriptors`](crate::Store::descriptors).
    pub processes: bool,
}

impl Capabilities {
    /// Everything.
    pub const ALL: Self = Self {
        folders: true,
        rename: true,
        rename_folders: true,
        copy: true,
        modified: true,
        modes: true,
        late_digests: true,
        processes: true,
    };
}

/// What a store has tidied up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Maintenance {
    /// Uploads whose writers had died without an abort, and of which something was left to remove.
    pub swept: usize,
}
