//! What an UPLOAD calls its object and where its payload is, in the forms that can be read in several ways.

mod support;

use haul_wire::{Code, Name, Phase, Request, RequestDecoder, RequestEvent, Verb};
use support::examples::{expect, get, name, refused, stored, told};
use support::{Event, requests, requests_at_once};

/// An upload whose name is decided at its end.
fn decided_late(whole: &str, shorter: &str, content: &[u8], is_shorter: bool) -> Vec<Event> {
    let request = Request::Upload {
        name: name(whole),
        shorter: Some(name(shorter)),
    };
    let decided = is_shorter.then(|| name(shorter));
    let mut events = vec![Event::Request(request)];
    if !content.is_empty() {
        events.push(Event::Body(content.to_vec()));
    }
    events.push(Event::BodyEnd(None, decided));
    events
}

#[test]
fn the_word_before_a_payload_is_a_length_if_it_counts_the_payload_or_its_content() {
    for (line, named, content) in [
        ("up.bin 8 QUJDREVG", "up.bin", b"ABCDEF".as_slice()),
        ("up.bin 6 QUJDREVG", "up.bin", b"ABCDEF"),
        ("my file.bin 8 QUJDREVG", "my file.bin", b"ABCDEF"),
        ("'my file.bin' 8 QUJDREVG", "my file.bin", b"ABCDEF"),
        ("up.bin 8 b'QUJDREVG'", "up.bin", b"ABCDEF"),
        ("up.bin 8 QUJDREVG \t", "up.bin", b"ABCDEF"),
        ("up.bin 8 QUI=QUI=", "up.bin", b"ABAB"),
        ("up.bin  4  bQ==", "up.bin", b"m"),
        ("up.bin 1 bQ==", "up.bin", b"m"),
        ("up.bin 0 ''", "up.bin", b""),
        ("up.bin 0 ", "up.bin", b""),
        ("2024 8 QUJDREVG", "2024", b"ABCDEF"),
        ("up 8 8 QUJDREVG", "up 8", b"ABCDEF"),
        // It counts something else, so it is a part of the name.
        ("up.bin 7 QUJDREVG", "up.bin 7", b"ABCDEF"),
        ("up.bin 10 b'QUJDREVG'", "up.bin 10", b"ABCDEF"),
        ("up.bin 08 QUJDREVG", "up.bin 08", b"ABCDEF"),
        ("up.bin +8 QUJDREVG", "up.bin +8", b"ABCDEF"),
        ("up.bin 8. QUJDREVG", "up.bin 8.", b"ABCDEF"),
        ("up.bin 0x8 QUJDREVG", "up.bin 0x8", b"ABCDEF"),
        (
            "up.bin 18446744073709551616 QUJD",
            "up.bin 18446744073709551616",
            b"ABC",
        ),
        ("\"up.bin 8\" QUJDREVG", "up.bin 8", b"ABCDEF"),
        // There is no other word to be the name.
        ("8 QUJDREVG", "8", b"ABCDEF"),
        ("'' 8 QUJDREVG", "'' 8", b"ABCDEF"),
    ] {
        for end in ["\r\n", "\n", "\r\n\r\n"] {
            expect(format!("UPLOAD {line}{end}"), &stored(named, content));
        }
        let pipelined = [stored(named, content), vec![get("a")]].concat();
        expect(format!("PUT {line}\nGET a\r\n"), &pipelined);
    }
}

#[test]
fn a_length_before_a_long_payload_is_decided_at_its_end() {
    let (payload, content) = ("QUJD".repeat(5000), b"ABC".repeat(5000));
    for (length, is_shorter) in [
        ("20000", true),
        ("15000", true),
        ("19999", false),
        ("2024", false),
        ("20004", false),
    ] {
        let whole = format!("my file {length}");
        let events = decided_late(&whole, "my file", &content, is_shorter);
        expect(format!("UPLOAD {whole} {payload}\r\n"), &events);
        expect(format!("UPLOAD {whole} b'{payload}' \n"), &events);
    }
    // A length does not make good what is no payload.
    let wrong = format!(
        "UPLOAD up.bin 20000 {}*{}\r\n",
        &payload[1..9000],
        &payload[9000..]
    );
    assert_eq!(
        refused(wrong),
        (Some(Verb::Upload), Code::InvalidPayload, Phase::Skipping)
    );
}

