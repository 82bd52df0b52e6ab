//! How long a peer may take, depending on what it is in the middle of, and what happens when that is over.

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use haul_wire::{Code, Phase, Refusal, Verb};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout};

use super::messages::TOO_SLOW_FOR_OTHERS;
use super::{ConnectionError, Conversation, RequestFailure, kind};
use crate::Limits;
use crate::access::RequestLog;
use crate::connections::Waited;
use crate::ledger::ConnectionPhase;

/// Silence in the rest of a refused request after which the sending side is shut down, so that a client which
/// reads to the end gets there.
const SKIP_SILENCE: Duration = Duration::from_secs(1);

/// How long a connection is read on after a refusal that ends it: time for the refusal to arrive.
pub(super) const LAST_LINGER: Duration = Duration::from_secs(1);

/// The same where clients wait and the connection is to end for them.
const HURRIED_LINGER: Duration = Duration::from_millis(200);

/// A request whose line is not complete yet. If the connection ends now, the peer has seen a request fail.
pub(super) struct PartialRequest {
    /// When its first byte was there.
    since: Instant,
    log: RequestLog,
}

/// How a wait for the peer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recv {
    Bytes,
    EndOfFile,
    Silence,
    /// Clients wait, and this connection is to end for them.
    GiveWay,
}

