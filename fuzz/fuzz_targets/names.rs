//! Every name survives every request that can carry it, and whatever is taken for a name is one.
#![no_main]

#[path = "../../crates/wire/tests/support/mod.rs"]
mod support;

use haul_wire::{Attributes, Condition, Name, Phase, Request, encode};
use libfuzzer_sys::fuzz_target;
use support::Event;

fuzz_target!(|data: &[u8]| {
    let [piece, data @ ..] = data else { return };
    let piece = usize::from(*piece).max(1);
    operand(data, piece);
    let Ok(name) = Name::from_bytes(data) else { return };
    for request in [Request::Get { name: name.clone() }, Request::Delete { name: name.clone() }] {
        let mut sent = Vec::new();
        encode::classic(&mut sent, &request);
        assert_eq!(support::requests(sent.chunks(piece), 64), (vec![Event::Request(request)], Phase::Ready));
    }
    for (payload, content) in [("", ""), ("QUJD", "ABC"), ("QQ==", "A")] {
        let request = Request::Upload { name: name.clone(), shorter: None };
        let mut sent = Vec::new();
        let end = encode::classic(&mut sent, &request);
        sent.extend_from_slice(payload.as_bytes());
        sent.extend_from_slice(end);
        let mut events = vec![Event::Request(request)];
        if !content.is_empty() {
            events.push(Event::Body(content.as_bytes().to_vec()));
        }
        events.push(Event::BodyEnd(None, None));
        assert_eq!(support::requests(sent.chunks(piece), 64), (events, Phase::Ready));
    }
    for request in [
        Request::Stat { name: name.clone(), digest: true },
        Request::Read { name: name.clone(), offset: 1, length: None },
        Request::Ls { dir: Some(name.clone()) },
        Request::RemoveDir { dir: name.clone() },
    ] {
        let mut sent = Vec::new();
        encode::extended(&mut sent, &request);
        assert_eq!(support::requests(sent.chunks(piece), 64), (vec![Event::Request(request)], Phase::Ready));
    }
    let condition = Condition::Matches(name.as_str().to_owned());
    let request = Request::Write { name, length: 0, condition, attributes: Attributes::default() };
    let mut sent = Vec::new();
    encode::extended(&mut sent, &request);
    // An etag as long as a name may not fit beside one.
    if sent.len() < 16 << 10 {
        let digest = blake3::hash(b"");
        sent.extend_from_slice(format!("{digest}\n").as_bytes());
        let events = vec![Event::Request(request), Event::BodyEnd(Some(digest), None)];
        assert_eq!(support::requests(sent.chunks(piece), 64), (events, Phase::Ready));
    }
});

/// The bytes as they are, in the place of a name.
fn operand(bytes: &[u8], piece: usize) {
    for verb in ["GET ", "DELETE ", "STAT ", "LS ", "RMDIR ", "UPLOAD "] {
        let line = [verb.as_bytes(), bytes, b"\n"].concat();
        let whole = support::requests([line.as_slice()], 1 << 16);
        assert_eq!(support::requests(line.chunks(piece), 3), whole);
        for event in whole.0 {
            if let Event::Request(request) = event {
                let name = request.name().map_or("a", |name| name.as_str());
                assert!((1..=Name::BYTES_MAX).contains(&name.len()));
            }
        }
    }
}
