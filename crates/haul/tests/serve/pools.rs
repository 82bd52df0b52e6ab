//! Pools that are full: who waits, who is served next, and that one name has one content.

use std::thread;

use serde_json::Value;

use crate::rows::Outcome::{Content, Names};
use crate::rows::{expect, expect_done};
use crate::served::Served;
use crate::talk::Talk;
use crate::{base64, content, expect_soon, hex_digest, under_every_pool};

under_every_pool! {
    many_clients_at_once_are_all_served
    concurrent_uploads_of_one_name_leave_one_whole_file
    of_concurrent_writes_under_a_condition_exactly_one_succeeds
    every_listener_is_served
    two_servers_on_one_folder_leave_each_other_alone
}

/// Pools with room for so many connections at once.
const SMALL: [(&str, usize, &[&str]); 7] = [
    ("threads:1", 1, &[]),
    ("threads:4", 4, &[]),
    ("processes:3", 3, &[]),
    ("processes:1x2", 2, &[]),
    ("threads:2x2", 4, &[]),
    ("tasks:2x2", 4, &[]),
    ("tasks", 2, &["--max-connections", "2"]),
];

/// Clients in the middle of an upload, as many as the pool has room for.
fn fill(served: &Served, room: usize) -> Vec<Talk> {
    let busy = |number: usize| {
        let mut talk = served.talk();
        talk.send(format!("UPLOAD busy-{number} QUJ"));
        talk.expect_taken();
        talk
    };
    (0..room).map(busy).collect()
}

#[test]
fn clients_beyond_a_full_pool_wait_and_none_is_refused() {
    for (pool, room, flags) in SMALL {
        println!("{pool}");
        let served = Served::with(pool, &[&["-w"], flags].concat());
        let busy = fill(&served, room);
        let mut waiting: Vec<Talk> = (0..12).map(|_| served.talk()).collect();
        for talk in &mut waiting {
            talk.send("LIST\r\n");
        }
        for (number, mut talk) in busy.into_iter().enumerate() {
            talk.send("D\r\n");
            expect_done(&talk.reply(), &format!("busy-{number}"));
            talk.finish();
        }
        for mut talk in waiting {
            assert_eq!(talk.reply()["status"], "OK");
            talk.finish();
        }
    }
}

#[test]
fn clients_that_wait_are_served_in_order() {
    for pool in ["threads:1", "processes:1", "tasks:1x1"] {
        let served = Served::with(pool, &["-w", "--log-format", "json"]);
        let mut busy = fill(&served, 1).pop().unwrap();
        let mut waiting: Vec<Talk> = Vec::new();
        for _ in 0..8 {
            let mut talk = served.talk();
            talk.send("LIST\r\n");
            talk.half_close();
            waiting.push(talk);
        }
        busy.send("D\r\n");
        busy.reply();
        busy.finish();
        let peers: Vec<String> = waiting
            .iter()
            .map(|talk| talk.stream.local_addr().unwrap().to_string())
            .collect();
        for mut talk in waiting {
            talk.reply();
            talk.expect_end();
        }
        let served_peers = expect_soon("all are logged", || {
            let log = served.log();
            let lines = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let lists: Vec<String> = lines
                .filter(|line| {
                    line["verb"]
                        .as_str()
                        .is_some_and(|verb| verb.eq_ignore_ascii_case("list"))
                })
                .map(|line| line["peer"].as_str().unwrap().to_owned())
                .collect();
            (lists.len() == peers.len()).then_some(lists)
        });
        assert_eq!(served_peers, peers, "{pool}");
    }
}

#[test]
fn an_idle_connection_makes_room_for_clients_that_wait() {
    for (pool, room, flags) in SMALL
        .into_iter()
        .chain([("threads:2x8", 4, &["--max-connections", "5"][..])])
    {
        println!("{pool} {flags:?}");
        // Nothing else may close the idle ones within the deadline.
        let served = Served::with(pool, &[&["--idle-timeout", "10m"], flags].concat());
        let mut idle: Vec<Talk> = Vec::new();
        for _ in 0..room {
            let mut talk = served.talk();
            talk.send("LIST\r\n");
            expect(&mut talk, &served, Names(&[]));
            idle.push(talk);
        }
        let mut waiting: Vec<Talk> = (0..2).map(|_| served.talk()).collect();
        for talk in &mut waiting {
            talk.send("LIST\r\n");
            expect(talk, &served, Names(&[]));
        }
        // The connections that made room ended in good order.
        let ended = idle.into_iter().filter(|talk| {
            talk.stream.set_nonblocking(true).unwrap();
            matches!(talk.stream.peek(&mut [0]), Ok(0))
        });
        assert!(ended.count() >= 1);
    }
}

#[test]
fn a_full_pool_serves_each_of_several_listeners() {
    for (pool, flags) in [
        ("tasks:1x1", &[][..]),
        ("tasks", &["--max-connections", "2"]),
        ("threads:1", &[]),
        ("processes:1x2", &[]),
        ("threads:1x2", &[]),
    ] {
        println!("{pool} {flags:?}");
        let served = Served::start(pool, 3, None, flags);
        for listener in [2, 0, 1, 1, 2, 0] {
            let mut talk = served.talk_to(listener);
            talk.send("LIST\r\n");
            expect(&mut talk, &served, Names(&[]));
            talk.finish();
        }
        // All of the room can be used from one listener, and the others still get their turn.
        let mut idle: Vec<Talk> = (0..2).map(|_| served.talk_to(1)).collect();
        for talk in &mut idle {
            talk.send("LIST\r\n");
            expect(talk, &served, Names(&[]));
        }
        let mut last = served.talk_to(2);
        last.send("LIST\r\n");
        expect(&mut last, &served, Names(&[]));
    }
}

