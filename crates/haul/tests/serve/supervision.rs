//! Workers that die, supervisors that die, and a ledger that adds up all the same.

use std::collections::BTreeSet;
use std::{fs, thread};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::served::{Served, children_of, is_alive, is_zombie};
use crate::talk::Talk;
use crate::{base64, content, expect_soon, hex_digest, under_every_pool};

under_every_pool! {
    the_ledger_adds_up_to_what_many_clients_saw
    the_ledger_counts_what_was_cut_as_failed
}

/// A ledger, summed over its workers.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    verbs: std::collections::BTreeMap<String, (u64, u64)>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) connections: u64,
    pub(crate) open: u64,
    pub(crate) restarts: u64,
}

impl Sums {
    pub(crate) fn of(stats: &Value) -> Self {
        let mut sums = Self::default();
        let count = |value: &Value| {
            value
                .as_u64()
                .unwrap_or_else(|| panic!("no count: {value} in {stats}"))
        };
        for worker in stats["workers"].as_array().unwrap() {
            sums.bytes_in += count(&worker["bytes_in"]);
            sums.bytes_out += count(&worker["bytes_out"]);
            sums.connections += count(&worker["connections"]);
            sums.open += count(&worker["open"]);
            sums.restarts += count(&worker["restarts"]);
            for (verb, stats) in worker["verbs"].as_object().unwrap() {
                let sum = sums.verbs.entry(verb.clone()).or_default();
                sum.0 += count(&stats["ok"]);
                sum.1 += count(&stats["failed"]);
            }
        }
        sums
    }

    /// Requests of a verb that were ok, and that failed.
    pub(crate) fn verb(&self, verb: &str) -> (u64, u64) {
        self.verbs.get(verb).copied().unwrap_or_default()
    }
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}

/// Waits until `wanted` of the ledger holds, and returns it.
pub(crate) fn expect_ledger(served: &Served, what: &str, wanted: impl Fn(&Sums) -> bool) -> Sums {
    expect_soon(what, || Some(Sums::of(&served.stats())).filter(&wanted))
}

fn the_ledger_adds_up_to_what_many_clients_saw(pool: &str) {
    const CLIENTS: u64 = 6;
    const ROUNDS: u64 = 12;
    let served = Served::writable(pool);
    let bytes = content("ledger", 50_000);
    let payload = base64(&bytes);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (served, payload) = (&served, &payload);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let mut talk = served.talk();
                    assert_eq!(talk.ask(format!("UPLOAD {client} {payload}\r\n"))["status"], "OK");
                    assert_eq!(talk.ask(format!("GET {client}\r\n"))["status"], "OK");
                    assert_eq!(talk.ask("GET nothing\r\n")["status"], "ERROR");
                    assert_eq!(talk.ask("UPLOAD ../x QUJD\r\n")["status"], "ERROR");
                    assert_eq!(talk.ask("FLY\r\n")["status"], "ERROR");
                    talk.finish();
                }
            });
        }
    });
    let sums = Sums::of(&served.stats());
    let all = CLIENTS * ROUNDS;
    assert_eq!(
        ["upload", "get", "unknown"].map(|verb| sums.verb(verb)),
        [(all, all), (all, all), (0, all)]
    );
    assert_eq!((sums.bytes_in, sums.bytes_out), (all * 50_000, all * 50_000));
    assert_eq!((sums.connections, sums.restarts), (all + 1, 0));
}

fn the_ledger_counts_what_was_cut_as_failed(pool: &str) {
    let served = Served::writable(pool);
    served.place("large", content("cut", 30_000_000));
    let mut sender = served.talk();
    sender.send("UPLOAD gone QUJD");
    sender.expect_taken();
    drop(sender);
    let mut receiver = served.talk();
    receiver.send("GET large\r\n");
    receiver.raw(1000);
    drop(receiver);
    let mut reader = served.talk();
    reader.send("READ large\r\n");
    reader.raw(1000);
    drop(reader);
    let sums = expect_ledger(&served, "three requests have failed", |sums| {
        ["upload", "get", "read"]
            .iter()
            .map(|verb| sums.verb(verb).1)
            .sum::<u64>()
            == 3
    });
    assert_eq!(["upload", "get", "read"].map(|verb| sums.verb(verb)), [(0, 1); 3]);
    assert_eq!((sums.bytes_in, sums.bytes_out), (0, 0));
}

/// The number of the worker that serves a connection, from the access log; the connection must have asked something.
fn worker_of(served: &Served, talk: &Talk) -> u64 {
    let peer = talk.stream.local_addr().unwrap().to_string();
    expect_soon("the request is logged", || {
        let log = served.log();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines
            .filter(|line| line["peer"] == peer)
            .find_map(|line| line["worker"].as_u64())
    })
}

