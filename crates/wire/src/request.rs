//! What a client can ask for.

use serde::{Deserialize, Serialize};

use crate::{Attributes, Condition, Name};

/// The verbs, each with one meaning whatever word was sent: `DOWNLOAD` is [`Verb::Get`], `PUT` and `POST` are
/// [`Verb::Upload`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Names of the objects (classic).
    List,
    /// An object in base64 (classic).
    Get,
    /// Store an object sent in base64 (classic).
    Upload,
    /// Remove an object (classic, and used by extended clients too).
    Delete,
    /// What the server is and can do (extended).
    Hello,
    /// A folder's entries with kind, size and time (extended).
    Ls,
    /// One object's facts (extended).
    Stat,
    /// An object's bytes as they are (extended).
    Read,
    /// Store an object sent as it is, with its digest (extended).
    Write,
    /// Remove an empty folder (extended).
    #[serde(rename = "rmdir")]
    RemoveDir,
    /// The ledger (extended).
    Stats,
}

impl Verb {
    /// Every verb, in the order of the protocol's tables.
    pub const ALL: [Self; 11] = [
        Self::List,
        Self::Get,
        Self::Upload,
        Self::Delete,
        Self::Hello,
        Self::Ls,
        Self::Stat,
        Self::Read,
        Self::Write,
        Self::RemoveDir,
        Self::Stats,
    ];

    /// The verb as programs and logs name it: its word on the wire in small letters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Get => "get",
            Self::Upload => "upload",
            Self::Delete => "delete",
            Self::Hello => "hello",
            Self::Ls => "ls",
            Self::Stat => "stat",
            Self::Read => "read",
            Self::Write => "write",
            Self::RemoveDir => "rmdir",
            Self::Stats => "stats",
        }
    }

    /// What a word on the wire means, in whatever case it is written.
    pub(crate) fn from_word(word: &[u8]) -> Option<Self> {
        let also = [
            ("download", Self::Get),
            ("put", Self::Upload),
            ("post", Self::Upload),
        ];
        let mut words = Self::ALL.iter().map(|verb| (verb.as_str(), *verb)).chain(also);
        words
            .find(|(known, _)| word.eq_ignore_ascii_case(known.as_bytes()))
            .map(|(_, verb)| verb)
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
        /// What the stored file is to say of itself.
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
