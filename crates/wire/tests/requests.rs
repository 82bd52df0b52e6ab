//! The table of the classic requests, row by row, from the server's side.

mod support;

use haul_wire::{Code, Phase, Request, RequestDecoder, RequestEvent, Verb};
use support::examples::{expect, get, name, refused, refused_as, stored, told, upload};
use support::{Event, requests};

#[test]
fn a_command_ends_at_its_first_line_feed_and_blank_lines_are_skipped() {
    for input in [
        "LIST\r\n",
        "LIST\n",
        "LIST\r\n\r\n",
        "\r\n\r\nLIST\n\n\n",
        " \t\r\nLIST \r\n",
        "  LIST\r\n",
    ] {
        expect(input, &[Event::Request(Request::List)]);
    }
    expect(
        "LIST\nGET a\r\nLIST\r\n\r\n",
        &[
            Event::Request(Request::List),
            get("a"),
            Event::Request(Request::List),
        ],
    );
    expect("", &[]);
    expect("\r\n", &[]);
}

#[test]
fn verbs_are_known_in_any_case_and_names_keep_theirs() {
    for input in [
        "GET A.jpg\r\n",
        "get A.jpg\r\n",
        "Get A.jpg\n",
        "DOWNLOAD A.jpg\r\n",
        "download A.jpg\n",
    ] {
        expect(input, &[get("A.jpg")]);
    }
    for input in ["DELETE A\n", "delete A\n", "dElEtE A\n"] {
        expect(input, &[Event::Request(Request::Delete { name: name("A") })]);
    }
    for verb in ["UPLOAD", "upload", "PUT", "put", "POST", "Post"] {
        expect(format!("{verb} A QUJD\r\n"), &stored("A", b"ABC"));
    }
}

#[test]
fn a_name_is_the_rest_of_the_line_without_whitespace_and_one_pair_of_quotes_around_it() {
    for (line, meant) in [
        ("my file.txt", "my file.txt"),
        ("  my  file.txt \t", "my  file.txt"),
        ("'my file.txt'", "my file.txt"),
        ("\"my file.txt\"", "my file.txt"),
        ("\"' a '\"", "' a '"),
        ("\"\"a\"\"", "\"a\""),
        ("\" a \"", " a "),
        ("'a\"", "'a\""),
        ("it's", "it's"),
        ("'", "'"),
        ("ünïcödé 文件", "ünïcödé 文件"),
        ("../up", "../up"),
        ("a\0b", "a\0b"),
    ] {
        expect(format!("GET {line}\r\n"), &[get(meant)]);
        expect(
            format!("DELETE {line}\n"),
            &[Event::Request(Request::Delete { name: name(meant) })],
        );
    }
}

#[test]
fn the_payload_of_an_upload_starts_after_the_last_space() {
    expect("UPLOAD my file.txt QUJD\r\n", &stored("my file.txt", b"ABC"));
    expect("UPLOAD 'my file.txt' QUJD\r\n", &stored("my file.txt", b"ABC"));
    expect(
        "UPLOAD \"my file.txt\" QUJD\r\n\r\n",
        &stored("my file.txt", b"ABC"),
    );
    expect("UPLOAD a.txt   QUJD\n", &stored("a.txt", b"ABC"));
    expect("UPLOAD   a.txt QUJD\n", &stored("a.txt", b"ABC"));
}

#[test]
fn whitespace_around_a_payload_is_dropped() {
    expect("UPLOAD a.txt QUJD  \t\r\n", &stored("a.txt", b"ABC"));
    expect("UPLOAD a.txt QUJD \n", &stored("a.txt", b"ABC"));
    expect("UPLOAD a.txt b'QUJD' \n", &stored("a.txt", b"ABC"));
    expect("UPLOAD a.txt\n  QUJD \t\r\n", &stored("a.txt", b"ABC"));
    let long = [b"UPLOAD a ".as_slice(), &b"QUJD".repeat(2000), b" \t \r\n"].concat();
    expect(long, &stored("a", &b"ABC".repeat(2000)));
}

