//! UPLOAD in the forms that can be read in several ways: what its object is called, and where its payload is.

use super::rows::Outcome::{Content, Names, Refused, Stored};
use super::rows::{Outcome, expect, expect_refusal, expect_rows};
use super::served::Served;
use super::{base64, content};

#[test]
fn a_length_before_the_payload_is_no_part_of_the_name_however_it_is_cut() {
    let served = Served::writable();
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

#[test]
fn a_payload_on_the_next_line_belongs_to_a_spaced_name_when_both_arrive_together() {
    let served = Served::writable();
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

#[test]
fn an_upload_that_may_go_on_in_the_next_line_is_answered_without_one() {
    let served = Served::with(|config| {
        config.writable = true;
        config.unterminated_writes = true;
    });
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

#[test]
fn two_bars_part_a_name_from_its_payload_however_it_is_cut() {
    let served = Served::writable();
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
    assert!(!served.exists("bad.bin"));
    talk.finish();
}

#[test]
fn a_payload_in_several_lines_is_refused_and_not_stored_in_part() {
    let served = Served::writable();
    let line = "A".repeat(76);
    let mut talk = served.talk();
    talk.send(format!("UPLOAD a.txt {line}\n{line}\n"));
    expect_refusal(&talk.reply(), "invalid-payload");
    talk.finish();
    assert!(served.files().is_empty());
}
