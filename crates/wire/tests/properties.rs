//! What holds for every input: cutting changes nothing, nothing is lost on the way there and back, nothing panics,
//! and what is held stays bounded.

mod support;

use std::time::{Duration, UNIX_EPOCH};

use haul_wire::reply::{self, List};
use haul_wire::{Attributes, Condition, Name, Phase, ReplyDecoder, Request, RequestDecoder, base64, encode};
use proptest::prelude::*;
use support::{Event, requests, requests_at_once, requests_with};

/// Cuts `input` at these places, in any order and however often each.
fn cut<'i>(input: &'i [u8], places: &[prop::sample::Index]) -> Vec<&'i [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(input.len() + 1)).collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([input.len()]);
    let starts = [0].into_iter().chain(places.iter().copied());
    starts.zip(ends).map(|(start, end)| &input[start..end]).collect()
}

fn places() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..40)
}

/// Names of every kind: paths, spaces and quotes at every end, words that look like payloads, control characters.
fn name() -> impl Strategy<Value = Name> {
    let part = prop_oneof![
        Just(" ".to_owned()),
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("b'".to_owned()),
        Just("QUJD".to_owned()),
        Just("%20".to_owned()),
        Just(" 4".to_owned()),
        Just(" 3".to_owned()),
        Just("||".to_owned()),
        Just("data".to_owned()),
        Just("\\".to_owned()),
        Just("../".to_owned()),
        Just("{".to_owned()),
        Just("\r\n".to_owned()),
        Just("\t".to_owned()),
        Just("\u{7f}".to_owned()),
        Just("😀".to_owned()),
        Just("n".repeat(2000)),
        "[a-z. ]{1,9}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 1..7).prop_filter_map("too long", |parts| Name::new(parts.concat()).ok())
}

/// Times of any year that RFC 3339 can write, and modes of permissions.
fn attributes() -> impl Strategy<Value = Attributes> {
    let time =
        (-300_000_000_000..=253_000_000_000_i64, 0..1_000_000_000_u32).prop_map(|(seconds, nanoseconds)| {
            let distance = Duration::from_secs(seconds.unsigned_abs());
            let second = if seconds < 0 {
                UNIX_EPOCH - distance
            } else {
                UNIX_EPOCH + distance
            };
            second + Duration::from_nanos(nanoseconds.into())
        });
    let mode = 0..=0o777_u32;
    (prop::option::of(time), prop::option::of(mode))
        .prop_map(|(modified, mode)| Attributes { modified, mode })
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..5),
        prop::collection::vec(any::<u8>(), 0..20),
        prop::collection::vec(any::<u8>(), 0..9000),
        Just(b"LIST\r\n\r\n".to_vec()),
    ]
}

/// Bytes that look like requests often enough to get deep into them.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let word = |word: &'static str| Just(word.as_bytes().to_vec());
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "LIST", "GET ", "UPLOAD ", "put ", "DELETE ", "HELLO", "LS ", "STAT ", "READ ", "WRITE ", "RMDIR ", "STATS", "a", "my file.txt",
            " ", "  ", "\t", "\r", "\n", "\r\n", "\r\n\r\n", "QUJD", "QUI=", "QQ==", "QR==", "b'", "b\"", "'", "\"", "=", "b", "*", "%20", "%", "3", " 3 ", " 4 ", "||", "data", "quit", "\nQUJD\n", "\nQUJDREVGR0hJSktM",
            "if-none-match", "if-match=e", "modified=2026-01-31T12:00:00Z", "mode=0644", "digest", "{", "}", "[", "]", ":", ",", "\\", "\\\"", "\\u0051", "\\ud800", "\\/",
            "{\"command\":\"upload\",", "{\"command\":\"get\",", "\"filename\":\"a\"", "\"filedata\":\"", "\"filedata\":", "\"content\":\"", "\"params\":[", "\"params\":[\"a\",\"", "\"command\":", "\"x\":", "null", "\0",
            "Host:", " HTTP/1.1", "HTTP/1.0\r\n",
        ]).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
        1 => word("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        1 => (prop::sample::select(vec!["x", "n ", "QUJD", " ", "\\/"]), 1..5000_usize).prop_map(|(word, count)| word.repeat(count).into_bytes()),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn encoded(content: &[u8], pieces: usize) -> Vec<u8> {
    let mut encoder = base64::Encoder::new();
    let mut out = Vec::new();
    for piece in content.chunks(pieces.max(1)) {
        let start = out.len();
        out.resize(start + base64::encoded_len(piece.len() + 2), 0);
        let written = encoder.encode(piece, &mut out[start..]);
        out.truncate(start + written);
    }
    let start = out.len();
    out.resize(start + 4, 0);
    let written = encoder.finish(&mut out[start..]);
    out.truncate(start + written);
    out
}

