//! The bound sockets, and how a worker waits for them.
//!
//! A listener is bound once, with a long backlog, and shared by every worker. A worker that serves one
//! connection at a time waits in [`Acceptor::accept`]: the kernel wakes one of those that wait, not all of
//! them. Where a pool is small, the kernel also keeps a connection to itself until its first byte is there
//! ([`defer_silent_connections`]), so that silent clients take no worker from the others.

mod defer;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, Shutdown, SocketFlags, SocketType, sockopt};
use socket2::SockRef;

use crate::queue::Receiver;

/// Clients that may wait in the kernel before they are accepted. The kernel lowers it to
/// `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// What the kernel takes of a reply before it is on its way; see `TCP_NOTSENT_LOWAT` in tcp(7). What is on
/// its way counts apart from it. What lies there longer is out of the cache by the time it is sent, and costs
/// memory for every client that reads slowly.
const UNSENT_BYTES: u32 = 64 * 1024;

/// How long an address that is taken is tried again, and how often.
const BIND_FOR: Duration = Duration::from_secs(2);
const BIND_INTERVAL: Duration = Duration::from_millis(20);

/// How long accepting pauses when the process has no descriptor or memory left for a connection.
pub(crate) const PAUSE_WHEN_EXHAUSTED: Duration = Duration::from_millis(100);

/// Binds and listens, ready for non-blocking use.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        // So that `0.0.0.0:P` and `[::]:P` can both be listened to.
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    // Accepted connections inherit it.
    if let Err(error) = SockRef::from(&socket).set_tcp_notsent_lowat(UNSENT_BYTES) {
        tracing::debug!(%error, "the kernel will take more of each reply at a time");
    }
    net::bind(&socket, &address)?;
    net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// Binds as [`bind`] does. The workers of a server that was killed hold its address a moment longer than
/// their supervisor: an address that is taken is tried again for a while.
pub(crate) fn bind_patiently(address: SocketAddr) -> io::Result<TcpListener> {
    let since = Instant::now();
    loop {
        match bind(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && since.elapsed() < BIND_FOR => {
                thread::sleep(BIND_INTERVAL);
            }
            bound => return bound,
        }
    }
}

/// Stops listening, in every process that shares the sockets: who connects from now on is refused by the
/// kernel.
pub(crate) fn stop_listening(listeners: &[TcpListener]) {
    for listener in listeners {
        if let Err(error) = net::shutdown(listener, Shutdown::Both) {
            tracing::debug!(%error, "a listener goes on until the end");
        }
    }
}

/// Whether an error of `accept` says that the listener has been stopped, or that the queue is gone.
pub(crate) fn is_stopped(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::INVAL) || error.kind() == io::ErrorKind::UnexpectedEof
}

/// Asks the kernel to hold back connections that have sent nothing, for about `time`. They stay connected,
/// and cost no worker. A kernel that cannot do it hands them over at once, as usual.
pub(crate) fn defer_silent_connections(listeners: &[TcpListener], time: Duration) {
    let seconds = time.as_secs().clamp(1, 30);
    for listener in listeners {
        if let Err(error) = defer::defer_accept(listener.as_fd(), seconds) {
            tracing::debug!(%error, "connections that say nothing will be accepted at once");
        }
    }
}

/// Whether clients wait to be accepted.
pub(crate) fn clients_wait(listeners: &[TcpListener]) -> bool {
    let mut waiting: Vec<PollFd<'_>> = listeners
        .iter()
        .map(|listener| PollFd::new(listener, PollFlags::IN))
        .collect();
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    matches!(poll(&mut waiting, Some(&at_once)), Ok(ready) if ready > 0)
}

/// Whether an error of `accept` says that the process or system is out of something, so that trying again at
/// once would spin.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| exhausted.contains(&errno))
}

/// Wakes every worker that waits in [`Acceptor::accept`], now and from then on.
#[derive(Debug, Clone)]
pub(crate) struct Wakeup(Arc<OwnedFd>);