#[test]
fn a_length_before_a_payload_on_the_next_line_counts_that() {
    for (length, is_shorter) in [("8", true), ("6", true), ("7", false), ("1024", false)] {
        let whole = format!("up.bin {length}");
        let events = decided_late(&whole, "up.bin", b"ABCDEF", is_shorter);
        expect(format!("UPLOAD {whole}\r\nQUJDREVG\r\n\r\n"), &events);
    }
    // Four digits are base64 as well.
    let (payload, content) = ("QUJD".repeat(256), b"ABC".repeat(256));
    expect(
        format!("UPLOAD up.bin 1024\r\n{payload}\r\n"),
        &decided_late("up.bin 1024", "up.bin", &content, true),
    );
    expect("UPLOAD up.bin 1024\r\n", &stored("up.bin", &[0xd7, 0x4d, 0xb8]));
}

#[test]
fn a_name_whose_last_word_may_be_a_payload_has_its_payload_on_the_next_line_if_that_is_one() {
    let long = "QUJD".repeat(3000);
    for (line, named) in [
        ("my data", "my data"),
        ("my file.txt", "my file.txt"),
        ("report 1.2 data", "report 1.2 data"),
        ("my folder/data", "my folder/data"),
        ("not*base64 not*either", "not*base64 not*either"),
        ("a.txt QU*D", "a.txt QU*D"),
    ] {
        for (payload, content) in [
            ("QUJDREVG", b"ABCDEF".as_slice()),
            ("QUJD", b"ABC"),
            ("b'QUJD'", b"ABC"),
            ("QQ==", b"A"),
            ("AAAAAAAAAAAAAAAAAAAAAAAA", &[0; 18]),
            (&long, &b"ABC".repeat(3000)),
        ] {
            for end in ["\r\n", "\n", "\r\n\r\n"] {
                expect(
                    format!("UPLOAD {line}\r\n{payload}{end}"),
                    &stored(named, content),
                );
            }
            let pipelined = [stored(named, content), vec![get("a")]].concat();
            expect(format!("UPLOAD {line}\n{payload}\nGET a\n"), &pipelined);
        }
    }
}

#[test]
fn where_no_payload_follows_the_last_word_is_the_payload() {
    let data = b"\x75\xab\x5a";
    let list = Event::Request(Request::List);
    expect("UPLOAD my data\r\n", &stored("my", data));
    expect("UPLOAD my data\r\n\r\n", &stored("my", data));
    for verb in ["LIST", "list", "LIST "] {
        let events = [stored("my", data), vec![list.clone()]].concat();
        expect(format!("UPLOAD my data\r\n{verb}\r\n"), &events);
        expect(format!("UPLOAD my data\n\n{verb}\n"), &events);
    }
    expect(
        "UPLOAD a QUJD\nUPLOAD b QUJD\nUPLOAD c QUJD\nGET a\n{\"command\":\"list\"}",
        &[
            stored("a", b"ABC"),
            stored("b", b"ABC"),
            stored("c", b"ABC"),
            vec![get("a"), list],
        ]
        .concat(),
    );
    for other in [
        "QUIT", "exit", "HELP", "Done", "QUJ", "QU JD", "x", "'", "=QUJ", "\0", "Q", "é",
    ] {
        let (events, _) = told(format!("UPLOAD my data\r\n{other}\r\nLIST\r\n"));
        assert_eq!(events[..3], stored("my", data), "{other}");
        assert!(
            matches!(&events[3], Event::Refused(None, refusal, Phase::Ready) if refusal.code == Code::UnknownVerb),
            "{other}: {events:?}"
        );
        assert_eq!(events[4..], [Event::Request(Request::List)], "{other}");
    }
    // What follows is another protocol, whose line is seen as a whole although its start was looked at before.
    let (events, phase) = told("UPLOAD my data\r\nHost: x\r\nDELETE a\r\n");
    assert_eq!((events.last(), phase), (Some(&Event::Foreign), Phase::Lost));
}

