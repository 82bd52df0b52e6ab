//! Examples: what some bytes mean to the server, whole, byte by byte and cut at every place.

use haul_wire::{Code, Name, Phase, Request, RequestDecoder, Verb};

use super::{Event, cuts, requests};

pub(crate) fn name(name: &str) -> Name {
    Name::new(name).expect("examples use good names")
}

pub(crate) fn get(of: &str) -> Event {
    Event::Request(Request::Get { name: name(of) })
}

pub(crate) fn upload(of: &str) -> Event {
    Event::Request(Request::Upload {
        name: name(of),
        shorter: None,
    })
}

/// The events of a whole upload.
pub(crate) fn stored(of: &str, content: &[u8]) -> Vec<Event> {
    let mut events = vec![upload(of)];
    if !content.is_empty() {
        events.push(Event::Body(content.to_vec()));
    }
    events.push(Event::BodyEnd(None, None));
    events
}

/// What happens, with refusals shortened to their codes.
#[track_caller]
pub(crate) fn told(input: impl AsRef<[u8]>) -> (Vec<Event>, Phase) {
    let input = input.as_ref();
    let whole = requests([input], 4096);
    for pieces in cuts(input) {
        for scratch_bytes in [RequestDecoder::SCRATCH_BYTES_MIN, 4096] {
            assert_eq!(
                requests(pieces.iter().copied(), scratch_bytes),
                whole,
                "{:?}",
                input.escape_ascii().to_string()
            );
        }
    }
    whole
}

#[track_caller]
pub(crate) fn expect(input: impl AsRef<[u8]>, events: &[Event]) {
    let (told, phase) = told(&input);
    assert_eq!(told, events, "{}", input.as_ref().escape_ascii());
    assert_eq!(phase, Phase::Ready, "{}", input.as_ref().escape_ascii());
}

/// The code of the only refusal, whatever happens before it, and the phase right after it.
#[track_caller]
pub(crate) fn refused(input: impl AsRef<[u8]>) -> (Option<Verb>, Code, Phase) {
    let (events, _) = told(&input);
    let refusals: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Refused(verb, refusal, phase) => {
                assert!(
                    !refusal.sentence.is_empty() && refusal.sentence.len() < 600,
                    "{}",
                    refusal.sentence
                );
                assert!(
                    !refusal.sentence.contains(char::is_control),
                    "{}",
                    refusal.sentence
                );
                Some((*verb, refusal.code, *phase))
            }
            _ => None,
        })
        .collect();
    let stored = events.iter().any(|event| matches!(event, Event::BodyEnd(..)));
    assert!(
        !stored,
        "something is stored by {}",
        input.as_ref().escape_ascii()
    );
    assert_eq!(
        refusals.len(),
        1,
        "{} gives {events:?}",
        input.as_ref().escape_ascii()
    );
    refusals[0]
}

#[track_caller]
pub(crate) fn refused_as(input: impl AsRef<[u8]>, code: Code) {
    assert_eq!(refused(&input).1, code, "{}", input.as_ref().escape_ascii());
}
