//! How a client that waits in the queue comes to a worker, also to one that is another process: its socket
//! passes as a descriptor through one socket that all workers receive from.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// The queue's end.
#[derive(Debug)]
pub(crate) struct Handoff {
    queue: OwnedFd,
    workers: Receiver,
}

/// The workers' end. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Receiver(Arc<OwnedFd>);

impl Handoff {
    pub(crate) fn new() -> io::Result<Self> {
        // Messages keep their bounds, so that what is unread counts the clients.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (queue, workers) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok(Self {
            queue,
            workers: Receiver(Arc::new(workers)),
        })
    }

    pub(crate) fn receiver(&self) -> Receiver {
        self.workers.clone()
    }

    /// Hands a client over to whichever worker is free first.
    pub(super) fn send(&self, client: &TcpStream) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let descriptors = [client.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg(
            &self.queue,
            &[IoSlice::new(b"c")],
            &mut ancillary,
            SendFlags::NOSIGNAL,
        )?;
        Ok(())
    }

    /// Clients that were handed over and that no worker has taken yet.
    pub(super) fn untaken(&self) -> u64 {
        // One byte each.
        rustix::io::ioctl_fionread(&*self.workers.0).unwrap_or(0)
    }

    /// Takes back the client that was handed over first and that no worker has taken yet.
    pub(super) fn take_back(&self) -> Option<(TcpStream, SocketAddr)> {
        self.workers.receive().ok()
    }
}

impl Receiver {
    /// The one that a supervisor has made, in the worker that was handed it.
    pub(crate) fn join(descriptor: OwnedFd) -> Self {
        Self(Arc::new(descriptor))
    }

    /// The next client, [`io::ErrorKind::WouldBlock`] where there is none, [`io::ErrorKind::UnexpectedEof`]
    /// where the queue is gone.
    pub(crate) fn receive(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let received = loop {
            let mut room = [IoSliceMut::new(&mut byte)];
            match recvmsg(&*self.0, &mut room, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                received => break received?,
            }
        };
        if received.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let descriptor = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        // Without room for another descriptor in this process, the kernel drops it.
        let stream = TcpStream::from(descriptor.ok_or(Errno::MFILE)?);
        let peer = stream.peer_addr().map_err(|_| io::ErrorKind::ConnectionAborted)?;
        Ok((stream, peer))
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn clients_arrive_in_order_and_those_that_nobody_took_are_counted() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let clients: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap())
            .collect();
        let handoff = Handoff::new().unwrap();
        let receiver = handoff.receiver();
        assert_eq!(receiver.receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        for _ in &clients {
            handoff.send(&listener.accept().unwrap().0).unwrap();
        }
        for (taken, client) in clients.iter().enumerate() {
            assert_eq!(handoff.untaken(), 3 - taken as u64);
            assert_eq!(receiver.receive().unwrap().1, client.local_addr().unwrap());
        }
        drop(handoff);
        assert_eq!(
            receiver.receive().unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
}
