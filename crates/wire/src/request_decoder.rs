//! Requests as the server reads them: bytes in, events out.
//!
//! One [`RequestDecoder`] follows one connection through any number of requests, classic, JSON and extended.
//! Its events depend on the bytes only, never on how they were cut into pieces, unless the caller says that
//! nothing more has arrived ([`RequestDecoder::settle`]). The memory that it holds is bounded by
//! [`RequestDecoder::HELD_BYTES_MAX`], whatever is sent.

mod head;
mod upload;
mod write;

use std::mem;

use self::head::RequestHead;
use self::upload::{Below, Undecided, UploadBody};
use self::write::WriteBody;
use crate::foreign::LineWatch;
use crate::remainder::{Remainder, RemainderStop};
use crate::request_event::{Decoded, Phase, RequestEvent};
use crate::request_json::{self, CommandStop, JsonCommand};
use crate::upload_line::Here;
use crate::{Progress, Refusal, Request, Verb, base64};

/// Decodes what arrives on one connection.
#[derive(Debug, Clone, Default)]
pub struct RequestDecoder {
    state: RequestState,
    head: RequestHead,
    /// Looks for lines of HTTP.
    watch: LineWatch,
}

/// The part of a request that comes next. A state makes a step by turning into the state that follows.
#[derive(Debug, Clone, Default)]
enum RequestState {
    #[default]
    Ready,
    /// In a line that is kept in the head.
    Line,
    /// Behind the line of an UPLOAD whose payload is the next line; blank so far.
    Below(Below),
    /// Behind the line of an UPLOAD whose payload is in it or is the next line.
    Undecided(Undecided),
    /// Behind the line of an UPLOAD whose payload is in it.
    Decided(Here),
    Json(Box<JsonCommand>),
    /// In the payload of an UPLOAD.
    Payload(Box<UploadBody>),
    /// In the body of a WRITE, its digest included.
    Raw(WriteBody),
    /// In the rest of a refused request. Where there is none, `Skipped` has still to be said.
    Skipping(Option<Remainder>),
    Lost,
}

/// Why a state went no further.
enum RequestStep {
    /// The step is done, and the next one can follow.
    Continue,
    NeedInput,
    /// The bytes written are content.
    Decoded,
    /// The bytes consumed are content.
    Raw,
    Event(RequestEvent<'static>),
}

/// The state that follows, and what the step to it made of its input.
type Stepped = (RequestState, Progress<RequestStep>);

impl RequestDecoder {
    /// The most bytes of the peer's that a decoder holds, in a JSON command with a payload before its name: twice
    /// what may be held, because memory grows by doubling.
    pub const HELD_BYTES_MAX: usize = 2
        * (request_json::TEXT_BYTES_MAX + request_json::HELD_PAYLOAD_BYTES_MAX + 1024)
        + head::LINE_BYTES_KEPT;

    /// The least scratch that a body in base64 needs, in bytes. 48 to 192 KiB are fast.
    pub const SCRATCH_BYTES_MIN: usize = base64::Decoder::ROOM_BYTES_MIN;

    /// A decoder at the start of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Deals with the front of `input`, up to the next event. Call it again with the rest, which may be empty,
    /// until there is no event. Content in base64 is decoded into `scratch`, which is not used otherwise.
    ///
    /// # Panics
    /// If a body in base64 is being received ([`Phase::Body`]) and `scratch` is shorter than
    /// [`SCRATCH_BYTES_MIN`](Self::SCRATCH_BYTES_MIN).
    pub fn decode<'b>(&mut self, input: &'b [u8], scratch: &'b mut [u8]) -> Decoded<'b> {
        let mut consumed = 0;
        loop {
            let is_in_line = self.state.is_in_line();
            let step = self.step(&input[consumed..], scratch);
            let start = consumed;
            consumed += step.consumed;
            if is_in_line && self.watch.is_foreign(&input[start..consumed]) {
                self.state = RequestState::Lost;
                self.head.forget_line();
                let event = Some(RequestEvent::Foreign);
                return Decoded { consumed, event };
            }
            let event = match step.stop {
                RequestStep::Continue => continue,
                RequestStep::NeedInput => None,
                RequestStep::Decoded => Some(RequestEvent::Body(&scratch[..step.written])),
                RequestStep::Raw => Some(RequestEvent::Body(&input[start..consumed])),
                RequestStep::Event(event) => Some(event),
            };
            return Decoded { consumed, event };
        }
    }

