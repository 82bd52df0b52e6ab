//! The extended verbs: replies, raw bytes behind and before them, conditions, and the digest.

use serde_json::{Value, json};

use super::rows::Outcome::{Content, Names, Refused};
use super::rows::{cuts, expect, expect_refusal, keys};
use super::served::Served;
use super::talk::Talk;
use super::{content, hex_digest};

fn write_request(operands: &str, bytes: &[u8]) -> Vec<u8> {
    let mut request = format!("WRITE {operands}\r\n").into_bytes();
    request.extend_from_slice(bytes);
    request.extend_from_slice(hex_digest(bytes).as_bytes());
    request.extend_from_slice(b"\r\n");
    request
}

/// READ: the head and the bytes behind it.
fn read(talk: &mut Talk, operands: &str) -> (Value, Vec<u8>) {
    let head = talk.ask(format!("READ {operands}\r\n"));
    assert_eq!(head["status"], "OK", "{head}");
    let bytes = talk.raw(usize::try_from(head["length"].as_u64().unwrap()).unwrap());
    (head, bytes)
}

#[test]
fn hello_says_what_the_server_is() {
    let served = Served::with(|config| {
        config.writable = true;
        config.limits.upload_bytes_max = Some(1_000_000_000);
    });
    for request in ["HELLO\r\n", "hello\n", "Hello\r\n\r\n"] {
        for cut in cuts(request.as_bytes()) {
            let mut talk = served.talk();
            talk.send_pieces(cut);
            let hello = talk.reply();
            assert_eq!(
                keys(&hello),
                [
                    "limits",
                    "pool",
                    "protocol",
                    "server",
                    "status",
                    "verbs",
                    "write_options"
                ]
            );
            assert_eq!(hello["write_options"], json!(["modified", "mode"]));
            assert_eq!(hello["status"], "OK");
            assert_eq!(hello["protocol"], 1);
            assert_eq!(hello["server"], concat!("haul/", env!("CARGO_PKG_VERSION")));
            assert_eq!(hello["pool"], served.context.config.pool.to_string());
            assert_eq!(hello["limits"]["max_upload"], 1_000_000_000);
            let verbs: Vec<&str> = hello["verbs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v.as_str().unwrap())
                .collect();
            for verb in [
                "LIST", "GET", "DOWNLOAD", "UPLOAD", "DELETE", "HELLO", "LS", "STAT", "READ", "WRITE",
                "RMDIR", "STATS",
            ] {
                assert!(verbs.contains(&verb), "{verb}");
            }
            talk.finish();
        }
    }
}

fn is_rfc3339(text: &Value) -> bool {
    let text = text.as_str().unwrap_or_default().as_bytes();
    text.len() >= 20 && text[4] == b'-' && text[10] == b'T' && text[16] == b':' && text.ends_with(b"Z")
}

#[test]
fn ls_lists_a_folder_with_facts() {
    let served = Served::with(|_| ());
    served.place("b.txt", "12345");
    served.place(".hidden", "");
    served.place("sub dir/inner.txt", "123");
    for request in ["LS\r\n", "ls\n"] {
        for cut in cuts(request.as_bytes()) {
            let mut talk = served.talk();
            talk.send_pieces(cut);
            let list = talk.reply();
            assert_eq!(keys(&list), ["data", "status"]);
            let entries = list["data"].as_array().unwrap();
            assert!(
                entries
                    .iter()
                    .all(|entry| keys(entry) == ["kind", "modified", "name", "size"])
            );
            assert!(
                entries.iter().all(|entry| is_rfc3339(&entry["modified"])),
                "{list}"
            );
            let facts: Vec<_> = entries
                .iter()
                .map(|entry| (&entry["name"], &entry["kind"]))
                .collect();
            let [hidden, file, dir] = [".hidden", "b.txt", "sub dir"].map(Value::from);
            let [is_file, is_dir] = ["file", "dir"].map(Value::from);
            assert_eq!(facts, [(&hidden, &is_file), (&file, &is_file), (&dir, &is_dir)]);
            assert_eq!(entries[1]["size"], 5);
            talk.finish();
        }
    }
    let mut talk = served.talk();
    let inner = talk.ask("LS sub%20dir\r\n");
    assert_eq!(
        (&inner["data"][0]["name"], &inner["data"][0]["size"]),
        (&json!("inner.txt"), &json!(3))
    );
    expect_refusal(&talk.ask("LS nowhere\r\n"), "not-found");
    assert_eq!(talk.ask("LS b.txt\r\n")["status"], "ERROR");
    expect_refusal(&talk.ask("LS ..\r\n"), "invalid-name");
    talk.finish();
}

#[test]
fn read_sends_exactly_the_bytes_of_its_reply() {
    let served = Served::with(|_| ());
    let bytes = content("read", 700_001);
    served.place("r.bin", &bytes);
    served.place("empty", "");
    let mut talk = served.talk();
    for (operands, offset, length) in [
        ("r.bin", 0, bytes.len()),
        ("r.bin 0", 0, bytes.len()),
        ("r.bin 699999", 699_999, 2),
        ("r.bin 5 7", 5, 7),
        ("r.bin 0 0", 0, 0),
        ("r.bin 300000 262144", 300_000, 262_144),
        ("r.bin 700001", 700_001, 0),
        ("r.bin 700000 18446744073709551615", 700_000, 1),
        ("empty", 0, 0),
    ] {
        let (head, sent) = read(&mut talk, operands);
        let size = if operands == "empty" { 0 } else { bytes.len() };
        assert_eq!(
            keys(&head),
            ["etag", "length", "modified", "offset", "size", "status"],
            "{operands}"
        );
        assert_eq!(head["size"], size);
        assert_eq!(
            (&head["offset"], &head["length"]),
            (&json!(offset), &json!(length))
        );
        assert!(sent == bytes[offset..offset + length], "{operands}");
    }
    expect_refusal(&talk.ask("READ r.bin 700002\r\n"), "bad-request");
    expect_refusal(&talk.ask("READ nothing\r\n"), "not-found");
    for cut in cuts(b"READ r.bin 3 4\r\nREAD r.bin 699997\r\n") {
        talk.send_pieces(cut);
        assert_eq!(talk.reply()["length"], 4);
        assert_eq!(talk.raw(4), bytes[3..7]);
        assert_eq!(talk.reply()["length"], 4);
        assert_eq!(talk.raw(4), bytes[699_997..]);
    }
    talk.finish();
}

#[test]
fn write_stores_what_its_digest_confirms_however_it_is_cut() {
    let served = Served::writable();
    for bytes in [&b"ABC"[..], b"", b"\r\n\r\n", b"LIST\r\n{\"\"}\0\xff"] {
        for line_end in ["\r\n", "\n"] {
            let digest = hex_digest(bytes).to_uppercase();
            let mut request = format!("write w.bin {}{line_end}", bytes.len()).into_bytes();
            request.extend_from_slice(bytes);
            request.extend_from_slice(format!("{digest}{line_end}LIST{line_end}").as_bytes());
            for cut in cuts(&request) {
                served.clear();
                let mut talk = served.talk();
                talk.send_pieces(cut);
                let written = talk.reply();
                assert_eq!(keys(&written), ["digest", "etag", "size", "status"]);
                assert_eq!(written["size"], bytes.len());
                assert_eq!(written["digest"], hex_digest(bytes));
                expect(&mut talk, &served, Names(&["w.bin"]));
                assert_eq!(served.read("w.bin"), bytes);
                talk.finish();
            }
        }
    }
    let large = content("write", 5_000_000);
    let mut talk = served.talk();
    talk.send(write_request("w.bin 5000000", &large));
    assert_eq!(talk.reply()["digest"], hex_digest(&large));
    assert!(read(&mut talk, "w.bin").1 == large);
    talk.finish();
}

#[test]
fn write_stores_nothing_when_its_digest_or_length_is_wrong() {
    let served = Served::writable();
    served.place("w.bin", "before");
    let before = served.state();
    let (right, wrong) = (hex_digest(b"ABC"), hex_digest(b"ABD"));
    let mut talk = served.talk();
    expect_refusal(
        &talk.ask(format!("WRITE w.bin 3\r\nABC{wrong}\r\n")),
        "digest-mismatch",
    );
    assert_eq!(
        talk.ask("LIST\r\n")["data"],
        json!(["w.bin"]),
        "the framing holds"
    );
    talk.finish();
    // More or fewer bytes than were announced, and what is no digest: the framing is lost.
    for tail in [
        format!("WRITE w.bin 2\r\nABC{right}\r\n"),
        format!("WRITE w.bin 4\r\nABC{right}\r\n"),
        format!("WRITE w.bin 3\r\nABC{}\r\n", &right[1..]),
        format!("WRITE w.bin 3\r\nABC{right}0\r\n"),
        format!("WRITE w.bin 3\r\nABC{}g\r\n", &right[1..]),
        "WRITE w.bin 3\r\nABC\r\n\r\n\r\n".to_owned() + &"\r\n".repeat(40),
    ] {
        let mut talk = served.talk();
        talk.send(&tail);
        talk.half_close();
        expect_refusal(&talk.reply(), "length-mismatch");
        talk.expect_end();
    }
    // The end of the file in the middle.
    for end in [15, 16, 17, 18, 40, 81] {
        let whole = format!("WRITE w.bin 3\r\nABC{right}\r\n");
        let mut talk = served.talk();
        talk.send(&whole[..end]);
        talk.half_close();
        assert_eq!(talk.reply()["status"], "ERROR");
        talk.expect_end();
    }
    served.expect_again(&before);
}

#[test]
fn write_keeps_its_condition() {
    let served = Served::writable();
    let mut talk = served.talk();
    let first = talk.ask(write_request("c.bin 3 if-none-match", b"one"));
    assert_eq!(first["status"], "OK", "{first}");
    let etag = first["etag"].as_str().unwrap().to_owned();
    expect_refusal(
        &talk.ask(write_request("c.bin 3 if-none-match", b"two")),
        "exists",
    );
    assert_eq!(served.read("c.bin"), b"one");
    let second = talk.ask(write_request(&format!("c.bin 5 if-match={etag}"), b"three"));
    assert_eq!(second["status"], "OK", "{second}");
    assert_ne!(second["etag"], first["etag"]);
    let stale = talk.ask(write_request(&format!("c.bin 4 if-match={etag}"), b"four"));
    assert_eq!(stale["status"], "ERROR");
    assert_eq!(
        talk.ask(write_request(&format!("new.bin 4 if-match={etag}"), b"four"))["status"],
        "ERROR"
    );
    expect_refusal(
        &talk.ask(write_request("c.bin 4 if-tuesday", b"four")),
        "bad-request",
    );
    talk.finish();
    assert_eq!(served.read("c.bin"), b"three");
    assert_eq!(served.files().len(), 1);
}

#[test]
fn the_raw_bytes_of_a_refused_write_are_skipped() {
    let served = Served::with(|config| {
        config.writable = true;
        config.limits.upload_bytes_max = Some(1_000_000);
    });
    served.place("there", "");
    let before = served.state();
    let bytes = content("skipped", 999_999);
    for (operands, code) in [
        ("../x 999999", "invalid-name"),
        (".haul-inflight-1 999999", "invalid-name"),
        ("there 999999 if-none-match", "exists"),
        ("there/below 999999", "exists"),
        ("%zz 999999", "invalid-name"),
    ] {
        let mut talk = served.talk();
        expect_refusal(&talk.ask(write_request(operands, &bytes)), code);
        assert_eq!(talk.ask("LIST\r\n")["data"], json!(["there"]), "{operands}");
        talk.finish();
    }
    let larger = content("skipped", 1_000_001);
    let mut talk = served.talk();
    expect_refusal(&talk.ask(write_request("large 1000001", &larger)), "too-large");
    assert_eq!(talk.ask("LIST\r\n")["data"], json!(["there"]));
    talk.finish();
    served.expect_again(&before);
}

#[test]
fn raw_bytes_may_look_like_anything() {
    let served = Served::writable();
    let bytes = b"}\r\n\r\nDELETE looks\r\n\r\nUPLOAD x QUJD\r\n\0".repeat(5000);
    let mut talk = served.talk();
    assert_eq!(
        talk.ask(write_request(&format!("looks {}", bytes.len()), &bytes))["status"],
        "OK"
    );
    assert!(read(&mut talk, "looks").1 == bytes);
    talk.finish();
    assert_eq!(served.files().len(), 1);
}

#[test]
fn operands_are_percent_encoded() {
    let served = Served::writable();
    let name = "a b%\"'+ é.txt";
    let encoded = "a%20b%25%22%27+%20%C3%A9.txt";
    let mut talk = served.talk();
    assert_eq!(
        talk.ask(write_request(&format!("{encoded} 3"), b"ABC"))["status"],
        "OK"
    );
    assert_eq!(served.read(name), b"ABC");
    assert_eq!(talk.ask(format!("STAT {encoded}\r\n"))["name"], name);
    assert_eq!(
        read(&mut talk, &encoded.to_lowercase().replace("%c3", "%C3")).1,
        b"ABC"
    );
    for bad in [
        "%",
        "a%2",
        "%GG",
        "%ff",
        "%00",
        "a%0Ab",
        "%2e%2e/x",
        "%2Fetc%2Fpasswd",
    ] {
        expect_refusal(&talk.ask(format!("STAT {bad}\r\n")), "invalid-name");
        expect_refusal(&talk.ask(format!("READ {bad}\r\n")), "invalid-name");
    }
    talk.finish();
}

#[test]
fn operands_that_make_no_sense_are_refused_and_the_next_request_answered() {
    let served = Served::with(|_| ());
    served.place("a", "A");
    for request in [
        "READ a x",
        "READ a -1",
        "READ a 1 2 3",
        "READ a +1",
        "READ a 99999999999999999999",
        "STAT a digest digest",
        "HELLO there",
        "STATS please",
        "LS a b",
        "STAT",
        "READ",
    ] {
        let mut talk = served.talk();
        talk.send(format!("{request}\r\nGET a\r\n"));
        expect(&mut talk, &served, Refused("bad-request"));
        expect(&mut talk, &served, Content("a", b"A"));
        talk.finish();
    }
    for request in ["WRITE a", "WRITE a x", "WRITE a -1", "WRITE"] {
        let mut talk = served.talk();
        talk.send(format!("{request}\r\n"));
        assert_eq!(talk.reply()["status"], "ERROR");
        talk.half_close();
        talk.expect_end();
    }
}
