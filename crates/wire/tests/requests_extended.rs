//! The table of the extended requests, row by row, from the server's side.

mod support;

use std::time::{Duration, UNIX_EPOCH};

use haul_wire::{Attributes, Code, Condition, Phase, Request, Verb};
use support::Event;
use support::examples::{expect, name, refused_as, told};

#[test]
fn extended_verbs_take_operands_separated_by_single_spaces() {
    let stat = |of: &str, digest| Request::Stat {
        name: name(of),
        digest,
    };
    let read = |of: &str, offset, length| Request::Read {
        name: name(of),
        offset,
        length,
    };
    for (input, request) in [
        ("HELLO", Request::Hello),
        ("hello ", Request::Hello),
        ("STATS", Request::Stats),
        ("LS", Request::Ls { dir: None }),
        (
            "LS a/b",
            Request::Ls {
                dir: Some(name("a/b")),
            },
        ),
        (
            "Ls a%20b",
            Request::Ls {
                dir: Some(name("a b")),
            },
        ),
        ("STAT a", stat("a", false)),
        ("STAT a digest", stat("a", true)),
        ("STAT digest", stat("digest", false)),
        ("STAT %27%22%25%c3%A9ü", stat("'\"%éü", false)),
        ("STAT \"a\"", stat("\"a\"", false)),
        ("READ a", read("a", 0, None)),
        ("READ a 5", read("a", 5, None)),
        ("READ a 5 7", read("a", 5, Some(7))),
        ("READ a 18446744073709551615 0", read("a", u64::MAX, Some(0))),
        ("RMDIR a/b", Request::RemoveDir { dir: name("a/b") }),
        ("rmdir a%20b", Request::RemoveDir { dir: name("a b") }),
    ] {
        expect(format!("{input}\r\n"), &[Event::Request(request.clone())]);
        expect(format!("{input}\n"), &[Event::Request(request)]);
    }
    let escaped = "%6e".repeat(4096);
    expect(
        format!("STAT {escaped}\r\n"),
        &[Event::Request(stat(&"n".repeat(4096), false))],
    );
}

#[test]
fn malformed_operands_of_extended_verbs_are_refused() {
    for input in [
        "HELLO a",
        "STATS a",
        "LS a b",
        "LS  a",
        "STAT  a",
        "STAT a  digest",
        "STAT a digest b",
        "STAT a b",
        "READ a x",
        "READ a -1",
        "READ a +1",
        "READ a 1 2 3",
        "READ a 18446744073709551616",
        "READ a 1.5",
        "READ a 0x1",
        "STAT\ta",
        "RMDIR",
        "RMDIR a b",
    ] {
        refused_as(format!("{input}\r\n"), Code::BadRequest);
    }
    for input in [
        "STAT %",
        "STAT %4",
        "STAT a%zz",
        "STAT %ff",
        "READ %c3%28 1",
        "LS %",
        "STAT %x41",
        "RMDIR %",
    ] {
        refused_as(format!("{input}\r\n"), Code::InvalidName);
    }
    refused_as(format!("STAT {}\r\n", "%6e".repeat(4097)), Code::InvalidName);
}

const DIGITS: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

fn written(length: u64, condition: Condition, content: &[u8]) -> Vec<Event> {
    let mut events = vec![Event::Request(Request::Write {
        name: name("a b"),
        length,
        condition,
        attributes: Attributes::default(),
    })];
    if !content.is_empty() {
        events.push(Event::Body(content.to_vec()));
    }
    events.push(Event::BodyEnd(Some(DIGITS.parse().expect("64 digits")), None));
    events
}

#[test]
fn a_write_is_a_head_then_raw_bytes_then_their_digest() {
    for (condition, meant) in [
        ("", Condition::Always),
        (" if-none-match", Condition::Absent),
        (" If-None-Match", Condition::Absent),
        (" if-match=e-1", Condition::Matches("e-1".to_owned())),
        (" if-match=%22e%201%22", Condition::Matches("\"e 1\"".to_owned())),
    ] {
        for (digits, end) in [(DIGITS.to_owned(), "\r\n"), (DIGITS.to_uppercase(), "\n")] {
            expect(
                format!("WRITE a%20b 5{condition}\r\n\n\r\0\n{digits}{end}")
                    .replace("\n\n\r\0\n", "\n\n\r\0\nx"),
                &written(5, meant.clone(), b"\n\r\0\nx"),
            );
            expect(
                format!("WRITE a%20b 0{condition}\n{digits}{end}"),
                &written(0, meant.clone(), b""),
            );
        }
    }
}

