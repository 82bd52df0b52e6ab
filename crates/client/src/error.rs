//! The errors of an operation, one variant for each way in which a caller reacts.

use std::io;
use std::time::Duration;

use haul_wire::{Code, Refusal, ReplyError};

use crate::Address;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection: the host is unknown, no server listens, or the connect timeout passed. Tried again.
    #[error("cannot connect to {address}: {cause}")]
    Connect {
        /// The server.
        address: Address,
        /// The error of the system.
        cause: io::Error,
    },
    /// The server said no, or would (a name that cannot be put on the wire is refused before it is sent).
    #[error("{}", .0.sentence)]
    Refused(Refusal),
    /// The connection broke before the reply was whole. Tried again.
    #[error("the connection broke off: {0}")]
    Interrupted(io::Error),
    /// The server was silent for as long as the timeout allows, in the middle of an exchange. Tried again only if the
    /// try had got further than those before it.
    #[error("the server was silent for {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The server took the connection and gave no answer for as long as the queue timeout allows.
    #[error(
        "the server took the connection but gave no answer in {} s: all its workers are busy, or it is no haul server",
        .0.as_secs_f64()
    )]
    NoAnswer(Duration),
    /// The content that arrived is not the content that the server holds: its digest, length or encoding is wrong.
    #[error("the content is damaged: {0}")]
    Corrupt(String),
    /// Reading or writing on our side failed (the caller's source or target).
    #[error("{0}")]
    Local(io::Error),
    /// The server answered something that is no reply to what was asked.
    #[error("the server's answer makes no sense: {0}")]
    Protocol(String),
    /// The server has no way to do this; the sentence says which, and why.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl Error {
    /// Whether another try on a new connection may succeed. Silence counts only where content had moved before it.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::Interrupted(_) | Self::Timeout(_)
        )
    }

    /// The code of a refusal.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            _ => None,
        }
    }

    /// Whether the server has no such object.
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(Code::NotFound)
    }

    /// A refusal of our own, in the server's words.
    pub(crate) fn refused(code: Code, sentence: impl Into<String>) -> Self {
        Self::Refused(Refusal {
            code,
            sentence: sentence.into(),
        })
    }

    /// The meaning of a failed receive or send: silence if the socket's timeout passed, else an interruption.
    pub(crate) fn from_socket(cause: io::Error, timeout: Duration) -> Self {
        match cause.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Timeout(timeout),
            _ => Self::Interrupted(cause),
        }
    }

    /// The peer closed where more was due.
    pub(crate) fn closed() -> Self {
        Self::Interrupted(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "the server closed it",
        ))
    }
}

impl From<ReplyError> for Error {
    fn from(cause: ReplyError) -> Self {
        Self::Protocol(cause.to_string())
    }
}