impl Wakeup {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(eventfd(
            0,
            EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK,
        )?)))
    }

    pub(crate) fn notify(&self) {
        // An eventfd takes any 8-byte number; only a counter that is full already refuses, and then it has
        // been notified.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

/// How long a worker waits for the queue before it looks whether clients still wait there.
pub(crate) const QUEUE_RECHECK: Duration = Duration::from_millis(100);

/// One worker's wait for connections, one at a time.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listeners: Arc<[TcpListener]>,
    queued: Receiver,
    epoll: OwnedFd,
    wakeup: Wakeup,
}

/// The marks of the wakeup and of the queue among the listeners' indices.
const WAKEUP: u64 = u64::MAX;
const QUEUED: u64 = u64::MAX - 1;

/// What a wait has brought.
enum Arrival {
    Client(TcpStream, SocketAddr),
    Wakeup,
    /// Nothing yet.
    Nothing,
}

impl Acceptor {
    pub(crate) fn new(listeners: Arc<[TcpListener]>, queued: Receiver, wakeup: Wakeup) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // Exclusive: one connection wakes one of the workers that wait, not all fifty.
        let one_of_many = epoll::EventFlags::IN | epoll::EventFlags::EXCLUSIVE;
        for (index, listener) in listeners.iter().enumerate() {
            epoll::add(
                &epoll,
                listener,
                epoll::EventData::new_u64(index as u64),
                one_of_many,
            )?;
        }
        epoll::add(&epoll, &queued, epoll::EventData::new_u64(QUEUED), one_of_many)?;
        epoll::add(
            &epoll,
            &*wakeup.0,
            epoll::EventData::new_u64(WAKEUP),
            epoll::EventFlags::IN,
        )?;
        Ok(Self {
            listeners,
            queued,
            epoll,
            wakeup,
        })
    }

    /// Waits for the next connection; `None` once the wakeup has been notified. Where `clients_queue` says so, it
    /// comes from the queue. Errors are those of `accept`.
    pub(crate) fn accept(
        &self,
        clients_queue: impl Fn() -> bool,
    ) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        loop {
            let next = if clients_queue() {
                self.await_queue()
            } else {
                self.await_any()
            };
            match next? {
                Arrival::Client(stream, peer) => return Ok(Some((stream, peer))),
                Arrival::Wakeup => return Ok(None),
                Arrival::Nothing => {}
            }
        }
    }

    fn await_any(&self) -> io::Result<Arrival> {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(self.listeners.len() + 2);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if events.iter().any(|event| event.data.u64() == WAKEUP) {
            return Ok(Arrival::Wakeup);
        }
        for event in &events {
            if let Arrival::Client(stream, peer) = self.take(event.data.u64())? {
                return Ok(Arrival::Client(stream, peer));
            }
        }
        Ok(Arrival::Nothing)
    }

    /// Waits for the next client in the queue, for a while.
    fn await_queue(&self) -> io::Result<Arrival> {
        let mut waiting = [
            PollFd::new(&self.queued, PollFlags::IN),
            PollFd::new(&*self.wakeup.0, PollFlags::IN),
        ];
        let while_to_wait = Timespec::try_from(QUEUE_RECHECK).unwrap_or_default();
        match poll(&mut waiting, Some(&while_to_wait)) {
            Ok(_) if !waiting[1].revents().is_empty() => Ok(Arrival::Wakeup),
            Ok(_) if !waiting[0].revents().is_empty() => self.take(QUEUED),
            Ok(_) | Err(Errno::INTR) => Ok(Arrival::Nothing),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The connection that an event announced, if no other worker was quicker.
    fn take(&self, mark: u64) -> io::Result<Arrival> {
        let accepted = match usize::try_from(mark)
            .ok()
            .and_then(|index| self.listeners.get(index))
        {
            Some(listener) => listener.accept(),
            None => self.queued.receive(),
        };
        match accepted {
            Ok((stream, peer)) => Ok(Arrival::Client(stream, peer)),
            // Another worker was quicker, or the client has gone again.
            Err(error) if is_passing(&error) => Ok(Arrival::Nothing),
            // The drain has begun elsewhere; the wakeup will be notified here too.
            Err(error) if is_stopped(&error) => self.forget(mark).map(|()| Arrival::Nothing),
            Err(error) => Err(error),
        }
    }

    fn forget(&self, index: u64) -> io::Result<()> {
        let stopped = usize::try_from(index)
            .ok()
            .and_then(|index| self.listeners.get(index));
        match stopped {
            Some(listener) => epoll::delete(&self.epoll, listener)?,
            None => epoll::delete(&self.epoll, &self.queued)?,
        }
        Ok(())
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Handoff;

    fn loopback() -> TcpListener {
        bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
    }

    #[test]
    fn every_listener_is_accepted_from_until_the_wakeup_is_notified() {
        let listeners: Arc<[TcpListener]> = Arc::new([loopback(), loopback()]);
        let wakeup = Wakeup::new().unwrap();
        let queue = Handoff::new().unwrap();
        let acceptor = Acceptor::new(Arc::clone(&listeners), queue.receiver(), wakeup.clone()).unwrap();
        for listener in listeners.iter() {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (_, peer) = acceptor.accept(|| false).unwrap().unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
        let waiting = thread::spawn(move || acceptor.accept(|| false).unwrap().is_none());
        wakeup.notify();
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn an_address_that_is_about_to_be_free_is_waited_for() {
        let before = loopback();
        let address = before.local_addr().unwrap();
        assert_eq!(bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let waiting = thread::spawn(move || bind_patiently(address).unwrap().local_addr().unwrap());
        drop(before);
        assert_eq!(waiting.join().unwrap(), address);
    }

    #[test]
    fn accepted_connections_inherit_how_little_waits_unsent() {
        let listener = loopback();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        expect_client(&listener);
        let accepted = listener.accept().unwrap().0;
        assert_eq!(
            SockRef::from(&accepted).tcp_notsent_lowat().unwrap(),
            UNSENT_BYTES
        );
    }

    /// Waits until the kernel has a connection to accept.
    fn expect_client(listener: &TcpListener) {
        poll(&mut [PollFd::new(listener, PollFlags::IN)], None).unwrap();
    }

    #[test]
    fn a_stopped_listener_refuses_clients_and_its_waiting_workers_are_woken() {
        let listeners: Arc<[TcpListener]> = Arc::new([loopback()]);
        let address = listeners[0].local_addr().unwrap();
        let wakeup = Wakeup::new().unwrap();
        let queue = Handoff::new().unwrap();
        let acceptor = Acceptor::new(Arc::clone(&listeners), queue.receiver(), wakeup.clone()).unwrap();
        stop_listening(&listeners);
        assert!(TcpStream::connect(address).is_err());
        let waiting = thread::spawn(move || acceptor.accept(|| false).unwrap().is_none());
        wakeup.notify();
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn clients_wait_until_they_are_accepted() {
        let listeners = [loopback()];
        assert!(!clients_wait(&listeners));
        let _client = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        expect_client(&listeners[0]);
        assert!(clients_wait(&listeners));
        listeners[0].accept().unwrap();
        assert!(!clients_wait(&listeners));
    }

    #[test]
    fn a_deferred_connection_waits_for_its_first_byte() {
        use std::io::Write as _;
        let listeners = [loopback()];
        defer_silent_connections(&listeners, Duration::from_secs(30));
        let mut client = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        assert!(!clients_wait(&listeners), "it has said nothing yet");
        client.write_all(b"LIST\r\n").unwrap();
        expect_client(&listeners[0]);
        assert!(clients_wait(&listeners));
    }
}
