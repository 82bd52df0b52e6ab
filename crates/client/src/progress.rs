//! What can be seen of a transfer: bytes as they move, and when its marks were passed.

use std::time::Duration;

use crate::Error;

/// Sees a transfer while it happens. Every method does nothing by default.
pub trait Progress {
    /// Content is about to move from byte `position` on; `total_bytes` is the object's size where it is known. Said
    /// at the beginning of every try, so the position may go back.
    fn begin(&mut self, position: u64, total_bytes: Option<u64>) {
        let _ = (position, total_bytes);
    }

    /// `bytes` more bytes of content have moved.
    fn moved(&mut self, bytes: u64) {
        let _ = bytes;
    }

    /// A try failed for `cause`; another follows after `pause`.
    fn retrying(&mut self, cause: &Error, pause: Duration) {
        let _ = (cause, pause);
    }
}

/// Sees nothing.
impl Progress for () {}

/// When a transfer passed its marks, each counted from its beginning: the attempt to connect, or the sending of the
/// request on a connection that was open already (then `connected` is zero).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// The connection stood.
    pub connected: Duration,
    /// The first byte of the reply was here.
    pub first_byte: Duration,
    /// The last byte of the reply and its content was here.
    pub last_byte: Duration,
}
