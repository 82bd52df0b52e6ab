//! The facts of an object.

use std::time::SystemTime;

use crate::{Condition, Digest, Error};

/// One object's facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Bytes of content.
    pub size: u64,
    /// Last modification.
    pub modified: SystemTime,
    /// An opaque ASCII token without spaces or quotes that changes whenever the content does.
    pub etag: String,
    /// The digest, where it is known without reading the object.
    pub digest: Option<Digest>,
    /// The permission bits, at most `0o777`, where the store has any.
    pub mode: Option<u32>,
}

/// The facts that a writer is committed with, beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Commit {
    /// The digest of the content, where it is known. It is not checked.
    pub digest: Option<Digest>,
    /// The modification time to set; `None` is the time of the commit.
    pub modified: Option<SystemTime>,
    /// The permission bits to set, of which only `0o777` count; `None` is what a new object has anyway.
    pub mode: Option<u32>,
}

/// Whether the object that is there now, if any, lets an upload with this condition in.
pub(crate) fn admits(condition: &Condition, present: Option<&str>) -> Result<(), Error> {
    match (condition, present) {
        (Condition::Absent, Some(_)) => Err(Error::Exists),
        (Condition::Matches(wanted), present) if present != Some(wanted) => Err(Error::ConditionFailed),
        _ => Ok(()),
    }
}
