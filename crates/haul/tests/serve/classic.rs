//! The classic verbs over sockets and on a disk. Every form of them is tested in the server's crate.

use crate::rows::Outcome::{Content, Deleted, Names, Refused, Stored};
use crate::rows::{cuts, expect, expect_done};
use crate::served::Served;
use crate::{base64, content, under_every_pool};

under_every_pool! {
    requests_sent_at_once_are_answered_in_order
    an_upload_that_ends_anywhere_before_its_line_end_stores_nothing
    the_rest_of_a_refused_upload_is_skipped_and_the_next_request_answered
    an_upload_replaces_and_a_reader_keeps_its_version
}

fn requests_sent_at_once_are_answered_in_order(pool: &str) {
    let served = Served::writable(pool);
    let all = "UPLOAD a.txt QUJD\r\nGET a.txt\r\n\r\nUPLOAD b b'QUI='\nUPLOAD c QU*D\r\nLIST\r\nDELETE a.txt\r\n\
        {\"command\":\"upload\",\"filename\":\"d\",\"filedata\":\"QQ==\"}\r\nFLY\r\nGET a.txt\nGET b\n";
    for cut in cuts(all.as_bytes()) {
        served.clear();
        let mut talk = served.talk();
        talk.send_pieces(cut);
        expect_done(&talk.reply(), "a.txt");
        expect(&mut talk, &served, Content("a.txt", b"ABC"));
        expect(&mut talk, &served, Stored("b", b"AB"));
        expect(&mut talk, &served, Refused("invalid-payload"));
        expect(&mut talk, &served, Names(&["a.txt", "b"]));
        expect(&mut talk, &served, Deleted("a.txt"));
        expect(&mut talk, &served, Stored("d", b"A"));
        expect(&mut talk, &served, Refused("unknown-verb"));
        expect(&mut talk, &served, Refused("not-found"));
        expect(&mut talk, &served, Content("b", b"AB"));
        talk.finish();
    }
}

fn an_upload_that_ends_anywhere_before_its_line_end_stores_nothing(pool: &str) {
    let served = Served::writable(pool);
    served.place("half.txt", "before");
    let before = served.quiet_state();
    let requests = [
        "UPLOAD half.txt QUJDREVG\r",
        "PUT half.txt\r\nQUJDREVG",
        "{\"command\":\"upload\",\"filename\":\"half.txt\",\"filedata\":\"QUJD\"",
    ];
    for request in requests {
        for end in 1..=request.len() {
            let mut talk = served.talk();
            talk.send(&request[..end]);
            talk.half_close();
            let rest = String::from_utf8(talk.rest()).unwrap();
            assert!(
                rest.is_empty() || rest.contains("\"ERROR\""),
                "{:?}: {rest}",
                &request[..end]
            );
            assert_eq!(served.files(), before.files, "{:?}", &request[..end]);
        }
    }
    served.expect_again(&before);
}

fn the_rest_of_a_refused_upload_is_skipped_and_the_next_request_answered(pool: &str) {
    let served = Served::with(pool, &["-w", "--max-upload", "300KB"]);
    let before = served.quiet_state();
    let long = base64(&content("skipped", 3_000_000));
    for (head, code) in [
        ("UPLOAD ../x ", "invalid-name"),
        ("UPLOAD bad.txt *", "invalid-payload"),
        ("UPLOAD large.txt ", "too-large"),
        ("UPLOAD .haul-inflight-x b'", "invalid-name"),
        (
            "{\"command\":\"upload\",\"filename\":\"/x\",\"filedata\":\"",
            "invalid-name",
        ),
        (
            "{\"command\":\"upload\",\"filename\":\"x\",\"filedata\":\"*",
            "invalid-payload",
        ),
    ] {
        println!("{head}");
        let end = if head.starts_with('{') { "\"}\r\n" } else { "\r\n" };
        let mut talk = served.talk();
        // The refusal comes while most of the payload is still to be sent.
        talk.send(head);
        talk.send(&long[..1_000_000]);
        expect(&mut talk, &served, Refused(code));
        talk.send(&long[1_000_000..]);
        talk.send(format!("{end}LIST\r\n"));
        expect(&mut talk, &served, Names(&[]));
        talk.finish();
    }
    served.expect_again(&before);
}

fn an_upload_replaces_and_a_reader_keeps_its_version(pool: &str) {
    let served = Served::writable(pool);
    let old = content("old", 20_000_000);
    served.place("v.bin", &old);
    let mut reader = served.talk();
    reader.send("GET v.bin\r\n");
    // The reply has begun, and is too long for any socket's buffers.
    let mut begun = reader.raw(1);
    let mut writer = served.talk();
    writer.send("UPLOAD v.bin QUJD\r\n");
    expect(&mut writer, &served, Stored("v.bin", b"ABC"));
    writer.send("DELETE v.bin\r\n");
    expect(&mut writer, &served, Deleted("v.bin"));
    writer.finish();
    begun.extend(reader.raw(old.len() / 3 * 4));
    reader.half_close();
    begun.extend(reader.rest());
    let reply: serde_json::Value = serde_json::from_slice(begun.trim_ascii_end()).unwrap();
    assert!(
        reply["data_file"] == base64(&old).as_str(),
        "the version that was opened"
    );
}
