//! What lies unread in a server's socket, as the kernel tells: the moment at which a piece has been taken, and the
//! next one can be sent, without waiting for time to pass.

use std::fs;
use std::net::SocketAddrV4;
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, netlink, socket_with};

use crate::DEADLINE;

/// States of a socket in which data may still wait to be taken.
const ESTABLISHED: u8 = 1;
const SYN_RECEIVED: u8 = 3;
const CLOSE_WAIT: u8 = 8;

/// Waits until the server's end of a connection has been read empty, or is gone.
pub(crate) fn expect_taken(server: SocketAddrV4, client: SocketAddrV4) {
    let since = Instant::now();
    let mut tries = 0_u32;
    loop {
        let (state, unread) = asked(server, client).unwrap_or_else(|| looked_up(server, client));
        match state {
            ESTABLISHED | CLOSE_WAIT if unread > 0 => {}
            // What was sent before the end of the handshake has not even arrived.
            SYN_RECEIVED => {}
            _ => return,
        }
        assert!(
            since.elapsed() < DEADLINE,
            "the server does not take what was sent"
        );
        tries += 1;
        if tries < 20 {
            thread::yield_now();
        } else {
            thread::sleep(Duration::from_micros(500));
        }
    }
}

/// State and unread bytes of one socket, from sock_diag(7): one look-up, however many sockets there are. `None` where
/// the kernel does not offer it.
fn asked(server: SocketAddrV4, client: SocketAddrV4) -> Option<(u8, u32)> {
    const MESSAGE_BYTES: u32 = 72;
    const BY_FAMILY: u16 = 20;
    const REQUEST: u16 = 1;
    const ERROR: u16 = 2;
    const TCP: u8 = 6;
    let mut message = Vec::with_capacity(MESSAGE_BYTES as usize);
    message.extend_from_slice(&MESSAGE_BYTES.to_ne_bytes());
    message.extend_from_slice(&BY_FAMILY.to_ne_bytes());
    message.extend_from_slice(&REQUEST.to_ne_bytes());
    // No sequence, from nobody in particular.
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&[u8::try_from(AddressFamily::INET.as_raw()).ok()?, TCP, 0, 0]);
    // Any state.
    message.extend_from_slice(&[0xff; 4]);
    message.extend_from_slice(&server.port().to_be_bytes());
    message.extend_from_slice(&client.port().to_be_bytes());
    for address in [server, client] {
        message.extend_from_slice(&address.ip().octets());
        message.extend_from_slice(&[0; 12]);
    }
    // Any interface, no cookie.
    message.extend_from_slice(&[0; 4]);
    message.extend_from_slice(&[0xff; 8]);
    let kind = SocketType::DGRAM;
    let socket = socket_with(
        AddressFamily::NETLINK,
        kind,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )
    .ok()?;
    rustix::io::write(&socket, &message).ok()?;
    let mut answer = [0; 1024];
    let length = rustix::io::read(&socket, &mut answer).ok()?;
    let answer = &answer[..length];
    let word = |at: usize| answer.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes);
    let is_error = answer.get(4..6)? == ERROR.to_ne_bytes();
    const NO_SUCH_SOCKET: u32 = 2_u32.wrapping_neg();
    match is_error {
        true => (word(16)? == NO_SUCH_SOCKET).then_some((0, 0)),
        false => Some((*answer.get(17)?, word(72)?)),
    }
}

/// The same from /proc/net/tcp, which the kernel writes anew, whole, each time.
fn looked_up(server: SocketAddrV4, client: SocketAddrV4) -> (u8, u32) {
    let written = |address: SocketAddrV4| {
        format!(
            "{:08X}:{:04X}",
            u32::from_ne_bytes(address.ip().octets()),
            address.port()
        )
    };
    let pair = format!("{} {} ", written(server), written(client));
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let Some(line) = table.lines().find(|line| line.contains(&pair)) else {
        return (0, 0);
    };
    let mut fields = line.split_whitespace().skip(3);
    let state = u8::from_str_radix(fields.next().unwrap(), 16).unwrap();
    let (_, unread) = fields.next().and_then(|queues| queues.split_once(':')).unwrap();
    (state, u32::from_str_radix(unread, 16).unwrap())
}

#[test]
fn the_kernel_tells_when_the_last_byte_has_been_taken() {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, SocketAddr::V4(theirs)) = listener.accept().unwrap() else {
        unreachable!()
    };
    let SocketAddr::V4(ours) = listener.local_addr().unwrap() else {
        unreachable!()
    };
    client.write_all(b"abc").unwrap();
    let mut byte = [0];
    for unread in [3, 2, 1] {
        assert_eq!(looked_up(ours, theirs), (ESTABLISHED, unread));
        if let Some(told) = asked(ours, theirs) {
            assert_eq!(told, (ESTABLISHED, unread));
        }
        server.read_exact(&mut byte).unwrap();
    }
    expect_taken(ours, theirs);
}
