//! The line protocol's front: what arrives is fed to the decoder, what comes out is acted on against the store.
//!
//! This file holds the conversation: whose turn it is, how long each side may take, how it ends. What a request does
//! is in `catalog` (small replies), `download` and `upload`; what a failure is called in `refusals`.

mod catalog;
mod download;
mod foreign;
mod input;
mod refusals;
mod upload;

use std::io;
use std::time::Duration;

use haul_wire::{Code, Decoded, Phase, Refusal, Request, RequestDecoder, RequestEvent, Verb, reply};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::Ending;
use crate::Limits;
use crate::access::RequestLog;
use crate::buffers::Buffers;
use crate::connections::{ServedConnection, Waited};
use crate::context::WorkerContext;
use crate::ledger::ConnectionPhase;
use crate::stream::Stream;
use input::Input;
use refusals::Failure;

/// Silence in the rest of a refused request after which the sending side is shut down, so that a client which reads
/// to the end gets there.
const SKIP_SILENCE: Duration = Duration::from_secs(1);

/// How long a connection is read on after a refusal that ends it: time for the refusal to arrive.
const LAST_LINGER: Duration = Duration::from_secs(1);

/// The same where clients wait and the connection is to end for them.
const HURRIED_LINGER: Duration = Duration::from_millis(200);

/// What a peer is told whose request ends for others.
const TOO_SLOW_FOR_OTHERS: &str = "this takes too long while other clients wait; try again later";

/// After so many refused lines, with none before them that was understood, the connection ends: whoever speaks does not
/// speak this protocol, and must not hit upon a command by chance.
const REFUSED_LINES_MAX: u64 = 3;

/// Holds one conversation in the line protocol.
pub(crate) async fn serve<S>(stream: &mut S, connection: &ServedConnection, worker: &WorkerContext) -> Ending
where
    S: Stream,
{
    let mut line = Line {
        stream,
        connection,
        worker,
        sending: Sending {
            connection,
            stall_timeout: worker.context.config.limits.stall_timeout,
        },
        decoder: RequestDecoder::new(),
        input: Input::new(),
        buffers: None,
        out: Vec::new(),
        spoken: false,
        idle_since: Instant::now(),
        understood: false,
        refused_lines: 0,
        head_since: None,
        is_late: false,
        half_heard: None,
    };
    let ending = line.converse().await;
    line.give_back_buffers();
    match ending {
        Ok(()) | Err(Broken::Gone) => Ending::Close,
        Err(Broken::Stalled | Broken::Unfinished) => Ending::Reset,
    }
}

/// Why a conversation cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    /// The peer has closed or reset the connection.
    Gone,
    /// The peer has taken nothing for too long.
    Stalled,
    /// A reply was begun and cannot be finished.
    Unfinished,
}

/// One conversation.
struct Line<'c, S> {
    stream: &'c mut S,
    connection: &'c ServedConnection,
    worker: &'c WorkerContext,
    sending: Sending<'c>,
    decoder: RequestDecoder,
    input: Input,
    /// The large buffers, while bytes are moved.
    buffers: Option<Buffers>,
    /// A small reply in the making.
    out: Vec<u8>,
    /// Whether a request has ended on this connection.
    spoken: bool,
    /// When the last request ended, or the connection began. Blank lines in between change nothing.
    idle_since: Instant,
    /// Whether a request has been understood, whatever came of it.
    understood: bool,
    /// Lines that were refused so far.
    refused_lines: u64,
    /// When the first byte of the request line in progress was there.
    head_since: Option<Instant>,
    /// Whether the drain had begun before the request in progress.
    is_late: bool,
    /// The account of a request whose line is not complete yet: who is cut in its middle has seen a request fail.
    half_heard: Option<RequestLog>,
}

/// What the decoder found between requests.
enum Next {
    Request(Request),
    Refused(Option<Verb>, Refusal),
    Foreign,
    Over,
}

/// What came of waiting for the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Bytes,
    EndOfFile,
    Silence,
    /// Clients wait, and this connection is to end for them.
    GiveWay,
}

/// The room that `out` may keep between requests: a listing's pieces, not a whole listing.
const OUT_KEPT_BYTES: usize = 8 * 1024;