#[test]
fn a_line_that_has_one_meaning_only_does_not_wait_for_the_next() {
    for line in [
        "a.txt QUJD",
        "my file.txt QUJD",
        "folder/a.7z QUJD",
        "notes QQ==",
        "notes b'QUJD'",
        "notes \"QUJD\"",
        "notes QUJD ",
        "notes ''",
        "notes ",
    ] {
        let mut decoder = RequestDecoder::new();
        let line = format!("UPLOAD {line}\r\n");
        let mut scratch = [0; 64];
        let event = decoder.decode(line.as_bytes(), &mut scratch).event;
        assert!(
            matches!(
                event,
                Some(RequestEvent::Request(Request::Upload { shorter: None, .. }))
            ),
            "{line}"
        );
        assert!(!decoder.is_undecided());
    }
    for payload in ["A".repeat(68), "QUJD".repeat(200)] {
        let line = format!("UPLOAD notes {payload}\r\n");
        let mut decoder = RequestDecoder::new();
        assert!(decoder.decode(line.as_bytes(), &mut [0; 64]).event.is_some());
    }
}

#[test]
fn who_does_not_wait_gets_the_payload_in_the_line_or_what_arrived_with_it() {
    let input = b"UPLOAD my data\r\nQUJDREVG\r\n".as_slice();
    let at_once = |pieces: &[&[u8]]| {
        let ((events, _), was_undecided) = requests_at_once(pieces.iter().copied(), 64);
        (events, was_undecided)
    };
    assert_eq!(at_once(&[input]), (stored("my data", b"ABCDEF"), false));
    assert_eq!(
        at_once(&[&input[..20], &input[20..]]).0[..3],
        stored("my", b"\x75\xab\x5a")
    );
    let (events, was_undecided) = at_once(&[&input[..16], &input[16..]]);
    assert!(was_undecided);
    assert_eq!(events[..3], stored("my", b"\x75\xab\x5a"));
    assert!(matches!(&events[3], Event::Refused(None, _, _)), "{events:?}");
}

#[test]
fn an_undecided_upload_is_in_its_head_and_settled_by_the_caller() {
    let mut decoder = RequestDecoder::new();
    decoder.settle();
    assert_eq!(decoder.phase(), Phase::Ready, "there is nothing to settle");
    assert_eq!(decoder.decode(b"UPLOAD my data\r\nQU", &mut [0; 64]).event, None);
    assert_eq!(
        (decoder.phase(), decoder.verb(), decoder.completes_at_line_end()),
        (Phase::Head, Some(Verb::Upload), None)
    );
    assert!(decoder.is_undecided());
    decoder.settle();
    assert!(!decoder.is_undecided());
    let mut events = Vec::new();
    let mut scratch = [0; 64];
    while let Some(event) = decoder.decode(b"", &mut scratch).event {
        events.push(format!("{event:?}"));
    }
    assert_eq!(events.len(), 3, "{events:?}");
    assert_eq!(
        (
            decoder.phase(),
            decoder.decode(b"IT\n", &mut scratch).event.is_some()
        ),
        (Phase::Head, true),
        "what was looked at belongs to the next request"
    );
}