    /// Where the decoder is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.state {
            RequestState::Ready if !self.head.has_next_line() => Phase::Ready,
            RequestState::Ready
            | RequestState::Line
            | RequestState::Below(_)
            | RequestState::Undecided(_)
            | RequestState::Decided(_) => Phase::Head,
            RequestState::Json(command) if !command.is_in_body() => Phase::Head,
            RequestState::Json(_) | RequestState::Payload(_) | RequestState::Raw(_) => Phase::Body,
            RequestState::Skipping(_) => Phase::Skipping,
            RequestState::Lost => Phase::Lost,
        }
    }

    /// The verb of the request in progress, if it would be complete were its line end to arrive now: `LIST` or
    /// `UPLOAD a QUJD`, but neither `LI` nor `GET ` nor a WRITE or a JSON command. The caller completes it by
    /// feeding a line end.
    #[must_use]
    pub fn completes_at_line_end(&self) -> Option<Verb> {
        let mut verb = match self.state {
            RequestState::Line => None,
            RequestState::Payload(_) => Some(Verb::Upload),
            _ => return None,
        };
        // A copy is told that the line has ended, so that this can never differ from what would happen.
        let mut copy = self.clone();
        let mut scratch = [0; 4096];
        let mut input: &[u8] = b"\n";
        loop {
            let Decoded { consumed, event } = copy.decode(input, &mut scratch);
            input = &input[consumed..];
            match event {
                Some(RequestEvent::Request(request)) => verb = Some(request.verb()),
                Some(RequestEvent::Refused { .. } | RequestEvent::Skipped | RequestEvent::Foreign) => {
                    return None;
                }
                Some(RequestEvent::Body(_) | RequestEvent::BodyEnd { .. }) => {}
                None if copy.is_undecided() => copy.settle(),
                None => return verb.filter(|_| copy.phase() == Phase::Ready),
            }
        }
    }

    /// The verb of the request in progress, as far as it is known: for logs and refusals.
    #[must_use]
    pub fn verb(&self) -> Option<Verb> {
        match &self.state {
            RequestState::Line => self.head.verb(),
            RequestState::Below(_)
            | RequestState::Undecided(_)
            | RequestState::Decided(_)
            | RequestState::Payload(_) => Some(Verb::Upload),
            RequestState::Json(command) => command.is_in_body().then_some(Verb::Upload),
            RequestState::Raw(_) => Some(Verb::Write),
            RequestState::Ready | RequestState::Skipping(_) | RequestState::Lost => None,
        }
    }

    /// Whether what has arrived is a whole UPLOAD, unless its payload is the next line: `UPLOAD my data` can be three bytes
    /// for `my` or the head of `my data`. The caller waits a moment for that line, and if nothing comes it says so with
    /// [`settle`](Self::settle).
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(self.state, RequestState::Undecided(_))
    }

    /// Nothing more has arrived: an UPLOAD that [is undecided](Self::is_undecided) has its payload in its own line, and the
    /// next call of [`decode`](Self::decode) reports it. Otherwise nothing happens.
    pub fn settle(&mut self) {
        self.state = match mem::take(&mut self.state) {
            RequestState::Undecided(undecided) => undecided.settle(),
            other => other,
        };
    }

    /// The caller has refused the upload whose body is being received ([`Phase::Body`]): what is left of it is
    /// discarded, and `Skipped` follows when that is over, at the next call if nothing is left. In any other
    /// phase there is nothing to skip, and nothing happens.
    pub fn skip(&mut self) {
        let remainder = match &self.state {
            RequestState::Payload(body) => body.remainder(&self.head),
            RequestState::Json(command) if command.is_in_body() => command.remainder(),
            RequestState::Raw(body) => Some(body.remainder()),
            _ => return,
        };
        self.state = RequestState::Skipping(remainder);
        self.head.forget_line();
    }

    /// How many bytes of memory hold what the peer has sent.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let command = if let RequestState::Json(command) = &self.state {
            command.held_bytes()
        } else {
            0
        };
        self.head.held_bytes() + command
    }

    fn step(&mut self, input: &[u8], scratch: &mut [u8]) -> Progress<RequestStep> {
        let head = &mut self.head;
        let (state, progress) = match mem::take(&mut self.state) {
            RequestState::Ready => head.begin(input),
            RequestState::Line => head.gather(input),
            RequestState::Below(below) => below.step(head, input),
            RequestState::Undecided(undecided) => undecided.step(head, input),
            RequestState::Decided(here) => upload::begin_here(head, here),
            RequestState::Json(command) => json(command, input, scratch),
            RequestState::Payload(body) => body.step(head, input, scratch),
            RequestState::Raw(body) => body.step(input),
            RequestState::Skipping(remainder) => skip(remainder, input),
            RequestState::Lost => need_input(RequestState::Lost, input.len()),
        };
        if !state.reads_line() {
            self.head.forget_line();
        }
        self.state = state;
        progress
    }
}

