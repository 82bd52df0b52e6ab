//! The rest of a refused request, and how it is skipped.

use crate::Progress;
use crate::outline::{Outline, Skipped};
use crate::raw_body::{BodyStop, RawBody};

/// The rest of a refused request.
#[derive(Debug, Clone)]
pub(crate) enum Remainder {
    /// Up to the next LF.
    Line,
    /// Up to the end of a JSON object or an LF.
    Object(Outline),
    /// The body of a WRITE, its digest included.
    Body(RawBody),
}

/// How far the rest is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemainderStop {
    NeedInput,
    /// Some of it is passed, and more may follow at once.
    Continue,
    /// The next request may follow.
    Over,
    /// A WRITE does not end where it said: the next request may be anywhere.
    Lost,
}

impl Remainder {
    pub(crate) fn pass(&mut self, input: &[u8]) -> Progress<RemainderStop> {
        match self {
            Self::Line => match memchr::memchr(b'\n', input) {
                Some(end) => Progress::consumed(end + 1, RemainderStop::Over),
                None => Progress::consumed(input.len(), RemainderStop::NeedInput),
            },
            Self::Object(outline) => outline.skip(input).map(|skipped| match skipped {
                Skipped::NeedInput => RemainderStop::NeedInput,
                Skipped::Whole => RemainderStop::Over,
            }),
            Self::Body(body) => body.take(input).map(|stop| match stop {
                BodyStop::NeedInput => RemainderStop::NeedInput,
                BodyStop::Content => RemainderStop::Continue,
                BodyStop::Digest(_) => RemainderStop::Over,
                BodyStop::Invalid => RemainderStop::Lost,
            }),
        }
    }
}
