//! What wakes the queue, from every worker of every process: a byte through a socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;

use rustix::io::Errno;
use tokio::net::UnixStream;

/// Wakes the queue. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct QueueWakeup(Arc<OwnedFd>);

/// The queue's end.
#[derive(Debug)]
pub(crate) struct QueueWakeups(UnixStream);

impl QueueWakeup {
    /// Must be called in a runtime, which then waits for wake-ups.
    pub(crate) fn new() -> io::Result<(Self, QueueWakeups)> {
        let (sender, receiver) = StdStream::pair()?;
        sender.set_nonblocking(true)?;
        receiver.set_nonblocking(true)?;
        let receiver = UnixStream::from_std(receiver)?;
        Ok((Self(Arc::new(sender.into())), QueueWakeups(receiver)))
    }

    /// The one that a supervisor has made, in the worker that was handed it.
    pub(crate) fn join(descriptor: OwnedFd) -> Self {
        Self(Arc::new(descriptor))
    }

    pub(crate) fn notify(&self) {
        // Where there is no room for another byte, the queue is being woken already; where it is gone, the
        // server ends.
        let _ = rustix::net::send(&*self.0, b"w", rustix::net::SendFlags::NOSIGNAL);
    }
}

impl AsFd for QueueWakeup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl QueueWakeups {
    /// Waits for a wake-up, and takes all that there are.
    pub(super) async fn next(&self) -> io::Result<()> {
        loop {
            self.0.readable().await?;
            match self.0.try_read(&mut [0; 256]) {
                Ok(0) => return Err(Errno::PIPE.into()),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
