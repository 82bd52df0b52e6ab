//! The content that an upload reads while it is sent.

use std::io::{self, Read};
use std::time::Duration;

use crate::Error;

/// The content of an upload, which also hears when the upload has to wait in the queue.
pub(crate) trait Feed: Read {
    /// See [`Progress::waiting`](crate::Progress::waiting).
    fn waiting(&mut self, waited: Duration) {
        let _ = waited;
    }
}

/// The content of a caller that does not want to hear of waits.
pub(crate) struct Silent<'a>(pub(crate) &'a mut dyn Read);

impl Read for Silent<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Feed for Silent<'_> {}

/// Reads the next piece of a body, never beyond what is `left` of its announced length; zero at its end.
pub(crate) fn read_piece(source: &mut dyn Feed, room: &mut [u8], left: Option<u64>) -> Result<usize, Error> {
    let most = left.map_or(room.len(), |left| {
        usize::try_from(left).map_or(room.len(), |left| left.min(room.len()))
    });
    loop {
        match source.read(&mut room[..most]) {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(Error::Local),
        }
    }
}

/// The source ended before its announced length.
pub(crate) fn shrunk(bytes: u64, length_bytes: u64) -> Error {
    let sentence = format!("it became shorter while it was sent: {bytes} bytes instead of {length_bytes}");
    Error::Local(io::Error::new(io::ErrorKind::UnexpectedEof, sentence))
}