fn many_clients_at_once_are_all_served(pool: &str) {
    let served = Served::writable(pool);
    let before = served.quiet_state();
    thread::scope(|scope| {
        for client in 0..40 {
            let served = &served;
            scope.spawn(move || {
                let bytes = content(&client.to_string(), 100_000 + client);
                let mut talk = served.talk();
                talk.send(format!(
                    "UPLOAD {client} {}\r\nGET {client}\r\nREAD {client}\r\n",
                    base64(&bytes)
                ));
                expect_done(&talk.reply(), &client.to_string());
                expect(&mut talk, served, Content(&client.to_string(), &bytes));
                assert_eq!(talk.reply()["length"], bytes.len());
                assert!(talk.raw(bytes.len()) == bytes);
                expect_done(&talk.ask(format!("DELETE {client}\r\n")), &client.to_string());
                talk.finish();
            });
        }
    });
    served.expect_again(&before);
}

fn concurrent_uploads_of_one_name_leave_one_whole_file(pool: &str) {
    let served = Served::writable(pool);
    let contents: Vec<Vec<u8>> = (0..6)
        .map(|client| content(&format!("one name {client}"), 1_000_000 + client * 1000))
        .collect();
    let digests: Vec<String> = contents.iter().map(|bytes| hex_digest(bytes)).collect();
    thread::scope(|scope| {
        for (bytes, digest) in contents.iter().zip(&digests) {
            let (served, digests) = (&served, &digests);
            scope.spawn(move || {
                for round in 0..4 {
                    let mut talk = served.talk();
                    if round % 2 == 0 {
                        expect_done(&talk.ask(format!("UPLOAD one {}\r\n", base64(bytes))), "one");
                    } else {
                        talk.send(format!("WRITE one {}\r\n", bytes.len()));
                        talk.send(bytes);
                        talk.send(format!("{digest}\r\n"));
                        assert_eq!(talk.reply()["digest"], digest.as_str());
                    }
                    let length = talk.ask("READ one\r\n")["length"].as_u64().unwrap();
                    let found = hex_digest(&talk.raw(usize::try_from(length).unwrap()));
                    assert!(digests.contains(&found), "a mixture");
                    talk.finish();
                }
            });
        }
    });
    let left: Vec<String> = served.files().into_values().collect();
    assert!(left.len() == 1 && digests.contains(&left[0]), "{left:?}");
}

fn of_concurrent_writes_under_a_condition_exactly_one_succeeds(pool: &str) {
    let served = Served::writable(pool);
    for round in 0..5 {
        let name = format!("once-{round}");
        let won: Vec<usize> = thread::scope(|scope| {
            let writing: Vec<_> = (0..6_usize)
                .map(|client| {
                    let (served, name) = (&served, &name);
                    scope.spawn(move || {
                        let bytes = content(&client.to_string(), 10_000);
                        let mut talk = served.talk();
                        talk.send(format!("WRITE {name} 10000 if-none-match\r\n"));
                        talk.send(&bytes);
                        talk.send(format!("{}\r\n", hex_digest(&bytes)));
                        let reply = talk.reply();
                        assert!(reply["status"] == "OK" || reply["code"] == "exists", "{reply}");
                        talk.finish();
                        (reply["status"] == "OK").then_some(client)
                    })
                })
                .collect();
            writing
                .into_iter()
                .filter_map(|client| client.join().unwrap())
                .collect()
        });
        assert_eq!(won.len(), 1, "{won:?}");
        assert_eq!(served.read(&name), content(&won[0].to_string(), 10_000));
    }
}

fn every_listener_is_served(pool: &str) {
    let served = Served::start(pool, 3, None, &["-w"]);
    for listener in [0, 1, 2, 1] {
        let mut talk = served.talk_to(listener);
        let name = listener.to_string();
        expect_done(&talk.ask(format!("UPLOAD {name} QUJD\r\n")), &name);
        talk.finish();
    }
    let mut talks: Vec<Talk> = (0..3).map(|listener| served.talk_to(listener)).collect();
    for talk in &mut talks {
        talk.send("LIST\r\n");
        expect(talk, &served, Names(&["0", "1", "2"]));
    }
    let sums = crate::supervision::Sums::of(&talks[0].ask("STATS\r\n"));
    assert_eq!(
        (sums.connections, sums.verb("list"), sums.verb("upload")),
        (7, (3, 0), (4, 0))
    );
}

fn two_servers_on_one_folder_leave_each_other_alone(pool: &str) {
    let first = Served::writable(pool);
    let mut upload = first.talk();
    upload.send("UPLOAD from-first QUJ");
    upload.expect_taken();
    // A file in flight that has a name is held by its writer; one that nobody holds is swept at the start.
    let name = |name: &str| first.path(format!(".haul-inflight-{name}"));
    let held = std::fs::File::create(name("held")).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).unwrap();
    std::fs::write(name("stale"), "stale").unwrap();
    let second = Served::start(pool, 1, Some(first.root()), &["-w"]);
    assert!(name("held").exists() && !name("stale").exists());
    let mut other = second.talk();
    expect_done(&other.ask("UPLOAD from-second QUJD\r\n"), "from-second");
    drop(other);
    drop(second);
    upload.send("D\r\n");
    expect_done(&upload.reply(), "from-first");
    upload.send("LIST\r\n");
    expect(&mut upload, &first, Names(&["from-first", "from-second"]));
    assert!(name("held").exists());
}