#[test]
fn the_options_of_a_write_come_in_any_order_each_at_most_once() {
    let noon = UNIX_EPOCH + Duration::from_secs(1_769_860_800);
    for (options, condition, modified, mode) in [
        ("mode=640", Condition::Always, None, Some(0o640)),
        ("MODE=0640", Condition::Always, None, Some(0o640)),
        (
            "modified=2026-01-31T12:00:00Z",
            Condition::Always,
            Some(noon),
            None,
        ),
        (
            "modified=2026-01-31T12%3a00%3A00.000000001Z",
            Condition::Always,
            Some(noon + Duration::from_nanos(1)),
            None,
        ),
        (
            "Modified=2026-01-31T19:00:00+07:00 if-none-match",
            Condition::Absent,
            Some(noon),
            None,
        ),
        (
            "mode=7 if-match=e modified=2026-01-31T12:00:00Z",
            Condition::Matches("e".to_owned()),
            Some(noon),
            Some(7),
        ),
    ] {
        let request = Request::Write {
            name: name("a"),
            length: 0,
            condition,
            attributes: Attributes { modified, mode },
        };
        let digest = DIGITS.parse().expect("64 digits");
        expect(
            format!("WRITE a 0 {options}\r\n{DIGITS}\r\n"),
            &[Event::Request(request), Event::BodyEnd(Some(digest), None)],
        );
    }
}

#[test]
fn a_write_whose_body_does_not_end_with_a_digest_loses_the_framing() {
    let short = &DIGITS[1..];
    for end in [
        "\r\n",
        "x\r\n",
        &format!("{short}\r\n"),
        &format!("{DIGITS}0\r\n"),
        &format!("{DIGITS} \r\n"),
        &format!("{short}g\n"),
        &format!("{DIGITS}\r\r\n"),
        &format!(" {DIGITS}\n"),
    ] {
        let (events, phase) = told(format!("WRITE a 3\r\nABC{end}LIST\r\n"));
        let [
            Event::Request(_),
            Event::Body(_),
            Event::Refused(Some(Verb::Write), refusal, Phase::Lost),
        ] = events.as_slice()
        else {
            panic!("{end:?}: {events:?}")
        };
        assert_eq!((refusal.code, phase), (Code::LengthMismatch, Phase::Lost));
    }
}

#[test]
fn a_refused_write_is_skipped_if_its_length_is_known_and_loses_the_framing_if_not() {
    for (head, code) in [
        ("WRITE %zz 3", Code::InvalidName),
        ("WRITE a 3 if-moon", Code::BadRequest),
        ("WRITE a 3 if-match=", Code::BadRequest),
        ("WRITE a 3 if-match=%zz", Code::BadRequest),
        ("WRITE a 3 if-none-match b", Code::BadRequest),
        ("WRITE a 3 if-none-match if-match=e", Code::BadRequest),
        ("WRITE a 3 modified=today", Code::BadRequest),
        ("WRITE a 3 modified=", Code::BadRequest),
        ("WRITE a 3 modified=%zz", Code::BadRequest),
        (
            "WRITE a 3 modified=2026-01-31T12:00:00Z modified=2026-01-31T12:00:00Z",
            Code::BadRequest,
        ),
        ("WRITE a 3 mode=4755", Code::BadRequest),
        ("WRITE a 3 mode=0888", Code::BadRequest),
        ("WRITE a 3 mode=00644", Code::BadRequest),
        ("WRITE a 3 mode=644 mode=644", Code::BadRequest),
        ("WRITE a 3 mode", Code::BadRequest),
        ("WRITE a 3 owner=root", Code::BadRequest),
        ("WRITE  3", Code::BadRequest),
    ] {
        let input = format!("{head}\r\nA\nC{DIGITS}\r\nLIST\r\n");
        let (events, phase) = told(&input);
        if head == "WRITE  3" {
            assert!(
                matches!(&events[0], Event::Refused(_, _, Phase::Skipping)),
                "{events:?}"
            );
            continue;
        }
        let [
            Event::Refused(Some(Verb::Write), refusal, Phase::Skipping),
            Event::Skipped,
            Event::Request(Request::List),
        ] = events.as_slice()
        else {
            panic!("{head}: {events:?}")
        };
        assert_eq!((refusal.code, phase), (code, Phase::Ready), "{head}");
    }
    for head in [
        "WRITE",
        "WRITE a",
        "WRITE a x",
        "WRITE a -3",
        "WRITE a 18446744073709551616",
        "WRITE my file 3",
    ] {
        let (events, phase) = told(format!("{head}\r\nABC{DIGITS}\r\nLIST\r\n"));
        let [Event::Refused(Some(Verb::Write), refusal, Phase::Lost)] = events.as_slice() else {
            panic!("{head}: {events:?}")
        };
        assert_eq!((refusal.code, phase), (Code::BadRequest, Phase::Lost), "{head}");
    }
}
