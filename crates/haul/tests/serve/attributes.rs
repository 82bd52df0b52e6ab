//! What travels beside the content of a file: when it was modified, and its permissions.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::rows::{cuts, expect_refusal};
use crate::served::Served;
use crate::{hex_digest, under_every_pool};

under_every_pool! {
    a_write_sets_the_time_and_the_permissions_that_it_names_however_it_is_cut
    read_and_stat_say_when_a_file_was_modified_and_its_permissions
    a_write_with_options_that_make_no_sense_stores_nothing
}

const NOON: &str = "2026-01-31T12:00:00.25Z";

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_769_860_800_250)
}

fn write_request(operands: &str) -> Vec<u8> {
    format!("WRITE {operands}\r\nABC{}\r\n", hex_digest(b"ABC")).into_bytes()
}

/// Modification time and permissions of a file beneath the root.
fn facts(served: &Served, name: &str) -> (SystemTime, u32) {
    let facts = fs::metadata(served.path(name)).unwrap();
    (facts.modified().unwrap(), facts.permissions().mode() & 0o7777)
}

fn a_write_sets_the_time_and_the_permissions_that_it_names_however_it_is_cut(pool: &str) {
    let served = Served::writable(pool);
    let options = [
        format!("modified={NOON} mode=0640"),
        "mode=640 if-none-match modified=2026-01-31T19%3A00%3A00.25+07:00".to_owned(),
    ];
    for options in options {
        for cut in cuts(&write_request(&format!("w.bin 3 {options}"))) {
            served.clear();
            let mut talk = served.talk();
            talk.send_pieces(cut);
            assert_eq!(talk.reply()["size"], 3, "{options}");
            assert_eq!(served.read("w.bin"), b"ABC");
            assert_eq!(facts(&served, "w.bin"), (noon(), 0o640), "{options}");
            talk.finish();
        }
    }
    let mut talk = served.talk();
    assert_eq!(talk.ask(write_request("w.bin 3 mode=0600"))["status"], "OK");
    let (modified, mode) = facts(&served, "w.bin");
    assert_eq!(mode, 0o600);
    assert_ne!(modified, noon(), "the time of the upload where none is given");
    talk.finish();
}

fn read_and_stat_say_when_a_file_was_modified_and_its_permissions(pool: &str) {
    let served = Served::with(pool, &[]);
    served.place("a", "ABC");
    let file = fs::File::options().write(true).open(served.path("a")).unwrap();
    file.set_permissions(Permissions::from_mode(0o4750)).unwrap();
    file.set_modified(noon()).unwrap();
    let mut talk = served.talk();
    let told = |reply: &Value| (reply["modified"].clone(), reply["mode"].clone());
    assert_eq!(told(&talk.ask("STAT a\r\n")), (json!(NOON), json!("0750")));
    assert_eq!(told(&talk.ask("STAT a digest\r\n")), (json!(NOON), json!("0750")));
    assert_eq!(told(&talk.ask("READ a 1\r\n")), (json!(NOON), json!("0750")));
    assert_eq!(talk.raw(2), b"BC");
    talk.finish();
}

fn a_write_with_options_that_make_no_sense_stores_nothing(pool: &str) {
    let served = Served::writable(pool);
    let mut talk = served.talk();
    for options in [
        "mode=4755",
        "mode=rw",
        "mode=644 mode=644",
        "modified=noon",
        "modified=2026-01-31",
        "if-none-match if-match=e",
        "owner=root",
    ] {
        let reply = talk.ask(write_request(&format!("w.bin 3 {options}")));
        expect_refusal(&reply, "bad-request", &served);
        assert_eq!(talk.ask("LIST\r\n")["data"], json!([]), "{options}");
    }
    talk.finish();
}