/// The process that is a worker now.
fn process_of(served: &Served, worker: u64) -> u32 {
    let stats = served.stats();
    let workers = stats["workers"].as_array().unwrap();
    let pid = workers.iter().find(|one| one["worker"] == worker).unwrap()["pid"].as_u64();
    u32::try_from(pid.expect("the worker lives")).unwrap()
}

#[test]
fn a_killed_worker_costs_its_own_connections_only_and_is_replaced() {
    for (pool, clients) in [("processes:3", 2), ("processes:2x64", 60)] {
        let served = Served::with(pool, &["-w", "--log-format", "json"]);
        served.place("kept", "kept");
        let before = served.quiet_state();
        let workers: BTreeSet<u32> = served.children().into_iter().collect();
        let mut talks: Vec<(u64, Talk)> = Vec::new();
        for _ in 0..clients {
            let mut talk = served.talk();
            assert_eq!(talk.ask("GET kept\r\n")["status"], "OK");
            talks.push((worker_of(&served, &talk), talk));
        }
        for (number, (_, talk)) in talks.iter_mut().enumerate() {
            talk.send(format!(
                "UPLOAD {} QUJ",
                if number == 0 {
                    "kept".to_owned()
                } else {
                    number.to_string()
                }
            ));
            if number == 0 {
                // Long enough to be on its way into the store.
                talk.send("QUJD".repeat(500_000));
            }
            talk.expect_taken();
        }
        let killed = talks[0].0;
        kill(process_of(&served, killed));
        let mut lost = 0;
        for (number, (worker, mut talk)) in talks.into_iter().enumerate() {
            if worker == killed {
                assert_eq!(talk.rest(), b"", "a request that was not answered gets no answer");
                lost += 1;
            } else {
                assert_eq!(talk.ask("D\r\n")["status"], "OK");
                assert_eq!(talk.ask(format!("DELETE {number}\r\n"))["status"], "OK");
                talk.finish();
            }
        }
        let sums = expect_ledger(&served, "the death is counted", |sums| sums.restarts == 1);
        assert_eq!(
            sums.verb("upload"),
            (clients - lost, lost),
            "what the dead worker had begun has failed"
        );
        assert_eq!(
            (sums.verb("get"), sums.bytes_in),
            ((clients, 0), 3 * (clients - lost))
        );
        served.expect_again(&before);
        let now: BTreeSet<u32> = served.children().into_iter().collect();
        assert_eq!(now.intersection(&workers).count(), workers.len() - 1);
        assert!(!now.iter().any(|&pid| is_zombie(pid)));
        assert!(served.log().contains("died"), "the log says it");
    }
}

#[test]
fn a_replaced_worker_serves_the_folder_of_the_others_whatever_its_path_leads_to() {
    let served = Served::with("processes:2", &["-w"]);
    served.place("old", "old");
    let moved = served.outside("moved");
    fs::rename(served.root(), &moved).unwrap();
    fs::create_dir(served.root()).unwrap();
    let first = served.workers(2);
    kill(first[0]);
    expect_ledger(&served, "the death is counted", |sums| sums.restarts == 1);
    assert_ne!(served.workers(2), first);
    // Two connections at once, one for each worker.
    let mut talks = [served.talk(), served.talk()];
    let [one, other] = &mut talks;
    assert_eq!(one.ask("GET old\r\n")["status"], "OK");
    assert_eq!(other.ask("GET old\r\n")["status"], "OK");
    assert_eq!(one.ask("UPLOAD new QUJD\r\n")["status"], "OK");
    assert_eq!(other.ask("GET new\r\n")["data_file"], "QUJD");
    assert_eq!(other.ask("UPLOAD newer QUJD\r\n")["status"], "OK");
    assert_eq!(one.ask("GET newer\r\n")["data_file"], "QUJD");
    assert_eq!(fs::read_dir(served.root()).unwrap().count(), 0);
    assert_eq!(fs::read_dir(moved).unwrap().count(), 3);
    talks.into_iter().for_each(Talk::finish);
}

