//! One raw connection to a server: bytes cut where a test wants them cut, replies read as strictly as the
//! protocol promises them.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use haul_wire::testing::take_reply;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::served::Served;
use crate::connection;
use crate::front::Ending;
use crate::stream::Stream;

/// Bytes that are on their way in each direction before the sender waits.
const ON_THE_WAY_BYTES: usize = 256 * 1024;

/// A client that sends exactly what it is told to.
pub(super) struct Talk {
    runtime: Rc<Runtime>,
    stream: DuplexStream,
    serving: JoinHandle<Ending>,
    /// Received and not yet looked at.
    unread: Vec<u8>,
}

impl Talk {
    pub(super) fn connect(served: &Served, peer: SocketAddr) -> Self {
        let (stream, theirs) = tokio::io::duplex(ON_THE_WAY_BYTES);
        let context = Arc::clone(&served.context);
        let serving = served.runtime.spawn(async move {
            let slot = context.ledger.slot(0);
            connection::serve(Stream::Memory(theirs), peer, &context, &slot).await
        });
        Self {
            runtime: Rc::clone(&served.runtime),
            stream,
            serving,
            unread: Vec::new(),
        }
    }

    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes), "the server takes what is sent");
    }

    /// Sends as much as the server takes; whether that was all.
    pub(super) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = self.stream.write_all(bytes.as_ref());
        self.runtime.block_on(sent).is_ok()
    }

    /// Sends pieces, each only when the server has taken the one before.
    pub(super) fn send_pieces<'p>(&mut self, pieces: impl IntoIterator<Item = &'p [u8]>) {
        for piece in pieces {
            self.send(piece);
            self.expect_taken();
        }
    }

    /// Lets the server take everything that was sent, while the clock stands still.
    pub(super) fn expect_taken(&self) {
        // More turns than a request has steps that let others go first.
        const TURNS: usize = 16;
        self.runtime.block_on(async {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Sends a request and reads its reply.
    pub(super) fn ask(&mut self, request: impl AsRef<[u8]>) -> Value {
        self.send(request);
        self.reply()
    }

    /// Reads one reply, and checks what holds for all: one line of ASCII, CR LF CR LF, a JSON object.
    pub(super) fn reply(&mut self) -> Value {
        let text = self.reply_text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON: {error}: {}", shortened(&text)))
    }

    /// One reply as text, without its terminator.
    pub(super) fn reply_text(&mut self) -> String {
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
    pub(super) fn raw(&mut self, length: usize) -> Vec<u8> {
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

    pub(super) fn half_close(&mut self) {
        self.runtime.block_on(self.stream.shutdown()).unwrap();
    }

    /// Waits for the end of the connection in good order, with nothing more before it.
    pub(super) fn expect_end(mut self) {
        let received = self.receive();
        assert!(
            received == 0 && self.unread.is_empty(),
            "more was sent: {:?}",
            self.unread_text()
        );
        assert_eq!(self.ending(), Ending::Close);
    }

    /// Sends no more, and checks that there was exactly one reply to each request.
    pub(super) fn finish(mut self) {
        self.half_close();
        self.expect_end();
    }

    /// Waits for the end of the connection, whatever it is, and returns what came before.
    pub(super) fn rest(mut self) -> Vec<u8> {
        while self.receive() > 0 {}
        let rest = std::mem::take(&mut self.unread);
        self.ending();
        rest
    }

    /// Waits, without reading anything, for a reset of the connection.
    pub(super) fn expect_reset(self) {
        let ending = self.runtime.block_on(self.serving).unwrap();
        assert_eq!(ending, Ending::Reset);
    }

    /// How the server ends the connection, once this side is gone.
    fn ending(self) -> Ending {
        drop(self.stream);
        self.runtime.block_on(self.serving).unwrap()
    }

    /// Receives a few bytes as they come; 0 at the end.
    pub(super) fn sip(&mut self, into: &mut [u8]) -> usize {
        self.runtime.block_on(self.stream.read(into)).unwrap()
    }

    /// Whether the server has sent anything, or has ended the connection.
    pub(super) fn has_received(&mut self) -> bool {
        let mut piece = [0; 4096];
        let at_once = async {
            let mut reading = std::pin::pin!(self.stream.read(&mut piece));
            std::future::poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await
        };
        match self.runtime.block_on(at_once) {
            Poll::Ready(received) => {
                self.unread.extend_from_slice(&piece[..received.unwrap()]);
                true
            }
            Poll::Pending => false,
        }
    }

    fn receive(&mut self) -> usize {
        let before = self.unread.len();
        self.unread.resize(before + 64 * 1024, 0);
        let received = self.stream.read(&mut self.unread[before..]);
        let received = self.runtime.block_on(received).unwrap();
        self.unread.truncate(before + received);
        received
    }

    fn unread_text(&self) -> String {
        shortened(&String::from_utf8_lossy(&self.unread))
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}
