//! A server that follows a script: for each connection, in turn, what it expects and what it does then.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use haul_client::{Address, Client, DialectChoice, Options};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;

/// Only a failing test waits for so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// One step of the script for a connection.
pub(crate) enum Step {
    /// Receives exactly these bytes.
    Expect(Vec<u8>),
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes in pieces of so many.
    Dribble(Vec<u8>, usize),
    /// Receives nothing more: the client closes.
    ExpectEnd,
    /// Receives whatever comes until the client closes.
    Drain,
    /// Does nothing before the test says so.
    WaitFor(Receiver<()>),
    /// Stays silent and receives nothing until the test is over.
    Hold,
    /// Resets the connection.
    Reset,
    /// Says that nothing more comes.
    Finish,
}

pub(crate) struct Mock {
    pub(crate) address: Address,
    /// Gives back what stays open until the end of the test.
    thread: JoinHandle<(TcpListener, Vec<TcpStream>)>,
}

impl Mock {
    /// Serves one connection for each script, one after another, each to the end of its script. Then it is closed
    /// unless it is held.
    pub(crate) fn serve(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Address::new("127.0.0.1", listener.local_addr().unwrap().port());
        let thread = thread::spawn(move || {
            let mut held = Vec::new();
            for (number, script) in scripts.into_iter().enumerate() {
                let mut stream = accept(&listener);
                if script.into_iter().any(|step| follow(&mut stream, step, number)) {
                    held.push(stream);
                }
            }
            (listener, held)
        });
        Self { address, thread }
    }

    /// A client that tries nothing twice and never waits long.
    pub(crate) fn client(&self, dialect: DialectChoice) -> Client {
        Client::new(
            self.address.clone(),
            Options {
                retries: Some(0),
                ..self.options(dialect)
            },
        )
    }

    /// A client that tries again at once, up to three times.
    pub(crate) fn persistent_client(&self, dialect: DialectChoice) -> Client {
        Client::new(self.address.clone(), self.options(dialect))
    }

    pub(crate) fn options(&self, dialect: DialectChoice) -> Options {
        Options {
            dialect,
            retries: Some(3),
            retry_pause: Duration::ZERO,
            timeout: PATIENCE,
            ..Options::default()
        }
    }

    /// Ends the test: everything in the scripts must have happened.
    pub(crate) fn finish(self) {
        let (listener, _held) = self
            .thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // A client that came uninvited is in the backlog by now.
        listener.set_nonblocking(true).unwrap();
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            ErrorKind::WouldBlock,
            "one connection too many"
        );
    }
}

fn accept(listener: &TcpListener) -> TcpStream {
    let patience = Timespec::try_from(PATIENCE).unwrap();
    let ready = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&patience)).unwrap();
    assert_eq!(ready, 1, "the client did not connect");
    let (stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Follows one step; says whether the connection is to be held.
fn follow(stream: &mut TcpStream, step: Step, number: usize) -> bool {
    match step {
        Step::Expect(bytes) => {
            let mut received = vec![0; bytes.len()];
            let mut count = 0;
            while count < bytes.len() {
                match stream.read(&mut received[count..]).expect("the client sends") {
                    0 => break,
                    more => count += more,
                }
                let (is, should) = (&received[..count], &bytes[..count]);
                assert!(
                    is == should,
                    "connection {number}: {:?} is not {:?}",
                    text(is),
                    text(should)
                );
            }
            assert_eq!(
                count,
                bytes.len(),
                "connection {number}: the client closed before {:?}",
                text(&bytes)
            );
        }
        Step::Send(bytes) => stream.write_all(&bytes).expect("the client receives"),
        Step::Dribble(bytes, size) => {
            bytes
                .chunks(size)
                .for_each(|piece| stream.write_all(piece).expect("the client receives"));
        }
        Step::Drain => {
            let mut buffer = vec![0; 1 << 16];
            while matches!(stream.read(&mut buffer), Ok(1..)) {}
        }
        Step::ExpectEnd => match stream.read(&mut [0]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("connection {number}: the client does not close: {other:?}"),
        },
        Step::WaitFor(word) => word.recv_timeout(PATIENCE).expect("the test goes on"),
        Step::Hold => return true,
        Step::Reset => set_socket_linger(&*stream, Some(Duration::ZERO)).unwrap(),
        Step::Finish => stream.shutdown(Shutdown::Write).unwrap(),
    }
    false
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

pub(crate) fn expect(request: &str) -> Step {
    Step::Expect(request.as_bytes().to_vec())
}

/// Sends a reply with its terminator.
pub(crate) fn reply(json: &str) -> Step {
    Step::Send(format!("{json}\r\n\r\n").into_bytes())
}

/// A connection that asks LIST and is told `names`.
pub(crate) fn listed(names: &[&str]) -> Vec<Step> {
    let names = serde_json::to_string(names).unwrap();
    vec![
        expect("LIST\r\n\r\n"),
        reply(&format!(r#"{{"status":"OK","data":{names}}}"#)),
    ]
}

pub(crate) fn refusal(code: &str) -> Step {
    reply(&format!(
        r#"{{"status":"ERROR","data":"no: {code}","message":"no: {code}","code":"{code}"}}"#
    ))
}

/// A server that is asked whether it takes an UPLOAD as JSON, and does not.
pub(crate) fn takes_no_json() -> Vec<Step> {
    let name = "x".repeat(256);
    vec![
        expect(&format!(
            "{{\"command\": \"upload\", \"filename\": \"{name}\", \"filedata\": \"QUJD\"}}\r\n\r\n"
        )),
        refusal("bad-request"),
    ]
}

pub(crate) fn expect_hello() -> Step {
    expect("HELLO\r\n\r\n")
}

pub(crate) fn hello() -> Step {
    reply(
        r#"{"status":"OK","server":"mock 1","verbs":["LIST","GET","UPLOAD","DELETE","HELLO","LS","STAT","READ","WRITE","STATS"],"pool":"tasks","limits":{"max_upload":null,"max_name":4096,"max_connections":9,"idle_timeout_seconds":60,"stall_timeout_seconds":60}}"#,
    )
}

/// The reply to a READ without its content.
pub(crate) fn head(size: usize, offset: usize, etag: &str, digest: Option<&str>) -> Step {
    let length = size - offset;
    let digest = digest.map_or(String::new(), |digest| format!(r#","digest":"{digest}""#));
    reply(&format!(
        r#"{{"status":"OK","size":{size},"offset":{offset},"length":{length},"etag":"{etag}"{digest}}}"#
    ))
}

pub(crate) fn facts(size: usize, etag: &str, digest: &str) -> Step {
    reply(&format!(
        r#"{{"status":"OK","name":"a","size":{size},"modified":"2026-01-01T00:00:00Z","etag":"{etag}","digest":"{digest}"}}"#
    ))
}

pub(crate) fn written(content: &[u8]) -> Step {
    let (size, digest) = (content.len(), digest(content));
    reply(&format!(
        r#"{{"status":"OK","size":{size},"digest":"{digest}","etag":"e1"}}"#
    ))
}

pub(crate) fn digest(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}

/// Content without a pattern that a mistake could hide behind.
pub(crate) fn content(bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    content
}
