//! One open connection and its buffers: the part that every request shares. The verbs are in
//! [`classic`](crate::classic) and [`extended`](crate::extended); nothing here tries anything twice.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use haul_wire::{Code, Name, Refusal, Reply, ReplyDecoder, ReplyError, ReplyEvent};

use crate::feed::Feed;
use crate::socket::{self, Incoming, SendEnd, SendPatience};
use crate::{Address, Error, Options, Progress, Timings};

/// How long a wait in the queue lasts before the caller hears of it.
const NOTICE_AFTER: Duration = Duration::from_secs(2);

/// The largest part of a request that a server's system takes while no worker reads it: as long as no more is sent and nothing
/// has been received, the connection may still wait in the queue.
const UNREAD_BYTES_MAX: u64 = 8 << 20;

/// How fast the text of a reply has to come on average, once its time is over, in bytes a second.
const TEXT_RATE_MIN: u64 = 16 * 1024;

/// Takes content piece by piece as it arrives. An error ends the transfer with [`Error::Local`].
pub type Sink<'a> = dyn FnMut(&[u8]) -> io::Result<()> + 'a;

/// The least a buffer may hold, in bytes.
pub const BUFFER_BYTES_MIN: usize = 16 * 1024;

/// Room in the outgoing buffer for a request's head before its content and for the end after it.
const HEADROOM_BYTES: usize = 16 * 1024;

/// The memory that moves content. A load generator keeps it from one connection to the next; pages that a verb does
/// not touch are never made resident.
#[derive(Debug)]
pub struct Buffers {
    pub(crate) received: Box<[u8]>,
    pub(crate) scratch: Box<[u8]>,
    pub(crate) outgoing: Box<[u8]>,
}

impl Buffers {
    /// Buffers that move `buffer_bytes` at a time, at least [`BUFFER_BYTES_MIN`].
    pub fn new(buffer_bytes: usize) -> Self {
        let wide = buffer_bytes.max(BUFFER_BYTES_MIN).next_multiple_of(4);
        Self {
            received: vec![0; wide].into_boxed_slice(),
            // Three quarters: what a whole buffer of base64 means, and a multiple of three.
            scratch: vec![0; wide / 4 * 3].into_boxed_slice(),
            outgoing: vec![0; wide + HEADROOM_BYTES].into_boxed_slice(),
        }
    }

    /// Buffers that receive exactly `buffer_bytes` at a time, at least 1, however slow that is: for load generators
    /// that measure what a small buffer costs. Uploads encode pieces of three quarters of it, at least 48 bytes.
    pub fn exact(buffer_bytes: usize) -> Self {
        let exact = buffer_bytes.max(1);
        Self {
            received: vec![0; exact].into_boxed_slice(),
            scratch: vec![0; (exact.div_ceil(4) * 3).max(48)].into_boxed_slice(),
            outgoing: vec![0; exact.next_multiple_of(4).max(64) + HEADROOM_BYTES].into_boxed_slice(),
        }
    }

    /// How much content moves at a time, in bytes.
    pub fn chunk_bytes(&self) -> usize {
        self.received.len()
    }
}

/// The size and the times of one transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Bytes of content (not of base64).
    pub bytes: u64,
    /// When it passed its marks.
    pub timings: Timings,
}

/// An open connection. Its methods are the lower layer, made for load generators too: one request each, on this
/// connection, with these buffers, and no second try.
///
/// ```
/// use haul_client::{Buffers, Connection, Options};
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
/// # let address = server::holding(&[("notes.txt", "hello")]);
/// let options = Options::default();
/// let mut buffers = Buffers::new(options.buffer_bytes);
/// for _ in 0..2 {
///     let mut connection = Connection::open_with(&address, &options, buffers)?;
///     assert_eq!(connection.list()?, ["notes.txt"]);
///     buffers = connection.into_buffers();
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) buffers: Buffers,
    /// The part of `buffers.received` that is received and not yet dealt with.
    pub(crate) pending: std::ops::Range<usize>,
    timeout: Duration,
    queue_timeout: Duration,
    work_timeout: Duration,
    /// The receive timeout that the socket has.
    read_timeout: Duration,
    /// The longest silence now, and the longest time of a reply without content beside what its length takes.
    patience: Duration,
    /// Whether a worker of the server serves this connection: a byte of a reply has arrived.
    is_served: bool,
    /// Whether the caller has heard of the wait in the queue.
    is_told: bool,
    sent_bytes: u64,
    begun: Instant,
    connected: Duration,
    first_byte: Option<Duration>,
    requests: u64,
    idle: bool,
}

