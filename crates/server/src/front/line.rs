//! The line protocol's front: what arrives is fed to the decoder, what comes out is asked of the service.
//!
//! This file holds the conversation: which request is next, how it ends. How long each side may take is in
//! `reading` and `sending`. What a request does is in `list`, `facts` (small replies), `download` and
//! `upload`; what an error is called in `messages`.

mod download;
mod facts;
mod foreign;
mod input;
mod list;
mod messages;
mod reading;
mod sending;
mod upload;

use std::ops::ControlFlow;

use haul_wire::{Code, Decoded, Phase, Refusal, Request, RequestDecoder, RequestEvent, Verb, reply};
use tokio::time::Instant;

use super::Ending;
use crate::access::{Replied, RequestLog};
use crate::connections::ServedConnection;
use crate::ledger::ConnectionPhase;
use crate::service::{ByteRange, OpError, Operation, Protocol, RequestKind, Service};
use crate::session::Session;
use crate::stream::Peeked;
use input::Input;
use reading::{LAST_LINGER, PartialRequest, Recv};
use sending::Sender;

/// After so many refused lines, with none before them that was understood, the connection ends: the peer does
/// not speak this protocol, and must not hit upon a command by chance.
const REFUSED_LINES_MAX: u64 = 3;

/// The room that `out` may keep between requests: a listing's pieces, not a whole listing.
const OUT_KEPT_BYTES: usize = 8 * 1024;

/// Holds one conversation in the line protocol.
pub(super) async fn serve<'c>(stream: &'c mut Peeked, session: &'c Session<'c>) -> Ending {
    let mut conversation = Conversation {
        stream,
        session,
        service: session.service,
        connection: session.connection,
        sender: Sender::new(session),
        unterminated_writes: session.config().unterminated_writes,
        decoder: RequestDecoder::new(),
        input: Input::new(session.buffers),
        out: Vec::new(),
        has_replied: false,
        idle_since: session.begun,
        understood: false,
        refused_lines: 0,
        head: None,
        is_late: false,
    };
    match conversation.run().await {
        Ok(()) | Err(ConnectionError::Gone) => Ending::Close,
        Err(ConnectionError::Stalled | ConnectionError::Unfinished) => Ending::Reset,
    }
}

/// Why a conversation cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ConnectionError {
    /// The peer has closed or reset the connection.
    Gone,
    /// The peer has taken nothing for too long.
    Stalled,
    /// A reply was begun and cannot be finished.
    Unfinished,
}

/// Why a request was not carried out.
#[derive(Debug)]
enum RequestFailure {
    /// The service says why; the conversation goes on unless the connection is to end.
    Operation(OpError),
    /// The protocol does not allow it; the conversation goes on.
    Refused(Refusal),
    /// It is refused, and the conversation ends with that.
    Last(Refusal),
    /// No reply can be given any more.
    Connection(ConnectionError),
}

impl From<OpError> for RequestFailure {
    fn from(error: OpError) -> Self {
        Self::Operation(error)
    }
}

impl From<Refusal> for RequestFailure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: Into<ConnectionError>> From<E> for RequestFailure {
    fn from(error: E) -> Self {
        Self::Connection(error.into())
    }
}

/// One conversation.
struct Conversation<'c> {
    stream: &'c mut Peeked,
    session: &'c Session<'c>,
    service: Service<'c>,
    connection: &'c ServedConnection,
    sender: Sender<'c>,
    /// Whether UPLOAD and DELETE without a line end are obeyed.
    unterminated_writes: bool,
    decoder: RequestDecoder,
    input: Input<'c>,
    /// A small reply in the making.
    out: Vec<u8>,
    /// Whether a request has ended on this connection.
    has_replied: bool,
    /// When the last request ended, or the connection began. Blank lines in between change nothing.
    idle_since: Instant,
    /// Whether a request has been understood, whether or not it was carried out.
    understood: bool,
    /// Lines that were refused so far.
    refused_lines: u64,
    /// The request whose line is not complete yet.
    head: Option<PartialRequest>,
    /// Whether the drain had begun before the request in progress.
    is_late: bool,
}

