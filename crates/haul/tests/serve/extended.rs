//! The extended verbs: replies, raw bytes behind and before them, conditions, and the digest.

use serde_json::{Value, json};

use crate::rows::Outcome::{Content, Names, Refused};
use crate::rows::{cuts, expect, expect_refusal, keys};
use crate::served::Served;
use crate::talk::Talk;
use crate::{content, hex_digest, under_every_pool};

under_every_pool! {
    hello_says_what_the_server_is
    ls_lists_a_folder_with_facts
    stat_shows_facts_and_a_digest_when_asked_or_known
    read_sends_exactly_the_bytes_of_its_reply
    write_stores_what_its_digest_confirms_however_it_is_cut
    write_stores_nothing_when_its_digest_or_length_is_wrong
    write_keeps_its_condition
    the_raw_bytes_of_a_refused_write_are_skipped
    raw_bytes_may_look_like_anything
    a_digest_is_known_until_the_file_changes
    operands_are_percent_encoded
    operands_that_make_no_sense_are_refused_and_the_next_request_answered
    extended_requests_sent_at_once_are_answered_in_order
    stats_adds_up_to_what_one_client_did
}

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

fn hello_says_what_the_server_is(pool: &str) {
    let served = Served::with(pool, &["-w", "--max-upload", "1GB"]);
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
            assert!(hello["pool"].as_str().unwrap().starts_with(pool));
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

fn ls_lists_a_folder_with_facts(pool: &str) {
    let served = Served::with(pool, &[]);
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
    expect_refusal(&talk.ask("LS nowhere\r\n"), "not-found", &served);
    assert_eq!(talk.ask("LS b.txt\r\n")["status"], "ERROR");
    expect_refusal(&talk.ask("LS ..\r\n"), "invalid-name", &served);
    talk.finish();
}

fn stat_shows_facts_and_a_digest_when_asked_or_known(pool: &str) {
    let served = Served::writable(pool);
    let bytes = content("stat", 1_000_003);
    served.place("s.bin", &bytes);
    let mut talk = served.talk();
    talk.send_pieces(cuts(b"STAT s.bin\r\n").remove(4));
    let plain = talk.reply();
    assert_eq!(
        keys(&plain),
        ["etag", "mode", "modified", "name", "size", "status"],
        "never hashed only to answer"
    );
    assert_eq!(
        (&plain["name"], &plain["size"]),
        (&json!("s.bin"), &json!(bytes.len()))
    );
    assert!(is_rfc3339(&plain["modified"]));
    let asked = talk.ask("stat s.bin digest\r\n");
    assert_eq!(asked["digest"], hex_digest(&bytes));
    // Keeping the digest may have changed the etag, once.
    let kept = talk.ask("STAT s.bin\r\n");
    assert_eq!(kept["etag"], asked["etag"]);
    talk.send(write_request("w.bin 3", b"ABC"));
    let written = talk.reply();
    let known = talk.ask("STAT w.bin\n");
    assert_eq!(
        (&known["digest"], &known["etag"]),
        (&json!(hex_digest(b"ABC")), &written["etag"])
    );
    expect_refusal(&talk.ask("STAT nothing\n"), "not-found", &served);
    expect_refusal(&talk.ask("STAT nothing digest\n"), "not-found", &served);
    expect_refusal(&talk.ask("STAT s.bin colour\n"), "bad-request", &served);
    talk.finish();
}

fn read_sends_exactly_the_bytes_of_its_reply(pool: &str) {
    let served = Served::with(pool, &[]);
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
            ["etag", "length", "mode", "modified", "offset", "size", "status"],
            "{operands}"
        );
        assert_eq!(head["size"], size);
        assert_eq!(
            (&head["offset"], &head["length"]),
            (&json!(offset), &json!(length))
        );
        assert!(sent == bytes[offset..offset + length], "{operands}");
    }
    expect_refusal(&talk.ask("READ r.bin 700002\r\n"), "bad-request", &served);
    expect_refusal(&talk.ask("READ nothing\r\n"), "not-found", &served);
    for cut in cuts(b"READ r.bin 3 4\r\nREAD r.bin 699997\r\n") {
        talk.send_pieces(cut);
        assert_eq!(talk.reply()["length"], 4);
        assert_eq!(talk.raw(4), bytes[3..7]);
        assert_eq!(talk.reply()["length"], 4);
        assert_eq!(talk.raw(4), bytes[699_997..]);
    }
    talk.finish();
}