impl Connection {
    /// Connects, with new buffers.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn open(address: &Address, options: &Options) -> Result<Self, Error> {
        Self::open_with(address, options, Buffers::new(options.buffer_bytes))
    }

    /// Connects, with the caller's buffers; [`Connection::into_buffers`] gives them back.
    ///
    /// # Errors
    /// [`Error::Connect`].
    pub fn open_with(address: &Address, options: &Options, buffers: Buffers) -> Result<Self, Error> {
        let begun = Instant::now();
        let stream = socket::connect(address, options.connect_timeout)?;
        Ok(Self {
            stream,
            buffers,
            pending: 0..0,
            timeout: options.timeout,
            queue_timeout: options.queue_timeout.max(options.timeout),
            work_timeout: options.work_timeout.max(options.timeout),
            read_timeout: Duration::ZERO,
            patience: options.timeout,
            is_served: false,
            is_told: false,
            sent_bytes: 0,
            begun,
            connected: begun.elapsed(),
            first_byte: None,
            requests: 0,
            idle: true,
        })
    }

    /// Ends the connection and gives its buffers back.
    pub fn into_buffers(self) -> Buffers {
        self.buffers
    }

    /// Whether another request may follow: the last one is over in full, nothing stray has arrived, and the server
    /// has not closed.
    pub fn is_idle(&self) -> bool {
        self.idle && self.pending.is_empty() && socket::incoming(&self.stream) == Incoming::Nothing
    }

    /// Whether any byte of a reply to the present request has arrived.
    pub(crate) fn reply_begun(&self) -> bool {
        self.first_byte.is_some()
    }

    /// Whether the server has ever said anything on this connection.
    pub(crate) fn is_served(&self) -> bool {
        self.is_served
    }

    /// Starts the clock of a request. The first one on a connection counts from the attempt to connect.
    pub(crate) fn begin_request(&mut self) {
        self.requests += 1;
        if self.requests > 1 {
            self.begun = Instant::now();
            self.connected = Duration::ZERO;
        }
        self.first_byte = None;
        self.idle = false;
        self.patience = if self.is_served {
            self.timeout
        } else {
            self.queue_timeout
        };
    }

    /// The request is over and the connection may carry another.
    pub(crate) fn end_request(&mut self) -> Timings {
        self.idle = true;
        let now = self.begun.elapsed();
        Timings {
            connected: self.connected,
            first_byte: self.first_byte.unwrap_or(now),
            last_byte: now,
        }
    }

    /// The server may now be silent for as long as it works on a large object.
    pub(crate) fn allow_work(&mut self) {
        self.patience = self.patience.max(self.work_timeout);
    }

    /// Waits for the first byte of a reply, and tells `progress` if the connection waits in the queue. On a connection that
    /// a worker serves already there is nothing to wait for: the reply is received as it comes.
    pub(crate) fn await_answer(&mut self, progress: &mut dyn Progress) -> Result<(), Error> {
        if self.is_served || self.is_told || !self.pending.is_empty() {
            return Ok(());
        }
        let since = Instant::now();
        match self.fill_within(NOTICE_AFTER.min(self.patience)) {
            Err(Error::NoAnswer(_)) if since.elapsed() < self.patience => {}
            done => return done.map(drop),
        }
        self.is_told = true;
        progress.waiting(since.elapsed());
        let left = self.patience.saturating_sub(since.elapsed());
        self.fill_within(left).map(drop)
    }

    /// Sends a request that has no body. If the server has gone away, receiving says so, after what it said before.
    pub(crate) fn send_request(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.send(bytes, &mut |_| ()).map(drop)
    }

    /// Puts the head of an upload at the beginning of the outgoing buffer, so that it travels together with the first
    /// piece; says how many bytes are there. A head too long for that is sent alone.
    pub(crate) fn stage_head(&mut self, head: &[u8]) -> Result<usize, Error> {
        if head.len() > HEADROOM_BYTES / 2 {
            self.send_request(head)?;
            return Ok(0);
        }
        self.buffers.outgoing[..head.len()].copy_from_slice(head);
        Ok(head.len())
    }

    /// Sends a piece of a body from the outgoing buffer, unless the server has said something already: then the
    /// upload is over, and this says why. `feed` hears of a wait in the queue.
    pub(crate) fn send_piece(
        &mut self,
        piece: std::ops::Range<usize>,
        feed: &mut dyn Feed,
    ) -> Result<(), Error> {
        let sent = match socket::incoming(&self.stream) {
            Incoming::Something => SendEnd::Answered,
            Incoming::Nothing => {
                let outgoing = std::mem::take(&mut self.buffers.outgoing);
                let sent = self.send(&outgoing[piece], &mut |waited| feed.waiting(waited));
                self.buffers.outgoing = outgoing;
                sent?
            }
        };
        match sent {
            SendEnd::Whole => Ok(()),
            SendEnd::Answered => Err(self.early_reply(None)),
            SendEnd::Broken(cause) => Err(self.early_reply(Some(cause))),
        }
    }

    fn send(&mut self, bytes: &[u8], waiting: &mut dyn FnMut(Duration)) -> Result<SendEnd, Error> {
        let may_be_in_line = !self.is_served && self.sent_bytes < UNREAD_BYTES_MAX;
        let timeout = if may_be_in_line {
            self.queue_timeout
        } else {
            self.timeout
        };
        let is_told = &mut self.is_told;
        let mut patience = SendPatience {
            timeout,
            notice_after: NOTICE_AFTER,
            notice: &mut |waited| {
                if may_be_in_line && !*is_told {
                    *is_told = true;
                    waiting(waited);
                }
            },
        };
        let sent = socket::send(&self.stream, bytes, &mut patience);
        self.sent_bytes += bytes.len() as u64;
        match sent {
            Err(Error::Timeout(waited)) if may_be_in_line => Err(Error::NoAnswer(waited)),
            other => other,
        }
    }

    /// Receives a reply that has no content, and takes its refusal for an error.
    pub(crate) fn receive_plain(&mut self) -> Result<Reply, Error> {
        self.receive_reply(&mut |_| Err(io::Error::other("the server sent content that was not asked for")))
    }

    /// After the one reply to a classic request: some servers answer twice, and then it is not known what they did.
    pub(crate) fn expect_no_more(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() && socket::incoming(&self.stream) == Incoming::Something {
            // Bytes that have arrived are received without waiting; the end of the connection is no reply.
            if self.fill().unwrap_or(0) == 0 {
                return Ok(());
            }
        }
        if self.buffers.received[self.pending.clone()]
            .trim_ascii()
            .is_empty()
        {
            return Ok(());
        }
        self.idle = false;
        Err(Error::Protocol("it answered twice".to_owned()))
    }

    /// Receives a reply; its content, if there is any, goes to `sink`. A refusal is an error, after which the
    /// connection is as good as before.
    pub(crate) fn receive_reply(&mut self, sink: &mut Sink<'_>) -> Result<Reply, Error> {
        let reply = self.decode_reply(sink)?;
        let has_code = reply.fields.contains_key("code");
        match reply.refusal() {
            None => Ok(reply),
            Some(refusal) => {
                self.end_request();
                Err(Error::Refused(normalize(refusal, has_code)))
            }
        }
    }

    /// Receives more into the empty buffer; zero means that the server closed.
    pub(crate) fn fill(&mut self) -> Result<usize, Error> {
        self.fill_within(self.patience)
    }

    fn fill_within(&mut self, timeout: Duration) -> Result<usize, Error> {
        debug_assert!(self.pending.is_empty(), "what is pending would be lost");
        self.set_read_timeout(timeout)?;
        let count = loop {
            match self.stream.read(&mut self.buffers.received) {
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(|cause| self.failed_receive(cause))?,
            }
        };
        if count > 0 && self.first_byte.is_none() {
            self.first_byte = Some(self.begun.elapsed());
            if !self.is_served {
                self.is_served = true;
                self.patience = self.timeout;
            }
        }
        self.pending = 0..count;
        Ok(count)
    }

    fn failed_receive(&self, cause: io::Error) -> Error {
        match Error::from_socket(cause, self.patience) {
            Error::Timeout(waited) if !self.is_served => Error::NoAnswer(waited),
            other => other,
        }
    }

    fn set_read_timeout(&mut self, timeout: Duration) -> Result<(), Error> {
        if timeout != self.read_timeout {
            self.stream
                .set_read_timeout(Some(positive(timeout)))
                .map_err(Error::Interrupted)?;
            self.read_timeout = timeout;
        }
        Ok(())
    }

    pub(crate) fn decode_reply(&mut self, sink: &mut Sink<'_>) -> Result<Reply, Error> {
        let mut decoder = ReplyDecoder::new();
        let (since, patience) = (Instant::now(), self.patience);
        let mut has_content = false;
        loop {
            while !self.pending.is_empty() {
                let input = &self.buffers.received[self.pending.clone()];
                let decoded = decoder
                    .decode(input, &mut self.buffers.scratch)
                    .map_err(malformed)?;
                self.pending.start += decoded.consumed;
                match decoded.event {
                    Some(ReplyEvent::Body(bytes)) => {
                        has_content = true;
                        sink(bytes).map_err(Error::Local)?;
                    }
                    Some(ReplyEvent::End(reply)) => return Ok(reply),
                    None => {}
                }
            }
            // A reply that comes in drops is never silent, so all of it but the content has a limit of time.
            let text_time = Duration::from_secs(decoder.held_bytes() as u64 / TEXT_RATE_MIN);
            if !has_content && since.elapsed() > patience + text_time {
                return Err(Error::Timeout(patience));
            }
            if self.fill()? == 0 {
                // Older servers end a reply by closing. Whether another request can follow, the next look at the
                // socket tells.
                return decoder.end_of_file().map_err(malformed);
            }
        }
    }

    /// The reply of the server before an upload was whole. Nothing can follow on this connection: the rest of the body
    /// was never sent.
    fn early_reply(&mut self, broken: Option<io::Error>) -> Error {
        let error = match self.receive_plain() {
            Ok(_) => Error::Protocol("it answered before the content was whole".to_owned()),
            Err(Error::Interrupted(cause)) => Error::Interrupted(broken.unwrap_or(cause)),
            Err(error) => error,
        };
        self.idle = false;
        error
    }
}

