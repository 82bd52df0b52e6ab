//! A reply that says no: one code from a closed table, and a sentence that says what to do.

use haul_types::closed_list;

closed_list! {
    /// Why a request was refused. The text of a code is its word on the wire.
    pub Code, "a code" {
        /// The verb is not one of the protocol's.
        UnknownVerb = "unknown-verb",
        /// The request is incomplete or malformed.
        BadRequest = "bad-request",
        /// The name cannot be the name of an object.
        InvalidName = "invalid-name",
        /// There is no object of that name.
        NotFound = "not-found",
        /// The name is that of a folder.
        IsADirectory = "is-a-directory",
        /// The name is taken, and the request said not to replace it.
        Exists = "exists",
        /// The server does not allow it.
        Forbidden = "forbidden",
        /// The payload is not base64.
        InvalidPayload = "invalid-payload",
        /// The body is not as long as the request said.
        LengthMismatch = "length-mismatch",
        /// The body does not have the digest that the request gave.
        DigestMismatch = "digest-mismatch",
        /// The object is larger than the server accepts.
        TooLarge = "too-large",
        /// The store is full.
        NoSpace = "no-space",
        /// The server has no room for the request now.
        Busy = "busy",
        /// The peer took too long.
        Timeout = "timeout",
        /// The server is shutting down.
        Draining = "draining",
        /// Something failed on the server's side.
        Internal = "internal",
    }
}

/// A refusal: the code that a program branches on and the sentence that a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The word that a program branches on.
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