fn write_stores_what_its_digest_confirms_however_it_is_cut(pool: &str) {
    let served = Served::writable(pool);
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

fn write_stores_nothing_when_its_digest_or_length_is_wrong(pool: &str) {
    let served = Served::writable(pool);
    served.place("w.bin", "before");
    let before = served.quiet_state();
    let (right, wrong) = (hex_digest(b"ABC"), hex_digest(b"ABD"));
    let mut talk = served.talk();
    expect_refusal(
        &talk.ask(format!("WRITE w.bin 3\r\nABC{wrong}\r\n")),
        "digest-mismatch",
        &served,
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
        expect_refusal(&talk.reply(), "length-mismatch", &served);
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

fn write_keeps_its_condition(pool: &str) {
    let served = Served::writable(pool);
    let mut talk = served.talk();
    let first = talk.ask(write_request("c.bin 3 if-none-match", b"one"));
    assert_eq!(first["status"], "OK", "{first}");
    let etag = first["etag"].as_str().unwrap().to_owned();
    expect_refusal(
        &talk.ask(write_request("c.bin 3 if-none-match", b"two")),
        "exists",
        &served,
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
        &served,
    );
    talk.finish();
    assert_eq!(served.read("c.bin"), b"three");
    assert_eq!(served.files().len(), 1);
}

fn the_raw_bytes_of_a_refused_write_are_skipped(pool: &str) {
    let served = Served::with(pool, &["-w", "--max-upload", "1MB"]);
    served.place("there", "");
    let before = served.quiet_state();
    let bytes = content("skipped", 999_999);
    for (operands, code) in [
        ("../x 999999", "invalid-name"),
        (".haul-inflight-1 999999", "invalid-name"),
        ("there 999999 if-none-match", "exists"),
        ("there/below 999999", "exists"),
        ("%zz 999999", "invalid-name"),
    ] {
        println!("{operands}");
        let mut talk = served.talk();
        expect_refusal(&talk.ask(write_request(operands, &bytes)), code, &served);
        assert_eq!(talk.ask("LIST\r\n")["data"], json!(["there"]), "{operands}");
        talk.finish();
    }
    let larger = content("skipped", 1_000_001);
    let mut talk = served.talk();
    expect_refusal(
        &talk.ask(write_request("large 1000001", &larger)),
        "too-large",
        &served,
    );
    assert_eq!(talk.ask("LIST\r\n")["data"], json!(["there"]));
    talk.finish();
    served.expect_again(&before);
}

fn raw_bytes_may_look_like_anything(pool: &str) {
    let served = Served::writable(pool);
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

fn a_digest_is_known_until_the_file_changes(pool: &str) {
    let served = Served::writable(pool);
    let mut talk = served.talk();
    talk.ask(write_request("d.bin 3", b"ABC"));
    let (known, _) = read(&mut talk, "d.bin 1 1");
    assert_eq!(known["digest"], hex_digest(b"ABC"), "of the whole object");
    std::fs::write(served.path("d.bin"), "another").unwrap();
    let (changed, bytes) = read(&mut talk, "d.bin");
    assert_eq!(bytes, b"another");
    assert!(
        changed
            .get("digest")
            .is_none_or(|digest| *digest == hex_digest(b"another")),
        "{changed}"
    );
    assert_ne!(changed["etag"], known["etag"]);
    talk.finish();
}

fn operands_are_percent_encoded(pool: &str) {
    let served = Served::writable(pool);
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
        expect_refusal(&talk.ask(format!("STAT {bad}\r\n")), "invalid-name", &served);
        expect_refusal(&talk.ask(format!("READ {bad}\r\n")), "invalid-name", &served);
    }
    talk.finish();
}

fn operands_that_make_no_sense_are_refused_and_the_next_request_answered(pool: &str) {
    let served = Served::with(pool, &[]);
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

fn extended_requests_sent_at_once_are_answered_in_order(pool: &str) {
    let served = Served::writable(pool);
    let mut all = write_request("a 3", b"ABC");
    all.extend_from_slice(b"READ a\r\nSTAT a\r\nREAD a 1\nGET a\r\n");
    all.extend(write_request("b 5 if-none-match", b"LIST\n"));
    all.extend_from_slice(b"READ b\r\nREAD c\r\nHELLO\r\nUPLOAD c QUI=\r\nREAD c\r\nLIST\r\n");
    for cut in cuts(&all) {
        served.clear();
        let mut talk = served.talk();
        talk.send_pieces(cut);
        assert_eq!(talk.reply()["size"], 3);
        assert_eq!(
            (talk.reply()["length"].clone(), talk.raw(3)),
            (json!(3), b"ABC".to_vec())
        );
        assert_eq!(talk.reply()["name"], "a");
        assert_eq!(
            (talk.reply()["offset"].clone(), talk.raw(2)),
            (json!(1), b"BC".to_vec())
        );
        expect(&mut talk, &served, Content("a", b"ABC"));
        assert_eq!(talk.reply()["size"], 5);
        assert_eq!(
            (talk.reply()["length"].clone(), talk.raw(5)),
            (json!(5), b"LIST\n".to_vec())
        );
        expect(&mut talk, &served, Refused("not-found"));
        assert_eq!(talk.reply()["status"], "OK");
        assert_eq!(talk.reply()["data_namafile"], "c");
        assert_eq!(
            (talk.reply()["length"].clone(), talk.raw(2)),
            (json!(2), b"AB".to_vec())
        );
        expect(&mut talk, &served, Names(&["a", "b", "c"]));
        talk.finish();
    }
}

fn stats_adds_up_to_what_one_client_did(pool: &str) {
    let served = Served::writable(pool);
    let mut talk = served.talk();
    let requests = [
        "UPLOAD a QUJD\r\n",
        "GET a\r\n",
        "DOWNLOAD a\r\n",
        "GET b\r\n",
        "UPLOAD c QU*D\r\n",
        "DELETE a\r\n",
        "LIST\r\n",
        "PUT d QQ==\r\n",
        "FLY\r\n",
        "HELLO\r\n",
        "LS\r\n",
        "STAT d\r\n",
        "STAT e\r\n",
    ];
    for request in requests {
        talk.ask(request);
    }
    talk.ask(write_request("f 4", b"four"));
    read(&mut talk, "f 1");
    let stats = talk.ask("STATS\r\n");
    assert_eq!(keys(&stats), ["pool", "status", "uptime_seconds", "workers"]);
    assert!(stats["pool"].as_str().unwrap().starts_with(pool));
    let sums = crate::supervision::Sums::of(&stats);
    let counted = |verb: &str| sums.verb(verb);
    assert_eq!(
        [
            "list", "get", "upload", "delete", "hello", "ls", "stat", "read", "write", "unknown"
        ]
        .map(counted),
        [
            (1, 0),
            (2, 1),
            (2, 1),
            (1, 0),
            (1, 0),
            (1, 0),
            (1, 1),
            (1, 0),
            (1, 0),
            (0, 1)
        ]
    );
    assert_eq!((sums.bytes_in, sums.bytes_out), (3 + 1 + 4, 3 + 3 + 3));
    assert_eq!((sums.connections, sums.open, sums.restarts), (1, 1, 0));
    talk.finish();
}
