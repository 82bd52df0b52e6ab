//! The progress of an operation: bytes as they move, waits and new tries, and the times of its marks.

use std::time::Duration;

use crate::Error;

/// Sees an operation while it happens. Every method does nothing by default.
///
/// ```
/// use haul_client::{Client, Options, Progress, StreamTarget};
///
/// #[derive(Default)]
/// struct Counter(u64);
///
/// impl Progress for Counter {
///     fn moved(&mut self, bytes: u64) {
///         self.0 += bytes;
///     }
/// }
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
/// # let address = server::holding(&[("notes.txt", "hello")]);
/// let mut counter = Counter::default();
/// let mut target = StreamTarget::new(std::io::sink());
/// Client::new(address, Options::default()).fetch("notes.txt", &mut target, &mut counter)?;
/// assert_eq!(counter.0, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

    /// The server has been silent for `waited` since it took the connection, most likely because all its workers are
    /// busy. Said once for each connection, after 2 s; the wait goes on for at most
    /// [`Options::queue_timeout`](crate::Options::queue_timeout).
    fn waiting(&mut self, waited: Duration) {
        let _ = waited;
    }

    /// A try failed for `cause`; another follows after `pause`.
    fn retrying(&mut self, cause: &Error, pause: Duration) {
        let _ = (cause, pause);
    }
}

/// Sees nothing.
impl Progress for () {}

/// Passes everything on, and knows whether a try has got further than all before it.
pub(crate) struct Farthest<'a> {
    progress: &'a mut dyn Progress,
    position: u64,
    farthest: u64,
    got_further: bool,
}

impl<'a> Farthest<'a> {
    pub(crate) fn new(progress: &'a mut dyn Progress) -> Self {
        Farthest {
            progress,
            position: 0,
            farthest: 0,
            got_further: false,
        }
    }

    /// Whether content has come further than ever before since this was asked last.
    pub(crate) fn take_got_further(&mut self) -> bool {
        std::mem::take(&mut self.got_further)
    }
}

impl Progress for Farthest<'_> {
    fn begin(&mut self, position: u64, total_bytes: Option<u64>) {
        self.position = position;
        // Content from before the first try is no progress.
        if self.farthest == 0 {
            self.farthest = position;
        }
        self.progress.begin(position, total_bytes);
    }

    fn moved(&mut self, bytes: u64) {
        self.position += bytes;
        if self.position > self.farthest {
            self.farthest = self.position;
            self.got_further = true;
        }
        self.progress.moved(bytes);
    }

    fn waiting(&mut self, waited: Duration) {
        self.progress.waiting(waited);
    }

    fn retrying(&mut self, cause: &Error, pause: Duration) {
        self.progress.retrying(cause, pause);
    }
}

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
