//! What passes between a supervisor and a worker process: messages on a socket pair, descriptors beside the
//! first.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};

use crate::Config;

/// The most descriptors of one message: the ledger's, the two of the store, the two of the queue, and the
/// listeners'.
const DESCRIPTORS_MAX: usize = 68;
/// The longest message. A configuration takes some hundred bytes, and a root's path 4,096 at most.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// What a supervisor tells a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ControlMessage {
    /// The first message: what to be. The ledger's memory, the queue's two descriptors, those of the store
    /// and the listeners come with it.
    Init(Box<WorkerInit>),
    /// Accept nothing more; cut what is still in flight after this time.
    Drain(Duration),
    /// The connection with this record is to look for its order.
    Alarm(u32),
}

/// What a worker is to be.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WorkerInit {
    pub(super) worker: u32,
    /// How many of the descriptors belong to the store.
    pub(super) store_descriptors: usize,
    pub(super) config: Config,
}

/// The two ends of a control socket: the supervisor's and the worker's.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    // Messages keep their bounds, and the end of the peer is the end of the file.
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// Sends a message, with descriptors beside it.
pub(super) fn send(
    socket: impl AsFd,
    message: &ControlMessage,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    send_with(socket, message, descriptors, SendFlags::NOSIGNAL)
}

/// Sends a message to a worker that takes its messages; one that does not is not waited for.
pub(super) fn send_at_once(socket: impl AsFd, message: &ControlMessage) -> io::Result<()> {
    send_with(socket, message, &[], SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
}

fn send_with(
    socket: impl AsFd,
    message: &ControlMessage,
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "too many listeners for worker processes",
        ));
    }
    sendmsg(socket, &[IoSlice::new(&bytes)], &mut ancillary, flags)?;
    Ok(())
}

/// Receives a message and its descriptors; `None` when the peer is gone.
pub(super) fn receive(socket: impl AsFd) -> io::Result<Option<(ControlMessage, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = rustix::io::retry_on_intr(|| {
        recvmsg(&socket, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, flags)
    })?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let descriptors = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten()
        .collect();
    Ok(Some((
        serde_json::from_slice(&bytes[..received.bytes])?,
        descriptors,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_and_descriptors_arrive_whole_and_the_end_of_the_peer_is_noticed() {
        let (supervisor, worker) = pair().unwrap();
        let init = WorkerInit {
            worker: 7,
            store_descriptors: 0,
            config: Config::default(),
        };
        let passed = std::fs::File::open("/dev/null").unwrap();
        send(
            &supervisor,
            &ControlMessage::Init(Box::new(init)),
            &[passed.as_fd(), passed.as_fd()],
        )
        .unwrap();
        send(&supervisor, &ControlMessage::Drain(Duration::from_secs(3)), &[]).unwrap();
        drop(supervisor);
        let (message, descriptors) = receive(&worker).unwrap().unwrap();
        assert!(matches!(message, ControlMessage::Init(init) if init.worker == 7));
        assert_eq!(descriptors.len(), 2);
        let (message, descriptors) = receive(&worker).unwrap().unwrap();
        assert!(matches!(message, ControlMessage::Drain(grace) if grace == Duration::from_secs(3)));
        assert!(descriptors.is_empty());
        assert!(receive(&worker).unwrap().is_none());
    }
}
