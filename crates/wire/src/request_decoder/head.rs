//! The head of a request: its line as far as it has to be kept, and the way from the first byte to what is asked for.

use super::{RequestState, Stepped, event, go_on, need_input, refused};
use crate::next_line::{NextLine, Peek};
use crate::raw_body::RawBody;
use crate::remainder::Remainder;
use crate::request_decoder::upload::{self, Below, Undecided};
use crate::request_decoder::write::WriteBody;
use crate::request_event::RequestEvent;
use crate::request_json::JsonCommand;
use crate::request_line::{self, ParsedLine, RefusedLine};
use crate::upload_line::UploadReading;
use crate::{Progress, Request, Verb};

/// Beyond this, the room for a line is given back when the request is over: an idle connection costs little.
pub(super) const LINE_BYTES_KEPT: usize = 1 << 10;

/// The kept part of a request's text.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestHead {
    /// The line, from its first byte that is not blank.
    line: Vec<u8>,
    /// The start of the next line, where an UPLOAD depends on it.
    next_line: Peek,
}

impl RequestHead {
    /// From the first byte that is not blank on. Blank lines are never answered.
    pub(super) fn begin(&mut self, input: &[u8]) -> Stepped {
        if self.has_next_line() {
            self.take_next_line();
            return go_on(RequestState::Line, 0);
        }
        match input.iter().position(|byte| !byte.is_ascii_whitespace()) {
            None => need_input(RequestState::Ready, input.len()),
            Some(start) if input[start] == b'{' => {
                go_on(RequestState::Json(Box::new(JsonCommand::new())), start)
            }
            Some(start) => go_on(RequestState::Line, start),
        }
    }

    /// Gathers the line, up to its end or as much of it as has to be seen.
    pub(super) fn gather(&mut self, input: &[u8]) -> Stepped {
        let window_bytes = request_line::window_bytes(&self.line);
        let gathered = &input[..input.len().min(window_bytes - self.line.len())];
        if let Some(end) = memchr::memchr(b'\n', gathered) {
            self.line.extend_from_slice(&gathered[..end]);
            return self.line_ended(end + 1);
        }
        self.line.extend_from_slice(gathered);
        if self.line.len() < window_bytes {
            return need_input(RequestState::Line, gathered.len());
        }
        self.line_goes_on(gathered.len())
    }

    fn line_ended(&mut self, consumed: usize) -> Stepped {
        match request_line::whole(&self.line) {
            Ok(ParsedLine::Request(request)) => {
                let state = match &request {
                    Request::Write { name, length, .. } => {
                        RequestState::Raw(WriteBody::new(name.clone(), *length))
                    }
                    _ => RequestState::Ready,
                };
                event(state, consumed, RequestEvent::Request(request))
            }
            Ok(ParsedLine::Upload(reading)) => {
                self.line.push(b'\n');
                let state = match reading {
                    UploadReading::Here(here) => RequestState::Decided(here),
                    UploadReading::Below(names) => RequestState::Below(Below::new(names)),
                    UploadReading::Either { here, below } => {
                        RequestState::Undecided(Undecided::new(here, below))
                    }
                };
                go_on(state, consumed)
            }
            Err(RefusedLine {
                verb,
                refusal,
                body_bytes,
            }) => {
                let state = match (verb, body_bytes) {
                    (Some(Verb::Write), None) => RequestState::Lost,
                    (Some(Verb::Write), Some(bytes)) => {
                        RequestState::Skipping(Some(Remainder::Body(RawBody::new(bytes))))
                    }
                    _ => RequestState::Ready,
                };
                refused(state, consumed, verb, refusal)
            }
        }
    }

    fn line_goes_on(&mut self, consumed: usize) -> Stepped {
        match request_line::window(&self.line) {
            None => go_on(RequestState::Line, consumed),
            Some(Ok(here)) => upload::begin(here.names, here.payload_at, consumed),
            Some(Err(RefusedLine { verb, refusal, .. })) => {
                let state = match verb {
                    Some(Verb::Write) => RequestState::Lost,
                    _ => RequestState::Skipping(Some(Remainder::Line)),
                };
                refused(state, consumed, verb, refusal)
            }
        }
    }

    /// The kept line from this place on.
    pub(super) fn line_from(&self, at: usize) -> &[u8] {
        &self.line[at..]
    }

    /// The verb, as far as it is known.
    pub(super) fn verb(&self) -> Option<Verb> {
        let word = self.line.split(u8::is_ascii_whitespace).next();
        Verb::from_word(word.unwrap_or_default())
    }

    pub(super) fn peek_next_line(&mut self, input: &[u8]) -> Progress<Option<NextLine>> {
        self.next_line.take(input)
    }

    /// Whether the start of the next line is here already.
    pub(super) fn has_next_line(&self) -> bool {
        !self.next_line.is_empty()
    }

    /// The received part of the next line takes the place of the line.
    pub(super) fn take_next_line(&mut self) {
        self.forget_line();
        self.next_line.drain_into(&mut self.line);
    }

    pub(super) fn forget_next_line(&mut self) {
        self.next_line.forget();
    }

    pub(super) fn forget_line(&mut self) {
        self.line.clear();
        self.line.shrink_to(LINE_BYTES_KEPT);
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.line.capacity()
    }
}
