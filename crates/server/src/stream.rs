//! What a front speaks through: bytes both ways, and where the stream allows it, files that the kernel sends by itself.

use std::io;
use std::os::fd::BorrowedFd;

use tokio::io::{AsyncRead, AsyncWrite, Interest};
use tokio::net::TcpStream;

/// A connection as a front sees it. One that encrypts, or that lies in memory, cannot send files.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// Whether [`Stream::send_file`] works.
    const SENDS_FILES: bool = false;

    /// Has the kernel send at most `bytes` of `file` from `offset` on; returns how many it took, 0 at the end of the file.
    async fn send_file(&self, file: BorrowedFd<'_>, offset: u64, bytes: usize) -> io::Result<usize> {
        let _ = (file, offset, bytes);
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Stream for TcpStream {
    const SENDS_FILES: bool = true;

    async fn send_file(&self, file: BorrowedFd<'_>, offset: u64, bytes: usize) -> io::Result<usize> {
        let mut at = offset;
        let send = || Ok(rustix::fs::sendfile(self, file, Some(&mut at), bytes)?);
        self.async_io(Interest::WRITABLE, send).await
    }
}
