//! Replies in both directions: what the server writes is what the protocol says, and the client understands that
//! as well as what other servers of the family write.

mod support;

use std::time::{Duration, UNIX_EPOCH};

use haul_wire::reply::{
    self, EntryKind, Facts, Hello, HelloLimits, List, LsEntry, ReadHead, Stats, VerbStats, WorkerStats,
    Written,
};
use haul_wire::{Attributes, Code, PROTOCOL_VERSION, Refusal, ReplyDecoder, ReplyError, base64};
use support::{Received, cuts};

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = b"kept".to_vec();
    write(&mut out);
    let text = String::from_utf8(out).expect("ASCII");
    let text = text
        .strip_prefix("kept")
        .expect("what was there stays there")
        .to_owned();
    assert!(text.is_ascii() && text.ends_with("}\r\n\r\n"), "{text}");
    let line = text.trim_end();
    assert!(
        !line.contains(char::is_control) && line.bytes().all(|byte| byte != 0x7f),
        "{text}"
    );
    line.to_owned()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    reply::file_begin(&mut out, name);
    let start = out.len();
    out.resize(start + base64::encoded_len(content.len() + 2), 0);
    let mut encoder = base64::Encoder::new();
    let written = encoder.encode(content, &mut out[start..]);
    out.truncate(start + written);
    let mut last = [0; 4];
    let written = encoder.finish(&mut last);
    out.extend_from_slice(&last[..written]);
    reply::file_end(&mut out);
    out
}

#[test]
fn a_refusal_has_a_status_its_sentence_twice_and_its_code() {
    let refusal = Refusal::new(Code::IsADirectory, "'ä' is a folder");
    let line = text(|out| reply::refusal(out, &refusal));
    assert_eq!(
        line,
        r#"{"status":"ERROR","data":"'\u00e4' is a folder","message":"'\u00e4' is a folder","code":"is-a-directory"}"#
    );
}

#[test]
fn every_code_travels() {
    for code in [
        Code::UnknownVerb,
        Code::BadRequest,
        Code::InvalidName,
        Code::NotFound,
        Code::IsADirectory,
        Code::Exists,
        Code::Forbidden,
        Code::InvalidPayload,
        Code::LengthMismatch,
        Code::DigestMismatch,
        Code::TooLarge,
        Code::NoSpace,
        Code::Busy,
        Code::Timeout,
        Code::Draining,
        Code::Internal,
    ] {
        let refusal = Refusal::new(code, "a sentence");
        let mut out = Vec::new();
        reply::refusal(&mut out, &refusal);
        assert!(String::from_utf8_lossy(&out).contains(&format!("\"{}\"", code.as_str())));
        assert_eq!(received(&out).reply.unwrap().refusal(), Some(refusal));
    }
}

#[test]
fn what_was_done_names_the_object() {
    let line = text(|out| reply::done(out, "a \"b\"", "stored"));
    assert_eq!(
        line,
        r#"{"status":"OK","data":"stored","message":"stored","data_namafile":"a \"b\""}"#
    );
}

#[test]
fn a_file_comes_last_in_its_reply() {
    let reply = String::from_utf8(file("é😀\u{7f}\n", b"ABC")).unwrap();
    assert_eq!(
        reply,
        "{\"status\":\"OK\",\"data_namafile\":\"\\u00e9\\ud83d\\ude00\\u007f\\n\",\"data_file\":\"QUJD\"}\r\n\r\n"
    );
}

#[test]
fn lists_are_written_an_item_at_a_time() {
    let line = text(|out| {
        let mut list = List::begin(out);
        list.item(out, "a");
        list.item(out, "ü");
        list.end(out);
    });
    assert_eq!(line, r#"{"status":"OK","data":["a","\u00fc"]}"#);
    assert_eq!(
        text(|out| List::begin(out).end(out)),
        r#"{"status":"OK","data":[]}"#
    );
    let entry = LsEntry {
        name: "d".to_owned(),
        kind: EntryKind::Dir,
        size: 0,
        modified: "2026-01-01T00:00:00Z".to_owned(),
    };
    let line = text(|out| {
        let mut list = List::begin(out);
        list.item(out, &entry);
        list.end(out);
    });
    assert_eq!(
        line,
        r#"{"status":"OK","data":[{"name":"d","kind":"dir","size":0,"modified":"2026-01-01T00:00:00Z"}]}"#
    );
}

/// Writes an object, reads it back, and gives the line.
#[track_caller]
fn there_and_back<T>(sent: &T) -> String
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let mut out = Vec::new();
    reply::object(&mut out, sent);
    let reply = received(&out).reply.expect("a reply");
    assert_eq!(reply.refusal(), None);
    assert_eq!(&reply.into::<T>().expect("its fields"), sent);
    text(|out| reply::object(out, sent))
}

