//! Fronts: one protocol each, between a stream and the store. A front gets a stream (never a socket), the worker that
//! it runs on, and says how the connection is to end.

pub(crate) mod line;

/// How a connection is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// In good order: everything that was to be sent has been sent.
    Close,
    /// With a reset: a reply was begun and cannot be finished, and the peer must notice.
    Reset,
}
