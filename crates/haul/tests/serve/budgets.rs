//! Requests that cost much: listings of large folders, digests of large objects, and what is left without descriptors.

use std::fs::File;

use crate::rows::Outcome::{Content, Names};
use crate::rows::expect;
use crate::served::Served;
use crate::talk::Talk;
use crate::{base64, content, expect_soon, hex_digest, under_every_pool};

under_every_pool! {
    an_upload_has_its_digest_from_the_beginning
    a_digest_that_was_asked_for_is_kept
    a_digest_is_not_computed_for_a_peer_that_has_gone
    a_digest_under_way_does_not_hold_up_a_drain
}

/// The server's memory, over all its processes, in KiB.
fn memory(served: &Served) -> u64 {
    let pids = served.children().into_iter().chain([served.pid()]);
    let of = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok())
    };
    pids.filter_map(of).sum()
}

#[test]
fn a_thousand_listings_that_nobody_reads_take_bounded_memory() {
    let served = Served::with("tasks", &[]);
    for number in 0..30_000 {
        File::create(served.path(format!("a file whose name is not short, number {number:06}"))).unwrap();
    }
    let unread: Vec<Talk> = (0..1000)
        .map(|_| {
            let mut talk = Talk::connect_from([127, 0, 0, 2], served.address());
            talk.send("LIST\r\n");
            talk
        })
        .collect();
    // Another address gets its listing meanwhile, and each of them takes 3 MB.
    let mut reader = served.talk();
    for _ in 0..3 {
        let list = reader.ask("LIST\r\n");
        assert_eq!(list["data"].as_array().unwrap().len(), 30_000);
    }
    let used = memory(&served);
    assert!(used < 256 * 1024, "{used} KiB");
    drop(unread);
}

fn an_upload_has_its_digest_from_the_beginning(pool: &str) {
    let served = Served::writable(pool);
    for length in [0, 3, 100_000, 500_001] {
        let bytes = content("digest", length);
        let mut talk = served.talk();
        assert_eq!(
            talk.ask(format!("UPLOAD a {}\r\n", quoted(&base64(&bytes))))["status"],
            "OK"
        );
        assert_eq!(talk.ask("STAT a\r\n")["digest"], hex_digest(&bytes).as_str());
    }
}

/// An empty payload is written as an empty text.
fn quoted(payload: &str) -> String {
    format!("'{payload}'")
}

fn a_digest_that_was_asked_for_is_kept(pool: &str) {
    let served = Served::with(pool, &[]);
    served.place("placed", "placed by hand");
    let digest = hex_digest(b"placed by hand");
    let mut talk = served.talk();
    assert!(
        talk.ask("STAT placed\r\n")
            .get("digest")
            .is_none_or(serde_json::Value::is_null)
    );
    let asked = talk.ask("STAT placed digest\r\n");
    assert_eq!(asked["digest"], digest.as_str());
    let facts = talk.ask("STAT placed\r\n");
    assert_eq!(facts["digest"], digest.as_str());
    assert_eq!(facts["etag"], asked["etag"]);
}

/// A file that takes minutes to read, and no room.
fn place_endless(served: &Served, name: &str) {
    File::create(served.path(name)).unwrap().set_len(1 << 42).unwrap();
}

fn a_digest_is_not_computed_for_a_peer_that_has_gone(pool: &str) {
    let served = Served::with(pool, &[]);
    place_endless(&served, "endless");
    served.place("small", "small");
    for _ in 0..6 {
        let mut gone = served.talk();
        gone.send("STAT endless digest\r\n");
    }
    let mut talk = served.talk();
    talk.send("GET small\r\n");
    expect(&mut talk, &served, Content("small", b"small"));
    talk.finish();
    expect_soon("nobody is served any more", || {
        let stats = served.stats();
        let open: u64 = stats["workers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|worker| worker["open"].as_u64().unwrap())
            .sum();
        (open == 1).then_some(())
    });
}

fn a_digest_under_way_does_not_hold_up_a_drain(pool: &str) {
    let mut served = Served::with(pool, &["--grace", "10m"]);
    place_endless(&served, "endless");
    let mut talk = served.talk();
    talk.send("STAT endless digest\r\n");
    talk.expect_taken();
    served.signal(rustix::process::Signal::TERM);
    assert_eq!(talk.reply()["code"], "draining");
    assert_eq!(served.wait().code(), Some(0));
}

#[test]
fn without_descriptors_further_clients_wait_and_idle_ones_make_room() {
    for pool in ["tasks", "threads:1x4096"] {
        println!("{pool}");
        let served = Served::with_descriptors(128, pool, &["--idle-timeout", "10m"]);
        let mut idle: Vec<Talk> = (0..60).map(|_| served.talk()).collect();
        for talk in idle.iter_mut().take(10) {
            talk.send("LIST\r\n");
            expect(talk, &served, Names(&[]));
        }
        let mut last = served.talk();
        last.send("LIST\r\n");
        expect(&mut last, &served, Names(&[]));
        assert!(served.log().contains("leaves room for fewer connections"));
    }
}
