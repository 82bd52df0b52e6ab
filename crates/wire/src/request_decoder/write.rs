//! The body of a WRITE, from the end of its line on.

use super::{RequestState, RequestStep, Stepped, event, need_input, refused};
use crate::raw_body::{BodyStop, RawBody};
use crate::remainder::Remainder;
use crate::request_event::RequestEvent;
use crate::{Name, Progress, Verb, messages};

/// A body that is being received, its digest included.
#[derive(Debug, Clone)]
pub(super) struct WriteBody {
    name: Name,
    body: RawBody,
}

impl WriteBody {
    pub(super) fn new(name: Name, length_bytes: u64) -> Self {
        let body = RawBody::new(length_bytes);
        Self { name, body }
    }

    /// The rest of the body, for a caller that does not want it.
    pub(super) fn remainder(&self) -> Remainder {
        Remainder::Body(self.body.clone())
    }

    pub(super) fn step(mut self, input: &[u8]) -> Stepped {
        let Progress { consumed, stop, .. } = self.body.take(input);
        match stop {
            BodyStop::NeedInput => need_input(RequestState::Raw(self), consumed),
            BodyStop::Content => {
                let progress = Progress::consumed(consumed, RequestStep::Raw);
                (RequestState::Raw(self), progress)
            }
            BodyStop::Digest(digest) => {
                let (digest, name) = (Some(digest), None);
                event(
                    RequestState::Ready,
                    consumed,
                    RequestEvent::BodyEnd { digest, name },
                )
            }
            BodyStop::Invalid => {
                let refusal = messages::length_mismatch(&self.name);
                refused(RequestState::Lost, consumed, Some(Verb::Write), refusal)
            }
        }
    }
}
