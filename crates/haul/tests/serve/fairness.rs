//! Clients that hold every worker, slowly or busily: another address is served all the same.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::rows::Outcome::{Content, Stored};
use crate::rows::expect;
use crate::served::Served;
use crate::talk::Talk;

/// Room for five connections each, or for one.
const FULL: [(&str, &[&str]); 5] = [
    ("threads:5", &[]),
    ("processes:5", &[]),
    ("tasks", &["--max-connections", "5"]),
    ("processes:1x5", &[]),
    ("threads:1", &[]),
];

/// No timeout may be what ends a connection here.
const PATIENT: [&str; 7] = [
    "-w",
    "--idle-timeout",
    "10m",
    "--stall-timeout",
    "10m",
    "--line-timeout",
    "10m",
];

/// What is sent first, and then again and again, on connections that hold a worker.
fn slow_peers() -> Vec<(&'static str, Vec<u8>, &'static [u8])> {
    let long_line = vec![b'x'; 5000];
    let long_upload = [b"UPLOAD u ".to_vec(), b"QUJD".repeat(5000)].concat();
    vec![
        ("the body of a WRITE", b"WRITE w 900\r\n".to_vec(), b"x"),
        (
            "a body above the minimum rate",
            b"WRITE w 9000000\r\n".to_vec(),
            &[b'x'; 600],
        ),
        ("a short UPLOAD", b"UPLOAD u ".to_vec(), b"QUJD"),
        ("a long UPLOAD", long_upload, b"QUJD"),
        ("a refused line that does not end", long_line, b"x"),
        (
            "a refused WRITE that goes on",
            b"WRITE ../w 99999999\r\n".to_vec(),
            b"x",
        ),
        ("line ends after HELLO", b"HELLO\r\n".to_vec(), b"\n"),
        ("line ends only", b"\n".to_vec(), b"\n"),
        ("a reply that is not read", b"GET large\r\n".to_vec(), b""),
        ("one LIST after the other", b"LIST\r\n".to_vec(), b"LIST\r\n"),
        ("a request line", b"STAT ".to_vec(), b"a"),
        ("the head of a JSON command", b"{\"command\":".to_vec(), b" "),
        ("what follows a lost framing", b"WRITE a b\r\n".to_vec(), b"x"),
    ]
}

/// Sends on each connection until `done`; those that have ended are left alone.
fn drip(mut connections: Vec<TcpStream>, bytes: &[u8], done: &AtomicBool) {
    while !done.load(Ordering::Relaxed) {
        for connection in &mut connections {
            connection.write_all(bytes).ok();
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn under_slow_peers(pool: &str, flags: &[&str]) {
    let served = Served::with(pool, &[&PATIENT, flags].concat());
    served.place("small", "small");
    served.place("large", vec![7; 30_000_000]);
    for (what, first, again) in slow_peers() {
        println!("{pool} {what}");
        let before = served.quiet_state();
        let held: Vec<Talk> = (0..8).map(|_| served.talk()).collect();
        for talk in &held {
            (&talk.stream).write_all(&first).unwrap();
        }
        let streams = held.iter().map(|talk| talk.stream.try_clone().unwrap()).collect();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| drip(streams, again, &done));
            for _ in 0..2 {
                let mut other = Talk::connect_from([127, 0, 0, 2], served.address());
                other.send("GET small\r\n");
                expect(&mut other, &served, Content("small", b"small"));
            }
            done.store(true, Ordering::Relaxed);
        });
        drop(held);
        served.expect_again(&before);
    }
    assert!(
        served
            .log()
            .contains("a connection is ended, because clients wait"),
        "the log says what happened"
    );
}

#[test]
fn slow_peers_of_one_address_do_not_hold_threads() {
    under_slow_peers(FULL[0].0, FULL[0].1);
}

#[test]
fn slow_peers_of_one_address_do_not_hold_processes() {
    under_slow_peers(FULL[1].0, FULL[1].1);
}

#[test]
fn slow_peers_of_one_address_do_not_hold_tasks() {
    under_slow_peers(FULL[2].0, FULL[2].1);
}

#[test]
fn slow_peers_of_one_address_do_not_hold_a_process_that_interleaves() {
    under_slow_peers(FULL[3].0, FULL[3].1);
}

#[test]
fn slow_peers_of_one_address_do_not_hold_the_only_worker() {
    under_slow_peers(FULL[4].0, FULL[4].1);
}

#[test]
fn slow_peers_that_connect_again_at_once_do_not_keep_another_address_out() {
    for (pool, flags) in FULL {
        println!("{pool}");
        let served = Served::with(pool, &[&PATIENT, flags].concat());
        served.place("small", "small");
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        let mut held = served.talk();
                        held.stream.set_nonblocking(true).unwrap();
                        held.stream.write_all(b"WRITE w 900\r\n").ok();
                        while !done.load(Ordering::Relaxed) && held.stream.write_all(b"x").is_ok() {
                            thread::sleep(Duration::from_millis(50));
                        }
                        held.stream.set_nonblocking(false).unwrap();
                    }
                });
            }
            for _ in 0..4 {
                let mut other = Talk::connect_from([127, 0, 0, 2], served.address());
                other.send("GET small\r\n");
                expect(&mut other, &served, Content("small", b"small"));
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn a_connection_below_the_minimum_rate_ends_for_clients_of_its_own_address() {
    for pool in ["threads:1", "processes:1", "tasks:1x1"] {
        println!("{pool}");
        let served = Served::with(pool, &PATIENT);
        let mut slow = served.talk();
        slow.send("UPLOAD slow QUJD");
        slow.expect_taken();
        let mut waiting = served.talk();
        waiting.send("UPLOAD waiting QUJD\r\n");
        expect(&mut waiting, &served, Stored("waiting", b"ABC"));
        assert_eq!(slow.reply()["code"], "timeout");
    }
}

#[test]
fn the_rest_of_a_refused_request_ends_for_clients_of_its_own_address() {
    for pool in ["threads:1", "processes:1", "tasks:1x1"] {
        println!("{pool}");
        let served = Served::with(pool, &PATIENT);
        let mut refused = served.talk();
        refused.send("x".repeat(5000));
        assert_eq!(refused.reply()["code"], "unknown-verb");
        let streams = vec![refused.stream.try_clone().unwrap()];
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| drip(streams, b"x", &done));
            let mut waiting = served.talk();
            waiting.send("UPLOAD waiting QUJD\r\n");
            expect(&mut waiting, &served, Stored("waiting", b"ABC"));
            done.store(true, Ordering::Relaxed);
        });
    }
}