#[test]
fn a_name_and_its_payload_may_be_parted_by_two_bars() {
    let long = "QUJD".repeat(3000);
    for (line, named, content) in [
        ("a.bin||QUJD", "a.bin", b"ABC".as_slice()),
        ("a.bin||b'QUJD'", "a.bin", b"ABC"),
        ("a.bin||", "a.bin", b""),
        ("my file.bin||QUJD", "my file.bin", b"ABC"),
        ("\"my file.bin\"||QUJD", "my file.bin", b"ABC"),
        ("a.bin ||QUJD", "a.bin", b"ABC"),
        ("a||b||QUJD", "a||b", b"ABC"),
        ("a 4||QUJD", "a 4", b"ABC"),
        (&format!("a.bin||{long}"), "a.bin", &b"ABC".repeat(3000)),
        (&format!("my file||{long}"), "my file", &b"ABC".repeat(3000)),
    ] {
        for end in ["\r\n", "\n", "\r\n\r\n", "\r\nQUIT\r\n"] {
            let input = format!("UPLOAD {line}{end}");
            let (events, _) = told(&input);
            let meant = stored(named, content);
            assert_eq!(events[..meant.len()], meant, "{input:.99}");
        }
        let pipelined = [stored(named, content), vec![get("a")]].concat();
        expect(format!("PUT {line}\nGET a\r\n"), &pipelined);
    }
}

#[test]
fn two_bars_are_a_part_of_the_name_where_the_line_has_another_reading() {
    expect("UPLOAD a||b QUJD\r\n", &stored("a||b", b"ABC"));
    expect("UPLOAD a || QUJD\r\n", &stored("a ||", b"ABC"));
    expect("UPLOAD a||QUJD\r\nQUJD\r\n", &stored("a||QUJD", b"ABC"));
    expect("UPLOAD a||b\r\nQUJD\r\n", &stored("a||b", b"ABC"));
    expect("UPLOAD 'a||QUJD' QUJD\r\n", &stored("a||QUJD", b"ABC"));
    expect("UPLOAD a||QUJD \r\n", &stored("a||QUJD", b""));
    expect("GET a||b\r\n", &[get("a||b")]);
    for line in ["a||b", "a||QU*D", "||QUJD", "a|QUJD"] {
        assert_eq!(
            refused(format!("UPLOAD {line}\r\n\r\n")),
            (Some(Verb::Upload), Code::BadRequest, Phase::Ready),
            "{line}"
        );
    }
    let long = format!("UPLOAD a||{}*\r\n", "QUJD".repeat(3000));
    assert_eq!(refused(long).1, Code::InvalidPayload);
}

#[test]
fn a_payload_that_goes_on_in_the_next_line_is_refused_and_not_stored_in_part() {
    for bytes in [64, 76] {
        let line = "A".repeat(bytes);
        for named in ["a.txt", "my notes"] {
            let input = format!("UPLOAD {named} {line}\n{line}\nAAAA\nLIST\n");
            let (events, _) = told(&input);
            assert!(
                matches!(&events[0], Event::Refused(Some(Verb::Upload), refusal, Phase::Skipping)
                    if refusal.code == Code::InvalidPayload && refusal.sentence.contains("one line")),
                "{events:?}"
            );
            assert!(!events.iter().any(|event| matches!(event, Event::BodyEnd(..))));
            assert_eq!(events.last(), Some(&Event::Request(Request::List)));
            expect(
                format!("UPLOAD {named} {line}\nLIST\n"),
                &[
                    stored(named, &vec![0; bytes / 4 * 3]),
                    vec![Event::Request(Request::List)],
                ]
                .concat(),
            );
        }
    }
}

#[test]
fn a_payload_of_any_length_keeps_the_decoder_small() {
    let payload = "QUJD".repeat(1 << 20);
    for head in ["up.bin 4194304 ", "up.bin||", "my data\r\n"] {
        let input = format!("UPLOAD {head}{payload}\r\n");
        // The support checks what is held at each piece.
        let (events, phase) = requests(input.as_bytes().chunks(65_536), 65_536);
        let Some(Event::BodyEnd(None, decided)) = events.last() else {
            panic!("{head}: it is not stored")
        };
        assert_eq!(
            decided.as_ref().map(Name::as_str),
            head.contains("4194304").then_some("up.bin")
        );
        assert_eq!(phase, Phase::Ready);
    }
}