/// A name that can travel. Control characters cannot: in a classic request a line end would begin another request.
pub(crate) fn wire_name(name: &str) -> Result<Name, Error> {
    let shown = haul_types::printable(name);
    if name.chars().any(char::is_control) {
        return Err(Error::refused(
            Code::InvalidName,
            format!("the name `{shown}` holds a control character"),
        ));
    }
    Name::new(name).map_err(|cause| {
        let start: String = name.chars().take(80).collect();
        Error::refused(
            Code::InvalidName,
            format!("`{}` is not a name: {cause}", haul_types::printable(&start)),
        )
    })
}

/// A socket's timeout of zero would mean no limit.
fn positive(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(1))
}

fn malformed(cause: ReplyError) -> Error {
    match cause {
        ReplyError::Closed | ReplyError::Truncated => Error::closed(),
        ReplyError::Payload => Error::Corrupt(cause.to_string()),
        other => Error::Protocol(other.to_string()),
    }
}

/// Words, in lower case, by which the sentence of a server certainly means that there is no such object.
const NOT_FOUND: [&str; 7] = [
    "[errno 2]",
    "[winerror 2]",
    "tidak ditemukan",
    "file tidak ada",
    "file not found",
    "no such file",
    "file does not exist",
];

/// Servers that are not ours give a sentence and no code. A few sentences mean one for certain; the others are told as
/// theirs, since they may read like an error on this machine.
fn normalize(refusal: Refusal, has_code: bool) -> Refusal {
    if has_code {
        return refusal;
    }
    let lower = refusal.sentence.to_lowercase();
    let code = if refusal.sentence == haul_wire::reply::UNKNOWN_VERB {
        Code::UnknownVerb
    } else if NOT_FOUND.iter().any(|words| lower.contains(words)) {
        Code::NotFound
    } else {
        Code::Internal
    };
    let sentence = format!("the server says: {}", refusal.sentence);
    Refusal { code, sentence }
}
