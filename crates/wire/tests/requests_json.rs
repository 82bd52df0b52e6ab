//! Commands in JSON, from the server's side.

mod support;

use haul_wire::{Code, Phase, Request};
use support::examples::{expect, get, name, refused, refused_as, stored, told};
use support::{Event, requests};

/// It is complete at its closing brace, whatever follows.
#[track_caller]
fn means(input: &str, events: &[Event]) {
    expect(input.trim_end(), events);
    expect(format!("{input}\r\n\r\n"), events);
    expect(format!("{input}{input}\n"), &[events, events].concat());
}

#[test]
fn json_commands_mean_what_lines_mean() {
    for input in [
        r#"{"command":"list"}"#,
        r#"{"command":"LIST"}"#,
        r#"{"x":{},"command":"list","filename":"a"}"#,
    ] {
        means(input, &[Event::Request(Request::List)]);
    }
    means(
        r#"{"command":"delete","filename":"a"}"#,
        &[Event::Request(Request::Delete { name: name("a") })],
    );
    for input in [
        r#"{"command":"Get","filename":"a"}"#,
        r#"{"filename":"a","command":"download"}"#,
        r#"{"command":"get","filename":"a","filedata":""}"#,
        r#"{"command":"get","filename":"a","filedata":null}"#,
        r#"{"filedata":"QU\"JD","command":"get","filename":"a"}"#,
        r#"{"x":{"filename":"b"},"y":"}","command":"get","filename":"a"}"#,
    ] {
        means(input, &[get("a")]);
    }
}

#[test]
fn the_keys_of_an_upload_may_come_in_any_order_and_among_others() {
    for input in [
        r#"{"command":"upload","filename":"a","filedata":"QUJD"}"#,
        r#"{"command":"PUT","filename":"a","filedata":"QUJD"}"#,
        r#"{"command":"post","filename":"a","filedata":"QUJD"}"#,
        r#"{"filedata":"QUJD","filename":"a","command":"upload"}"#,
        r#"{"command":"upload","filedata":"QUJD","filename":"a"}"#,
        r#"{"filed\u0061ta":"QUJD","command":"upload","filename":"a"}"#,
        r#"{"filedata":"\u0051\u0055JD","command":"upload","filename":"\u0061"}"#,
        r#" { "command" : "upload" , "filename" : "a" , "filedata" : "QUJD" , "x" : [1,{"filedata":"x}"}] } "#,
    ] {
        means(input, &stored("a", b"ABC"));
    }
    let input = r#"{"command":"upload","filename":"\u00e4\ud83d\ude00\"\\\/","filedata":"QUJD"}"#;
    means(input, &stored("ä😀\"\\/", b"ABC"));
}