#[test]
fn the_quotes_and_the_b_of_a_python_bytes_literal_are_dropped() {
    for payload in ["QUJD", "b'QUJD'", "b\"QUJD\"", "'QUJD'", "\"QUJD\""] {
        expect(format!("UPLOAD a.bin {payload}\r\n"), &stored("a.bin", b"ABC"));
        expect(
            format!("UPLOAD a.bin\r\n{payload}\r\n\r\n"),
            &stored("a.bin", b"ABC"),
        );
    }
    expect("UPLOAD a bQ==\n", &stored("a", b"m"));
    expect("UPLOAD a b'bQ=='\n", &stored("a", b"m"));
}

#[test]
fn padding_may_stand_between_separately_encoded_pieces() {
    expect("UPLOAD a QUI=QUI=\r\n", &stored("a", b"ABAB"));
    expect("UPLOAD a QQ==QUJDQUI=\r\n", &stored("a", b"AABCAB"));
    expect("UPLOAD a b'QQ==QQ=='\r\n", &stored("a", b"AA"));
    expect(
        "UPLOAD a\n/+==/+8=\n".replace("/+==", "/w=="),
        &stored("a", b"\xff\xff\xef"),
    );
}

#[test]
fn a_payload_on_the_next_line_belongs_to_the_upload() {
    expect("UPLOAD name\r\nQUJD\r\n\r\n", &stored("name", b"ABC"));
    expect(
        "UPLOAD name\nQUJD\nLIST\n",
        &[stored("name", b"ABC"), vec![Event::Request(Request::List)]].concat(),
    );
    expect("UPLOAD \"my file\"\nQUJD\n", &stored("my file", b"ABC"));
    expect("UPLOAD name\r\n''\r\n", &stored("name", b""));
}

#[test]
fn an_empty_payload_is_an_empty_file_and_a_missing_one_is_a_bad_request() {
    for input in [
        "UPLOAD a.txt \r\n",
        "UPLOAD a.txt ''\r\n",
        "UPLOAD a.txt b''\r\n",
        "UPLOAD a.txt \"\"\n",
        "UPLOAD a.txt  \n",
    ] {
        expect(input, &stored("a.txt", b""));
    }
    expect("UPLOAD my file.txt \r\n", &stored("my file.txt", b""));
    expect("UPLOAD 'my file' \r\n", &stored("my file", b""));
    assert_eq!(
        refused("UPLOAD a.txt\r\n\r\n"),
        (Some(Verb::Upload), Code::BadRequest, Phase::Ready)
    );
    assert_eq!(
        refused("UPLOAD a.txt\n \t\n"),
        (Some(Verb::Upload), Code::BadRequest, Phase::Ready)
    );
}

#[test]
fn what_is_not_base64_is_an_invalid_payload_and_nothing_is_stored() {
    for payload in [
        "QUJ",
        "Q",
        "QUJDR",
        "QU=",
        "QU==QQ",
        "Q===",
        "====",
        "=QUJ",
        "QR==",
        "QUJ=QUF=",
        "QUI=Q",
        "QU-_",
        "QUJD!",
        "QU JD",
        "b'QUJD",
        "'QUJD",
        "QUJD'",
        "b'QUJD\"",
        "b'QUJ'",
        "'QUJD'x",
        "bb'QUJD'",
        "B'QUJD'",
        "b",
        "QUJDé",
        "b'QU JD'",
        "QUJD QUJD",
        "QUJD\tQUJD",
        "QUJD\0",
        "QUJD\r\rQUJD",
    ] {
        let input = format!("UPLOAD a\n{payload}\r\nLIST\r\n");
        assert_eq!(refused(&input).1, Code::InvalidPayload, "{payload}");
        let (events, phase) = told(&input);
        assert_eq!(
            (events.last(), phase),
            (Some(&Event::Request(Request::List)), Phase::Ready),
            "{payload}"
        );
    }
    for payload in ["QUJ", "QR==", "QU-_", "QUJD!", "b'QUJD", "b'QUJ'", "=QUJ"] {
        refused_as(format!("UPLOAD a.txt {payload}\r\n"), Code::InvalidPayload);
    }
}

#[test]
fn a_wrong_letter_at_the_very_end_of_a_long_payload_is_found() {
    let good = b"QUJD".repeat(50_000);
    let input = [b"UPLOAD a ".as_slice(), &good, b"QU*D\r\nLIST\r\n"].concat();
    let (events, phase) = requests([input.as_slice()], 4096);
    assert_eq!(events[..2], [upload("a"), Event::Body(b"ABC".repeat(50_000))]);
    assert!(
        matches!(&events[2], Event::Refused(_, refusal, Phase::Skipping) if refusal.code == Code::InvalidPayload)
    );
    assert_eq!(events[3..], [Event::Skipped, Event::Request(Request::List)]);
    assert_eq!(phase, Phase::Ready);
}