/// A counter that clients of several processes count up: a version that is taken for another one loses a count.
#[test]
fn one_version_is_replaced_once_however_many_workers_are_asked() {
    const CLIENTS: usize = 4;
    const COUNTS: usize = 25;
    let served = Served::with("processes:4", &["-w", "--durability", "buffered"]);
    served.place("counter", "0");
    let count_up = |talk: &mut Talk| loop {
        let head = talk.ask("READ counter\r\n");
        let length = usize::try_from(head["length"].as_u64().unwrap()).unwrap();
        let count: usize = String::from_utf8(talk.raw(length)).unwrap().parse().unwrap();
        let next = (count + 1).to_string();
        let (etag, digest) = (head["etag"].as_str().unwrap(), hex_digest(next.as_bytes()));
        let reply = talk.ask(format!(
            "WRITE counter {} if-match={etag}\r\n{next}{digest}\r\n",
            next.len()
        ));
        match reply["code"].as_str() {
            None => return,
            Some(code) => assert_eq!(code, "exists", "{reply}"),
        }
    };
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut talk = served.talk();
                (0..COUNTS).for_each(|_| count_up(&mut talk));
                talk.finish();
            });
        }
    });
    assert_eq!(served.read("counter"), (CLIENTS * COUNTS).to_string().as_bytes());
}

#[test]
fn a_download_that_a_kill_cuts_is_counted_as_failed_and_not_taken_for_whole() {
    let served = Served::writable("processes:1");
    served.place("large", content("large", 30_000_000));
    for (request, verb) in [("GET large\r\n", "get"), ("READ large\r\n", "read")] {
        let mut talk = served.talk();
        talk.send(request);
        let begun = talk.raw(1000).len();
        for worker in served.workers(1) {
            kill(worker);
        }
        assert!(begun + talk.rest().len() < 30_000_000);
        let sums = expect_ledger(&served, "the failure is counted", |sums| {
            sums.verb(verb) == (0, 1)
        });
        assert_eq!(
            (sums.bytes_out, sums.open),
            (0, 1),
            "only the connection that asks is open"
        );
    }
}

#[test]
fn every_worker_may_be_killed_again_and_again_and_the_ledger_still_adds_up() {
    let served = Served::writable("processes:3");
    served.place("a", "AAA");
    let mut seen = (0, 0);
    for round in 0..3 {
        for worker in served.workers(3) {
            kill(worker);
        }
        expect_soon("all workers are replaced", || {
            let pids: Vec<Value> = served.stats()["workers"]
                .as_array()?
                .iter()
                .map(|w| w["pid"].clone())
                .collect();
            let workers = served.children();
            (pids.len() == 3
                && workers.len() == 3
                && pids.iter().all(|pid| {
                    pid.as_u64()
                        .is_some_and(|pid| workers.contains(&u32::try_from(pid).unwrap()))
                }))
            .then_some(())
        });
        for _ in 0..10 {
            let mut talk = served.talk();
            talk.ask("GET a\r\n");
            talk.ask("GET b\r\n");
            talk.finish();
            seen = (seen.0 + 1, seen.1 + 1);
        }
        let sums = Sums::of(&served.stats());
        assert_eq!(sums.verb("get"), seen, "round {round}");
        assert_eq!((sums.restarts, sums.bytes_out), (3 * (round + 1), 3 * seen.0));
    }
}

#[test]
fn workers_end_when_their_supervisor_is_killed() {
    let mut served = Served::writable("processes:3");
    let mut talk = served.talk();
    talk.send("UPLOAD half ");
    talk.send(base64(&content("half", 3_000_000)));
    talk.expect_taken();
    let workers = served.workers(3);
    let address = served.address();
    served.signal(Signal::KILL);
    served.wait();
    talk.rest();
    expect_soon("the workers end", || {
        workers.iter().all(|&pid| !is_alive(pid)).then_some(())
    });
    expect_soon("nobody listens", || {
        std::net::TcpStream::connect(address).is_err().then_some(())
    });
    assert_eq!(served.files().len(), 0, "{:?}", served.files());
}

#[test]
fn a_worker_that_is_told_to_end_by_a_stranger_is_replaced() {
    let served = Served::writable("processes:2");
    let first = served.workers(2);
    let told = Pid::from_raw(i32::try_from(first[0]).unwrap()).unwrap();
    served.talk().ask("LIST\r\n");
    kill_process(told, Signal::TERM).unwrap();
    expect_soon("the worker is replaced", || {
        let now = served.children();
        (now.len() == 2 && !now.contains(&first[0]) && !now.iter().any(|&pid| is_zombie(pid))).then_some(())
    });
    assert_eq!(served.talk().ask("LIST\r\n")["status"], "OK");
}

#[test]
fn a_process_that_nobody_serves_any_more_has_no_children() {
    let served = Served::writable("processes:3");
    for worker in served.workers(3) {
        assert!(children_of(worker).is_empty());
    }
    let mut served = served;
    let workers = served.children();
    served.signal(Signal::TERM);
    assert!(served.wait().success());
    assert!(
        workers.iter().all(|&pid| !is_alive(pid)),
        "the supervisor waits for its workers"
    );
}
