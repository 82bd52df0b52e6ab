//! The requests of the protocol.

use haul_types::closed_list;

use crate::{Attributes, Condition, Name};

closed_list! {
    /// The verbs, each with one meaning whatever word was sent: `DOWNLOAD` is [`Verb::Get`], `PUT` and `POST` are
    /// [`Verb::Upload`]. The text of a verb is its word on the wire in small letters.
    pub Verb, "a verb" {
        /// Names of the objects (classic).
        List = "list",
        /// An object in base64 (classic).
        Get = "get",
        /// Store an object sent in base64 (classic).
        Upload = "upload",
        /// Remove an object (classic, and used by extended clients too).
        Delete = "delete",
        /// The server's version, verbs and limits (extended).
        Hello = "hello",
        /// A folder's entries with kind, size and time (extended).
        Ls = "ls",
        /// One object's facts (extended).
        Stat = "stat",
        /// An object's bytes as they are (extended).
        Read = "read",
        /// Store an object sent as it is, with its digest (extended).
        Write = "write",
        /// Remove an empty folder (extended).
        RemoveDir = "rmdir",
        /// The ledger (extended).
        Stats = "stats",
    }
}

impl Verb {
    /// Every word that means this verb, in small letters: its own first.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        let others: &[&str] = match self {
            Self::Get => &["download"],
            Self::Upload => &["put", "post"],
            _ => &[],
        };
        std::iter::once(self.as_str()).chain(others.iter().copied())
    }

    /// The verb that a word on the wire means, in upper or lower case.
    pub(crate) fn from_word(word: &[u8]) -> Option<Self> {
        let is_meant = |verb: &Self| {
            verb.words()
                .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
        };
        Self::ALL.iter().copied().find(is_meant)
    }

    /// Whether other programs of the family know it, too.
    pub(crate) fn is_classic(self) -> bool {
        matches!(self, Self::List | Self::Get | Self::Upload | Self::Delete)
    }
}

/// A request, without the body of an `Upload` or `Write`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `LIST`
    List,
    /// `GET name`, `DOWNLOAD name`
    Get {
        /// The object.
        name: Name,
    },
    /// `UPLOAD name base64`; the body follows.
    Upload {
        /// The object.
        name: Name,
        /// The object if the last word of `name` turns out to be the length of the body, as some programs send it:
        /// `BodyEnd` says so. `None` where that is out of the question, or decided.
        shorter: Option<Name>,
    },
    /// `DELETE name`
    Delete {
        /// The object.
        name: Name,
    },
    /// `HELLO`
    Hello,
    /// `LS [dir]`
    Ls {
        /// The folder; the root where absent.
        dir: Option<Name>,
    },
    /// `STAT name [digest]`
    Stat {
        /// The object.
        name: Name,
        /// Whether the digest is to be computed where it is not known.
        digest: bool,
    },
    /// `READ name [offset [length]]`
    Read {
        /// The object.
        name: Name,
        /// The first byte wanted.
        offset: u64,
        /// How many bytes at most; to the end where absent.
        length: Option<u64>,
    },
    /// `WRITE name length [options]`; the body follows.
    Write {
        /// The object.
        name: Name,
        /// The body's length in bytes.
        length: u64,
        /// When it may be stored.
        condition: Condition,
        /// The attributes of the stored file.
        attributes: Attributes,
    },
    /// `RMDIR dir`
    RemoveDir {
        /// The folder.
        dir: Name,
    },
    /// `STATS`
    Stats,
}

impl Request {
    /// The request's verb.
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::List => Verb::List,
            Self::Get { .. } => Verb::Get,
            Self::Upload { .. } => Verb::Upload,
            Self::Delete { .. } => Verb::Delete,
            Self::Hello => Verb::Hello,
            Self::Ls { .. } => Verb::Ls,
            Self::Stat { .. } => Verb::Stat,
            Self::Read { .. } => Verb::Read,
            Self::Write { .. } => Verb::Write,
            Self::RemoveDir { .. } => Verb::RemoveDir,
            Self::Stats => Verb::Stats,
        }
    }

    /// The object or folder that the request names.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::List | Self::Hello | Self::Stats => None,
            Self::Ls { dir } => dir.as_ref(),
            Self::Get { name }
            | Self::Upload { name, .. }
            | Self::Delete { name }
            | Self::Stat { name, .. }
            | Self::Read { name, .. }
            | Self::Write { name, .. }
            | Self::RemoveDir { dir: name } => Some(name),
        }
    }
}
