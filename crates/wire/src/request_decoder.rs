//! Requests as the server reads them: bytes in, events out.
//!
//! One [`RequestDecoder`] follows one connection through any number of requests, classic, JSON and extended.
//! What it reports depends on the bytes only, never on how they were cut into pieces, unless the caller says that
//! nothing more has arrived ([`RequestDecoder::settle`]). What it holds of them is bounded by
//! [`RequestDecoder::HELD_BYTES_MAX`], whatever is sent.

mod upload;

use std::mem;

use crate::foreign::LineWatch;
use crate::json::Skipper;
use crate::next_line::Glance;
use crate::payload::Payload;
use crate::raw_body::{RawBody, Taken};
use crate::request_event::{Decoded, Phase, RequestEvent};
use crate::request_json::{self, Command, Outcome};
use crate::request_line::{self, Line, Refused};
use crate::upload_line::{Here, Names, Reading};
use crate::{Name, Refusal, Request, Verb, base64, messages};

/// Decodes what arrives on one connection.
#[derive(Debug, Clone, Default)]
pub struct RequestDecoder {
    state: State,
    /// The head of the request, from its first byte that is not blank.
    line: Vec<u8>,
    /// The start of the next line, where an UPLOAD depends on it.
    glance: Glance,
    /// Looks for lines of HTTP.
    watch: LineWatch,
}

#[derive(Debug, Clone, Default)]
enum State {
    #[default]
    Ready,
    /// In a line that is kept in `line`.
    Line,
    /// Behind the line of an UPLOAD whose payload is the next line; blank so far.
    Below(Names),
    /// Behind the line of an UPLOAD whose payload is in it or is the next line.
    Undecided {
        here: Here,
        below: Result<Names, Refusal>,
    },
    /// Behind the line of an UPLOAD whose payload is in it.
    Decided(Here),
    Json(Box<Command>),
    /// In the payload of an UPLOAD. What `line` holds from `replay_at` on is decoded before the input.
    Payload {
        names: Names,
        payload: Box<Payload>,
        replay_at: usize,
    },
    /// In the body of a WRITE, its digest included.
    Raw {
        name: Name,
        body: RawBody,
    },
    /// Up to the next LF.
    SkipLine,
    /// Up to the end of a JSON object or an LF.
    SkipObject(Skipper),
    /// Through the body of a WRITE.
    SkipRaw(RawBody),
    /// Nothing is left to skip, but `Skipped` has to be said.
    SkipNothing,
    Lost,
}

/// What one step came to.
enum Step {
    /// The step is done, and the next one can follow.
    Continue,
    /// All of the input is consumed.
    NeedInput,
    /// So much of the content is in the scratch.
    Decoded(usize),
    /// The bytes consumed are content.
    Raw,
    Event(RequestEvent<'static>),
}

/// The end of a body in JSON, whose name was never in doubt.
const BODY_END: RequestEvent<'static> = RequestEvent::BodyEnd {
    digest: None,
    name: None,
};

/// Beyond this, the room for a head is given back when the request is over: an idle connection costs little.
const LINE_BYTES_KEPT: usize = 1 << 10;