#[test]
fn the_payload_comes_out_while_it_arrives() {
    let mut decoder = RequestDecoder::new();
    let mut scratch = [0; 4096];
    let start = [b"UPLOAD a.bin ".as_slice(), &b"QUJD".repeat(1500)].concat();
    let decoded = decoder.decode(&start, &mut scratch);
    let RequestEvent::Request(Request::Upload { .. }) = decoded.event.unwrap() else {
        panic!("no request")
    };
    let mut rest = &start[decoded.consumed..];
    let mut content = 0;
    loop {
        let decoded = decoder.decode(rest, &mut scratch);
        rest = &rest[decoded.consumed..];
        match decoded.event {
            Some(RequestEvent::Body(piece)) => content += piece.len(),
            other => {
                assert_eq!(other, None);
                break;
            }
        }
    }
    assert_eq!((content, decoder.phase()), (4500, Phase::Body));
}

#[test]
fn a_name_with_its_payload_is_looked_for_within_4_kib() {
    let long = "n".repeat(4000);
    expect(format!("UPLOAD {long} QUJD\r\n"), &stored(&long, b"ABC"));
    let spaced = format!("{} end", "n ".repeat(2000));
    expect(
        format!("UPLOAD {spaced} {}\r\n", "QUJD".repeat(3000)),
        &stored(&spaced, &b"ABC".repeat(3000)),
    );
    // Too long to be seen with a payload, but not for a payload below.
    let longest = "n".repeat(4096);
    expect(format!("UPLOAD {longest}\r\nQUJD\r\n"), &stored(&longest, b"ABC"));
    expect(format!("GET {longest}\r\n"), &[get(&longest)]);
    expect(format!("GET \"{longest}\"\r\n"), &[get(&longest)]);
    refused_as(format!("GET {longest}n\r\n"), Code::InvalidName);
    refused_as(format!("UPLOAD {longest}n\r\n"), Code::InvalidName);
}

#[test]
fn an_unknown_verb_is_told_so_with_the_verbs_that_there_are() {
    for input in [
        "FLY\r\n",
        "LISTS\r\n",
        "GETA a\n",
        "\0\0\n",
        "\u{feff}LIST\n",
        "EHLO there\r\n",
        "'LIST'\n",
        "[1]\n",
        "verylongword\n",
    ] {
        let (events, _) = told(input);
        let [Event::Refused(None, refusal, Phase::Ready)] = events.as_slice() else {
            panic!("{input}: {events:?}")
        };
        assert_eq!(refusal.code, Code::UnknownVerb);
        for verb in ["LIST", "GET", "UPLOAD", "DELETE", "HELLO"] {
            assert!(refusal.sentence.contains(verb), "{verb}: {}", refusal.sentence);
        }
    }
}

#[test]
fn a_mebibyte_without_a_line_feed_is_refused_once_and_at_once() {
    for (start, code) in [
        ("x", Code::UnknownVerb),
        ("x ", Code::UnknownVerb),
        ("\0", Code::UnknownVerb),
        ("GET ", Code::InvalidName),
        ("DOWNLOAD ", Code::InvalidName),
        ("DELETE ", Code::InvalidName),
        ("UPLOAD ", Code::InvalidName),
        ("STAT ", Code::InvalidName),
        ("READ ", Code::InvalidName),
        ("LS ", Code::InvalidName),
        ("RMDIR ", Code::InvalidName),
        ("LIST ", Code::BadRequest),
        ("HELLO ", Code::BadRequest),
        ("STATS ", Code::BadRequest),
    ] {
        let garbage = [start.as_bytes(), &vec![b'x'; 1 << 20]].concat();
        for input in [garbage.clone(), [&garbage, b"\nLIST\n".as_slice()].concat()] {
            for pieces in [vec![input.as_slice()], input.chunks(1000).collect()] {
                let (events, phase) = requests(pieces, 4096);
                assert!(
                    matches!(&events[0], Event::Refused(_, refusal, Phase::Skipping) if refusal.code == code),
                    "{start}: {:?}",
                    events[0]
                );
                if input.len() == garbage.len() {
                    assert_eq!((events.len(), phase), (1, Phase::Skipping), "{start}");
                } else {
                    assert_eq!(
                        events[1..],
                        [Event::Skipped, Event::Request(Request::List)],
                        "{start}"
                    );
                }
            }
        }
    }
    // Where the body of a WRITE starts, only its head could have said.
    let (events, phase) = requests(
        [[b"WRITE ".as_slice(), &vec![b'x'; 1 << 20], b"\nLIST\n"]
            .concat()
            .as_slice()],
        4096,
    );
    assert!(
        matches!(events.as_slice(), [Event::Refused(_, refusal, Phase::Lost)] if refusal.code == Code::InvalidName)
    );
    assert_eq!(phase, Phase::Lost);
}

