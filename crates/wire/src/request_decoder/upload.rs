//! An UPLOAD in a line: from the end of its line, or of its window, to the end of its payload.

use super::head::RequestHead;
use super::{RequestDecoder, RequestState, Stepped, decoded, event, go_on, need_input, refused};
use crate::next_line::NextLine;
use crate::payload::{Payload, PayloadStop, Within};
use crate::remainder::Remainder;
use crate::request_event::RequestEvent;
use crate::upload_line::{Here, Names};
use crate::{Progress, Refusal, Request, Verb, messages};

/// The payload is the next line.
#[derive(Debug, Clone)]
pub(super) struct Below {
    names: Names,
}

/// The payload is the next line, if that is one, or else in the line itself.
#[derive(Debug, Clone)]
pub(super) struct Undecided {
    here: Here,
    below: Result<Names, Refusal>,
}

/// A payload that is being received. Its part in the head, from `replay_at` on, is decoded before the input.
#[derive(Debug, Clone)]
pub(super) struct UploadBody {
    names: Names,
    payload: Payload,
    replay_at: usize,
}

/// Announces the request whose payload starts at `payload_at` in the line.
pub(super) fn begin(names: Names, payload_at: usize, consumed: usize) -> Stepped {
    let request = Request::Upload {
        name: names.whole.clone(),
        shorter: names.shorter().cloned(),
    };
    let body = UploadBody {
        names,
        payload: Payload::new(),
        replay_at: payload_at,
    };
    let state = RequestState::Payload(Box::new(body));
    event(state, consumed, RequestEvent::Request(request))
}

/// The payload of a line that is there as a whole, so that its name is known before.
pub(super) fn begin_here(head: &RequestHead, here: Here) -> Stepped {
    let Here { names, payload_at } = here;
    let names = names.decided_for(head.line_from(payload_at));
    begin(names, payload_at, 0)
}

/// The payload starts with what was taken of the next line.
fn begin_below(head: &mut RequestHead, names: Names, consumed: usize) -> Stepped {
    head.take_next_line();
    begin(names, 0, consumed)
}

impl Below {
    pub(super) fn new(names: Names) -> Self {
        Self { names }
    }

    pub(super) fn step(self, head: &mut RequestHead, input: &[u8]) -> Stepped {
        let is_end = |byte: &u8| *byte == b'\n' || !byte.is_ascii_whitespace();
        match input.iter().position(is_end) {
            None => need_input(RequestState::Below(self), input.len()),
            Some(at) if input[at] != b'\n' => begin_below(head, self.names, at),
            Some(at) => {
                let refusal = messages::missing_payload(&self.names.whole);
                refused(RequestState::Ready, at + 1, Some(Verb::Upload), refusal)
            }
        }
    }
}

impl Undecided {
    pub(super) fn new(here: Here, below: Result<Names, Refusal>) -> Self {
        Self { here, below }
    }

    /// There is no next line.
    pub(super) fn settle(self) -> RequestState {
        RequestState::Decided(self.here)
    }

    pub(super) fn step(self, head: &mut RequestHead, input: &[u8]) -> Stepped {
        let Progress { consumed, stop, .. } = head.peek_next_line(input);
        match (stop, self.below) {
            (None, below) => {
                let undecided = Self { below, ..self };
                need_input(RequestState::Undecided(undecided), consumed)
            }
            (Some(NextLine::Other), _) => go_on(RequestState::Decided(self.here), consumed),
            (Some(NextLine::Payload), Ok(names)) => begin_below(head, names, consumed),
            (Some(NextLine::Payload), Err(refusal)) => {
                head.forget_next_line();
                let state = RequestState::Skipping(Some(Remainder::Line));
                refused(state, consumed, Some(Verb::Upload), refusal)
            }
        }
    }
}

impl UploadBody {
    /// The rest of the payload, for a caller that does not want it: nothing where all of the line is in the head.
    pub(super) fn remainder(&self, head: &RequestHead) -> Option<Remainder> {
        let is_whole_line = head.line_from(self.replay_at).ends_with(b"\n");
        (!is_whole_line).then_some(Remainder::Line)
    }

    pub(super) fn step(mut self: Box<Self>, head: &RequestHead, input: &[u8], scratch: &mut [u8]) -> Stepped {
        assert!(
            scratch.len() >= RequestDecoder::SCRATCH_BYTES_MIN,
            "no room for a body in base64"
        );
        let replay = head.line_from(self.replay_at);
        let is_replay = !replay.is_empty();
        let source = if is_replay { replay } else { input };
        let decoding = self.payload.decode(source, scratch, Within::Line);
        let (consumed, line_end) = if is_replay {
            self.replay_at += decoding.consumed;
            (0, 0)
        } else {
            (decoding.consumed, 1)
        };
        let upload = Some(Verb::Upload);
        match decoding.stop {
            _ if decoding.written > 0 => decoded(RequestState::Payload(self), consumed, decoding.written),
            PayloadStop::NeedInput | PayloadStop::OutputFull if is_replay => {
                go_on(RequestState::Payload(self), consumed)
            }
            PayloadStop::NeedInput | PayloadStop::OutputFull => {
                need_input(RequestState::Payload(self), consumed)
            }
            PayloadStop::End if self.payload.is_complete() => {
                let name = self.names.shorter_for(&self.payload).cloned();
                let end = RequestEvent::BodyEnd { digest: None, name };
                event(RequestState::Ready, consumed + line_end, end)
            }
            PayloadStop::End => {
                let refusal = messages::invalid_payload(&self.names.whole);
                refused(RequestState::Ready, consumed + line_end, upload, refusal)
            }
            PayloadStop::Invalid => {
                let refusal = messages::invalid_payload(&self.names.whole);
                let state = RequestState::behind_refused(self.remainder(head));
                refused(state, consumed, upload, refusal)
            }
        }
    }
}