#[test]
fn the_objects_of_the_extended_verbs_travel() {
    let text = || "ä".to_owned();
    let limits = HelloLimits {
        max_upload: Some(1 << 40),
        max_name: 4096,
        max_connections: 4096,
        idle_timeout_seconds: 60,
        stall_timeout_seconds: 60,
    };
    let hello = Hello {
        server: text(),
        protocol: PROTOCOL_VERSION,
        verbs: vec!["LIST".to_owned()],
        pool: "tasks".to_owned(),
        limits,
        write_options: vec!["mode".to_owned()],
    };
    let line = there_and_back(&hello);
    assert!(
        line.starts_with(
            r#"{"status":"OK","server":"\u00e4","protocol":1,"verbs":["LIST"],"pool":"tasks","limits":{"#
        ),
        "{line}"
    );
    let facts = Facts {
        name: text(),
        size: u64::MAX,
        modified: text(),
        mode: None,
        etag: text(),
        digest: None,
    };
    let line = there_and_back(&facts);
    assert!(!line.contains("digest") && !line.contains("mode"), "{line}");
    there_and_back(&Facts {
        mode: Some(text()),
        digest: Some(text()),
        ..facts
    });
    there_and_back(&ReadHead {
        size: 1,
        offset: 2,
        length: 3,
        modified: Some(text()),
        mode: Some(text()),
        etag: text(),
        digest: Some(text()),
    });
    there_and_back(&Written {
        size: 1,
        digest: text(),
        etag: text(),
    });
    let worker = WorkerStats {
        worker: 0,
        state: text(),
        connections: 1,
        open: 2,
        verbs: [("get".to_owned(), VerbStats { ok: 1, failed: 2 })].into(),
        bytes_in: 3,
        bytes_out: 4,
        restarts: 5,
        pid: Some(6),
    };
    there_and_back(&Stats {
        pool: text(),
        uptime_seconds: 1.5,
        workers: vec![worker],
    });
}