impl Conversation<'_> {
    /// Waits for more bytes as patiently as the phase allows; breaks when the conversation is over.
    pub(super) async fn read_more(&mut self) -> Result<ControlFlow<()>, ConnectionError> {
        match self.decoder.phase() {
            Phase::Ready => self.await_request().await,
            Phase::Head => self.read_head().await,
            // A body is received by `upload`, which does not come here.
            Phase::Body | Phase::Skipping => self.read_rest().await,
            Phase::Lost => self.end_lingering(Limits::LINGER).await,
        }
    }

    /// Between requests. How long that may last counts from the end of the last one.
    async fn await_request(&mut self) -> Result<ControlFlow<()>, ConnectionError> {
        self.input.shrink();
        if self.has_replied {
            self.connection.enter(ConnectionPhase::Idle);
        }
        let idle = self.session.idle;
        match idle.wait(self.idle_since, self.receive()).await {
            Some(Err(_)) => Err(ConnectionError::Gone),
            Some(Ok(0)) | None => Ok(ControlFlow::Break(())),
            Some(Ok(_)) => Ok(ControlFlow::Continue(())),
        }
    }

    /// In the rest of a request that was refused.
    async fn read_rest(&mut self) -> Result<ControlFlow<()>, ConnectionError> {
        self.connection.enter(ConnectionPhase::Ending);
        self.input.enlarge();
        match self.recv(SKIP_SILENCE).await? {
            Recv::Bytes => Ok(ControlFlow::Continue(())),
            Recv::EndOfFile | Recv::GiveWay => Ok(ControlFlow::Break(())),
            Recv::Silence => self.end_lingering(Limits::LINGER).await,
        }
    }

    /// In the middle of a request line.
    async fn read_head(&mut self) -> Result<ControlFlow<()>, ConnectionError> {
        self.connection.enter(ConnectionPhase::Request);
        let session = self.session;
        let head = self.head.get_or_insert_with(|| PartialRequest {
            since: Instant::now(),
            log: session.begin_request(),
        });
        head.log.identify(kind(self.decoder.verb()));
        let line_left = session.limits.line_timeout.saturating_sub(head.since.elapsed());
        // Short content ends in the same line: a sender that stalls in it is still in the head.
        let left = line_left.min(session.limits.stall_timeout);
        self.input.shrink();
        if self.decoder.is_undecided() {
            return self.read_next_line(left).await;
        }
        let silence = self.completing_silence();
        let patience = silence.map_or(left, |silence| silence.min(left));
        match self.recv(patience).await? {
            Recv::Bytes => Ok(ControlFlow::Continue(())),
            Recv::Silence if silence.is_some_and(|silence| silence <= left) => self.complete_line(),
            Recv::EndOfFile if self.completes_at_end_of_file() => self.complete_line(),
            Recv::EndOfFile => {
                self.refuse_head(Code::BadRequest, "the request has no line end")
                    .await
            }
            Recv::Silence => {
                self.refuse_head(Code::Timeout, "the request line took too long; send it at once")
                    .await
            }
            Recv::GiveWay => self.refuse_head(Code::Timeout, TOO_SLOW_FOR_OTHERS).await,
        }
    }

    fn complete_line(&mut self) -> Result<ControlFlow<()>, ConnectionError> {
        self.input.end_line();
        Ok(ControlFlow::Continue(()))
    }

    /// The payload of an UPLOAD may be the next line: a client that sends it there sends both lines together.
    async fn read_next_line(&mut self, left: Duration) -> Result<ControlFlow<()>, ConnectionError> {
        let patience = Limits::NEXT_LINE_SILENCE.min(left);
        if self.recv(patience).await? != Recv::Bytes {
            self.decoder.settle();
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The silence after which the bytes so far count as a whole request, where they may.
    fn completing_silence(&self) -> Option<Duration> {
        if self.has_replied {
            return None;
        }
        match self.decoder.completes_at_line_end()? {
            Verb::List | Verb::Get => Some(Limits::UNTERMINATED_READ_SILENCE),
            verb => self
                .completes_unterminated(verb)
                .then_some(Limits::UNTERMINATED_WRITE_SILENCE),
        }
    }

    fn completes_at_end_of_file(&self) -> bool {
        let verb = self.decoder.completes_at_line_end();
        verb.is_some_and(|verb| self.completes_unterminated(verb))
    }

    /// Whether the end of the file completes a request without a line end. Of one that writes it does not,
    /// unless that was allowed: a guess would store half a file or delete the wrong one.
    pub(super) fn completes_unterminated(&self, verb: Verb) -> bool {
        match verb {
            Verb::Upload | Verb::Delete | Verb::RemoveDir => self.unterminated_writes,
            Verb::Write => false,
            _ => true,
        }
    }

    async fn refuse_head(&mut self, code: Code, sentence: &str) -> Result<ControlFlow<()>, ConnectionError> {
        let log = self.take_log();
        let failure = RequestFailure::Last(Refusal::new(code, sentence));
        self.conclude(log, Err(failure)).await
    }

    /// Ends the connection between two requests. What the peer has sent ahead is discarded.
    pub(super) async fn make_room(&mut self) -> Result<(), ConnectionError> {
        if !self.input.is_empty() {
            self.lingering_close(LAST_LINGER).await?;
        }
        Ok(())
    }

    /// Shuts down the sending side and reads on to the end, within `limit`: a close with unread bytes would
    /// make the kernel send a reset, which can destroy a reply on its way.
    pub(super) async fn lingering_close(&mut self, limit: Duration) -> Result<(), ConnectionError> {
        let (connection, is_hurried) = (self.connection, self.connection.must_give_way());
        connection.enter(ConnectionPhase::Ending);
        // Where the peer is gone already, nothing can be destroyed.
        let _ = self.stream.shutdown().await;
        let limit = if is_hurried {
            limit.min(HURRIED_LINGER)
        } else {
            limit
        };
        let until = Instant::now() + limit;
        self.input.enlarge();
        loop {
            self.input.forget();
            let left = until.saturating_duration_since(Instant::now());
            let waited = if is_hurried {
                timeout(left, self.receive())
                    .await
                    .map_or(Waited::TimedOut, Waited::Done)
            } else {
                connection.wait(left, self.receive()).await
            };
            if received(&waited)? != Recv::Bytes || left.is_zero() {
                return Ok(());
            }
        }
    }

    /// The same, for a caller whose conversation is over with it.
    pub(super) async fn end_lingering(
        &mut self,
        limit: Duration,
    ) -> Result<ControlFlow<()>, ConnectionError> {
        self.lingering_close(limit).await.map(ControlFlow::Break)
    }

    pub(super) async fn recv(&mut self, patience: Duration) -> Result<Recv, ConnectionError> {
        let connection = self.connection;
        received(&connection.wait(patience, self.receive()).await)
    }

    /// Receives into the buffers that the input has; returns 0 at the end.
    pub(super) async fn receive(&mut self) -> io::Result<usize> {
        let received = self.input.receive(self.stream).await?;
        self.connection.count_moved(received);
        Ok(received)
    }

    /// The log of the request at hand, begun now if its line came in one piece.
    pub(super) fn take_log(&mut self) -> RequestLog {
        match self.head.take() {
            Some(head) => head.log,
            None => self.session.begin_request(),
        }
    }
}

fn received(waited: &Waited<io::Result<usize>>) -> Result<Recv, ConnectionError> {
    match waited {
        Waited::Done(Ok(0)) => Ok(Recv::EndOfFile),
        Waited::Done(Ok(_)) => Ok(Recv::Bytes),
        Waited::Done(Err(_)) => Err(ConnectionError::Gone),
        Waited::TimedOut => Ok(Recv::Silence),
        Waited::GiveWay => Ok(Recv::GiveWay),
    }
}