/// What the decoder found between requests.
enum Next {
    Request(Request),
    Refused(Option<Verb>, Refusal),
    Foreign,
    Over,
}

impl Conversation<'_> {
    async fn run(&mut self) -> Result<(), ConnectionError> {
        loop {
            let flow = match self.next().await? {
                Next::Request(request) if self.is_late => self.refuse_late(&request).await?,
                Next::Request(request) => {
                    self.understood = true;
                    self.answer(request).await?
                }
                Next::Refused(verb, refusal) => self.refuse_line(verb, refusal).await?,
                Next::Foreign => return self.end_foreign().await,
                Next::Over => return Ok(()),
            };
            if flow.is_break() {
                return Ok(());
            }
            self.has_replied = true;
            self.idle_since = Instant::now();
            self.connection.enter(ConnectionPhase::Idle);
            self.head = None;
            self.out.shrink_to(OUT_KEPT_BYTES);
        }
    }

    /// Waits for the next request.
    async fn next(&mut self) -> Result<Next, ConnectionError> {
        if self.has_replied && self.connection.gives_way() {
            self.make_room().await?;
            return Ok(Next::Over);
        }
        // What the decoder holds of the next request already is no reason to take it for an early one.
        self.is_late = self.session.drain.has_begun();
        loop {
            if self.decoder.phase() == Phase::Ready {
                self.is_late = self.session.drain.has_begun();
            }
            let Decoded { consumed, event } = self.decoder.decode(self.input.unread(), &mut []);
            let needs_input = event.is_none();
            let next = match event {
                Some(RequestEvent::Request(request)) => Some(Next::Request(request)),
                Some(RequestEvent::Refused { verb, refusal }) => Some(Next::Refused(verb, refusal)),
                Some(RequestEvent::Foreign) => Some(Next::Foreign),
                Some(RequestEvent::Body(_) | RequestEvent::BodyEnd { .. }) => Some(Next::Over),
                Some(RequestEvent::Skipped) | None => None,
            };
            self.input.consume(consumed);
            if let Some(next) = next {
                return Ok(next);
            }
            if needs_input && self.read_more().await?.is_break() {
                return Ok(Next::Over);
            }
        }
    }

    /// Carries out a request.
    async fn answer(&mut self, request: Request) -> Result<ControlFlow<()>, ConnectionError> {
        self.connection.enter(ConnectionPhase::Request);
        let mut log = self.take_log();
        log.identify(kind(Some(request.verb())));
        self.out.clear();
        let done = self.carry_out(request, &mut log).await;
        self.conclude(log, done).await
    }

    async fn carry_out(&mut self, request: Request, log: &mut RequestLog) -> Result<Replied, RequestFailure> {
        match request {
            Request::List => self.list(log).await,
            Request::Ls { dir } => self.list_folder(dir.as_ref(), log).await,
            Request::Stat { name, digest } => self.stat(&name, digest, log).await,
            Request::Delete { name } => self.delete(&name, log).await,
            Request::Hello => self.hello(log).await,
            Request::Stats => self.stats(log).await,
            Request::Get { name } => self.get(&name, log).await,
            Request::Read { name, offset, length } => {
                let range = ByteRange { offset, length };
                self.read(&name, range, log).await
            }
            Request::Upload { name, shorter } => self.upload(&name, shorter.as_ref(), log).await,
            Request::Write {
                name,
                length,
                condition,
                attributes,
            } => self.write(&name, length, condition, attributes, log).await,
            Request::RemoveDir { dir } => self.remove_folder(&dir, log).await,
        }
    }

    /// Sends what is in `out` as the end of a reply, counted first.
    async fn send_last(
        &mut self,
        bytes_in: u64,
        bytes_out: u64,
        log: &mut RequestLog,
    ) -> Result<Replied, RequestFailure> {
        let counted = log.succeed(bytes_in, bytes_out);
        match self.sender.send(self.stream, &self.out).await {
            Ok(()) => Ok(counted.sent()),
            Err(ConnectionError::Stalled) => Err(ConnectionError::Unfinished.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Enters how a request ended and sends the refusal, if it is one.
    async fn conclude(
        &mut self,
        mut log: RequestLog,
        done: Result<Replied, RequestFailure>,
    ) -> Result<ControlFlow<()>, ConnectionError> {
        let (refusal, is_last) = match done {
            Ok(replied) => {
                log.settle(replied);
                return Ok(ControlFlow::Continue(()));
            }
            Err(RequestFailure::Connection(error)) => return Err(error),
            Err(RequestFailure::Operation(error)) => {
                (messages::refusal(&error, &log), error.ends_connection())
            }
            Err(RequestFailure::Refused(refusal)) => (refusal, false),
            Err(RequestFailure::Last(refusal)) => (refusal, true),
        };
        log.refuse(refusal.code.as_str());
        if self.decoder.phase() == Phase::Body {
            self.decoder.skip();
        }
        self.out.clear();
        reply::refusal(&mut self.out, &refusal);
        self.sender.send(self.stream, &self.out).await?;
        if is_last {
            return self.end_lingering(LAST_LINGER).await;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Refuses a request that came after the drain had begun.
    async fn refuse_late(&mut self, request: &Request) -> Result<ControlFlow<()>, ConnectionError> {
        let mut log = self.take_log();
        log.identify(kind(Some(request.verb())));
        if let Some(name) = request.name() {
            log.name_object(name.as_str());
        }
        let sentence = "the server is shutting down; connect again later";
        let failure = RequestFailure::Last(Refusal::new(Code::Draining, sentence));
        self.conclude(log, Err(failure)).await
    }

    /// Refuses a line that is no request.
    async fn refuse_line(
        &mut self,
        verb: Option<Verb>,
        refusal: Refusal,
    ) -> Result<ControlFlow<()>, ConnectionError> {
        let mut log = self.take_log();
        log.identify(kind(verb));
        // A peer that gives an impossible name to a verb speaks this protocol.
        self.understood |= verb.is_some() && refusal.code == Code::InvalidName;
        self.refused_lines += 1;
        let failure = if self.refused_lines >= REFUSED_LINES_MAX && !self.understood {
            RequestFailure::Last(refusal)
        } else {
            RequestFailure::Refused(refusal)
        };
        self.conclude(log, Err(failure)).await
    }

    /// Ends a conversation that turns out to be in HTTP. What begins with HTTP is answered in HTTP.
    async fn end_foreign(&mut self) -> Result<(), ConnectionError> {
        let peer = self.connection.peer();
        tracing::warn!(%peer, "an HTTP request came to the port of the line protocol; nothing of it is acted on");
        let mut log = self.take_log();
        if self.has_replied {
            let failure = RequestFailure::Last(foreign::refusal());
            return self.conclude(log, Err(failure)).await.map(|_| ());
        }
        log.refuse(Code::BadRequest.as_str());
        let answer = foreign::http_answer();
        self.sender.send(self.stream, answer.as_bytes()).await?;
        self.lingering_close(LAST_LINGER).await
    }
}

/// The operation and the dialect that a verb stands for.
fn kind(verb: Option<Verb>) -> RequestKind {
    let Some(verb) = verb else {
        return RequestKind::UNKNOWN;
    };
    let (operation, protocol) = match verb {
        Verb::List => (Operation::List, Protocol::Classic),
        Verb::Get => (Operation::Read, Protocol::Classic),
        Verb::Upload => (Operation::Write, Protocol::Classic),
        Verb::Delete => (Operation::Remove, Protocol::Classic),
        Verb::Hello => (Operation::Describe, Protocol::Extended),
        Verb::Ls => (Operation::List, Protocol::Extended),
        Verb::Stat => (Operation::Stat, Protocol::Extended),
        Verb::Read => (Operation::Read, Protocol::Extended),
        Verb::Write => (Operation::Write, Protocol::Extended),
        Verb::RemoveDir => (Operation::RemoveFolder, Protocol::Extended),
        Verb::Stats => (Operation::Stats, Protocol::Extended),
    };
    RequestKind::new(operation, protocol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_counted_and_logged_under_its_own_word() {
        for verb in Verb::ALL {
            assert_eq!(kind(Some(*verb)).as_str(), verb.as_str());
        }
        assert_eq!(kind(None).as_str(), "unknown");
    }
}
