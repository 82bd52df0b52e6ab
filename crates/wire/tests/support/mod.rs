//! Drives the decoders with input in pieces and writes down what happens.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod examples;

use haul_wire::{
    Digest, Phase, Refusal, Reply, ReplyDecoder, ReplyError, ReplyEvent, Request, RequestDecoder,
    RequestEvent, Verb,
};

/// An event that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Request(Request),
    /// The pieces of a body that follow each other, joined.
    Body(Vec<u8>),
    BodyEnd(Option<Digest>),
    Refused(Option<Verb>, Refusal, Phase),
    Skipped,
    Foreign,
}

/// Everything that happens when `pieces` arrive, and where the decoder is afterwards.
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
    let mut decoder = RequestDecoder::new();
    let mut scratch = vec![0; scratch_bytes];
    let mut events = Vec::new();
    for piece in pieces {
        let mut rest = piece;
        loop {
            let decoded = decoder.decode(rest, &mut scratch);
            rest = &rest[decoded.consumed..];
            let Some(event) = decoded.event else { break };
            let is_skipped = matches!(&event, RequestEvent::Request(request) if skips(request));
            note(&mut events, event);
            if is_skipped {
                decoder.skip();
            }
            let phase = decoder.phase();
            if let Some(Event::Refused(_, _, after)) = events.last_mut() {
                *after = phase;
            }
        }
        assert!(rest.is_empty(), "no event, but {} bytes are left", rest.len());
        assert!(
            decoder.held_bytes() <= RequestDecoder::HELD_BYTES_MAX,
            "it holds {}",
            decoder.held_bytes()
        );
    }
    (events, decoder.phase())
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
        RequestEvent::BodyEnd { digest } => events.push(Event::BodyEnd(digest)),
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