fn body(content: &[u8]) -> Option<Event> {
    (!content.is_empty()).then(|| Event::Body(content.to_vec()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cutting_changes_nothing(input in garbage(), places in places(), scratch_bytes in 3..100_usize) {
        let whole = requests([input.as_slice()], 1 << 16);
        prop_assert_eq!(&requests(cut(&input, &places), scratch_bytes), &whole);
        prop_assert_eq!(&requests(input.chunks(1), 3), &whole);
    }

    #[test]
    fn arrival_matters_only_where_an_upload_is_undecided(input in garbage(), places in places()) {
        let whole = requests([input.as_slice()], 1 << 16);
        let (at_once, was_undecided) = requests_at_once(cut(&input, &places), 1 << 16);
        prop_assert!(was_undecided || at_once == whole, "{:?}", at_once);
    }

    #[test]
    fn cutting_changes_nothing_for_a_caller_that_refuses(input in garbage(), places in places()) {
        let refuses = |request: &Request| matches!(request, Request::Upload { .. } | Request::Write { .. });
        let whole = requests_with([input.as_slice()], 1 << 16, refuses);
        prop_assert_eq!(&requests_with(cut(&input, &places), 7, refuses), &whole);
        prop_assert_eq!(&requests_with(input.chunks(1), 3, refuses), &whole);
        prop_assert!(!whole.0.iter().any(|event| matches!(event, Event::Body(_) | Event::BodyEnd(..))));
    }

    #[test]
    fn a_lone_request_is_one_that_a_line_end_completes(input in garbage()) {
        let mut decoder = RequestDecoder::new();
        let mut scratch = [0; 4096];
        let feed = |decoder: &mut RequestDecoder, scratch: &mut [u8], mut rest: &[u8]| {
            let mut last = None;
            loop {
                let decoded = decoder.decode(rest, scratch);
                rest = &rest[decoded.consumed..];
                match decoded.event {
                    None => return last,
                    Some(event) => last = Some(format!("{event:?}")),
                }
            }
        };
        feed(&mut decoder, &mut scratch, &input);
        let lone = decoder.completes_at_line_end();
        let is_json = decoder.phase() == Phase::Head && decoder.verb().is_none();
        let last = feed(&mut decoder, &mut scratch, b"\n");
        decoder.settle();
        let last = feed(&mut decoder, &mut scratch, b"").or(last);
        if lone.is_some() {
            let last = last.unwrap();
            prop_assert!(last.starts_with("Request") || last.starts_with("BodyEnd"), "{}", last);
            prop_assert_eq!(decoder.phase(), Phase::Ready);
        } else if !is_json {
            let is_complete = last.is_some_and(|last| last.starts_with("Request") && !last.contains("Write"));
            prop_assert!(!is_complete || decoder.phase() == Phase::Body);
        }
    }

    #[test]
    fn any_name_and_content_survive_a_classic_upload(name in name(), content in content(), piece in 1..5000_usize, places in places()) {
        let mut sent = Vec::new();
        let end = encode::classic(&mut sent, &Request::Upload { name: name.clone(), shorter: None });
        sent.extend(encoded(&content, piece));
        sent.extend(end);
        let mut events = vec![Event::Request(Request::Upload { name, shorter: None })];
        events.extend(body(&content));
        events.push(Event::BodyEnd(None, None));
        prop_assert_eq!(requests(cut(&sent, &places), 1000), (events, Phase::Ready), "{}", sent.escape_ascii());
    }

    #[test]
    fn any_name_survives_a_classic_request(name in name(), places in places()) {
        for request in [Request::Get { name: name.clone() }, Request::Delete { name }, Request::List] {
            let mut sent = Vec::new();
            prop_assert_eq!(encode::classic(&mut sent, &request), b"");
            prop_assert_eq!(requests(cut(&sent, &places), 64), (vec![Event::Request(request)], Phase::Ready), "{}", sent.escape_ascii());
        }
    }

    #[test]
    fn any_name_content_and_etag_survive_a_write(name in name(), content in content(), etag in "\\PC{1,20}", attributes in attributes(), places in places()) {
        let digest = blake3::hash(&content);
        for condition in [Condition::Always, Condition::Absent, Condition::Matches(etag)] {
            let request = Request::Write { name: name.clone(), length: content.len() as u64, condition, attributes };
            let mut sent = Vec::new();
            encode::extended(&mut sent, &request);
            sent.extend_from_slice(&content);
            sent.extend_from_slice(format!("{digest}\r\n").as_bytes());
            let mut events = vec![Event::Request(request)];
            events.extend(body(&content));
            events.push(Event::BodyEnd(Some(digest), None));
            prop_assert_eq!(requests(cut(&sent, &places), 64), (events, Phase::Ready));
        }
    }

    #[test]
    fn any_name_survives_an_extended_request(name in name(), offset: u64, length: Option<u64>, digest: bool, places in places()) {
        for request in [
            Request::Read { name: name.clone(), offset, length },
            Request::Read { name: name.clone(), offset: 0, length },
            Request::Stat { name: name.clone(), digest },
            Request::Ls { dir: Some(name.clone()) },
            Request::RemoveDir { dir: name.clone() },
            Request::Delete { name },
            Request::Ls { dir: None },
            Request::List,
            Request::Hello,
            Request::Stats,
        ] {
            let mut sent = Vec::new();
            encode::extended(&mut sent, &request);
            prop_assert_eq!(requests(cut(&sent, &places), 64), (vec![Event::Request(request)], Phase::Ready), "{}", sent.escape_ascii());
        }
    }

    #[test]
    fn any_name_and_content_survive_a_download(name in name(), content in content(), piece in 1..5000_usize, after in content(), places in places()) {
        let mut sent = Vec::new();
        reply::file_begin(&mut sent, name.as_str());
        sent.extend(encoded(&content, piece));
        reply::file_end(&mut sent);
        prop_assert!(sent.is_ascii());
        sent.extend_from_slice(&after);
        let received = support::reply(cut(&sent, &places), 1000);
        let reply = received.reply.unwrap();
        prop_assert_eq!(reply.refusal(), None);
        prop_assert_eq!(&reply.fields["data_namafile"], name.as_str());
        prop_assert_eq!((received.content, received.left), (content, after.len()));
    }

    #[test]
    fn any_names_survive_a_list(names in prop::collection::vec(any::<String>(), 0..20), places in places()) {
        let mut sent = Vec::new();
        let mut list = List::begin(&mut sent);
        names.iter().for_each(|name| list.item(&mut sent, name));
        list.end(&mut sent);
        prop_assert!(sent.is_ascii());
        prop_assert_eq!(support::reply(cut(&sent, &places), 64).reply.unwrap().names().unwrap(), names);
    }

    #[test]
    fn cutting_a_reply_changes_nothing(input in garbage(), places in places(), is_begun: bool) {
        let input = [if is_begun { b"{\"data_file\":\"".as_slice() } else { b"" }, &input].concat();
        let whole = support::reply([input.as_slice()], 1 << 16);
        prop_assert_eq!(&support::reply(cut(&input, &places), 64), &whole);
        prop_assert_eq!(&support::reply(input.chunks(1), 3), &whole);
    }

    #[test]
    fn a_reply_decoder_holds_no_more_than_its_limit(input in garbage(), limit in 0..2000_usize) {
        let mut decoder = ReplyDecoder::with_limit(limit);
        let mut scratch = [0; 64];
        let input = [b"{\"a\":\"".as_slice(), &input].concat();
        let mut rest = input.as_slice();
        while let Ok(decoded) = decoder.decode(rest, &mut scratch) {
            rest = &rest[decoded.consumed..];
            prop_assert!(decoder.held_bytes() <= 2 * limit + 64);
            if decoded.event.is_none() {
                break;
            }
        }
    }
}
