//! UPLOAD in the forms that can be read in several ways: what its object is called, and where its payload is.

use crate::rows::Outcome::{Content, Names, Refused, Stored};
use crate::rows::{Outcome, expect, expect_refusal, expect_rows};
use crate::served::Served;
use crate::{base64, content, under_every_pool};

under_every_pool! {
    a_length_before_the_payload_is_no_part_of_the_name_however_it_is_cut
    a_large_upload_gets_the_name_that_its_length_decides
    a_payload_on_the_next_line_belongs_to_a_spaced_name_when_both_arrive_together
    an_upload_that_may_go_on_in_the_next_line_is_answered_without_one
    two_bars_part_a_name_from_its_payload_however_it_is_cut
    a_payload_in_several_lines_is_refused_and_not_stored_in_part
}

fn a_length_before_the_payload_is_no_part_of_the_name_however_it_is_cut(pool: &str) {
    let served = Served::writable(pool);
    expect_rows(
        &served,
        &[
            ("UPLOAD up.bin 8 QUJDREVG\r\n", Stored("up.bin", b"ABCDEF")),
            ("UPLOAD up.bin 6 QUJDREVG\n", Stored("up.bin", b"ABCDEF")),
            (
                "PUT my new.bin 8 b'QUJDREVG'\r\n\r\n",
                Stored("my new.bin", b"ABCDEF"),
            ),
            ("UPLOAD up.bin 7 QUJDREVG\r\n", Stored("up.bin 7", b"ABCDEF")),
            ("UPLOAD \"up.bin 8\" QUJDREVG\r\n", Stored("up.bin 8", b"ABCDEF")),
        ],
    );
    assert_eq!(served.files().len(), 3, "only what was named was touched");
}

fn a_large_upload_gets_the_name_that_its_length_decides(pool: &str) {
    let served = Served::writable(pool);
    let bytes = content("length", 9_000_001);
    let payload = base64(&bytes);
    for (length, named) in [
        (bytes.len(), "up.bin"),
        (payload.len(), "up.bin"),
        (payload.len() + 1, "up.bin 12000005"),
        (2024, "up.bin 2024"),
    ] {
        served.clear();
        let mut talk = served.talk();
        talk.send(format!("UPLOAD up.bin {length} {payload}\r\n"));
        expect(&mut talk, &served, Stored(named, &bytes));
        assert_eq!(served.files().len(), 1, "nothing else is there");
        talk.finish();
        let log = served.log();
        let line = log.lines().rev().find(|line| line.contains("upload")).unwrap();
        assert!(line.contains(named), "{line}");
    }

    // What one of the two names cannot be does not keep the other from being it.
    served.clear();
    served.place("sub/up 12000004/file", "");
    let long = "n".repeat(255);
    for request in [
        format!("sub/up {}", payload.len()),
        format!("{long} {}", bytes.len()),
    ] {
        let mut talk = served.talk();
        talk.send(format!("UPLOAD {request} {payload}\r\nLIST\r\n"));
        let named = request.rsplit_once(' ').unwrap().0;
        expect(&mut talk, &served, Stored(named, &bytes));
        assert_eq!(talk.reply()["status"], "OK");
        talk.finish();
    }
    let before = served.files();
    let mut talk = served.talk();
    talk.send(format!(
        "UPLOAD {long} 9 {payload}\r\nUPLOAD sub {} {payload}\r\nLIST\r\n",
        payload.len()
    ));
    expect(&mut talk, &served, Refused("invalid-name"));
    expect(&mut talk, &served, Refused("is-a-directory"));
    expect(&mut talk, &served, Names(&[long.as_str()]));
    talk.finish();
    assert_eq!(served.files(), before);
}

fn a_payload_on_the_next_line_belongs_to_a_spaced_name_when_both_arrive_together(pool: &str) {
    let served = Served::writable(pool);
    let bytes = content("below", 300_000);
    let mut talk = served.talk();
    for (name, bytes) in [
        ("my data", &b"ABC"[..]),
        ("my data", b"ABCDEF"),
        ("my file.txt", b"ABCDEF"),
        ("my data", &bytes),
    ] {
        served.clear();
        served.place("my", "kept");
        let payload = base64(bytes);
        talk.send(format!("UPLOAD {name}\r\n{payload}\r\n\r\nGET {name}\r\n"));
        expect(&mut talk, &served, Stored(name, bytes));
        expect(&mut talk, &served, Content(name, bytes));
        assert_eq!(served.read("my"), b"kept");
    }
    served.clear();
    talk.send("UPLOAD my data\r\nLIST\r\nUPLOAD your data\r\nQUIT\r\n");
    let data: Outcome<'_> = Stored("my", b"\x75\xab\x5a");
    expect(&mut talk, &served, data);
    expect(&mut talk, &served, Names(&["my"]));
    expect(&mut talk, &served, Stored("your", b"\x75\xab\x5a"));
    expect(&mut talk, &served, Refused("unknown-verb"));
    talk.finish();
}

fn an_upload_that_may_go_on_in_the_next_line_is_answered_without_one(pool: &str) {
    let served = Served::with(pool, &["-w", "--unterminated-writes"]);
    let data: Outcome<'_> = Stored("my", b"\x75\xab\x5a");
    for request in ["UPLOAD my data\r\n", "UPLOAD my data\n\n", "UPLOAD my data"] {
        let mut waiting = served.talk();
        waiting.send(request);
        expect(&mut waiting, &served, data);
        waiting.finish();
        served.clear();
        let mut closing = served.talk();
        closing.send(request);
        closing.half_close();
        expect(&mut closing, &served, data);
        closing.expect_end();
        served.clear();
    }
}

fn two_bars_part_a_name_from_its_payload_however_it_is_cut(pool: &str) {
    let served = Served::writable(pool);
    expect_rows(
        &served,
        &[
            ("UPLOAD a.txt||QUJD\r\n", Stored("a.txt", b"ABC")),
            ("UPLOAD a.txt||QUJD\r\n\r\n", Stored("a.txt", b"ABC")),
            ("put my new.txt||b'QUJD'\n", Stored("my new.txt", b"ABC")),
            ("UPLOAD a||b QUJD\r\n", Stored("a||b", b"ABC")),
        ],
    );
    let bytes = content("bars", 5_000_000);
    let mut talk = served.talk();
    talk.send(format!("UPLOAD large.bin||{}\r\n", base64(&bytes)));
    expect(&mut talk, &served, Stored("large.bin", &bytes));
    talk.send(format!("UPLOAD bad.bin||{}*\r\n", base64(&bytes)));
    expect(&mut talk, &served, Refused("invalid-payload"));
    assert!(!served.path("bad.bin").exists());
    talk.finish();
}

fn a_payload_in_several_lines_is_refused_and_not_stored_in_part(pool: &str) {
    let served = Served::writable(pool);
    let line = "A".repeat(76);
    let mut talk = served.talk();
    talk.send(format!("UPLOAD a.txt {line}\n{line}\n"));
    expect_refusal(&talk.reply(), "invalid-payload", &served);
    talk.finish();
    assert!(served.files().is_empty());
}
