//! What a failure is called on the wire. The peer sees the refusal, the log sees the cause.

use haul_store::{Error, Key, KeyError};
use haul_wire::{Code, Name, Refusal};

use super::Broken;

/// Why a request was not carried out.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is refused; the conversation goes on.
    Refused(Refusal),
    /// It is refused, and the conversation ends with that.
    Last(Refusal),
    /// No reply can be given any more.
    Broken(Broken),
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The key that a name stands for.
pub(super) fn key(name: &Name) -> Result<Key, Refusal> {
    name.as_str().parse().map_err(|error: KeyError| {
        Refusal::new(
            Code::InvalidName,
            format!("{} cannot be a name here: {error}", short(name)),
        )
    })
}

/// What the store's refusal is on the wire.
pub(super) fn from_store(error: Error, name: &Name) -> Refusal {
    let it = short(name);
    let (code, sentence) = match error {
        Error::NotFound => (Code::NotFound, format!("{it} is not there; LIST shows what is")),
        Error::IsAFolder => (Code::IsADirectory, format!("{it} is a folder; name a file in it")),
        Error::NotAFolder => (
            Code::NotFound,
            format!("{it} is not there: a part of the name before a / is a file, not a folder"),
        ),
        Error::Exists => (
            Code::Exists,
            format!("{it} exists already; choose another name or delete it first"),
        ),
        Error::ConditionFailed => (
            Code::Exists,
            format!("{it} is not the version that was to be replaced; look at it again"),
        ),
        Error::Forbidden => (
            Code::Forbidden,
            format!(
                "the server has no permission for {it}: its owner or its mode forbids it to the server's user"
            ),
        ),
        Error::Escapes => (Code::Forbidden, format!("{it} leads out of the served folder")),
        Error::NoSpace => (
            Code::NoSpace,
            format!("the server's disk is full, and {it} could not be handled; make room there first"),
        ),
        Error::NotEmpty => (
            Code::Exists,
            format!("{it} is not empty; remove what is in it first"),
        ),
        Error::Busy => (
            Code::Busy,
            format!("something else on the server holds {it}; try again in a while"),
        ),
        Error::Torn => {
            tracing::error!(%name, "an object is not what was uploaded: a power cut came before it was on the disk");
            (
                Code::Internal,
                format!("{it} was damaged by a power cut of the server's machine; upload it again"),
            )
        }
        Error::NoParent | Error::IntoItself | Error::Unsupported => return from_misplaced(&error, &it),
        Error::Unavailable(cause) => {
            tracing::error!(%name, error = %cause, "the storage cannot be reached");
            (
                Code::Busy,
                "the server's storage cannot be reached now; try again in a while".to_owned(),
            )
        }
        Error::Gone => {
            tracing::error!("the served folder has vanished");
            (
                Code::Internal,
                "the served folder has vanished; tell whoever runs this server".to_owned(),
            )
        }
        Error::Io(cause) => {
            tracing::error!(%name, error = %cause, "the store failed");
            (
                Code::Internal,
                format!("{it} could not be handled; the server's log says why"),
            )
        }
    };
    Refusal::new(code, sentence)
}

/// What is refused of operations on places.
fn from_misplaced(error: &Error, it: &str) -> Refusal {
    let (code, sentence) = match error {
        Error::NoParent => (
            Code::NotFound,
            format!("the folder of {it} is not there; make it first"),
        ),
        Error::IntoItself => (
            Code::BadRequest,
            format!("{it} cannot be moved into itself or copied onto itself"),
        ),
        _ => (
            Code::Forbidden,
            format!("this server's storage cannot do that with {it}"),
        ),
    };
    Refusal::new(code, sentence)
}

/// A parent of the name that is no folder cannot take an upload, though the name itself is free.
pub(super) fn from_store_writing(error: Error, name: &Name) -> Refusal {
    match error {
        Error::NotAFolder => Refusal::new(
            Code::Exists,
            format!(
                "{} cannot be stored: a part of the name before a / is a file",
                short(name)
            ),
        ),
        Error::NoSpace => Refusal::new(
            Code::NoSpace,
            format!(
                "there is no room to store {}; free some and send it again",
                short(name)
            ),
        ),
        other => from_store(other, name),
    }
}

/// A name as a sentence shows it: control characters escaped, and not so long that it hides the rest.
pub(super) fn short(name: &Name) -> String {
    const CHARACTERS_MAX: usize = 80;
    let shown = name.to_string();
    if shown.chars().count() <= CHARACTERS_MAX {
        return shown;
    }
    shown.chars().take(CHARACTERS_MAX).chain(['…']).collect()
}