impl RequestDecoder {
    /// The most bytes of the peer's that a decoder holds, in a JSON command with a payload before its name: twice
    /// what may be held, because memory grows by doubling.
    pub const HELD_BYTES_MAX: usize =
        2 * (request_json::TEXT_BYTES_MAX + request_json::HELD_PAYLOAD_BYTES_MAX + 1024) + LINE_BYTES_KEPT;

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
            let in_line = self.is_in_line();
            let (taken, step) = self.step(&input[consumed..], scratch);
            let start = consumed;
            consumed += taken;
            if in_line && self.watch.is_foreign(&input[start..consumed]) {
                self.state = State::Lost;
                self.forget_line();
                let event = Some(RequestEvent::Foreign);
                return Decoded { consumed, event };
            }
            let event = match step {
                Step::Continue => continue,
                Step::NeedInput => None,
                Step::Decoded(written) => Some(RequestEvent::Body(&scratch[..written])),
                Step::Raw => Some(RequestEvent::Body(&input[start..consumed])),
                Step::Event(event) => Some(event),
            };
            return Decoded { consumed, event };
        }
    }

    /// Where the decoder is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Ready if self.glance.is_empty() => Phase::Ready,
            State::Ready | State::Line | State::Below(_) | State::Undecided { .. } | State::Decided(_) => {
                Phase::Head
            }
            State::Json(command) if !command.is_in_body() => Phase::Head,
            State::Json(_) | State::Payload { .. } | State::Raw { .. } => Phase::Body,
            State::SkipLine | State::SkipObject(_) | State::SkipRaw(_) | State::SkipNothing => {
                Phase::Skipping
            }
            State::Lost => Phase::Lost,
        }
    }

    /// The verb of the request in progress, if it would be complete were its line end to arrive now: `LIST` or
    /// `UPLOAD a QUJD`, but neither `LI` nor `GET ` nor a WRITE or a JSON command. The caller completes it by
    /// feeding a line end.
    #[must_use]
    pub fn completes_at_line_end(&self) -> Option<Verb> {
        let mut verb = match self.state {
            State::Line => None,
            State::Payload { .. } => Some(Verb::Upload),
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
            State::Line => {
                let word = self
                    .line
                    .split(u8::is_ascii_whitespace)
                    .next()
                    .unwrap_or_default();
                Verb::from_word(word)
            }
            State::Below(_) | State::Undecided { .. } | State::Decided(_) | State::Payload { .. } => {
                Some(Verb::Upload)
            }
            State::Json(command) => command.is_in_body().then_some(Verb::Upload),
            State::Raw { .. } => Some(Verb::Write),
            _ => None,
        }
    }

    /// Whether what has arrived is a whole UPLOAD, unless its payload is the next line: `UPLOAD my data` can be three bytes
    /// for `my` or the head of `my data`. The caller waits a moment for that line, and if nothing comes it says so with
    /// [`settle`](Self::settle).
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        matches!(self.state, State::Undecided { .. })
    }

    /// Nothing more has arrived: an UPLOAD that [is undecided](Self::is_undecided) has its payload in its own line, and the
    /// next call of [`decode`](Self::decode) reports it. Otherwise nothing happens.
    pub fn settle(&mut self) {
        self.state = match mem::take(&mut self.state) {
            State::Undecided { here, .. } => State::Decided(here),
            other => other,
        };
    }

    /// The caller has refused the upload whose body is being received ([`Phase::Body`]): what is left of it is
    /// discarded, and `Skipped` follows when that is over, at the next call if nothing is left. In any other
    /// phase there is nothing to skip, and nothing happens.
    pub fn skip(&mut self) {
        self.state = match mem::take(&mut self.state) {
            State::Payload { replay_at, .. } if self.line[replay_at..].ends_with(b"\n") => State::SkipNothing,
            State::Payload { .. } => State::SkipLine,
            State::Json(command) if command.is_in_body() => after(command.rest(), State::SkipNothing),
            State::Raw { body, .. } => State::SkipRaw(body),
            other => other,
        };
        if self.phase() == Phase::Skipping {
            self.forget_line();
        }
    }

    /// How many bytes of memory hold what the peer has sent.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let command = if let State::Json(command) = &self.state {
            command.held_bytes()
        } else {
            0
        };
        self.line.capacity() + command
    }

    /// Whether what comes next is text of a line, as opposed to blank lines, JSON and raw bytes.
    fn is_in_line(&self) -> bool {
        matches!(
            self.state,
            State::Line | State::Below(_) | State::Undecided { .. } | State::Payload { .. } | State::SkipLine
        )
    }

    fn step(&mut self, input: &[u8], scratch: &mut [u8]) -> (usize, Step) {
        match &mut self.state {
            State::Ready => self.blank(input),
            State::Line => self.line(input),
            State::Below(_) => self.below(input),
            State::Undecided { .. } => self.undecided(input),
            State::Decided(_) => (0, self.begin_here()),
            State::Json(_) => self.json(input, scratch),
            State::Payload { .. } => self.payload(input, scratch),
            State::Raw { .. } => self.raw(input),
            State::SkipLine => match memchr::memchr(b'\n', input) {
                Some(end) => (end + 1, self.end(RequestEvent::Skipped)),
                None => (input.len(), Step::NeedInput),
            },
            State::SkipObject(skipper) => match skipper.skip(input) {
                (taken, true) => (taken, self.end(RequestEvent::Skipped)),
                (taken, false) => (taken, Step::NeedInput),
            },
            State::SkipRaw(_) => self.skip_raw(input),
            State::SkipNothing => (0, self.end(RequestEvent::Skipped)),
            State::Lost => (input.len(), Step::NeedInput),
        }
    }

    /// Blank lines are never answered.
    fn blank(&mut self, input: &[u8]) -> (usize, Step) {
        if !self.glance.is_empty() {
            self.glance.drain_into(&mut self.line);
            self.state = State::Line;
            return (0, Step::Continue);
        }
        match input.iter().position(|byte| !byte.is_ascii_whitespace()) {
            None => (input.len(), Step::NeedInput),
            Some(start) => {
                self.state = match input[start] {
                    b'{' => State::Json(Box::new(Command::new())),
                    _ => State::Line,
                };
                (start, Step::Continue)
            }
        }
    }

    /// Gathers the line, up to its end or as much of it as has to be seen.
    fn line(&mut self, input: &[u8]) -> (usize, Step) {
        let window_bytes = request_line::window_bytes(&self.line);
        let gathered = &input[..input.len().min(window_bytes - self.line.len())];
        if let Some(end) = memchr::memchr(b'\n', gathered) {
            self.line.extend_from_slice(&gathered[..end]);
            return (end + 1, self.line_ended());
        }
        self.line.extend_from_slice(gathered);
        let step = match self.line.len() < window_bytes {
            true => Step::NeedInput,
            false => self.line_goes_on(),
        };
        (gathered.len(), step)
    }

    fn line_ended(&mut self) -> Step {
        match request_line::whole(&self.line) {
            Ok(Line::Request(request @ Request::Write { .. })) => {
                if let Request::Write { name, length, .. } = &request {
                    self.state = State::Raw {
                        name: name.clone(),
                        body: RawBody::new(*length),
                    };
                }
                self.forget_line();
                Step::Event(RequestEvent::Request(request))
            }
            Ok(Line::Request(request)) => self.end(RequestEvent::Request(request)),
            Ok(Line::Upload(reading)) => {
                self.state = match reading {
                    Reading::Here(here) => State::Decided(here),
                    Reading::Below(names) => State::Below(names),
                    Reading::Either { here, below } => State::Undecided { here, below },
                };
                self.line.push(b'\n');
                Step::Continue
            }
            Err(Refused {
                verb,
                refusal,
                body_bytes,
            }) => {
                let then = match (verb, body_bytes) {
                    (Some(Verb::Write), None) => State::Lost,
                    (Some(Verb::Write), Some(bytes)) => State::SkipRaw(RawBody::new(bytes)),
                    _ => State::Ready,
                };
                self.refuse(verb, refusal, then)
            }
        }
    }

    fn line_goes_on(&mut self) -> Step {
        match request_line::window(&self.line) {
            None => Step::Continue,
            Some(Ok(here)) => self.begin_payload(here.names, here.payload_at),
            Some(Err(Refused { verb, refusal, .. })) => {
                let then = if verb == Some(Verb::Write) {
                    State::Lost
                } else {
                    State::SkipLine
                };
                self.refuse(verb, refusal, then)
            }
        }
    }

    fn json(&mut self, input: &[u8], scratch: &mut [u8]) -> (usize, Step) {
        let State::Json(command) = &mut self.state else {
            return (0, Step::Continue);
        };
        assert!(
            !command.is_in_body() || scratch.len() >= Self::SCRATCH_BYTES_MIN,
            "no room for a body in base64"
        );
        let (taken, outcome) = command.step(input, scratch);
        let step = match outcome {
            Outcome::NeedInput => Step::NeedInput,
            Outcome::Continue => Step::Continue,
            Outcome::Body(written) => Step::Decoded(written),
            Outcome::Request(request @ Request::Upload { .. }) => Step::Event(RequestEvent::Request(request)),
            Outcome::Request(request) => self.end(RequestEvent::Request(request)),
            Outcome::BodyEnd => self.end(BODY_END),
            Outcome::Refused(verb, refusal, rest) => self.refuse(verb, refusal, after(rest, State::Ready)),
        };
        (taken, step)
    }

    fn raw(&mut self, input: &[u8]) -> (usize, Step) {
        let State::Raw { name, body } = &mut self.state else {
            return (0, Step::Continue);
        };
        let (taken, what) = body.take(input);
        let step = match what {
            Taken::NeedInput => Step::NeedInput,
            Taken::Content => Step::Raw,
            Taken::Digest(digest) => self.end(RequestEvent::BodyEnd {
                digest: Some(digest),
                name: None,
            }),
            Taken::Wrong => {
                let refusal = messages::length_mismatch(name);
                self.refuse(Some(Verb::Write), refusal, State::Lost)
            }
        };
        (taken, step)
    }

    fn skip_raw(&mut self, input: &[u8]) -> (usize, Step) {
        let State::SkipRaw(body) = &mut self.state else {
            return (0, Step::Continue);
        };
        let (taken, what) = body.take(input);
        let step = match what {
            Taken::NeedInput => Step::NeedInput,
            Taken::Content => Step::Continue,
            Taken::Digest(_) => self.end(RequestEvent::Skipped),
            Taken::Wrong => {
                self.state = State::Lost;
                Step::Continue
            }
        };
        (taken, step)
    }

    fn refuse(&mut self, verb: Option<Verb>, refusal: Refusal, then: State) -> Step {
        self.state = then;
        self.forget_line();
        Step::Event(RequestEvent::Refused { verb, refusal })
    }

    fn end(&mut self, event: RequestEvent<'static>) -> Step {
        self.state = State::Ready;
        self.forget_line();
        Step::Event(event)
    }

    fn forget_line(&mut self) {
        self.line.clear();
        self.line.shrink_to(LINE_BYTES_KEPT);
    }
}

fn after(rest: request_json::Remainder, nothing: State) -> State {
    match rest {
        request_json::Remainder::Nothing => nothing,
        request_json::Remainder::Line => State::SkipLine,
        request_json::Remainder::Object(skipper) => State::SkipObject(skipper),
    }
}
