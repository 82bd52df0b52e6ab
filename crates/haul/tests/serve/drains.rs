//! The end of a server: what is in flight finishes, or is cut, and the exit code is 0.

use std::io::Write as _;
use std::net::TcpStream;

use rustix::process::Signal;

use crate::rows::{expect_done, expect_refusal};
use crate::served::{Served, is_alive};
use crate::{base64, content, expect_soon, hex_digest, under_every_pool};

under_every_pool! {
    an_upload_in_progress_is_finished_by_a_drain
    a_download_in_progress_is_finished_by_a_drain
    ctrl_c_drains
    idle_connections_are_closed_by_a_drain
    a_request_that_comes_too_late_is_refused_as_draining
    what_outlives_the_grace_is_cut
    a_second_signal_ends_at_once
    a_server_with_nothing_to_do_ends
    clients_that_wait_are_not_kept_waiting_by_a_drain
}

/// Waits until the drain has begun: nobody is accepted any more.
fn expect_drain(served: &Served) {
    let address = served.address();
    expect_soon("nobody is accepted", || {
        TcpStream::connect(address).is_err().then_some(())
    });
}

fn expect_good_end(mut served: Served) {
    let workers = served.children();
    let status = served.wait();
    assert_eq!(status.code(), Some(0), "{status} {}", served.log());
    assert!(workers.iter().all(|&pid| !is_alive(pid)));
}

fn finishes_an_upload(pool: &str, end: impl FnOnce(&Served)) {
    let mut served = Served::writable(pool);
    let bytes = content("drained", 3_000_000);
    let payload = base64(&bytes);
    let (mut upload, mut write) = (served.talk(), served.talk());
    upload.send(format!("UPLOAD drained {}", &payload[..1_500_001]));
    upload.expect_taken();
    write.send(format!("WRITE written {}\r\n", bytes.len()));
    write.send(&bytes[..1_000_000]);
    write.expect_taken();
    end(&served);
    expect_drain(&served);
    assert!(served.is_running());
    upload.send(format!("{}\r\n", &payload[1_500_001..]));
    expect_done(&upload.reply(), "drained");
    upload.expect_end();
    write.send(&bytes[1_000_000..]);
    write.send(format!("{}\r\n", hex_digest(&bytes)));
    assert_eq!(write.reply()["digest"], hex_digest(&bytes));
    write.expect_end();
    assert!(served.read("drained") == bytes && served.read("written") == bytes);
    assert_eq!(served.files().len(), 2);
    expect_good_end(served);
}

fn an_upload_in_progress_is_finished_by_a_drain(pool: &str) {
    finishes_an_upload(pool, |served| served.signal(Signal::TERM));
}

fn ctrl_c_drains(pool: &str) {
    finishes_an_upload(pool, |served| served.signal_group(Signal::INT));
}

fn a_download_in_progress_is_finished_by_a_drain(pool: &str) {
    let served = Served::with(pool, &[]);
    let bytes = content("download", 30_000_000);
    served.place("large", &bytes);
    let (mut get, mut read) = (served.talk(), served.talk());
    get.send("GET large\r\n");
    let begun = get.raw(100);
    read.send("READ large\r\n");
    assert_eq!(read.reply()["length"], bytes.len());
    served.signal(Signal::TERM);
    expect_drain(&served);
    let rest = get.rest();
    let reply: serde_json::Value = serde_json::from_slice([begun, rest].concat().trim_ascii_end()).unwrap();
    assert!(reply["data_file"] == base64(&bytes).as_str());
    assert!(read.raw(bytes.len()) == bytes);
    read.expect_end();
    expect_good_end(served);
}

fn idle_connections_are_closed_by_a_drain(pool: &str) {
    let served = Served::with(pool, &["--grace", "10m"]);
    let mut idle = served.talk();
    assert_eq!(idle.ask("LIST\r\n")["status"], "OK");
    let mut silent = served.talk();
    served.signal(Signal::TERM);
    idle.expect_end();
    expect_good_end(served);
    // One that has never said anything may not even have been accepted; it hears of the end when it speaks.
    silent.stream.write_all(b"LIST\r\n").ok();
    assert_eq!(silent.rest(), b"");
}

fn a_request_that_comes_too_late_is_refused_as_draining(pool: &str) {
    let served = Served::writable(pool);
    let mut talk = served.talk();
    // This upload is in flight, though nobody can tell yet where its name ends.
    talk.send("UPLOAD early QUJ");
    talk.expect_taken();
    served.signal(Signal::TERM);
    expect_drain(&served);
    // Worker processes hear of the drain a moment later, all at once: those with nothing to do have ended.
    expect_soon("only the busy worker is left", || {
        (served.children().len() <= 1).then_some(())
    });
    talk.send("D\r\nUPLOAD late QUJD\r\n");
    expect_done(&talk.reply(), "early");
    expect_refusal(&talk.reply(), "draining", &served);
    talk.expect_end();
    assert!(served.path("early").exists() && !served.path("late").exists());
    expect_good_end(served);
}

fn what_outlives_the_grace_is_cut(pool: &str) {
    let served = Served::with(pool, &["-w", "--grace", "1s"]);
    served.place("large", content("large", 30_000_000));
    served.place("kept", "kept");
    let before = served.files();
    let mut upload = served.talk();
    upload.send("UPLOAD kept QUJD");
    upload.expect_taken();
    let mut get = served.talk();
    get.send("GET large\r\n");
    get.raw(100);
    served.signal(Signal::TERM);
    assert_eq!(upload.rest(), b"");
    get.expect_reset();
    assert_eq!(served.files(), before);
    expect_good_end(served);
}

fn a_second_signal_ends_at_once(pool: &str) {
    let mut served = Served::with(pool, &["-w", "--grace", "10m"]);
    served.place("kept", "kept");
    let before = served.files();
    let mut upload = served.talk();
    upload.send("UPLOAD kept QUJD");
    upload.expect_taken();
    let workers = served.children();
    served.signal(Signal::TERM);
    expect_drain(&served);
    served.signal(Signal::INT);
    served.wait();
    upload.rest();
    expect_soon("the workers are gone", || {
        workers.iter().all(|&pid| !is_alive(pid)).then_some(())
    });
    assert_eq!(served.files(), before);
}

fn a_server_with_nothing_to_do_ends(pool: &str) {
    for signal in [Signal::TERM, Signal::INT] {
        let served = Served::with(pool, &["--grace", "10m"]);
        served.signal(signal);
        expect_good_end(served);
    }
    // So soon that its workers may not even be up.
    let served = Served::with(pool, &["--grace", "10m"]);
    served.signal_group(Signal::INT);
    expect_good_end(served);
}

fn clients_that_wait_are_not_kept_waiting_by_a_drain(pool: &str) {
    let served = Served::with(pool, &["-w", "--max-connections", "4"]);
    let busy: Vec<_> = (0..4)
        .map(|number| {
            let mut talk = served.talk();
            talk.send(format!("UPLOAD busy-{number} QUJ"));
            if !(pool == "processes:3" && number == 3) {
                talk.expect_taken();
            }
            talk
        })
        .collect();
    let mut waiting = served.talk();
    waiting.send("LIST\r\n");
    served.signal(Signal::TERM);
    expect_drain(&served);
    waiting.rest();
    let stored = if pool == "processes:3" { 3 } else { 4 };
    for (number, mut talk) in busy.into_iter().enumerate().take(stored) {
        talk.send("D\r\n");
        expect_done(&talk.reply(), &format!("busy-{number}"));
    }
    assert_eq!(served.files().len(), stored);
    expect_good_end(served);
}
