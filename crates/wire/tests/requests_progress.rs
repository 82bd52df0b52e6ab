//! Requests that are not over yet: what the caller can ask about them, and how it refuses them.

mod support;

use haul_wire::{Phase, Request, RequestDecoder, RequestEvent, Verb};
use support::examples::name;
use support::{Event, cuts, requests_with};

const DIGITS: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

#[test]
fn what_the_caller_refuses_is_discarded_to_its_end() {
    let is_body = |request: &Request| matches!(request, Request::Upload { .. } | Request::Write { .. });
    let long = "QUJD".repeat(3000);
    for input in [
        "UPLOAD a QUJD\r\n".to_owned(),
        "UPLOAD a \r\n".to_owned(),
        "UPLOAD a QU*D\r\n".to_owned(),
        format!("UPLOAD a {long}\r\n"),
        "UPLOAD a\r\nQUJD\r\n".to_owned(),
        r#"{"command":"upload","filename":"a","filedata":"QUJD"}"#.to_owned(),
        r#"{"command":"upload","filename":"a","filedata":"Q\"}","x":"}"}"#.to_owned(),
        r#"{"filedata":"QUJD","command":"upload","filename":"a"}"#.to_owned(),
        "{\"command\":\"upload\",\"filename\":\"a\",\"filedata\":\"QU\nLIST\n".replace("\nLIST\n", "\n"),
        format!("WRITE a 3\r\nA\nB{DIGITS}\r\n"),
        format!("WRITE a 0\r\n{DIGITS}\n"),
    ] {
        let input = format!("{input}LIST\n");
        for pieces in cuts(input.as_bytes()) {
            let (events, phase) = requests_with(pieces, 64, is_body);
            assert!(
                matches!(&events[0], Event::Request(request) if is_body(request)),
                "{input}: {events:?}"
            );
            assert_eq!(
                events[1..],
                [Event::Skipped, Event::Request(Request::List)],
                "{input}"
            );
            assert_eq!(phase, Phase::Ready, "{input}");
        }
    }
    let (events, phase) = requests_with([b"WRITE a 3\nABCDEF\nLIST\n".as_slice()], 64, is_body);
    assert_eq!(
        (events.len(), phase),
        (1, Phase::Lost),
        "what follows a body of the wrong length is no request"
    );
}

#[test]
fn an_upload_can_be_skipped_in_the_middle_of_its_body() {
    let heads = ["UPLOAD a ", r#"{"command":"upload","filename":"a","filedata":""#];
    for (head, end) in heads.into_iter().zip(["\r\n", "\"}"]) {
        let input = format!("{head}{}{end}LIST\n", "QUJD".repeat(3000));
        let mut decoder = RequestDecoder::new();
        let mut scratch = [0; 64];
        let mut rest = input.as_bytes();
        let mut events = Vec::new();
        loop {
            let decoded = decoder.decode(rest, &mut scratch);
            rest = &rest[decoded.consumed..];
            match decoded.event {
                None => break,
                Some(RequestEvent::Body(_)) => decoder.skip(),
                Some(event) => events.push(format!("{event:?}")),
            }
        }
        assert_eq!(events[1..], ["Skipped", "Request(List)"], "{head}");
    }
}

#[test]
fn skipping_where_no_body_is_received_changes_nothing() {
    let mut decoder = RequestDecoder::new();
    decoder.skip();
    assert_eq!(decoder.phase(), Phase::Ready);
    assert_eq!(decoder.decode(b"GET a", &mut []).event, None);
    decoder.skip();
    assert_eq!(
        decoder.decode(b"\n", &mut []).event,
        Some(RequestEvent::Request(Request::Get { name: name("a") }))
    );
}

#[test]
fn a_request_that_only_lacks_its_line_end_is_known() {
    for (input, lone) in [
        ("LIST", Some(Verb::List)),
        ("LIST\r", Some(Verb::List)),
        ("\r\nlist", Some(Verb::List)),
        ("GET a.jpg", Some(Verb::Get)),
        ("DOWNLOAD a", Some(Verb::Get)),
        ("DELETE a", Some(Verb::Delete)),
        ("HELLO", Some(Verb::Hello)),
        ("RMDIR a", Some(Verb::RemoveDir)),
        ("UPLOAD a QUJD", Some(Verb::Upload)),
        ("UPLOAD a b'QUJD'", Some(Verb::Upload)),
        ("UPLOAD a\nQUJD", Some(Verb::Upload)),
        ("UPLOAD a ", Some(Verb::Upload)),
        ("", None),
        ("LIST\n", None),
        ("LI", None),
        ("FLY", None),
        ("GET", None),
        ("GET ", None),
        ("DELETE ''", None),
        ("UPLOAD a", None),
        ("UPLOAD a\n", None),
        ("UPLOAD a\n ", None),
        ("UPLOAD a QUJ", None),
        ("UPLOAD a b'QUJD", None),
        ("UPLOAD a\nQUJ", None),
        ("WRITE a 3", None),
        (r#"{"command":"list""#, None),
        ("READ a x", None),
    ] {
        let mut decoder = RequestDecoder::new();
        let mut scratch = [0; 64];
        let mut rest = input.as_bytes();
        loop {
            let decoded = decoder.decode(rest, &mut scratch);
            rest = &rest[decoded.consumed..];
            if decoded.event.is_none() {
                break;
            }
        }
        assert_eq!(decoder.completes_at_line_end(), lone, "{input:?}");
    }
}

#[test]
fn the_verb_in_progress_is_known_as_soon_as_it_is_there() {
    for (input, verb) in [
        ("", None),
        ("ge", None),
        ("get", Some(Verb::Get)),
        ("download a", Some(Verb::Get)),
        ("UPLOAD a\n", Some(Verb::Upload)),
        ("WRITE a 5\nab", Some(Verb::Write)),
        ("WRITE a 2\nabcd", Some(Verb::Write)),
        (
            r#"{"command":"upload","filename":"a","filedata":"Q"#,
            Some(Verb::Upload),
        ),
        ("LIST\n", None),
    ] {
        let mut decoder = RequestDecoder::new();
        let mut scratch = [0; 64];
        let mut rest = input.as_bytes();
        loop {
            let decoded = decoder.decode(rest, &mut scratch);
            rest = &rest[decoded.consumed..];
            if decoded.event.is_none() {
                break;
            }
        }
        assert_eq!(decoder.verb(), verb, "{input:?}");
    }
}

#[test]
fn an_idle_decoder_holds_next_to_nothing() {
    let mut decoder = RequestDecoder::new();
    let long = format!("STAT {}\r\n", "n".repeat(4000));
    decoder.decode(long.as_bytes(), &mut []);
    assert_eq!(decoder.phase(), Phase::Ready);
    assert!(decoder.held_bytes() <= 1024, "{}", decoder.held_bytes());
}
