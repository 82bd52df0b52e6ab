//! Connections that end before their clients want: at a drain, at its cut, and when the queue orders them to.

use std::time::Duration;

use super::content;
use super::rows::Outcome::{Content, Names};
use super::rows::{expect, expect_done, expect_refusal};
use super::served::Served;
use crate::Limits;
use crate::ledger::Reason;
use crate::service::{Operation, Protocol, RequestKind};

#[test]
fn a_silent_connection_and_an_idle_one_end_with_the_drain() {
    let served = Served::with(|_| ());
    let mut idle = served.talk();
    assert_eq!(idle.ask("LIST\r\n")["status"], "OK");
    let silent = served.talk();
    silent.expect_taken();
    let since = served.now();
    served.context.drain.begin();
    idle.expect_end();
    silent.expect_end();
    assert_eq!(served.now(), since);
}

#[test]
fn a_request_that_has_begun_is_answered_in_a_drain() {
    let served = Served::with(|_| ());
    let mut talk = served.talk();
    talk.send("HELL");
    talk.expect_taken();
    served.context.drain.begin();
    assert_eq!(talk.ask("O\r\n")["status"], "OK");
    talk.expect_end();
}

#[test]
fn an_upload_that_has_begun_is_stored_in_a_drain_and_a_later_request_refused() {
    let served = Served::writable();
    let mut talk = served.talk();
    talk.send("UPLOAD early QUJ");
    talk.expect_taken();
    served.context.drain.begin();
    talk.send("D\r\nUPLOAD late QUJD\r\n");
    expect_done(&talk.reply(), "early");
    expect_refusal(&talk.reply(), "draining");
    talk.expect_end();
    assert!(served.exists("early") && !served.exists("late"));
}

#[test]
fn what_is_in_flight_at_the_cut_is_reset_and_stores_nothing() {
    let served = Served::writable();
    served.place("kept", "kept");
    served.place("large", content("large", 3_000_000));
    let before = served.state();
    let mut upload = served.talk();
    upload.send("UPLOAD kept ");
    upload.send("QUJD".repeat(10_000));
    let mut download = served.talk();
    download.send("GET large\r\n");
    download.raw(100);
    for talk in [&upload, &download] {
        talk.expect_taken();
    }
    served.context.drain.cut();
    upload.expect_reset();
    download.expect_reset();
    served.expect_again(&before);
}

#[test]
fn an_idle_connection_gives_way_and_a_request_in_progress_does_not() {
    let served = Served::writable();
    let mut idle = served.talk();
    idle.send("LIST\r\n");
    expect(&mut idle, &served, Names(&[]));
    let mut busy = served.talk();
    busy.send("UPLOAD a QUJ");
    busy.expect_taken();
    served.order(Reason::Share);
    idle.expect_end();
    busy.send("D\r\n");
    expect_done(&busy.reply(), "a");
    busy.expect_end();
}

#[test]
fn a_request_that_is_too_slow_for_those_who_wait_is_refused_and_stores_nothing() {
    let long = "QUJD".repeat(10_000);
    for request in [
        "UPLOAD slow QUJ",
        &format!("UPLOAD slow {long}"),
        "WRITE slow 9\r\nABC",
        "STAT slo",
    ] {
        let served = Served::writable();
        let before = served.state();
        let mut talk = served.talk();
        talk.send(request);
        talk.expect_taken();
        served.order(Reason::SlowShare);
        let refusal = talk.reply();
        expect_refusal(&refusal, "timeout");
        assert!(
            refusal["message"]
                .as_str()
                .unwrap()
                .contains("other clients wait"),
            "{refusal}"
        );
        talk.expect_end();
        served.expect_again(&before);
    }
}

#[test]
fn a_reply_that_does_not_arrive_whole_is_counted_as_failed() {
    let served = Served::with(|_| ());
    served.place("large", content("large", 3_000_000));
    let counts = || {
        let stats = served.context.ledger.slot(0);
        let counts = stats.counts(RequestKind::new(Operation::Read, Protocol::Classic));
        (counts.ok, counts.failed)
    };
    let mut talk = served.talk();
    talk.send("GET large\r\n");
    talk.raw(100);
    drop(talk);
    served.pass(Duration::from_secs(1));
    assert_eq!(counts(), (0, 1));
    let mut talk = served.talk();
    talk.send("GET large\r\n");
    expect(&mut talk, &served, Content("large", &content("large", 3_000_000)));
    assert_eq!(counts(), (1, 1));
    talk.finish();
}

#[test]
fn a_listing_that_is_not_taken_gives_way_to_one_that_waits_for_its_turn() {
    let served = Served::with(|_| ());
    served.place_many(10_000);
    // One address has half of the listings that are held at once.
    let held: Vec<_> = (0..Limits::LISTINGS_MAX / 2)
        .map(|_| {
            let mut talk = served.talk();
            talk.send("LIST\r\n");
            talk.expect_taken();
            talk
        })
        .collect();
    let since = served.now();
    let mut waiting = served.talk();
    assert!(waiting.ask("LIST\r\n")["status"] == "OK");
    assert!(served.now() - since < Limits::TURN_WAIT);
    waiting.finish();
    drop(held);
}
