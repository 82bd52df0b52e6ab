//! The tables of the protocol, row by row, from the server's side. Every example is fed whole, byte by byte and
//! cut at every place, and has to mean the same.

mod support;

use haul_wire::{Code, Condition, Name, Phase, Request, RequestDecoder, RequestEvent, Verb};
use support::{Event, cuts, requests, requests_with};

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn get(of: &str) -> Event {
    Event::Request(Request::Get { name: name(of) })
}

fn upload(of: &str) -> Event {
    Event::Request(Request::Upload { name: name(of) })
}

/// The events of a whole upload.
fn stored(of: &str, content: &[u8]) -> Vec<Event> {
    let mut events = vec![upload(of)];
    if !content.is_empty() {
        events.push(Event::Body(content.to_vec()));
    }
    events.push(Event::BodyEnd(None));
    events
}

/// What happens, with refusals shortened to their codes.
#[track_caller]
fn told(input: impl AsRef<[u8]>) -> (Vec<Event>, Phase) {
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
fn expect(input: impl AsRef<[u8]>, events: &[Event]) {
    let (told, phase) = told(&input);
    assert_eq!(told, events, "{}", input.as_ref().escape_ascii());
    assert_eq!(phase, Phase::Ready, "{}", input.as_ref().escape_ascii());
}

/// The code of the only refusal, whatever happens before it, and the phase right after it.
#[track_caller]
fn refused(input: impl AsRef<[u8]>) -> (Option<Verb>, Code, Phase) {
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
    let stored = events.iter().any(|event| matches!(event, Event::BodyEnd(_)));
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
fn refused_as(input: impl AsRef<[u8]>, code: Code) {
    assert_eq!(refused(&input).1, code, "{}", input.as_ref().escape_ascii());
}

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
fn json_commands_mean_what_lines_mean() {
    for (input, events) in [
        (r#"{"command":"list"}"#, vec![Event::Request(Request::List)]),
        (r#"{"command":"LIST"}"#, vec![Event::Request(Request::List)]),
        (r#"{"command":"Get","filename":"a b"}"#, vec![get("a b")]),
        (r#"{"filename":"a","command":"download"}"#, vec![get("a")]),
        (
            r#"{"command":"delete","filename":"a"}"#,
            vec![Event::Request(Request::Delete { name: name("a") })],
        ),
        (
            r#"{"command":"get","filename":"a","filedata":""}"#,
            vec![get("a")],
        ),
        (
            r#"{"command":"get","filename":"a","filedata":null}"#,
            vec![get("a")],
        ),
        (
            r#"{"filedata":"QU\"JD","command":"get","filename":"a"}"#,
            vec![get("a")],
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":"QUJD"}"#,
            stored("a", b"ABC"),
        ),
        (
            r#"{"command":"PUT","filename":"a","filedata":"QUJD"}"#,
            stored("a", b"ABC"),
        ),
        (
            r#"{"command":"post","filename":"a","filedata":"b'QUJD'"}"#,
            stored("a", b"ABC"),
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":"b\"QUJD\""}"#,
            stored("a", b"ABC"),
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":""}"#,
            stored("a", b""),
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":"QUI=QUI="}"#,
            stored("a", b"ABAB"),
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":"\/\u002b8=\n"}"#,
            stored("a", b"\xff\xef"),
        ),
        (
            r#"{"command":"upload","filename":"\u00e4\ud83d\ude00\"\\\/","filedata":"QUJD"}"#,
            stored("ä😀\"\\/", b"ABC"),
        ),
        (
            r#"{"filedata":"QUJD","filename":"a","command":"upload"}"#,
            stored("a", b"ABC"),
        ),
        (
            r#"{"filedata":"\u0051U\/D","command":"upload","filename":"a"}"#,
            stored("a", b"\x41\x4f\xc3"),
        ),
        (
            r#"{"command":"upload","filedata":"QUJD","filename":"a"}"#,
            stored("a", b"ABC"),
        ),
        (
            r#" { "command" : "upload" , "filename" : "a" , "filedata" : "QUJD" , "x" : [1,{"filedata":"x}"}] } "#,
            stored("a", b"ABC"),
        ),
        (
            r#"{"filed\u0061ta":"QUJD","command":"upload","filename":"a"}"#,
            stored("a", b"ABC"),
        ),
        (
            r#"{"x":{"filename":"b"},"y":"}","command":"get","filename":"a"}"#,
            vec![get("a")],
        ),
    ] {
        expect(format!("{input}\r\n\r\n"), &events);
        // It is complete at its closing brace.
        expect(input.trim_end(), &events);
        expect(format!("{input}{input}\n"), &[events.clone(), events].concat());
    }
}

#[test]
fn json_commands_are_refused_for_what_is_wrong_with_them() {
    let upload = r#"{"command":"upload","filename":"a","filedata":"#;
    for (input, code) in [
        (r#"{"command":"fly"}"#.to_owned(), Code::UnknownVerb),
        (r#"{"command":"hello"}"#.to_owned(), Code::UnknownVerb),
        (
            r#"{"command":"fly","filename":"a","filedata":"QUJD"}"#.to_owned(),
            Code::UnknownVerb,
        ),
        (r#"{"command":1}"#.to_owned(), Code::BadRequest),
        ("{}".to_owned(), Code::BadRequest),
        (
            r#"{"filename":"a","filedata":"QUJD"}"#.to_owned(),
            Code::BadRequest,
        ),
        (r#"{"command":"get"}"#.to_owned(), Code::BadRequest),
        (
            r#"{"command":"upload","filedata":"QUJD"}"#.to_owned(),
            Code::BadRequest,
        ),
        (
            r#"{"command":"upload","filename":"a"}"#.to_owned(),
            Code::BadRequest,
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":null}"#.to_owned(),
            Code::BadRequest,
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":["QUJD"]}"#.to_owned(),
            Code::BadRequest,
        ),
        (r#"{"command":"get","filename":""}"#.to_owned(), Code::InvalidName),
        (
            r#"{"command":"upload","filename":"","filedata":"QUJD"}"#.to_owned(),
            Code::InvalidName,
        ),
        (
            r#"{"command":"get","filename":"\ud800"}"#.to_owned(),
            Code::InvalidName,
        ),
        (
            format!(r#"{{"command":"get","filename":"{}"}}"#, "n".repeat(4097)),
            Code::InvalidName,
        ),
        (
            format!(r#"{{"command":"get","filename":"{}"}}"#, "n".repeat(1 << 17)),
            Code::InvalidName,
        ),
        (
            format!(r#"{{"command":"get","x":"{}"}}"#, "n".repeat(1 << 17)),
            Code::BadRequest,
        ),
        (format!("{upload}\"QUJ\"}}"), Code::InvalidPayload),
        (format!("{upload}\"QU D\"}}"), Code::InvalidPayload),
        (format!("{upload}\"QU\\u004\"}}"), Code::InvalidPayload),
        (format!("{upload}\"QUJD\\x\"}}"), Code::InvalidPayload),
        (format!("{upload}\"QUJD\\u20ac\"}}"), Code::InvalidPayload),
        (format!("{upload}\"b'QUJD\"}}"), Code::InvalidPayload),
        (
            format!("{upload}\"QUJD\",\"filedata\":\"QUJD\"}}"),
            Code::BadRequest,
        ),
        (format!("{upload}\"QUJD\",\"filename\":\"b\"}}"), Code::BadRequest),
        (format!("{upload}\"QUJD\",}}"), Code::BadRequest),
        (r#"{"command":"get""filename":"a"}"#.to_owned(), Code::BadRequest),
        (
            r#"{"command":"upload","filename":3,"filedata":"QUJD"}"#.to_owned(),
            Code::BadRequest,
        ),
        (
            r#"{"filedata":"QU*D","command":"upload","filename":"a"}"#.to_owned(),
            Code::InvalidPayload,
        ),
    ] {
        refused_as(format!("{input}\r\n"), code);
        let (events, _) = told(format!("{input}\r\nLIST\r\n"));
        assert_eq!(events.last(), Some(&Event::Request(Request::List)), "{input}");
    }
    refused_as(
        [br#"{"command":"get","filename":""#.as_slice(), b"\xff\"}\n"].concat(),
        Code::InvalidName,
    );
}

#[test]
fn a_line_end_within_a_json_command_is_a_bad_request() {
    for input in [
        "{\"command\":\"list\"\n",
        "{\n",
        "{\"command\":\"li\nst\"}",
        "{\"command\":\"upload\",\"filename\":\"a\",\"filedata\":\"QUJD\n",
        "{\"command\":\"upload\",\"filename\":\"a\",\"filedata\":\"QUJD\\\n",
        "{\"filedata\":\"QUJD\n",
        "{\"filedata\":\"QUJD\\\n",
        "{\"x\":\"\\\n",
    ] {
        let input = input.trim_end_matches("st\"}");
        assert_eq!(
            refused(input),
            (refused(input).0, Code::BadRequest, Phase::Ready),
            "{input}"
        );
    }
}

#[test]
fn a_payload_before_its_name_is_held_up_to_64_kib() {
    let command = |letters: usize| {
        format!(
            r#"{{"filedata":"{}","command":"upload","filename":"a"}}"#,
            "QUJD".repeat(letters / 4)
        )
    };
    assert_eq!(
        requests([command(64 << 10).as_bytes()], 4096).0,
        stored("a", &b"ABC".repeat(16 << 10))
    );
    refused_as(command((64 << 10) + 4), Code::BadRequest);
    let (events, phase) = told(format!("{}LIST\n", command(1 << 20)));
    assert!(
        matches!(&events[0], Event::Refused(_, refusal, Phase::Skipping) if refusal.sentence.contains("put those first"))
    );
    assert_eq!(
        (&events[1..], phase),
        (
            [Event::Skipped, Event::Request(Request::List)].as_slice(),
            Phase::Ready
        )
    );
}

#[test]
fn an_unknown_verb_is_told_so_in_the_words_that_programs_know() {
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
        assert_eq!(
            (refusal.code, refusal.sentence.as_str()),
            (Code::UnknownVerb, "request tidak dikenali")
        );
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
    })];
    if !content.is_empty() {
        events.push(Event::Body(content.to_vec()));
    }
    events.push(Event::BodyEnd(Some(DIGITS.parse().unwrap())));
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
        assert_eq!(decoder.lone(), lone, "{input:?}");
    }
    let mut decoder = RequestDecoder::new();
    let long = format!("UPLOAD a {}", "QUJD".repeat(2000));
    let consumed = decoder.decode(long.as_bytes(), &mut [0; 6000]).consumed;
    decoder.decode(&long.as_bytes()[consumed..], &mut [0; 6000]);
    assert_eq!(
        decoder.lone(),
        None,
        "a quartet is begun in what was consumed, or the rest is still to come"
    );
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
