//! Drives the decoders with input in pieces and writes down what happens.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod examples;

use haul_wire::{
    Digest, Name, Phase, Refusal, Reply, ReplyDecoder, ReplyError, ReplyEvent, Request, RequestDecoder,
    RequestEvent, Verb,
};

/// An event that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Request(Request),
    /// The pieces of a body that follow each other, joined.
    Body(Vec<u8>),
    BodyEnd(Option<Digest>, Option<Name>),
    Refused(Option<Verb>, Refusal, Phase),
    Skipped,
    Foreign,
}

/// Everything that happens when `pieces` arrive and then nothing more, and where the decoder is afterwards.
pub(crate) fn requests<'i>(
    pieces: impl IntoIterator<Item = &'i [u8]>,
    scratch_bytes: usize,
) -> (Vec<Event>, Phase) {
    requests_with(pieces, scratch_bytes, |_| false)
}

/// The same, where the caller refuses the uploads that `skips` picks.
pub(crate) fn requests_with<'i>(
    pieces: impl IntoIterator<Item = &'i [u8]>,
    scratch_bytes: usize,
    skips: impl Fn(&Request) -> bool,
) -> (Vec<Event>, Phase) {
    let mut driver = Driver::new(scratch_bytes, skips);
    for piece in pieces {
        driver.feed(piece);
    }
    driver.settle();
    (driver.events, driver.decoder.phase())
}

/// What a caller makes of `pieces` that does not wait for the next one, and whether that was needed anywhere: whether an
/// UPLOAD was undecided between two of them.
pub(crate) fn requests_at_once<'i>(
    pieces: impl IntoIterator<Item = &'i [u8]>,
    scratch_bytes: usize,
) -> ((Vec<Event>, Phase), bool) {
    let mut driver = Driver::new(scratch_bytes, |_| false);
    let mut was_undecided = false;
    for piece in pieces {
        was_undecided |= driver.decoder.is_undecided();
        driver.settle();
        driver.feed(piece);
    }
    driver.settle();
    ((driver.events, driver.decoder.phase()), was_undecided)
}

/// A caller of a request decoder.
struct Driver<F> {
    decoder: RequestDecoder,
    scratch: Vec<u8>,
    skips: F,
    events: Vec<Event>,
}

impl<F: Fn(&Request) -> bool> Driver<F> {
    fn new(scratch_bytes: usize, skips: F) -> Self {
        Self {
            decoder: RequestDecoder::new(),
            scratch: vec![0; scratch_bytes],
            skips,
            events: Vec::new(),
        }
    }

    /// Says that nothing more has arrived.
    fn settle(&mut self) {
        self.decoder.settle();
        self.feed(b"");
        assert!(!self.decoder.is_undecided(), "it is settled");
    }

    fn feed(&mut self, piece: &[u8]) {
        let mut rest = piece;
        loop {
            let decoded = self.decoder.decode(rest, &mut self.scratch);
            rest = &rest[decoded.consumed..];
            let Some(event) = decoded.event else { break };
            let is_skipped = matches!(&event, RequestEvent::Request(request) if (self.skips)(request));
            note(&mut self.events, event);
            if is_skipped {
                self.decoder.skip();
            }
            let phase = self.decoder.phase();
            if let Some(Event::Refused(_, _, after)) = self.events.last_mut() {
                *after = phase;
            }
        }
        assert!(rest.is_empty(), "no event, but {} bytes are left", rest.len());
        let held = self.decoder.held_bytes();
        assert!(held <= RequestDecoder::HELD_BYTES_MAX, "it holds {held}");
    }
}

fn note(events: &mut Vec<Event>, event: RequestEvent<'_>) {
    match event {
        RequestEvent::Request(request) => events.push(Event::Request(request)),
        RequestEvent::Body(piece) => {
            assert!(!piece.is_empty(), "an empty piece of a body");
            match events.last_mut() {
                Some(Event::Body(body)) => body.extend_from_slice(piece),
                _ => events.push(Event::Body(piece.to_vec())),
            }
        }
        RequestEvent::BodyEnd { digest, name } => events.push(Event::BodyEnd(digest, name)),
        RequestEvent::Refused { verb, refusal } => events.push(Event::Refused(verb, refusal, Phase::Ready)),
        RequestEvent::Skipped => events.push(Event::Skipped),
        RequestEvent::Foreign => events.push(Event::Foreign),
    }
}

/// What a client makes of some bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Received {
    pub content: Vec<u8>,
    pub reply: Result<Reply, ReplyError>,
    /// How many bytes follow the reply.
    pub left: usize,
}

/// Receives one reply; where it does not end before the pieces do, the connection ends.
pub(crate) fn reply<'i>(pieces: impl IntoIterator<Item = &'i [u8]>, scratch_bytes: usize) -> Received {
    let mut decoder = ReplyDecoder::new();
    let mut scratch = vec![0; scratch_bytes];
    let mut content = Vec::new();
    let mut pieces = pieces.into_iter();
    while let Some(piece) = pieces.next() {
        let mut rest = piece;
        loop {
            let decoded = match decoder.decode(rest, &mut scratch) {
                Ok(decoded) => decoded,
                Err(error) => {
                    return Received {
                        content,
                        reply: Err(error),
                        left: 0,
                    };
                }
            };
            rest = &rest[decoded.consumed..];
            match decoded.event {
                None => break,
                Some(ReplyEvent::Body(piece)) => content.extend_from_slice(piece),
                Some(ReplyEvent::End(reply)) => {
                    let left = rest.len() + pieces.map(<[u8]>::len).sum::<usize>();
                    return Received {
                        content,
                        reply: Ok(reply),
                        left,
                    };
                }
            }
        }
        assert!(rest.is_empty(), "no event, but {} bytes are left", rest.len());
    }
    Received {
        content,
        reply: decoder.end_of_file(),
        left: 0,
    }
}

/// The ways of cutting that are tried on every example: whole, byte by byte, and once at every place.
pub(crate) fn cuts(input: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut cuts = vec![vec![input], input.chunks(1).collect(), input.chunks(3).collect()];
    if input.len() <= 300 {
        cuts.extend((0..input.len()).map(|at| vec![&input[..at], &input[at..]]));
    }
    cuts
}
