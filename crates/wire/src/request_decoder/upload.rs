//! An UPLOAD in a line: from the end of its line, or of its window, to the end of its payload.

use std::mem;

use super::{RequestDecoder, State, Step};
use crate::next_line::NextLine;
use crate::payload::{self, Within};
use crate::request_event::RequestEvent;
use crate::upload_line::{Here, Names};
use crate::{Request, Verb, messages};

impl RequestDecoder {
    pub(super) fn begin_payload(&mut self, names: Names, replay_at: usize) -> Step {
        let request = Request::Upload {
            name: names.whole.clone(),
            shorter: names.shorter().cloned(),
        };
        self.state = State::Payload {
            names,
            payload: Box::default(),
            replay_at,
        };
        Step::Event(RequestEvent::Request(request))
    }

    /// The payload of a line that is there as a whole, so that its name is known before.
    pub(super) fn begin_here(&mut self) -> Step {
        let State::Decided(Here { names, payload_at }) = mem::take(&mut self.state) else {
            return Step::Continue;
        };
        let names = names.decided_for(&self.line[payload_at..]);
        self.begin_payload(names, payload_at)
    }

    /// The payload starts with what was taken of the next line.
    fn begin_below(&mut self, names: Names) -> Step {
        self.forget_line();
        self.glance.drain_into(&mut self.line);
        self.begin_payload(names, 0)
    }

    pub(super) fn below(&mut self, input: &[u8]) -> (usize, Step) {
        let Some(at) = input
            .iter()
            .position(|byte| *byte == b'\n' || !byte.is_ascii_whitespace())
        else {
            return (input.len(), Step::NeedInput);
        };
        let State::Below(names) = mem::take(&mut self.state) else {
            return (at, Step::Continue);
        };
        if input[at] != b'\n' {
            return (at, self.begin_below(names));
        }
        let refusal = messages::missing_payload(&names.whole);
        (at + 1, self.refuse(Some(Verb::Upload), refusal, State::Ready))
    }

    pub(super) fn undecided(&mut self, input: &[u8]) -> (usize, Step) {
        let (taken, next) = self.glance.look(input);
        let step = match next {
            None => Step::NeedInput,
            Some(NextLine::Other) => {
                self.settle();
                Step::Continue
            }
            Some(NextLine::Payload) => self.decide_for_below(),
        };
        (taken, step)
    }

    fn decide_for_below(&mut self) -> Step {
        let State::Undecided { below, .. } = mem::take(&mut self.state) else {
            return Step::Continue;
        };
        match below {
            Ok(names) => self.begin_below(names),
            Err(refusal) => {
                self.glance.forget();
                self.refuse(Some(Verb::Upload), refusal, State::SkipLine)
            }
        }
    }

    pub(super) fn payload(&mut self, input: &[u8], scratch: &mut [u8]) -> (usize, Step) {
        assert!(
            scratch.len() >= Self::SCRATCH_BYTES_MIN,
            "no room for a body in base64"
        );
        let State::Payload {
            names,
            payload,
            replay_at,
        } = &mut self.state
        else {
            return (0, Step::Continue);
        };
        let replay = &self.line[*replay_at..];
        let (bytes, is_replay) = if replay.is_empty() {
            (input, false)
        } else {
            (replay, true)
        };
        let payload::Progress {
            consumed,
            written,
            stop,
        } = payload.decode(bytes, scratch, Within::Line);
        let taken = if is_replay { 0 } else { consumed };
        if is_replay {
            *replay_at += consumed;
        }
        if written > 0 {
            return (taken, Step::Decoded(written));
        }
        match stop {
            payload::Stop::NeedInput | payload::Stop::OutputFull if is_replay => (taken, Step::Continue),
            payload::Stop::NeedInput | payload::Stop::OutputFull => (taken, Step::NeedInput),
            payload::Stop::End if payload.is_complete() => {
                let name = names.shorter_for(payload).cloned();
                let end = RequestEvent::BodyEnd { digest: None, name };
                (taken + usize::from(!is_replay), self.end(end))
            }
            payload::Stop::End => {
                let refusal = messages::invalid_payload(&names.whole);
                let step = self.refuse(Some(Verb::Upload), refusal, State::Ready);
                (taken + usize::from(!is_replay), step)
            }
            payload::Stop::Invalid => {
                let refusal = messages::invalid_payload(&names.whole);
                let is_whole_line = is_replay && self.line.ends_with(b"\n");
                let then = if is_whole_line {
                    State::Ready
                } else {
                    State::SkipLine
                };
                (taken, self.refuse(Some(Verb::Upload), refusal, then))
            }
        }
    }
}