#[test]
fn attributes_are_read_from_a_reply_where_it_has_them() {
    let object = r#""size":1,"offset":0,"length":1,"name":"a","etag":"e""#;
    let noon = UNIX_EPOCH + Duration::from_secs(1_769_860_800);
    for (keys, modified, mode) in [
        (
            r#""modified":"2026-01-31T12:00:00Z","mode":"0640""#,
            Some(noon),
            Some(0o640),
        ),
        (r#""modified":"2026-01-31T12:00:00Z","novel":1"#, Some(noon), None),
        (r#""modified":"today","mode":"rw-""#, None, None),
    ] {
        let input = format!("{{\"status\":\"OK\",{object},{keys}}}\r\n\r\n");
        let reply = received(input.as_bytes()).reply.unwrap();
        let attributes = Attributes { modified, mode };
        assert_eq!(reply.clone().into::<Facts>().unwrap().attributes(), attributes);
        assert_eq!(reply.into::<ReadHead>().unwrap().attributes(), attributes);
    }
}

#[test]
fn a_server_that_is_older_says_nothing_of_attributes_and_of_the_protocols_version() {
    let head = format!(r#"{{"status":"OK","size":1,"offset":0,"length":1,"etag":"e"}}{END}"#);
    let head: ReadHead = received(head.as_bytes()).reply.unwrap().into().unwrap();
    assert_eq!(head.attributes(), Attributes::default());
    let limits = r#"{"max_name":1,"max_connections":1,"idle_timeout_seconds":1,"stall_timeout_seconds":1}"#;
    let hello = format!(
        r#"{{"status":"OK","server":"haul/0.1.0","verbs":[],"pool":"tasks","limits":{limits}}}{END}"#
    );
    let hello: Hello = received(hello.as_bytes()).reply.unwrap().into().unwrap();
    assert!(hello.write_options.is_empty());
    assert_eq!(hello.protocol, 0);
}

const END: &str = "\r\n\r\n";

/// What a client makes of these bytes, however they are cut.
#[track_caller]
fn received(input: &[u8]) -> Received {
    let whole = support::reply([input], 4096);
    for pieces in cuts(input) {
        for scratch_bytes in [ReplyDecoder::SCRATCH_BYTES_MIN, 64] {
            assert_eq!(
                support::reply(pieces.iter().copied(), scratch_bytes),
                whole,
                "{}",
                input.escape_ascii()
            );
        }
    }
    whole
}

#[test]
fn content_is_streamed_whatever_the_order_of_the_keys_and_the_way_it_is_written() {
    for reply in [
        "{\"status\":\"OK\",\"data_namafile\":\"a\",\"data_file\":\"/+9BQg==\"}\r\n\r\n",
        "{\"data_file\":\"/+9BQg==\",\"status\":\"OK\",\"data_namafile\":\"a\"}\r\n\r\n",
        "{\"status\":\"OK\",\"data_file\":\"\\/+9BQg==\",\"data_namafile\":\"a\"}\r\n\r\n",
        "{\"status\":\"OK\",\"data_file\":\"\\/\\u002b9BQg\\u003d=\",\"data_namafile\":\"a\"}\r\n\r\n",
        "{\"status\":\"OK\",\"data_file\":\"b'/+9BQg=='\",\"data_namafile\":\"a\"}\r\n\r\n",
        "{\"status\":\"OK\",\"data_file\":\"b\\\"/+9BQg==\\\"\",\"data_namafile\":\"a\"}\r\n\r\n",
        "\r\n\r\n{ \"status\" : \"OK\" ,\r\n\"data_file\" : \"/+9BQg==\", \"data_namafile\":\"a\" }\r\n\r\n",
        "{\"status\":\"OK\",\"dat\\u0061_file\":\"/+9BQg==\",\"data_namafile\":\"a\"} \n\n",
    ] {
        let Received {
            content,
            reply: got,
            left,
        } = received(reply.as_bytes());
        let got = got.unwrap();
        assert_eq!(
            (content.as_slice(), left, got.had_body),
            (b"\xff\xefAB".as_slice(), 0, true),
            "{reply}"
        );
        assert_eq!(got.refusal(), None);
        assert_eq!(
            got.fields.keys().map(String::as_str).collect::<Vec<_>>().len(),
            2,
            "{reply}"
        );
        assert_eq!(got.fields["data_namafile"], "a");
    }
}

#[test]
fn a_reply_ends_with_its_terminator_and_what_follows_is_left() {
    for (end, left) in [
        ("\r\n\r\n", 9),
        ("\n\n", 9),
        (" \r\n\r\n", 9),
        ("\r\n \r\n\r\n", 9),
        ("\n\r\n", 9),
    ] {
        let input = format!("{{\"status\":\"OK\"}}{end}\r\n\r\n{{\"a\":");
        assert_eq!(received(input.as_bytes()).left, left, "{end:?}");
    }
}

#[test]
fn a_second_reply_can_follow_on_the_same_decoder() {
    let mut decoder = ReplyDecoder::new();
    let input =
        b"{\"status\":\"OK\",\"data\":[]}\r\n\r\n\r\n\r\n{\"status\":\"ERROR\",\"data\":\"no\"}\r\n\r\n";
    let first = decoder.decode(input, &mut []).unwrap();
    let second = decoder.decode(&input[first.consumed..], &mut []).unwrap();
    let Some(haul_wire::ReplyEvent::End(reply)) = second.event else {
        panic!("no second reply")
    };
    assert_eq!(reply.refusal(), Some(Refusal::new(Code::Internal, "no")));
}

#[test]
fn a_reply_may_end_with_the_connection() {
    for end in ["", "\r\n", "\r\n\r", "  "] {
        let input = format!("{{\"status\":\"OK\",\"data\":[\"a\",\"b\"]}}{end}");
        assert_eq!(
            received(input.as_bytes()).reply.unwrap().names().unwrap(),
            ["a", "b"]
        );
    }
    assert_eq!(received(b"").reply, Err(ReplyError::Closed));
    assert_eq!(received(b"\r\n").reply, Err(ReplyError::Closed));
    assert_eq!(received(b"{\"status\":\"OK\"").reply, Err(ReplyError::Truncated));
    assert_eq!(received(b"{\"data_file\":\"QU").reply, Err(ReplyError::Truncated));
}

#[test]
fn what_is_not_a_reply_is_an_error() {
    for input in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "[1]\r\n\r\n",
        "{\"a\":}\r\n\r\n",
        "{\"a\":1}x\r\n\r\n",
        "{]\r\n\r\n",
        "{\"data_file\":\"QUJD\",\"data_file\":\"QUJD\"}\r\n\r\n",
        "{\"a\":\"\n\"}\r\n\r\n",
        "\u{feff}{}",
    ] {
        assert!(
            matches!(received(input.as_bytes()).reply, Err(ReplyError::Malformed(_))),
            "{input}"
        );
    }
    for content in ["QUJ", "QU*D", "b'QUJD", "QUJD\\x", "QU JD", "QR==", "QU\nJD"] {
        let input = format!("{{\"status\":\"OK\",\"data_file\":\"{content}\"}}\r\n\r\n");
        assert_eq!(
            received(input.as_bytes()).reply,
            Err(ReplyError::Payload),
            "{content}"
        );
    }
    let Received { content, reply, .. } = received(b"{\"data_file\":\"QUJDQU*DQUJD");
    assert_eq!(
        (content.as_slice(), reply),
        (b"ABC".as_slice(), Err(ReplyError::Payload))
    );
}

#[test]
fn an_error_stays() {
    let mut decoder = ReplyDecoder::new();
    assert!(decoder.decode(b"x", &mut []).is_err());
    assert!(decoder.decode(b"{}\r\n\r\n", &mut []).is_err());
    assert!(matches!(decoder.end_of_file(), Err(ReplyError::Malformed(_))));
}

#[test]
fn a_reply_beside_its_content_is_bounded() {
    let input = format!("{{\"data\":\"{}\"}}\r\n\r\n", "x".repeat(1000));
    for limit in [10, 1000, 1010] {
        let mut decoder = ReplyDecoder::with_limit(limit);
        assert_eq!(
            decoder.decode(input.as_bytes(), &mut []),
            Err(ReplyError::TooLong(limit))
        );
        assert!(decoder.held_bytes() <= 2 * limit + 64);
    }
    assert!(
        ReplyDecoder::with_limit(1011)
            .decode(input.as_bytes(), &mut [])
            .is_ok()
    );
    // The content does not count.
    let input = file("a", &[7; 100_000]);
    let mut decoder = ReplyDecoder::with_limit(100);
    let mut rest = input.as_slice();
    let mut scratch = [0; 4096];
    let mut content = 0;
    loop {
        let decoded = decoder.decode(rest, &mut scratch).unwrap();
        rest = &rest[decoded.consumed..];
        match decoded.event {
            Some(haul_wire::ReplyEvent::Body(piece)) => content += piece.len(),
            Some(haul_wire::ReplyEvent::End(_)) => break,
            None => panic!("it does not end"),
        }
    }
    assert_eq!(content, 100_000);
}

#[test]
fn a_status_that_is_not_ok_is_a_refusal() {
    for (reply, code, sentence) in [
        (
            r#"{"status":"ERROR","data":"request tidak dikenali"}"#,
            Code::Internal,
            "request tidak dikenali",
        ),
        (
            r#"{"status":"ERROR","data":"d","message":"m","code":"busy"}"#,
            Code::Busy,
            "m",
        ),
        (
            r#"{"status":"error","data":"d","code":"novel"}"#,
            Code::Internal,
            "d",
        ),
        (r#"{"data":"d"}"#, Code::Internal, "d"),
        (r#"{"status":1,"data":[1]}"#, Code::Internal, "[1]"),
        (
            r#"{"status":"ERROR"}"#,
            Code::Internal,
            "the server gave no reason",
        ),
    ] {
        let refusal = received(format!("{reply}\r\n\r\n").as_bytes())
            .reply
            .unwrap()
            .refusal();
        assert_eq!(refusal, Some(Refusal::new(code, sentence)), "{reply}");
    }
    assert_eq!(
        received(b"{\"status\":\"ok\"}\r\n\r\n").reply.unwrap().refusal(),
        None
    );
}

#[test]
fn fields_that_are_missing_are_an_error() {
    let reply = received(b"{\"status\":\"OK\",\"data\":[1]}\r\n\r\n")
        .reply
        .unwrap();
    assert!(matches!(reply.clone().names(), Err(ReplyError::Malformed(_))));
    assert!(matches!(reply.into::<Written>(), Err(ReplyError::Malformed(_))));
    let reply = received(b"{\"status\":\"OK\"}\r\n\r\n").reply.unwrap();
    assert!(matches!(reply.names(), Err(ReplyError::Malformed(_))));
}