impl<S: Stream> Line<'_, S> {
    async fn converse(&mut self) -> Result<(), Broken> {
        loop {
            match self.next().await? {
                Next::Request(request) if self.is_late => {
                    let mut account = self.account();
                    account.is(&request);
                    let sentence = "the server is shutting down; connect again later";
                    let failure = Failure::Last(Refusal::new(Code::Draining, sentence));
                    return self.conclude(account, Err(failure)).await.map(drop);
                }
                Next::Request(request) => {
                    self.understood = true;
                    if !self.answer(request).await? {
                        return Ok(());
                    }
                }
                Next::Refused(verb, refusal) => {
                    if !self.refuse_line(verb, refusal).await? {
                        return Ok(());
                    }
                }
                Next::Foreign => return self.end_foreign().await,
                Next::Over => return Ok(()),
            }
            self.spoken = true;
            self.idle_since = Instant::now();
            self.connection.enter(ConnectionPhase::Idle);
            self.head_since = None;
            self.out.shrink_to(OUT_KEPT_BYTES);
        }
    }

    /// Waits for the next request.
    async fn next(&mut self) -> Result<Next, Broken> {
        if self.spoken && self.connection.gives_way() {
            self.make_room().await?;
            return Ok(Next::Over);
        }
        // What the decoder holds of the next request already is no reason to take it for an early one.
        self.is_late = self.worker.context.drain.has_begun();
        loop {
            if self.decoder.phase() == Phase::Ready {
                self.is_late = self.worker.context.drain.has_begun();
            }
            let large = self.buffers.as_ref().map_or(&[][..], |buffers| &buffers.wire);
            let Decoded { consumed, event } = self.decoder.decode(self.input.unread(large), &mut []);
            let next = match event {
                Some(RequestEvent::Request(request)) => Some(Next::Request(request)),
                Some(RequestEvent::Refused { verb, refusal }) => Some(Next::Refused(verb, refusal)),
                Some(RequestEvent::Skipped) => None,
                Some(RequestEvent::Foreign) => Some(Next::Foreign),
                Some(RequestEvent::Body(_) | RequestEvent::BodyEnd { .. }) => Some(Next::Over),
                None => {
                    self.input.consume(consumed);
                    match self.listen().await? {
                        true => continue,
                        false => return Ok(Next::Over),
                    }
                }
            };
            self.input.consume(consumed);
            if let Some(next) = next {
                return Ok(next);
            }
        }
    }

    /// Waits for more bytes as patiently as the phase allows; `false` when the conversation is over.
    async fn listen(&mut self) -> Result<bool, Broken> {
        match self.decoder.phase() {
            Phase::Ready => self.idle().await,
            Phase::Head => self.hear_head().await,
            // A body is received by `upload`, which does not come here.
            Phase::Body | Phase::Skipping => {
                self.connection.enter(ConnectionPhase::Ending);
                match self.hear(SKIP_SILENCE, Size::Large).await? {
                    Heard::Bytes => Ok(true),
                    Heard::EndOfFile | Heard::GiveWay => Ok(false),
                    Heard::Silence => self.linger(Limits::LINGER).await,
                }
            }
            Phase::Lost => self.linger(Limits::LINGER).await,
        }
    }

    /// Between requests. How long that may last counts from the end of the last one.
    async fn idle(&mut self) -> Result<bool, Broken> {
        self.give_back_buffers();
        if self.spoken {
            self.connection.enter(ConnectionPhase::Idle);
        }
        let context = &self.worker.context;
        let limit = context.config.limits.idle_timeout;
        let left = limit.saturating_sub(self.idle_since.elapsed());
        if left.is_zero() {
            return Ok(false);
        }
        let heard = tokio::select! {
            biased;
            heard = self.hear(left, Size::Small) => heard?,
            () = context.drain.begun() => return Ok(false),
        };
        Ok(heard == Heard::Bytes)
    }

    /// Ends the connection between two requests. What the peer has sent ahead is discarded.
    async fn make_room(&mut self) -> Result<(), Broken> {
        match self.input.is_empty() {
            true => Ok(()),
            false => self.linger(LAST_LINGER).await.map(drop),
        }
    }

    /// In the middle of a request line.
    async fn hear_head(&mut self) -> Result<bool, Broken> {
        self.connection.enter(ConnectionPhase::Request);
        let since = *self.head_since.get_or_insert_with(Instant::now);
        let mut account = self.account();
        account.is_a(self.decoder.verb());
        self.half_heard = Some(account);
        let limits = &self.worker.context.config.limits;
        // Short content ends in the same line: a sender that stalls in it is still in the head.
        let left = limits
            .line_timeout
            .saturating_sub(since.elapsed())
            .min(limits.stall_timeout);
        if self.decoder.is_undecided() {
            return self.hear_next_line(left).await;
        }
        let silence = self.completing_silence();
        match self
            .hear(silence.map_or(left, |silence| silence.min(left)), Size::Small)
            .await?
        {
            Heard::Bytes => Ok(true),
            Heard::Silence if silence.is_some_and(|silence| silence <= left) => {
                self.input.end_line();
                Ok(true)
            }
            Heard::EndOfFile
                if self
                    .decoder
                    .completes_at_line_end()
                    .is_some_and(|verb| self.completes_unterminated(verb)) =>
            {
                self.input.end_line();
                Ok(true)
            }
            Heard::EndOfFile => {
                self.refuse_head(Code::BadRequest, "the request has no line end")
                    .await
            }
            Heard::Silence => {
                self.refuse_head(Code::Timeout, "the request line took too long; send it at once")
                    .await
            }
            Heard::GiveWay => self.refuse_head(Code::Timeout, TOO_SLOW_FOR_OTHERS).await,
        }
    }

    /// The payload of an UPLOAD may be the next line: a client that sends it there sends both lines together.
    async fn hear_next_line(&mut self, left: Duration) -> Result<bool, Broken> {
        let patience = Limits::NEXT_LINE_SILENCE.min(left);
        if self.hear(patience, Size::Small).await? != Heard::Bytes {
            self.decoder.settle();
        }
        Ok(true)
    }

    /// The silence after which the bytes so far count as a whole request, where they may.
    fn completing_silence(&self) -> Option<Duration> {
        let verb = self.decoder.completes_at_line_end().filter(|_| !self.spoken)?;
        match verb {
            Verb::List | Verb::Get => Some(Limits::UNTERMINATED_READ_SILENCE),
            _ => self
                .completes_unterminated(verb)
                .then_some(Limits::UNTERMINATED_WRITE_SILENCE),
        }
    }

    /// Whether the end of the file completes a request without a line end. Of one that writes it does not, unless
    /// that was allowed: a guess would store half a file or delete the wrong one.
    fn completes_unterminated(&self, verb: Verb) -> bool {
        match verb {
            Verb::Upload | Verb::Delete | Verb::RemoveDir => self.worker.context.config.unterminated_writes,
            Verb::Write => false,
            _ => true,
        }
    }

    /// Refuses a line that is no request; `false` when the conversation is over with it.
    async fn refuse_line(&mut self, verb: Option<Verb>, refusal: Refusal) -> Result<bool, Broken> {
        let mut account = self.account();
        account.is_a(verb);
        // Whoever gives an impossible name to a verb speaks this protocol.
        self.understood |= verb.is_some() && refusal.code == Code::InvalidName;
        self.refused_lines += 1;
        let failure = if self.refused_lines >= REFUSED_LINES_MAX && !self.understood {
            Failure::Last(refusal)
        } else {
            Failure::Refused(refusal)
        };
        self.conclude(account, Err(failure)).await
    }

    /// Ends a conversation that turns out to be in HTTP. What begins with HTTP is answered in HTTP.
    async fn end_foreign(&mut self) -> Result<(), Broken> {
        let peer = self.connection.peer();
        tracing::warn!(%peer, "an HTTP request came to the port of the line protocol; nothing of it is acted on");
        let mut account = self.account();
        if self.spoken {
            let failure = Failure::Last(foreign::refusal());
            return self.conclude(account, Err(failure)).await.map(drop);
        }
        account.refuse(Code::BadRequest);
        send(self.stream, foreign::http_answer().as_bytes(), self.sending).await?;
        self.linger(LAST_LINGER).await.map(drop)
    }

    async fn refuse_head(&mut self, code: Code, sentence: &str) -> Result<bool, Broken> {
        let account = self.account();
        let failure = Failure::Last(Refusal::new(code, sentence));
        self.conclude(account, Err(failure)).await
    }

    /// Carries out a request; `false` when the conversation is over with it.
    async fn answer(&mut self, request: Request) -> Result<bool, Broken> {
        self.connection.enter(ConnectionPhase::Request);
        let mut account = self.account();
        account.is(&request);
        self.out.clear();
        let done = match request {
            Request::List => self.list(&mut account).await,
            Request::Ls { dir } => self.list_folder(dir, &mut account).await,
            Request::Stat { name, digest } => self.stat(&name, digest, &mut account).await,
            Request::Delete { name } => self.delete(&name, &mut account).await,
            Request::Hello => self.hello(&mut account).await,
            Request::Stats => self.stats(&mut account).await,
            Request::Get { name } => self.download(&name, &mut account).await,
            Request::Read { name, offset, length } => self.read(&name, offset, length, &mut account).await,
            Request::Upload { name, shorter } => self.upload(&name, shorter.as_ref(), &mut account).await,
            Request::Write {
                name,
                length,
                condition,
                attributes,
            } => {
                self.write(&name, length, condition, attributes, &mut account)
                    .await
            }
            Request::RemoveDir { dir } => self.remove_folder(&dir, &mut account).await,
        };
        self.conclude(account, done).await
    }

    /// Enters how a request ended and sends the refusal, if it is one; `false` when the conversation is over.
    async fn conclude(&mut self, mut account: RequestLog, done: Result<(), Failure>) -> Result<bool, Broken> {
        let (refusal, is_last) = match done {
            Ok(()) => {
                account.settle();
                return Ok(true);
            }
            Err(Failure::Broken(broken)) => return Err(broken),
            Err(Failure::Refused(refusal)) => (refusal, false),
            Err(Failure::Last(refusal)) => (refusal, true),
        };
        account.refuse(refusal.code);
        if self.decoder.phase() == Phase::Body {
            self.decoder.skip();
        }
        self.out.clear();
        reply::refusal(&mut self.out, &refusal);
        send(self.stream, &self.out, self.sending).await?;
        if is_last {
            self.linger(LAST_LINGER).await
        } else {
            Ok(true)
        }
    }

    /// Shuts down the sending side and reads on to the end, within `limit`: a close with unread bytes would make the
    /// kernel send a reset, which can destroy a reply on its way.
    async fn linger(&mut self, limit: Duration) -> Result<bool, Broken> {
        let (connection, is_hurried) = (self.connection, self.connection.must_give_way());
        connection.enter(ConnectionPhase::Ending);
        let _ = self.stream.shutdown().await;
        let limit = if is_hurried {
            limit.min(HURRIED_LINGER)
        } else {
            limit
        };
        let until = Instant::now() + limit;
        loop {
            self.input.forget();
            let left = until.saturating_duration_since(Instant::now());
            let waited = if is_hurried {
                timeout(left, self.receive(Size::Large))
                    .await
                    .map_or(Waited::TimedOut, Waited::Done)
            } else {
                connection.wait(left, self.receive(Size::Large)).await
            };
            if heard(&waited)? != Heard::Bytes || left.is_zero() {
                return Ok(false);
            }
        }
    }

    async fn hear(&mut self, patience: Duration, size: Size) -> Result<Heard, Broken> {
        let connection = self.connection;
        heard(&connection.wait(patience, self.receive(size)).await)
    }

    async fn receive(&mut self, size: Size) -> io::Result<usize> {
        let received = match size {
            Size::Small => self.input.receive_small(self.stream).await?,
            Size::Large => {
                let pool = &self.worker.context.buffers;
                let buffers = self.buffers.get_or_insert_with(|| pool.take());
                let large = &mut buffers.wire[..pool.piece_bytes()];
                self.input.receive_large(self.stream, large).await?
            }
        };
        self.connection.count_moved(received);
        Ok(received)
    }

    fn give_back_buffers(&mut self) {
        let Some(buffers) = self.buffers.take() else {
            return;
        };
        if self.input.leave_large(&buffers.wire) {
            self.worker.context.buffers.put_back(buffers);
        } else {
            self.buffers = Some(buffers);
        }
    }

    /// The account of the request at hand, opened now if its line came in one piece.
    fn account(&mut self) -> RequestLog {
        self.half_heard
            .take()
            .unwrap_or_else(|| RequestLog::open(self.worker, self.connection.peer()))
    }
}

