//! The events of a connection, as a server sees them.

use crate::{Digest, Name, Refusal, Request, Verb};

/// The result of one call of [`RequestDecoder::decode`](crate::RequestDecoder::decode).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'b> {
    /// Bytes of the input that are dealt with; feed the rest again.
    pub consumed: usize,
    /// The event, if there was one. `None` means: all input was consumed, more is needed.
    pub event: Option<RequestEvent<'b>>,
}

/// The events of a connection, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestEvent<'b> {
    /// A whole request. For an Upload or a Write its body follows: any number of `Body`, then one `BodyEnd`, or
    /// one `Refused` or `Foreign` in its place.
    Request(Request),
    /// A non-empty piece of the content: what came in base64 is decoded into the scratch, what came raw is a
    /// part of the input.
    Body(&'b [u8]),
    /// The content is complete and well-formed.
    BodyEnd {
        /// The digest that a WRITE declared, for the caller to compare; `None` for an UPLOAD.
        digest: Option<Digest>,
        /// The name of the object where it is not the `name` of the request, but its `shorter` one.
        name: Option<Name>,
    },
    /// The request or its body is refused; this is the reply to it. The rest of the request shows in
    /// [`RequestDecoder::phase`](crate::RequestDecoder::phase): nothing (`Ready`), a rest that is being discarded and ends with `Skipped`
    /// (`Skipping`), or a rest whose end is unknown (`Lost`).
    Refused {
        /// The verb, as far as it was known.
        verb: Option<Verb>,
        /// The reply.
        refusal: Refusal,
    },
    /// The rest of a refused request has been discarded; the next request may follow.
    Skipped,
    /// A line of another protocol, HTTP: its last word is a version of HTTP, or it begins with `Host:`. Nothing behind
    /// it is a request (`Lost`). The caller closes; a body that was being received is refused with that.
    Foreign,
}

/// Where on its way through the requests a decoder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Between requests: blank lines only since the last one.
    Ready,
    /// In the middle of a request's head.
    Head,
    /// In the middle of a body: between a `Request` that has one and its `BodyEnd`.
    Body,
    /// Discarding the rest of a refused request. It may end in `Lost` as well, where a WRITE turns out not to
    /// end where it said.
    Skipping,
    /// The start of the next request is unknown: all that follows is discarded, without events. The caller
    /// replies and closes.
    Lost,
}
