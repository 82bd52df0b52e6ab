//! One raw connection to a server: bytes cut where a test wants them cut, replies read as strictly as the protocol
//! promises them.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use haul_wire::testing::take_reply;
use serde_json::Value;

use crate::{DEADLINE, sockets};

/// A client that sends exactly what it is told to.
pub(crate) struct Talk {
    pub(crate) stream: TcpStream,
    /// Received and not yet looked at.
    unread: Vec<u8>,
}

impl Talk {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).expect("the server accepts"))
    }

    /// A connection from another address of this machine.
    pub(crate) fn connect_from(source: [u8; 4], address: SocketAddr) -> Self {
        use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
        let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
        let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).unwrap();
        bind(&socket, &SocketAddr::from((source, 0))).unwrap();
        connect(&socket, &address).expect("the server accepts");
        Self::over(TcpStream::from(socket))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        Self {
            stream,
            unread: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .expect("the server takes what is sent");
    }

    /// Sends pieces, each only when the server has taken the one before out of its socket.
    pub(crate) fn send_pieces<'p>(&mut self, pieces: impl IntoIterator<Item = &'p [u8]>) {
        for piece in pieces {
            self.send(piece);
            self.expect_taken();
        }
    }

    /// Waits until the server has taken everything that was sent.
    pub(crate) fn expect_taken(&self) {
        let (SocketAddr::V4(ours), SocketAddr::V4(theirs)) = (
            self.stream.local_addr().unwrap(),
            self.stream.peer_addr().unwrap(),
        ) else {
            panic!("tests speak over IPv4");
        };
        sockets::expect_taken(theirs, ours);
    }

    /// Sends a request and reads its reply.
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Value {
        self.send(request);
        self.reply()
    }

    /// Reads one reply, and checks what holds for all: one line of ASCII, CR LF CR LF, a JSON object.
    pub(crate) fn reply(&mut self) -> Value {
        let text = self.reply_text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON: {error}: {}", shortened(&text)))
    }

    /// One reply as text, without its terminator.
    pub(crate) fn reply_text(&mut self) -> String {
        let mut searched = 0;
        loop {
            if let Some(reply) = take_reply(&mut self.unread, &mut searched) {
                return reply;
            }
            let received = self.receive();
            assert!(
                received > 0,
                "the connection ended in a reply: {:?}",
                self.unread_text()
            );
        }
    }

    /// Exactly so many raw bytes.
    pub(crate) fn raw(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            assert!(
                self.receive() > 0,
                "the connection ended before {length} bytes: {:?}",
                self.unread_text()
            );
        }
        let rest = self.unread.split_off(length);
        std::mem::replace(&mut self.unread, rest)
    }

    pub(crate) fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Waits for the end of the connection in good order, with nothing more before it.
    pub(crate) fn expect_end(mut self) {
        let received = self.receive();
        assert!(
            received == 0 && self.unread.is_empty(),
            "more was sent: {:?}",
            self.unread_text()
        );
    }

    /// Sends no more, and checks that there was exactly one reply to each request.
    pub(crate) fn finish(self) {
        self.half_close();
        self.expect_end();
    }

    /// Waits for the end of the connection, also by a reset, and returns what came before.
    pub(crate) fn rest(mut self) -> Vec<u8> {
        loop {
            let mut piece = [0; 64 * 1024];
            match uninterrupted(|| self.stream.read(&mut piece)) {
                Ok(0) => return self.unread,
                Ok(received) => self.unread.extend_from_slice(&piece[..received]),
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                    return self.unread;
                }
                Err(error) => panic!("the connection did not end: {error}"),
            }
        }
    }

    /// Waits for a reset of the connection.
    pub(crate) fn expect_reset(mut self) {
        let mut piece = vec![0; 256 * 1024];
        loop {
            match uninterrupted(|| self.stream.read(&mut piece)) {
                Ok(0) => panic!("the connection ended as if its reply were whole"),
                Ok(_) => {}
                Err(error) => return assert_eq!(error.kind(), ErrorKind::ConnectionReset),
            }
        }
    }

    fn receive(&mut self) -> usize {
        let before = self.unread.len();
        self.unread.resize(before + 256 * 1024, 0);
        let received = uninterrupted(|| self.stream.read(&mut self.unread[before..]));
        self.unread.truncate(before + *received.as_ref().unwrap_or(&0));
        received.unwrap_or_else(|error| panic!("no more was received: {error}: {:?}", self.unread_text()))
    }

    fn unread_text(&self) -> String {
        shortened(&String::from_utf8_lossy(&self.unread))
    }
}

/// A socket with a time limit is interrupted when this process is stopped and continued; that is no result.
fn uninterrupted(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}
