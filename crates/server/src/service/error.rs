//! Why an operation was not carried out. What a store's error means depends on the operation and is decided
//! here, once for all fronts; a front gives each kind the words of its protocol.

use haul_store::{Error, KeyError};

use super::Operation;

/// Why an operation was not carried out. A variant exists because a front says something else for it. The
/// front knows which object was meant, so no variant repeats its name.
#[derive(Debug)]
pub(crate) enum OpError {
    /// The name cannot be the name of an object.
    InvalidName(KeyError),
    /// The server is read-only.
    ReadOnly,
    /// There is no object or folder of that name.
    NotFound,
    /// There is none, because a part of the name before it is an object.
    NotFoundBehindObject,
    /// Nothing can be stored under the name, because a part of the name before it is an object.
    NoPlaceBehindObject,
    /// An object was meant, and the name is that of a folder.
    IsAFolder,
    /// A folder was meant, and the name is that of an object.
    NotAFolder,
    /// There is an object of that name, and it was not to be replaced.
    Exists,
    /// The object is not the version that was to be replaced.
    Changed,
    /// The folder is not empty.
    NotEmpty,
    /// The store's own permissions.
    Forbidden,
    /// The name leads out of what is served.
    Escapes,
    /// The store is full.
    NoSpace,
    /// The object would have more than these bytes, which is the limit.
    TooLarge(u64),
    /// The offset lies behind the object's end.
    OffsetBehindEnd {
        /// Bytes of the object.
        size: u64,
        /// The offset that was asked for.
        offset: u64,
    },
    /// The content does not have the digest that was declared.
    OtherDigest,
    /// Something else holds the object.
    Held,
    /// Too many requests of this kind are under way.
    TooMany,
    /// The same, for a request that had begun already and whose connection is to end.
    GivesWay,
    /// The server is shutting down; the connection is to end.
    Draining,
    /// The folder that the object would lie in is missing.
    NoParent,
    /// A folder was to be moved into itself, or an object copied onto itself.
    IntoItself,
    /// The store cannot do this at all.
    Unsupported,
    /// The store cannot be reached now.
    Unavailable,
    /// The object was damaged by a power cut.
    Damaged,
    /// The folder that is served has vanished.
    RootGone,
    /// Something failed; the log says what.
    Failed,
}

impl OpError {
    /// Whether the connection is to end with this answer.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(self, Self::GivesWay | Self::Draining)
    }

    /// What an error of the store means for an operation on `name` (for people to read). The log gets the
    /// cause where the client cannot do anything about it.
    pub(super) fn from_store(error: Error, operation: Operation, name: &str) -> Self {
        match error {
            Error::NotFound => Self::NotFound,
            Error::NotAFolder => match operation {
                Operation::List | Operation::RemoveFolder => Self::NotAFolder,
                Operation::Write => Self::NoPlaceBehindObject,
                _ => Self::NotFoundBehindObject,
            },
            Error::IsAFolder => Self::IsAFolder,
            Error::Exists => Self::Exists,
            Error::ConditionFailed => Self::Changed,
            Error::NotEmpty => Self::NotEmpty,
            Error::Forbidden => Self::Forbidden,
            Error::Escapes => Self::Escapes,
            Error::NoSpace => Self::NoSpace,
            Error::Busy => Self::Held,
            Error::NoParent => Self::NoParent,
            Error::IntoItself => Self::IntoItself,
            Error::Unsupported => Self::Unsupported,
            Error::Torn | Error::Unavailable(_) | Error::Gone | Error::Io(_) => Self::logged(error, name),
        }
    }

    /// An error that the server's side has to deal with.
    fn logged(error: Error, name: &str) -> Self {
        match error {
            Error::Torn => {
                tracing::error!(%name, "an object is not what was uploaded: a power cut came before it was on the disk");
                Self::Damaged
            }
            Error::Gone => {
                tracing::error!("the served folder has vanished");
                Self::RootGone
            }
            Error::Unavailable(cause) => {
                tracing::error!(%name, error = %cause, "the storage cannot be reached");
                Self::Unavailable
            }
            Error::Io(cause) => {
                tracing::error!(%name, error = %cause, "the store failed");
                Self::Failed
            }
            other => {
                tracing::error!(%name, error = %other, "the store failed");
                Self::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_where_a_folder_was_meant_is_told_as_what_the_operation_meant() {
        let meaning = |operation| OpError::from_store(Error::NotAFolder, operation, "a/b");
        assert!(matches!(meaning(Operation::List), OpError::NotAFolder));
        assert!(matches!(meaning(Operation::RemoveFolder), OpError::NotAFolder));
        assert!(matches!(meaning(Operation::Write), OpError::NoPlaceBehindObject));
        assert!(matches!(meaning(Operation::Read), OpError::NotFoundBehindObject));
        assert!(matches!(
            meaning(Operation::Remove),
            OpError::NotFoundBehindObject
        ));
    }
}
