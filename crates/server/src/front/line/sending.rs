//! How a reply leaves: in pieces, each within the time that a peer may take.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::AsyncWriteExt as _;

use super::ConnectionError;
use crate::connections::{ServedConnection, Waited};
use crate::service::{ObjectReader, ReadError};
use crate::session::Session;
use crate::stream::Peeked;

/// What limits how long a peer may take to receive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender<'c> {
    connection: &'c ServedConnection,
    stall_timeout: Duration,
}

impl<'c> Sender<'c> {
    pub(super) fn new(session: &Session<'c>) -> Self {
        Self {
            connection: session.connection,
            stall_timeout: session.limits.stall_timeout,
        }
    }

    /// Sends all of `bytes`; a peer that takes none of them for `--stall-timeout` is given up.
    pub(super) async fn send(self, stream: &mut Peeked, bytes: &[u8]) -> Result<(), ConnectionError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.connection.wait(self.stall_timeout, stream.write(rest)).await {
                Waited::Done(Ok(0) | Err(_)) => return Err(ConnectionError::Gone),
                Waited::Done(Ok(sent)) => {
                    self.connection.count_moved(sent);
                    rest = &rest[sent..];
                }
                Waited::TimedOut | Waited::GiveWay => return Err(ConnectionError::Stalled),
            }
        }
        Ok(())
    }

    /// Has the kernel send an object up to the offset `end`; what it sends never passes through this process.
    pub(super) async fn send_file(
        self,
        stream: &Peeked,
        object: &mut ObjectReader,
        end: u64,
    ) -> Result<(), ConnectionError> {
        while object.offset() < end
            && let Some(file) = object.descriptor()
        {
            let bytes = usize::try_from(end - object.offset()).unwrap_or(usize::MAX);
            let sent = stream.send_file(file, object.offset(), bytes);
            match self.connection.wait(self.stall_timeout, sent).await {
                Waited::Done(Ok(0)) => return Err(object.became_shorter().into()),
                Waited::Done(Ok(sent)) => {
                    self.connection.count_moved(sent);
                    object.skip(sent);
                }
                Waited::Done(Err(error)) if is_of_the_file(&error) => {
                    return Err(object.unreadable(&error).into());
                }
                Waited::Done(Err(_)) => return Err(ConnectionError::Gone),
                Waited::TimedOut | Waited::GiveWay => return Err(ConnectionError::Stalled),
            }
        }
        Ok(())
    }
}

impl From<ReadError> for ConnectionError {
    /// The reply has begun, so it cannot say any more that the object is shorter than it was.
    fn from(ReadError: ReadError) -> Self {
        Self::Unfinished
    }
}

/// Whether a failure to send a file is one of its disk, as opposed to one of the connection.
fn is_of_the_file(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::IO | Errno::STALE))
}
