//! What the service's errors are on the wire: a code that programs branch on, and a sentence that says what
//! helps.

use haul_wire::{Code, Refusal};

use crate::access::RequestLog;
use crate::service::{OpError, Operation, RequestKind};

/// What a peer is told whose request ends for others.
pub(super) const TOO_SLOW_FOR_OTHERS: &str = "this takes too long while other clients wait; try again later";

/// The refusal of the request that `log` is about.
pub(super) fn refusal(error: &OpError, log: &RequestLog) -> Refusal {
    Refusal::new(code(error), sentence(error, log.kind(), &object(log.name())))
}

fn code(error: &OpError) -> Code {
    match error {
        OpError::InvalidName(_) => Code::InvalidName,
        OpError::NotFound | OpError::NotFoundBehindObject | OpError::NoParent => Code::NotFound,
        OpError::IsAFolder => Code::IsADirectory,
        OpError::Exists | OpError::Changed | OpError::NotEmpty | OpError::NoPlaceBehindObject => Code::Exists,
        OpError::ReadOnly | OpError::Forbidden | OpError::Escapes | OpError::Unsupported => Code::Forbidden,
        OpError::NoSpace => Code::NoSpace,
        OpError::TooLarge(_) => Code::TooLarge,
        OpError::NotAFolder | OpError::IntoItself | OpError::OffsetBehindEnd { .. } => Code::BadRequest,
        OpError::OtherDigest => Code::DigestMismatch,
        OpError::Held | OpError::TooMany | OpError::GivesWay | OpError::Unavailable => Code::Busy,
        OpError::Draining => Code::Draining,
        OpError::Damaged | OpError::RootGone | OpError::Failed => Code::Internal,
    }
}

fn sentence(error: &OpError, request: RequestKind, it: &str) -> String {
    match error {
        OpError::InvalidName(error) => format!("{it} cannot be a name here: {error}"),
        OpError::ReadOnly => read_only(request),
        OpError::NotFound => format!("{it} is not there; LIST shows what is"),
        OpError::NotFoundBehindObject => {
            format!("{it} is not there: a part of the name before a / is a file, not a folder")
        }
        OpError::NoPlaceBehindObject => {
            format!("{it} cannot be stored: a part of the name before a / is a file")
        }
        OpError::NoParent => format!("the folder of {it} is not there; make it first"),
        OpError::IsAFolder => format!("{it} is a folder; name a file in it"),
        OpError::NotAFolder => not_a_folder(request.operation, it),
        OpError::Exists => format!("{it} exists already; choose another name or delete it first"),
        OpError::Changed => format!("{it} is not the version that was to be replaced; look at it again"),
        OpError::NotEmpty => format!("{it} is not empty; remove what is in it first"),
        OpError::Forbidden => format!(
            "the server has no permission for {it}: its owner or its mode forbids it to the server's user"
        ),
        OpError::Escapes => format!("{it} leads out of the served folder"),
        OpError::NoSpace => no_space(request.operation, it),
        OpError::TooLarge(max) => format!("{it} is larger than the {max} bytes that this server takes"),
        OpError::OffsetBehindEnd { size, offset } => {
            format!("{it} has {size} bytes; the offset {offset} lies behind them")
        }
        OpError::OtherDigest => {
            format!("{it} arrived with another digest than was declared; send it again")
        }
        OpError::IntoItself => format!("{it} cannot be moved into itself or copied onto itself"),
        OpError::Unsupported => format!("this server's storage cannot do that with {it}"),
        OpError::Held => format!("something else on the server holds {it}; try again in a while"),
        OpError::TooMany
        | OpError::GivesWay
        | OpError::Draining
        | OpError::Unavailable
        | OpError::Damaged
        | OpError::RootGone
        | OpError::Failed => server_sentence(error, it),
    }
}

/// The sentence where the reason lies with the server, not with the request.
fn server_sentence(error: &OpError, it: &str) -> String {
    match error {
        OpError::Draining => "the server is shutting down; ask again later".to_owned(),
        OpError::Unavailable => "the server's storage cannot be reached now; try again in a while".to_owned(),
        OpError::Damaged => {
            format!("{it} was damaged by a power cut of the server's machine; upload it again")
        }
        OpError::RootGone => "the served folder has vanished; tell whoever runs this server".to_owned(),
        OpError::TooMany | OpError::GivesWay => {
            "too many requests of this kind are under way; ask again later".to_owned()
        }
        _ => format!("{it} could not be handled; the server's log says why"),
    }
}

fn read_only(request: RequestKind) -> String {
    let verb = request.as_str().to_uppercase();
    format!("{verb} is not allowed: this server is read-only; start it with --writable (-w)")
}

fn not_a_folder(operation: Operation, it: &str) -> String {
    match operation {
        Operation::RemoveFolder => format!("{it} is not a folder; DELETE removes a file"),
        _ => format!("{it} is a file, not a folder; STAT shows its facts"),
    }
}

fn no_space(operation: Operation, it: &str) -> String {
    match operation {
        Operation::Write => format!("there is no room to store {it}; free some and send it again"),
        _ => format!("the server's disk is full, and {it} could not be handled; make room there first"),
    }
}

/// How sentences call the object; without a name, it is the folder that is served.
fn object(name: &str) -> String {
    match name {
        "" => "the served folder".to_owned(),
        name => short(name),
    }
}

/// A name as a sentence shows it: not so long that it hides the rest.
pub(super) fn short(name: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    if name.chars().count() <= CHARACTERS_MAX {
        return name.to_owned();
    }
    name.chars().take(CHARACTERS_MAX).chain(['…']).collect()
}
