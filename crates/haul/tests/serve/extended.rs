//! The extended verbs over sockets and on a disk: raw bytes behind and before them, the digest, the ledger of every pool.

use serde_json::{Value, json};

use crate::rows::Outcome::{Content, Names, Refused};
use crate::rows::{cuts, expect, expect_refusal, keys};
use crate::served::Served;
use crate::talk::Talk;
use crate::{content, hex_digest, under_every_pool};

under_every_pool! {
    stat_shows_facts_and_a_digest_when_asked_or_known
    a_digest_is_known_until_the_file_changes
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

fn is_rfc3339(text: &Value) -> bool {
    let text = text.as_str().unwrap_or_default().as_bytes();
    text.len() >= 20 && text[4] == b'-' && text[10] == b'T' && text[16] == b':' && text.ends_with(b"Z")
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