/// Which buffer to receive into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Large,
}

fn heard(waited: &Waited<io::Result<usize>>) -> Result<Heard, Broken> {
    match waited {
        Waited::Done(Ok(0)) => Ok(Heard::EndOfFile),
        Waited::Done(Ok(_)) => Ok(Heard::Bytes),
        Waited::Done(Err(_)) => Err(Broken::Gone),
        Waited::TimedOut => Ok(Heard::Silence),
        Waited::GiveWay => Ok(Heard::GiveWay),
    }
}

/// What limits how long a peer may take to receive.
#[derive(Debug, Clone, Copy)]
struct Sending<'c> {
    connection: &'c ServedConnection,
    stall_timeout: Duration,
}

/// Sends all of `bytes`; a peer that takes none of them for `--stall-timeout` is given up.
async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    bytes: &[u8],
    sending: Sending<'_>,
) -> Result<(), Broken> {
    let connection = sending.connection;
    let mut rest = bytes;
    while !rest.is_empty() {
        match connection.wait(sending.stall_timeout, stream.write(rest)).await {
            Waited::Done(Ok(0) | Err(_)) => return Err(Broken::Gone),
            Waited::Done(Ok(sent)) => {
                connection.count_moved(sent);
                rest = &rest[sent..];
            }
            Waited::TimedOut | Waited::GiveWay => return Err(Broken::Stalled),
        }
    }
    Ok(())
}
