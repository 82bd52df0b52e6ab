//! Limits of time and size: idle, stalled and slow clients, and uploads that are too large.

use std::time::Duration;

use super::rows::Outcome::{Content, Names, Refused, Stored};
use super::rows::{expect, expect_done};
use super::served::Served;
use super::{base64, content};
use crate::Limits;

#[test]
fn an_idle_connection_is_closed_after_its_timeout() {
    let served = Served::with(|config| config.limits.idle_timeout = Duration::from_secs(1));
    let before = served.state();
    let mut spoken = served.talk();
    spoken.send("LIST\r\n");
    expect(&mut spoken, &served, Names(&[]));
    spoken.expect_end();
    served.talk().expect_end();
    // A blank line is not a request.
    let mut blank = served.talk();
    blank.send("\r\n");
    blank.expect_end();
    served.expect_again(&before);
}

#[test]
fn an_idle_connection_is_kept_while_nobody_waits() {
    let served = Served::with(|config| config.limits.line_timeout = Duration::from_secs(2));
    let mut idle = served.talk();
    idle.send("LIST\r\n");
    expect(&mut idle, &served, Names(&[]));
    // Another connection is cut after two seconds: time enough in which the idle one must not be closed.
    let mut slow = served.talk();
    slow.send("UPLO");
    expect(&mut slow, &served, Refused("timeout"));
    slow.expect_end();
    idle.send("LIST\r\n");
    expect(&mut idle, &served, Names(&[]));
    idle.finish();
}

#[test]
fn a_request_line_that_takes_too_long_is_refused() {
    let served = Served::with(|config| {
        config.writable = true;
        // Shorter than any silence that completes a request.
        config.limits.line_timeout = Limits::UNTERMINATED_WRITE_SILENCE - Duration::from_millis(1);
    });
    let before = served.state();
    for requests in [
        ["UPLOAD a.t", "FLY", "STAT a"],
        ["{\"command\":\"li", "{", "DELETE a"],
    ] {
        let mut talks: Vec<_> = requests.iter().map(|_| served.talk()).collect();
        for (talk, request) in talks.iter_mut().zip(requests) {
            talk.send(request);
        }
        for mut talk in talks {
            expect(&mut talk, &served, Refused("timeout"));
            talk.expect_end();
        }
    }
    // Only the first words of a connection may stand alone.
    let mut later = served.talk();
    later.send("LIST\r\nLIST");
    expect(&mut later, &served, Names(&[]));
    expect(&mut later, &served, Refused("timeout"));
    later.expect_end();
    served.expect_again(&before);
}

#[test]
fn a_request_line_that_drips_is_refused_all_the_same() {
    let served = Served::with(|config| {
        config.writable = true;
        config.limits.line_timeout = Duration::from_secs(2);
    });
    let mut talk = served.talk();
    talk.send("STAT ");
    let since = served.now();
    // Ends when the server takes no more; the refusal came before.
    let drip = Duration::from_millis(50);
    while talk.try_send("a") && !talk.has_received() {
        served.pass(drip);
    }
    let passed = served.now() - since;
    assert!(passed <= Duration::from_secs(2) + drip, "{passed:?}");
    expect(&mut talk, &served, Refused("timeout"));
    talk.rest();
}

#[test]
fn an_upload_may_be_as_large_as_the_limit_and_no_larger() {
    let served = Served::with(|config| {
        config.writable = true;
        config.limits.upload_bytes_max = Some(100_000);
    });
    let (fits, larger) = (content("limit", 100_000), content("limit", 100_001));
    let mut talk = served.talk();
    talk.send(format!("UPLOAD fits {}\r\n", base64(&fits)));
    expect(&mut talk, &served, Stored("fits", &fits));
    let before = served.files();
    for name in ["fits", "other"] {
        talk.send(format!("UPLOAD {name} {}\r\n", base64(&larger)));
        expect(&mut talk, &served, Refused("too-large"));
        talk.send(format!(
            "{{\"command\":\"upload\",\"filename\":\"{name}\",\"filedata\":\"{}\"}}\r\n",
            base64(&larger)
        ));
        expect(&mut talk, &served, Refused("too-large"));
    }
    // More than anybody has: refused by its announcement, before a byte of it arrives.
    talk.send("WRITE other 18446744073709551615\r\n");
    expect(&mut talk, &served, Refused("too-large"));
    assert_eq!(served.files(), before);
}

#[test]
fn a_small_buffer_changes_nothing() {
    let served = Served::with(|config| {
        config.writable = true;
        config.limits.buffer_bytes = 4096;
    });
    let long_name = "n".repeat(255);
    for length in [0, 1, 2, 3, 4, 3071, 3072, 3073, 4095, 4096, 4097, 12_288, 100_003] {
        let bytes = content("small buffer", length);
        let mut talk = served.talk();
        talk.send(format!(
            "UPLOAD {long_name} {}\r\nGET {long_name}\r\n",
            base64(&bytes)
        ));
        expect_done(&talk.reply(), &long_name);
        expect(&mut talk, &served, Content(&long_name, &bytes));
        assert_eq!(talk.ask(format!("READ {long_name}\r\n"))["length"], length);
        assert!(talk.raw(length) == bytes, "{length} bytes");
        talk.finish();
    }
}