#[test]
fn incomplete_and_malformed_lines_are_bad_requests() {
    for input in [
        "GET\r\n",
        "GET \r\n",
        "DELETE\n",
        "UPLOAD\r\n",
        "UPLOAD \n",
        "LIST a\r\n",
        "STAT\n",
        "READ \n",
    ] {
        refused_as(input, Code::BadRequest);
    }
    for input in ["GET ''\n", "GET \"\"\r\n", "DELETE ''\n", "UPLOAD '' QUJD\n"] {
        refused_as(input, Code::InvalidName);
    }
    refused_as(b"GET \xff\xfe\r\n", Code::InvalidName);
    refused_as(b"UPLOAD \xff QUJD\r\n", Code::InvalidName);
}

#[test]
fn a_line_of_http_ends_everything_and_nothing_behind_it_is_a_request() {
    let foreign = |input: &str, before: &[Event]| {
        for pieces in support::cuts(input.as_bytes()) {
            let (events, phase) = requests(pieces, 4096);
            let expected: Vec<_> = before.iter().cloned().chain([Event::Foreign]).collect();
            assert_eq!((events, phase), (expected, Phase::Lost), "{input:?}");
        }
    };
    let body = "Content-Length: 9\r\n\r\nDELETE a\r\nUPLOAD b QUJD\r\n{\"command\":\"list\"}\r\n";
    for head in [
        "POST / HTTP/1.1\r\nHost: x\r\n",
        "GET /a HTTP/1.1\r\n",
        "PUT /a HTTP/1.0\n",
        "DELETE /a HTTP/1.1\r\n",
        "UPLOAD a b HTTP/1.1\r\n",
        "LIST HTTP/1.1\r\n",
        "READ a HTTP/1.1\r\n",
        "WRITE a 3 HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "Host: x\r\n",
        "host:x\r\n",
    ] {
        foreign(&format!("{head}{body}"), &[]);
        foreign(&format!("LIST\r\n{head}{body}"), &[Event::Request(Request::List)]);
    }
    // However long the line is, and where its beginning has been refused or taken for a payload already.
    let long = format!("POST /{} HTTP/1.1\r\n{body}", "a".repeat(9000));
    let spaced = format!("UPLOAD b {} HTTP/1.1\r\n{body}", "QUJD".repeat(3000));
    for input in [long.as_str(), &spaced, "UPLOAD a\r\nHost: x\r\nDELETE a\r\n"] {
        for piece_bytes in [1, 1000, input.len()] {
            let (events, phase) = requests(input.as_bytes().chunks(piece_bytes), 4096);
            assert_eq!((events.last(), phase), (Some(&Event::Foreign), Phase::Lost));
            assert!(!events.contains(&Event::BodyEnd(None, None)));
        }
    }
}

#[test]
fn what_only_looks_like_http_is_a_request() {
    expect("GET HTTP/1.1.txt\r\n", &[get("HTTP/1.1.txt")]);
    expect("GET about HTTP/1.1 notes\r\n", &[get("about HTTP/1.1 notes")]);
    expect("GET Host: x\r\n", &[get("Host: x")]);
    // Raw bodies hold anything.
    let content = b"Host: x\r\nGET / HTTP/1.1\r\n";
    let digest = blake3::hash(content);
    let mut input = format!("WRITE a {}\r\n", content.len()).into_bytes();
    input.extend_from_slice(content);
    input.extend_from_slice(format!("{digest}\r\nLIST\r\n").as_bytes());
    let (events, phase) = requests([input.as_slice()], 4096);
    assert_eq!(events.last(), Some(&Event::Request(Request::List)));
    assert_eq!(phase, Phase::Ready);
}
