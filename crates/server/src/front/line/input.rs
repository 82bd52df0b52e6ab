//! What has been received and not yet been decoded.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes that a connection holds while no body moves: thousands of idle connections cost this much each.
const SMALL_BYTES: usize = 1024;

/// Received bytes, in a small buffer of the connection's own or, while a body moves, in the worker's large one.
#[derive(Debug)]
pub(super) struct Input {
    small: Box<[u8; SMALL_BYTES]>,
    /// Whether the unread bytes are in the large buffer.
    in_large: bool,
    start: usize,
    end: usize,
}

impl Input {
    pub(super) fn new() -> Self {
        Self {
            small: Box::new([0; SMALL_BYTES]),
            in_large: false,
            start: 0,
            end: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes not yet decoded. `large` is the buffer that was handed to [`Input::receive_large`].
    pub(super) fn unread<'b>(&'b self, large: &'b [u8]) -> &'b [u8] {
        if self.in_large {
            &large[self.start..self.end]
        } else {
            &self.small[self.start..self.end]
        }
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        debug_assert!(self.start <= self.end, "no more is consumed than there is");
    }

    /// Acts as if the peer had sent a line end. Everything before must have been decoded.
    pub(super) fn end_line(&mut self) {
        debug_assert!(self.is_empty(), "nothing unread is overwritten");
        self.small[0] = b'\n';
        (self.in_large, self.start, self.end) = (false, 0, 1);
    }

    /// Drops what is unread.
    pub(super) fn forget(&mut self) {
        self.start = self.end;
    }

    /// Moves what is unread out of the large buffer, before that is given back. It must fit: between requests a
    /// connection holds at most what the peer has sent ahead, and that stays in the large buffer otherwise.
    pub(super) fn leave_large(&mut self, large: &[u8]) -> bool {
        let length = self.end - self.start;
        if self.in_large && length <= SMALL_BYTES {
            self.small[..length].copy_from_slice(&large[self.start..self.end]);
            (self.in_large, self.start, self.end) = (false, 0, length);
        }
        !self.in_large
    }

    /// Receives into the small buffer; everything before must have been decoded. Returns 0 at the end.
    pub(super) async fn receive_small<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<usize> {
        debug_assert!(self.is_empty(), "nothing unread is overwritten");
        let received = stream.read(&mut self.small[..]).await?;
        (self.in_large, self.start, self.end) = (false, 0, received);
        Ok(received)
    }

    /// Receives into `large`; everything before must have been decoded. Returns 0 at the end.
    pub(super) async fn receive_large<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        large: &mut [u8],
    ) -> io::Result<usize> {
        debug_assert!(self.is_empty(), "nothing unread is overwritten");
        let received = stream.read(large).await?;
        (self.in_large, self.start, self.end) = (true, 0, received);
        Ok(received)
    }
}
