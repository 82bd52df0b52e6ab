//! A reply that says no: one code from a closed table, and a sentence that says what to do.

use serde::{Deserialize, Serialize};

/// Why a request was refused. A closed table; on the wire each is its kebab-case word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The verb is not one of the protocol's.
    UnknownVerb,
    /// The request is incomplete or malformed.
    BadRequest,
    /// The name cannot be the name of an object.
    InvalidName,
    /// There is no object of that name.
    NotFound,
    /// The name is that of a folder.
    IsADirectory,
    /// The name is taken, and the request said not to replace it.
    Exists,
    /// The server does not allow it.
    Forbidden,
    /// The payload is not base64.
    InvalidPayload,
    /// The body is not as long as the request said.
    LengthMismatch,
    /// The body does not have the digest that the request gave.
    DigestMismatch,
    /// The object is larger than the server accepts.
    TooLarge,
    /// The store is full.
    NoSpace,
    /// The server has no room for the request now.
    Busy,
    /// The peer took too long.
    Timeout,
    /// The server is shutting down.
    Draining,
    /// Something failed on the server's side.
    Internal,
}

impl Code {
    /// The code's word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownVerb => "unknown-verb",
            Self::BadRequest => "bad-request",
            Self::InvalidName => "invalid-name",
            Self::NotFound => "not-found",
            Self::IsADirectory => "is-a-directory",
            Self::Exists => "exists",
            Self::Forbidden => "forbidden",
            Self::InvalidPayload => "invalid-payload",
            Self::LengthMismatch => "length-mismatch",
            Self::DigestMismatch => "digest-mismatch",
            Self::TooLarge => "too-large",
            Self::NoSpace => "no-space",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Draining => "draining",
            Self::Internal => "internal",
        }
    }
}

/// A refusal: the code that a program branches on and the sentence that a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What a program branches on.
    pub code: Code,
    /// One sentence that names the object and says what to do; never a path of the server's machine.
    pub sentence: String,
}

impl Refusal {
    /// A refusal with its sentence.
    #[must_use]
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
        }
    }
}
