//! Limits of time and size: idle, stalled and slow clients, and uploads that are too large.

use crate::rows::Outcome::{Content, Names, Refused, Stored};
use crate::rows::{expect, expect_done};
use crate::served::Served;
use crate::{base64, content, under_every_pool};

under_every_pool! {
    an_idle_connection_is_closed_after_its_timeout
    an_idle_connection_is_kept_while_nobody_waits
    a_request_line_that_takes_too_long_is_refused
    a_request_line_that_drips_is_refused_all_the_same
    an_upload_may_be_as_large_as_the_limit_and_no_larger
    a_listing_of_a_hundred_thousand_files_is_whole
    a_small_buffer_changes_nothing
}

fn an_idle_connection_is_closed_after_its_timeout(pool: &str) {
    let served = Served::with(pool, &["--idle-timeout", "1s"]);
    let before = served.quiet_state();
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

fn an_idle_connection_is_kept_while_nobody_waits(pool: &str) {
    let served = Served::with(pool, &["--line-timeout", "2s"]);
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

fn a_request_line_that_takes_too_long_is_refused(pool: &str) {
    let served = Served::with(pool, &["-w", "--line-timeout", "1s"]);
    let before = served.quiet_state();
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

fn a_request_line_that_drips_is_refused_all_the_same(pool: &str) {
    use std::io::Write as _;
    let served = Served::with(
        pool,
        &[
            "-w",
            "--line-timeout",
            "2s",
            "--idle-timeout",
            "50s",
            "--stall-timeout",
            "50s",
        ],
    );
    let mut talk = served.talk();
    talk.send("STAT ");
    let mut sender = talk.stream.try_clone().unwrap();
    let dripping = std::thread::spawn(move || {
        // Ends when the server has closed the connection.
        while sender.write_all(b"a").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    expect(&mut talk, &served, Refused("timeout"));
    talk.rest();
    dripping.join().unwrap();
}

fn an_upload_may_be_as_large_as_the_limit_and_no_larger(pool: &str) {
    let served = Served::with(pool, &["-w", "--max-upload", "100000"]);
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

fn a_listing_of_a_hundred_thousand_files_is_whole(pool: &str) {
    let served = Served::with(pool, &[]);
    let names: Vec<String> = (0..100_000)
        .map(|number| format!("file number {number:06} é.txt"))
        .collect();
    for name in &names {
        std::fs::File::create(served.path(name)).unwrap();
    }
    let mut talk = served.talk();
    let list = talk.ask("LIST\r\n");
    let listed: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(listed == names, "{} names of 100,000", listed.len());
    let facts = talk.ask("LS\r\n");
    assert_eq!(facts["data"].as_array().unwrap().len(), 100_000);
    assert_eq!(facts["data"][99_999]["name"], names[99_999].as_str());
    talk.finish();
}

fn a_small_buffer_changes_nothing(pool: &str) {
    let served = Served::with(pool, &["-w", "--buffer", "4KiB"]);
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
