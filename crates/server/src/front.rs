//! Fronts: one protocol each, between a stream and the service. A front puts its protocol's requests into
//! calls of the service, and the answers into its protocol's replies. It knows no store, no socket, no pool
//! and no rule about who may do what.

mod line;

use crate::session::Session;
use crate::stream::Peeked;

/// A protocol that a connection can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// The line protocol.
    Line,
}

/// How a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// In good order: everything that was to be sent has been sent.
    Close,
    /// With a reset: a reply was begun and cannot be finished, and the peer must notice.
    Reset,
}

impl Front {
    /// The protocol of a connection whose first bytes these are. It never changes later.
    pub(crate) fn choose(_first: &[u8]) -> Self {
        // There is one protocol yet, and it refuses what belongs to others.
        Self::Line
    }

    /// Holds the conversation to its end.
    pub(crate) async fn serve(self, stream: &mut Peeked, session: &Session<'_>) -> Ending {
        match self {
            Self::Line => line::serve(stream, session).await,
        }
    }
}
