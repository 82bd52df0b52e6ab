//! Names: what may be one, what LIST shows, and that nothing leads out of the served folder.

use serde_json::json;

use super::rows::Outcome::{Content, Refused, Stored};
use super::rows::{expect, expect_refusal};
use super::served::Served;

#[test]
fn what_may_not_be_a_name_is_refused_by_every_verb() {
    let served = Served::writable();
    served.place("dir/file", "");
    let before = served.state();
    let long_part = "p".repeat(256);
    let long_name = "a/".repeat(2048) + "a";
    let names = [
        "../secret",
        "/etc/passwd",
        "dir/../../secret",
        "dir/..",
        "..",
        ".",
        "./dir/file",
        "dir/./file",
        "dir//file",
        "dir/",
        "/",
        "a\0b",
        "a\x01b",
        "a\x7fb",
        "a\tb",
        "a\x1b[31m",
        ".haul-inflight-",
        ".haul-inflight-abc",
        "dir/.haul-inflight-1",
        &long_part,
        &long_name,
    ];
    for name in names {
        let json_name = serde_json::to_string(name).unwrap();
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let mut talk = served.talk();
        for request in [
            format!("GET {name}\r\n"),
            format!("DELETE {name}\r\n"),
            format!("{{\"command\":\"get\",\"filename\":{json_name}}}\r\n"),
            format!("{{\"command\":\"upload\",\"filename\":{json_name},\"filedata\":\"QUJD\"}}\r\n"),
            format!("STAT {encoded}\r\n"),
            format!("READ {encoded}\r\n"),
        ] {
            expect_refusal(&talk.ask(request), "invalid-name");
        }
        // The search for the payload of an UPLOAD ends after 4 KiB of its line.
        if name.len() < 4000 {
            expect_refusal(&talk.ask(format!("UPLOAD {name} QUJD\r\n")), "invalid-name");
        }
        assert_eq!(talk.ask("LIST\r\n")["data"], json!([]));
        talk.finish();
    }
    served.expect_again(&before);
}

#[test]
fn the_longest_names_are_served() {
    let served = Served::writable();
    let part = "p".repeat(255);
    let name = [part.as_str(); 15].join("/");
    for name in [part.as_str(), &name] {
        let mut talk = served.talk();
        talk.send(format!("UPLOAD {name} QUJD\r\n"));
        expect(&mut talk, &served, Stored(name, b"ABC"));
        talk.send(format!("GET {name}\r\nGET \"{name}\"\r\n"));
        expect(&mut talk, &served, Content(name, b"ABC"));
        expect(&mut talk, &served, Content(name, b"ABC"));
        talk.finish();
        served.clear();
    }
    // 4,096 bytes in parts that are short enough: a name, though nothing is there.
    let longest = &format!("{}/", "q".repeat(200)).repeat(21)[..4096];
    let mut talk = served.talk();
    expect_refusal(&talk.ask(format!("GET {longest}\r\n")), "not-found");
    expect_refusal(&talk.ask(format!("GET {longest}x\r\n")), "invalid-name");
    talk.finish();
}

#[test]
fn bytes_that_are_not_utf8_are_no_name() {
    let served = Served::writable();
    let before = served.state();
    for bytes in [
        &b"\xff"[..],
        b"a\xc3",
        b"a\xc3(",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
    ] {
        let mut talk = served.talk();
        for verb in ["GET ", "DELETE ", "STAT ", "READ ", "UPLOAD "] {
            let tail: &[u8] = if verb == "UPLOAD " { b" QUJD\r\n" } else { b"\r\n" };
            talk.send([verb.as_bytes(), bytes, tail].concat());
            expect(&mut talk, &served, Refused("invalid-name"));
        }
        talk.finish();
    }
    served.expect_again(&before);
}