#[test]
fn the_payload_may_be_called_content_and_name_and_payload_may_be_params() {
    for input in [
        r#"{"command":"upload","filename":"a","content":"QUJD"}"#,
        r#"{"content":"QUJD","command":"upload","filename":"a"}"#,
        r#"{"command":"upload","params":["a","QUJD"]}"#,
        r#"{"command":"PUT","params": [ "a" , "b'QUJD'" ] }"#,
        r#"{"params":["a","QUJD"],"command":"upload"}"#,
        r#"{"command":"upload","params":["a","QUJD",{"x":["y"]}],"x":["a","b"]}"#,
        r#"{"command":"upload","filename":"a","params":["a","\u0051UJD"]}"#,
        r#"{"command":"upload","params":["a","QUJD"],"filename":"a"}"#,
        r#"{"command":"upload","params":["a"],"filedata":"QUJD"}"#,
        r#"{"command":"upload","params":["a"],"content":"QUJD"}"#,
        // Where there is a payload already, these keys are like any other.
        r#"{"command":"upload","filename":"a","filedata":"QUJD","content":"text/plain"}"#,
        r#"{"command":"upload","filename":"a","filedata":"QUJD","params":["b","*"]}"#,
        r#"{"command":"upload","filename":"a","filedata":"QUJD","params":{"b":"*"}}"#,
        r#"{"command":"upload","filename":"a","content":7,"filedata":"QUJD","params":null}"#,
        r#"{"command":"upload","filename":"a","filedata":"QUJD","x":{"content":"*","params":["b","*"]}}"#,
    ] {
        means(input, &stored("a", b"ABC"));
    }
    means(r#"{"command":"upload","params":["a",""]}"#, &stored("a", b""));
    for input in [
        r#"{"command":"get","params":["a"]}"#,
        r#"{"params":["a","QUJD"],"command":"download"}"#,
        r#"{"command":"get","filename":"a","params":["b","c"]}"#,
        r#"{"command":"get","filename":"a","content":"x"}"#,
    ] {
        means(input, &[get("a")]);
    }
    let long = "QUJD".repeat(30_000);
    for input in [
        format!(r#"{{"command":"upload","params":["a","{long}"]}}"#),
        format!(r#"{{"command":"upload","filename":"a","content":"{long}"}}"#),
    ] {
        let whole = requests([input.as_bytes()], 4096);
        assert_eq!(whole, (stored("a", &b"ABC".repeat(30_000)), Phase::Ready));
        assert_eq!(requests(input.as_bytes().chunks(7), 100), whole);
    }
}

#[test]
fn the_command_may_be_called_cmd() {
    for input in [
        r#"{"cmd":"upload","params":["a","QUJD"]}"#,
        r#"{"cmd": "UPLOAD", "filename": "a", "filedata": "QUJD"}"#,
        r#"{"params":["a","QUJD"],"cmd":"upload"}"#,
    ] {
        means(input, &stored("a", b"ABC"));
    }
    means(r#"{"cmd": "get", "params": ["a"]}"#, &[get("a")]);
    for input in [
        r#"{"cmd": "list", "params": []}"#,
        r#"{"command": "LIST", "params": []}"#,
    ] {
        means(input, &[Event::Request(Request::List)]);
    }
    for input in [
        r#"{"cmd":"list","command":"list"}"#,
        r#"{"command":"get","filename":"a","cmd":"delete"}"#,
        r#"{"cmd":"upload","params":["a","QUJD"],"command":"upload"}"#,
        r#"{"cmd":"upload","command":"upload","params":["a","QUJD"]}"#,
        r#"{"cmd":"upload","cmd":"upload","params":["a","QUJD"]}"#,
        r#"{"cmd":["list"]}"#,
    ] {
        refused_json(input, Code::BadRequest);
    }
}

#[test]
fn two_payloads_and_two_names_are_refused() {
    for input in [
        r#"{"command":"upload","filename":"a","content":"QUJD","filedata":"QUJD"}"#,
        r#"{"command":"upload","filename":"a","content":"QUJD","content":"QUJD"}"#,
        r#"{"command":"upload","params":["a","QUJD"],"filedata":"QUJD"}"#,
        r#"{"command":"upload","params":["a","QUJD"],"params":["a","QUJD"]}"#,
        r#"{"command":"upload","filename":"a","params":["b","QUJD"]}"#,
        r#"{"command":"upload","params":["b","QUJD"],"filename":"a"}"#,
        r#"{"params":["b","QUJD"],"filename":"a","command":"upload"}"#,
        r#"{"command":"upload","params":["a"]}"#,
        r#"{"command":"upload","params":["a",["QUJD"]]}"#,
        r#"{"command":"upload","params":[7,"QUJD"]}"#,
        r#"{"command":"get","params":[]}"#,
        r#"{"command":"get","params":"a"}"#,
    ] {
        refused_json(input, Code::BadRequest);
    }
    for payload in ["QU*D", "QUJ", r"QUJD\x", r#"QU*]}\"D"#] {
        for command in [
            format!(r#"{{"command":"upload","params":["a","{payload}",["]}}"]],"x":["}}"]}}"#),
            format!(r#"{{"params":["a","{payload}",["]}}"]],"command":"upload"}}"#),
            format!(r#"{{"command":"upload","filename":"a","content":"{payload}"}}"#),
        ] {
            refused_json(&command, Code::InvalidPayload);
        }
    }
    let long = "QUJD".repeat((64 << 10) / 4 + 1);
    refused_as(
        format!(r#"{{"params":["a","{long}"],"command":"upload"}}"#),
        Code::BadRequest,
    );
}

#[test]
fn a_payload_in_json_is_written_like_any_other_and_its_letters_may_be_escaped() {
    for (payload, content) in [
        ("", b"".as_slice()),
        ("b''", b""),
        ("b'QUJD'", b"ABC"),
        (r#"b\"QUJD\""#, b"ABC"),
        (r#"\"QUJD\""#, b"ABC"),
        ("QUI=QUI=", b"ABAB"),
        (" QUJD ", b"ABC"),
        (r"QUJD\r\n", b"ABC"),
        (r"\/\u002b8=", b"\xff\xef"),
        (r"\u002f\/\/\/\/w\u003d=", b"\xff\xff\xff\xff"),
        (
            r"\/\/\/\/QUJD\/\/\/\/QUI=\/w==",
            b"\xff\xff\xffABC\xff\xff\xffAB\xff",
        ),
        (r"b'\/\/\/\/QUJD'", b"\xff\xff\xffABC"),
    ] {
        means(
            &format!(r#"{{"command":"upload","filename":"a","filedata":"{payload}"}}"#),
            &stored("a", content),
        );
        means(
            &format!(r#"{{"filedata":"{payload}","command":"upload","filename":"a"}}"#),
            &stored("a", content),
        );
    }
    let payload = r"QUJD\/\/\/\/".repeat(3000);
    let input = format!(r#"{{"command":"upload","filename":"a","filedata":"{payload}"}}"#);
    let whole = requests([input.as_bytes()], 4096);
    assert_eq!(
        whole,
        (stored("a", &b"ABC\xff\xff\xff".repeat(3000)), Phase::Ready)
    );
    assert_eq!(requests(input.as_bytes().chunks(7), 100), whole);
}

/// It is refused, and what is left of its line is not taken for a request.
#[track_caller]
fn refused_json(input: &str, code: Code) {
    refused_as(format!("{input}\r\n"), code);
    let (events, _) = told(format!("{input}\r\nLIST\r\n"));
    assert_eq!(events.last(), Some(&Event::Request(Request::List)), "{input}");
}

#[test]
fn a_refused_payload_is_skipped_to_the_closing_brace() {
    for payload in [
        "QU*D",
        r"QUJD\x",
        r"QU\u00",
        r"QU\u00e4",
        r"QU*D\\",
        r#"QU*}\"D"#,
        r#"\/\/\/\/Q*\"}\/"#,
    ] {
        let command = format!(r#"{{"command":"upload","filename":"a","filedata":"{payload}","x":["}}"]}}"#);
        let (events, phase) = told(format!(r#"{command}{{"command":"list"}}"#));
        assert_eq!(events.last(), Some(&Event::Request(Request::List)), "{command}");
        assert_eq!(phase, Phase::Ready);
    }
}

#[test]
fn json_commands_are_refused_for_what_is_wrong_with_them() {
    for (input, code) in [
        (r#"{"command":"fly"}"#, Code::UnknownVerb),
        (r#"{"command":"hello"}"#, Code::UnknownVerb),
        (
            r#"{"command":"fly","filename":"a","filedata":"QUJD"}"#,
            Code::UnknownVerb,
        ),
        (r#"{"command":1}"#, Code::BadRequest),
        ("{}", Code::BadRequest),
        (r#"{"filename":"a","filedata":"QUJD"}"#, Code::BadRequest),
        (r#"{"command":"get"}"#, Code::BadRequest),
        (r#"{"command":"get""filename":"a"}"#, Code::BadRequest),
        (r#"{"command":"upload","filedata":"QUJD"}"#, Code::BadRequest),
        (r#"{"command":"upload","filename":"a"}"#, Code::BadRequest),
        (
            r#"{"command":"upload","filename":"a","filedata":null}"#,
            Code::BadRequest,
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":["QUJD"]}"#,
            Code::BadRequest,
        ),
        (
            r#"{"command":"upload","filename":3,"filedata":"QUJD"}"#,
            Code::BadRequest,
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":"QUJD","filedata":"QUJD"}"#,
            Code::BadRequest,
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":"QUJD","filename":"b"}"#,
            Code::BadRequest,
        ),
        (
            r#"{"command":"upload","filename":"a","filedata":"QUJD",}"#,
            Code::BadRequest,
        ),
        (r#"{"command":"get","filename":""}"#, Code::InvalidName),
        (r#"{"command":"get","filename":"\ud800"}"#, Code::InvalidName),
        (
            r#"{"command":"upload","filename":"","filedata":"QUJD"}"#,
            Code::InvalidName,
        ),
    ] {
        refused_json(input, code);
    }
    refused_as(
        [br#"{"command":"get","filename":""#.as_slice(), b"\xff\"}\n"].concat(),
        Code::InvalidName,
    );
    for bytes in [4097, 1 << 17] {
        refused_json(
            &format!(r#"{{"command":"get","filename":"{}"}}"#, "n".repeat(bytes)),
            Code::InvalidName,
        );
    }
    refused_json(
        &format!(r#"{{"command":"get","x":"{}"}}"#, "n".repeat(1 << 17)),
        Code::BadRequest,
    );
}

#[test]
fn a_payload_in_json_that_is_not_base64_is_refused() {
    for payload in [
        "QUJ",
        "QU D",
        "QU*D",
        "b'QUJD",
        r"QUJD\x",
        r"QUJD\u20ac",
        r"QU\u004",
        r"QU\u00",
        r"QUJD\/",
        r"QUJD\/\/\/\/Q\/*\/",
        r#"QUJD\/\/\/\/\""#,
        r"\/\/\/\/QU\/\/\/==QUJD",
    ] {
        refused_json(
            &format!(r#"{{"command":"upload","filename":"a","filedata":"{payload}"}}"#),
            Code::InvalidPayload,
        );
        refused_json(
            &format!(r#"{{"filedata":"{payload}","command":"upload","filename":"a"}}"#),
            Code::InvalidPayload,
        );
    }
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
