//! What a front speaks through: bytes both ways, and where the stream allows it, files that the kernel sends
//! by itself.

use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A client's connection. One that encrypts would be a further variant; it could not send files.
#[derive(Debug)]
pub(crate) enum Stream {
    /// A TCP connection in clear text.
    Plain(TcpStream),
    /// The server's end of a connection within a test.
    #[cfg(test)]
    Memory(tokio::io::DuplexStream),
}

impl Stream {
    /// Has small pieces sent at once.
    pub(crate) fn send_without_delay(&self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.set_nodelay(true),
            #[cfg(test)]
            Self::Memory(_) => Ok(()),
        }
    }

    /// Has the connection end with a reset when it is dropped, so that the peer notices that something is
    /// missing.
    pub(crate) fn reset_on_drop(&self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.set_zero_linger(),
            #[cfg(test)]
            Self::Memory(_) => Ok(()),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            #[cfg(test)]
            Self::Memory(pipe) => Pin::new(pipe).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            #[cfg(test)]
            Self::Memory(pipe) => Pin::new(pipe).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(context),
            #[cfg(test)]
            Self::Memory(pipe) => Pin::new(pipe).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            #[cfg(test)]
            Self::Memory(pipe) => Pin::new(pipe).poll_shutdown(context),
        }
    }
}

/// Bytes that are enough to tell one protocol from another.
const PEEKED_BYTES: usize = 1024;

/// A stream whose first bytes can be looked at before they are read. An encrypted stream cannot do that by
/// itself.
#[derive(Debug)]
pub(crate) struct Peeked {
    stream: Stream,
    /// What was looked at and has not been read yet.
    unread: Option<FirstBytes>,
}

#[derive(Debug)]
struct FirstBytes {
    bytes: Box<[u8; PEEKED_BYTES]>,
    start: usize,
    end: usize,
}

impl Peeked {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, unread: None }
    }

    /// Waits for the first bytes and shows them; whatever reads next gets them. Empty at the end of the
    /// stream.
    pub(crate) async fn peek(&mut self) -> io::Result<&[u8]> {
        let mut bytes = Box::new([0; PEEKED_BYTES]);
        let end = self.stream.read(&mut bytes[..]).await?;
        let first = self.unread.insert(FirstBytes { bytes, start: 0, end });
        Ok(&first.bytes[..end])
    }

    /// Whether [`Peeked::send_file`] works.
    pub(crate) fn sends_files(&self) -> bool {
        matches!(self.stream, Stream::Plain(_))
    }

    /// Has the kernel send at most `bytes` of `file` from `offset` on; returns how many it took, 0 at the end
    /// of the file.
    pub(crate) async fn send_file(
        &self,
        file: BorrowedFd<'_>,
        offset: u64,
        bytes: usize,
    ) -> io::Result<usize> {
        match &self.stream {
            Stream::Plain(socket) => {
                let mut at = offset;
                let send = || Ok(rustix::fs::sendfile(socket, file, Some(&mut at), bytes)?);
                socket.async_io(Interest::WRITABLE, send).await
            }
            #[cfg(test)]
            Stream::Memory(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(crate) fn get_ref(&self) -> &Stream {
        &self.stream
    }
}

impl AsyncRead for Peeked {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let Some(first) = this.unread.as_mut().filter(|first| first.start < first.end) else {
            this.unread = None;
            return Pin::new(&mut this.stream).poll_read(context, buffer);
        };
        let length = (first.end - first.start).min(buffer.remaining());
        buffer.put_slice(&first.bytes[first.start..first.start + length]);
        first.start += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peeked {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn what_was_looked_at_is_read_first_and_only_once() {
        let (mut peer, ours) = tokio::io::duplex(64);
        let mut stream = Peeked::new(Stream::Memory(ours));
        peer.write_all(b"LIST\r\n").await.unwrap();
        assert_eq!(stream.peek().await.unwrap(), b"LIST\r\n");
        let mut read = [0; 4];
        stream.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"LIST");
        peer.write_all(b"GET a\r\n").await.unwrap();
        drop(peer);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"\r\nGET a\r\n");
    }

    #[tokio::test]
    async fn nothing_is_seen_of_a_peer_that_says_nothing() {
        let (peer, ours) = tokio::io::duplex(64);
        drop(peer);
        let mut stream = Peeked::new(Stream::Memory(ours));
        assert!(stream.peek().await.unwrap().is_empty());
        assert_eq!(stream.read(&mut [0; 4]).await.unwrap(), 0);
    }
}