impl RequestState {
    /// Whether what comes next is text of a line, as opposed to blank lines, JSON and raw bytes.
    fn is_in_line(&self) -> bool {
        matches!(
            self,
            Self::Line
                | Self::Below(_)
                | Self::Undecided(_)
                | Self::Payload(_)
                | Self::Skipping(Some(Remainder::Line))
        )
    }

    /// Whether the line that is kept in the head is still needed.
    fn reads_line(&self) -> bool {
        matches!(
            self,
            Self::Line | Self::Below(_) | Self::Undecided(_) | Self::Decided(_) | Self::Payload(_)
        )
    }

    /// The state after a refused request.
    fn behind_refused(remainder: Option<Remainder>) -> Self {
        remainder.map_or(Self::Ready, |remainder| Self::Skipping(Some(remainder)))
    }
}

fn json(mut command: Box<JsonCommand>, input: &[u8], scratch: &mut [u8]) -> Stepped {
    assert!(
        !command.is_in_body() || scratch.len() >= RequestDecoder::SCRATCH_BYTES_MIN,
        "no room for a body in base64"
    );
    let progress = command.step(input, scratch);
    let Progress {
        consumed, written, ..
    } = progress;
    match progress.stop {
        CommandStop::NeedInput => need_input(RequestState::Json(command), consumed),
        CommandStop::Continue => go_on(RequestState::Json(command), consumed),
        CommandStop::Content => decoded(RequestState::Json(command), consumed, written),
        CommandStop::Request(request) => {
            let state = match request {
                Request::Upload { .. } => RequestState::Json(command),
                _ => RequestState::Ready,
            };
            event(state, consumed, RequestEvent::Request(request))
        }
        CommandStop::BodyEnd => {
            // The name of a command was never in doubt.
            let (digest, name) = (None, None);
            event(
                RequestState::Ready,
                consumed,
                RequestEvent::BodyEnd { digest, name },
            )
        }
        CommandStop::Refused(verb, refusal, remainder) => {
            refused(RequestState::behind_refused(remainder), consumed, verb, refusal)
        }
    }
}

fn skip(remainder: Option<Remainder>, input: &[u8]) -> Stepped {
    let Some(mut remainder) = remainder else {
        return event(RequestState::Ready, 0, RequestEvent::Skipped);
    };
    let Progress { consumed, stop, .. } = remainder.pass(input);
    match stop {
        RemainderStop::NeedInput => need_input(RequestState::Skipping(Some(remainder)), consumed),
        RemainderStop::Continue => go_on(RequestState::Skipping(Some(remainder)), consumed),
        RemainderStop::Over => event(RequestState::Ready, consumed, RequestEvent::Skipped),
        RemainderStop::Lost => go_on(RequestState::Lost, consumed),
    }
}

fn need_input(state: RequestState, consumed: usize) -> Stepped {
    (state, Progress::consumed(consumed, RequestStep::NeedInput))
}

fn go_on(state: RequestState, consumed: usize) -> Stepped {
    (state, Progress::consumed(consumed, RequestStep::Continue))
}

fn decoded(state: RequestState, consumed: usize, written: usize) -> Stepped {
    let stop = RequestStep::Decoded;
    let progress = Progress {
        consumed,
        written,
        stop,
    };
    (state, progress)
}

fn event(state: RequestState, consumed: usize, event: RequestEvent<'static>) -> Stepped {
    (state, Progress::consumed(consumed, RequestStep::Event(event)))
}

fn refused(state: RequestState, consumed: usize, verb: Option<Verb>, refusal: Refusal) -> Stepped {
    event(state, consumed, RequestEvent::Refused { verb, refusal })
}
