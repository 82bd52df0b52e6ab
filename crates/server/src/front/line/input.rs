//! What has been received and not yet been decoded.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::buffers::{BufferPair, BufferPool, PooledBuffers};

/// Bytes that a connection holds while no body moves: thousands of idle connections cost this much each.
const SMALL_BYTES: usize = 1024;

/// Received bytes, in a small buffer of the connection's own or, while a body moves, in a large one of the
/// worker's.
#[derive(Debug)]
pub(super) struct Input<'p> {
    pool: &'p BufferPool,
    small: Box<[u8; SMALL_BYTES]>,
    large: Option<PooledBuffers<'p>>,
    unread_in: UnreadIn,
    start: usize,
    end: usize,
}

/// Where the unread bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnreadIn {
    Small,
    Large,
}

impl<'p> Input<'p> {
    pub(super) fn new(pool: &'p BufferPool) -> Self {
        Self {
            pool,
            small: Box::new([0; SMALL_BYTES]),
            large: None,
            unread_in: UnreadIn::Small,
            start: 0,
            end: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The bytes not yet decoded.
    pub(super) fn unread(&self) -> &[u8] {
        let bytes = match (self.unread_in, &self.large) {
            (UnreadIn::Large, Some(large)) => &large.wire[..],
            (UnreadIn::Small, _) | (UnreadIn::Large, None) => &self.small[..],
        };
        &bytes[self.start..self.end]
    }

    /// The bytes not yet decoded, and the large buffers' room for content.
    pub(super) fn unread_and_content(&mut self) -> (&[u8], &mut [u8]) {
        let BufferPair { wire, content } = &mut **self.large.get_or_insert_with(|| self.pool.take());
        let bytes = match self.unread_in {
            UnreadIn::Small => &self.small[..],
            UnreadIn::Large => &wire[..],
        };
        (&bytes[self.start..self.end], content)
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        debug_assert!(self.start <= self.end, "no more is consumed than there is");
    }

    /// Acts as if the peer had sent a line end. Everything before must have been decoded.
    pub(super) fn end_line(&mut self) {
        debug_assert!(self.is_empty(), "nothing unread is overwritten");
        self.small[0] = b'\n';
        self.hold(UnreadIn::Small, 1);
    }

    /// Drops what is unread.
    pub(super) fn forget(&mut self) {
        self.start = self.end;
    }

    /// Takes large buffers for what is received next.
    pub(super) fn enlarge(&mut self) {
        self.large.get_or_insert_with(|| self.pool.take());
    }

    /// Gives the large buffers back, unless they hold more of what the peer has sent ahead than the small one
    /// can take.
    pub(super) fn shrink(&mut self) {
        if let (UnreadIn::Large, Some(large)) = (self.unread_in, &self.large) {
            let length = self.end - self.start;
            if length > SMALL_BYTES {
                return;
            }
            self.small[..length].copy_from_slice(&large.wire[self.start..self.end]);
            self.hold(UnreadIn::Small, length);
        }
        self.large = None;
    }

    /// Receives into the large buffer if there is one, else into the small one; everything before must have
    /// been decoded. Returns 0 at the end.
    pub(super) async fn receive<S: AsyncRead + Unpin>(&mut self, stream: &mut S) -> io::Result<usize> {
        debug_assert!(self.is_empty(), "nothing unread is overwritten");
        let (unread_in, received) = match &mut self.large {
            Some(large) => {
                let room = &mut large.wire[..self.pool.piece_bytes()];
                (UnreadIn::Large, stream.read(room).await?)
            }
            None => (UnreadIn::Small, stream.read(&mut self.small[..]).await?),
        };
        self.hold(unread_in, received);
        Ok(received)
    }

    fn hold(&mut self, unread_in: UnreadIn, length: usize) {
        (self.unread_in, self.start, self.end) = (unread_in, 0, length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_sent_ahead_survives_the_return_of_the_large_buffers() {
        let pool = BufferPool::new(4096, 1);
        let mut input = Input::new(&pool);
        input.enlarge();
        let sent = vec![b'x'; 1500];
        assert_eq!(input.receive(&mut &sent[..]).await.unwrap(), 1500);
        input.shrink();
        assert!(input.large.is_some(), "1,500 bytes do not fit the small buffer");
        input.consume(1000);
        input.shrink();
        assert!(input.large.is_none());
        assert_eq!(input.unread(), &sent[1000..]);
    }
}
