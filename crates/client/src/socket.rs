//! The socket beneath a connection: connecting within a limit, sending while an ear stays open for an early reply.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, sockopt};
use socket2::SockRef;

use crate::{Address, Error};

/// The receive buffer for a reply from this same machine, in bytes; Linux counts twice as much for its
/// own books. By itself it would let the window grow to many mebibytes, which are out of the cache by the time they are
/// copied. Over a network, where bytes in flight are what fills a long line, the system chooses.
pub const LOOPBACK_WINDOW_BYTES: usize = 96 * 1024;

/// The part of a request that the system holds before it is on its way, in bytes. A larger part would be out of the cache by the
/// time it is sent, and over loopback it would be sent by the server's processor, when the acknowledgement arrives there.
/// Bytes on their way, which fill a long line, are not counted (`TCP_NOTSENT_LOWAT`, tcp(7)).
pub const UNSENT_BYTES: u32 = 64 * 1024;

/// How the sending of some bytes ended.
#[derive(Debug)]
pub(crate) enum SendEnd {
    /// All of them are with the system.
    Whole,
    /// The peer said something (or closed) before the last of them: there is something to receive.
    Answered,
    /// The peer has gone away; what it said before that may still be there to receive.
    Broken(io::Error),
}

/// The state of a socket, as far as it shows without receiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// Open, and nothing has arrived.
    Nothing,
    /// Bytes, the end of the stream or an error.
    Something,
}

/// Connects to the first of the host's addresses that answers, all of them within one `timeout`.
pub(crate) fn connect(address: &Address, timeout: Duration) -> Result<TcpStream, Error> {
    let failed = |cause| Error::Connect {
        address: address.clone(),
        cause,
    };
    let deadline = Instant::now() + timeout;
    let candidates = (address.host(), address.port())
        .to_socket_addrs()
        .map_err(failed)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for candidate in candidates {
        match connect_to(candidate, deadline.saturating_duration_since(Instant::now())) {
            Ok(stream) => return Ok(stream),
            Err(cause) => last = cause,
        }
    }
    Err(failed(last))
}

/// How long a send may be stuck, and whom it tells.
pub(crate) struct SendPatience<'a> {
    /// The longest time in which nothing moves.
    pub(crate) timeout: Duration,
    /// Told once, after so long, how long nothing has moved.
    pub(crate) notice_after: Duration,
    pub(crate) notice: &'a mut dyn FnMut(Duration),
}

/// Sends all of `bytes` unless the peer answers first or nothing moves for too long.
pub(crate) fn send(
    stream: &TcpStream,
    bytes: &[u8],
    patience: &mut SendPatience<'_>,
) -> Result<SendEnd, Error> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::net::send(stream, rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(count) => rest = &rest[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                if wait_for_room(stream, patience)? == Incoming::Something {
                    return Ok(SendEnd::Answered);
                }
            }
            Err(cause) => return Ok(SendEnd::Broken(cause.into())),
        }
    }
    Ok(SendEnd::Whole)
}

/// Whether something has arrived, at once.
pub(crate) fn incoming(stream: &TcpStream) -> Incoming {
    let mut byte = [0; 1];
    match rustix::net::recv(stream, &mut byte, RecvFlags::DONTWAIT | RecvFlags::PEEK) {
        Err(Errno::AGAIN | Errno::INTR) => Incoming::Nothing,
        Ok(_) | Err(_) => Incoming::Something,
    }
}

fn connect_to(candidate: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    if timeout.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let stream = TcpStream::connect_timeout(&candidate, timeout)?;
    stream.set_nodelay(true)?;
    // A system that cannot do it takes more at a time, as usual.
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
    if candidate.ip().is_loopback() {
        sockopt::set_socket_recv_buffer_size(&stream, LOOPBACK_WINDOW_BYTES)?;
    }
    Ok(stream)
}

/// Waits until more can be sent or something has arrived; of both, the arrival counts.
fn wait_for_room(stream: &TcpStream, patience: &mut SendPatience<'_>) -> Result<Incoming, Error> {
    let begun = Instant::now();
    let mut is_told = false;
    loop {
        let waited = begun.elapsed();
        if waited >= patience.timeout {
            return Err(Error::Timeout(patience.timeout));
        }
        if waited >= patience.notice_after && !is_told {
            (patience.notice)(waited);
            is_told = true;
        }
        let until = if is_told {
            patience.timeout
        } else {
            patience.timeout.min(patience.notice_after)
        };
        let left = Timespec::try_from(until.saturating_sub(waited)).map_err(|_| Error::Timeout(until))?;
        let mut watched = [PollFd::new(stream, PollFlags::IN | PollFlags::OUT)];
        match poll(&mut watched, Some(&left)) {
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) if watched[0].revents().contains(PollFlags::IN) => return Ok(Incoming::Something),
            Ok(_) => return Ok(Incoming::Nothing),
            Err(cause) => return Err(Error::Interrupted(cause.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_connection_to_this_machine_holds_little_in_either_direction() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = connect_to(listener.local_addr().unwrap(), Duration::from_secs(10)).unwrap();
        let socket = SockRef::from(&stream);
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), UNSENT_BYTES);
        assert_eq!(socket.recv_buffer_size().unwrap(), 2 * LOOPBACK_WINDOW_BYTES);
    }
}
