//! Processes that are killed in the middle of a run: a worker of the server, the whole server, the lab itself.

use std::fs;

use rustix::process::Signal;

use crate::caught::{VOLUME_MIB, catch, sockets};
use crate::expect_soon;
use crate::mock::Mock;
use crate::ran::{Place, Ran, children, ended, haul, outcomes, ran, signal};

/// A server that never answers, does not mind SIGTERM, and has a child that does not either.
const STUBBORN: &str = r#"
import os, signal, socket, sys, time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    time.sleep(100000)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
taken = []
while True:
    taken.append(listener.accept())
"#;

/// The worker processes of the server under test.
fn workers(bench: u32) -> Vec<u32> {
    let servers = children(bench, "serve");
    servers
        .into_iter()
        .flat_map(|server| children(server, "worker"))
        .collect()
}

fn of<'a>(operation: &str, all: &'a [serde_json::Value]) -> &'a serde_json::Value {
    all.iter()
        .find(|trial| trial["cell"]["operation"] == operation)
        .unwrap()
}

fn other(operation: &str) -> &'static str {
    if operation == "upload" {
        "download"
    } else {
        "upload"
    }
}

#[test]
fn a_worker_process_that_is_killed_fails_one_client_and_is_one_failed_worker() {
    for operation in ["download", "upload"] {
        let place = Place::new();
        let flags = format!(
            "--repeats 1 --volumes {VOLUME_MIB}MiB --clients 5 --pools processes:5 --client-pools threads"
        );
        let bench = place.bench(&flags).spawn().unwrap();
        let worker = catch(operation, || workers(bench.id()));
        // Then nothing keeps the lab from looking at the ledger right after the death.
        let clients = children(bench.id(), "client-worker")[0];
        expect_soon("all clients but one are through", || {
            (sockets(clients) == 1).then_some(())
        });
        signal(worker, Signal::KILL);
        ended(bench).expect_code(1);

        let trials = place.trials();
        let hit = of(operation, &trials);
        assert_eq!(outcomes(hit), ["ok", "ok", "ok", "ok", "worker-killed"], "{hit}");
        let counts = hit["server_books"]["reported"].as_array().unwrap();
        let restarts: Vec<_> = counts
            .iter()
            .filter_map(|counts| counts["restarts"].as_u64())
            .collect();
        assert_eq!((restarts.len(), restarts.iter().sum()), (5, 1_u64), "{hit}");
        assert_eq!(outcomes(of(other(operation), &trials)), ["ok"; 5]);
        for row in place.table() {
            let counts = if row["Operation"] == operation {
                "4/1"
            } else {
                "5/0"
            };
            assert_eq!(row["Client workers ok/failed"], counts);
            assert_eq!(row["Server workers ok/failed"], counts);
        }
        place.assert_clean();
    }
}

#[test]
fn a_server_that_is_killed_in_the_middle_fails_its_cell_and_the_run_goes_on() {
    for operation in ["download", "upload"] {
        let place = Place::new();
        let flags = format!(
            "--repeats 1 --volumes {VOLUME_MIB}MiB --clients 1 --pools threads:1 --client-pools threads"
        );
        let bench = place.bench(&flags).spawn().unwrap();
        let server = catch(operation, || children(bench.id(), "serve"));
        signal(server, Signal::KILL);
        ended(bench).expect_code(5);
        let trials = place.trials();
        let hit = of(operation, &trials);
        assert_eq!(outcomes(hit), ["worker-killed"], "{hit}");
        assert_eq!(hit["faults"][0]["kind"], "server-died");
        assert_eq!(outcomes(of(other(operation), &trials)), ["ok"]);
        assert_eq!(place.records().last().unwrap()["end"]["interrupted"], false);
        place.assert_clean();
    }
}

#[test]
fn a_lab_that_is_killed_leaves_no_process_and_no_scratch_space_and_can_be_resumed() {
    let place = Place::new();
    let flags = "--repeats 2 --volumes 1MiB --clients 3 --pools processes:2 --client-pools processes";
    let mut bench = place.bench(flags).spawn().unwrap();
    expect_soon("server, workers and clients are there", || {
        let clients = children(bench.id(), "client-worker");
        (!clients.is_empty() && !workers(bench.id()).is_empty()).then_some(())
    });
    for server in children(bench.id(), "serve") {
        assert_eq!(
            children(server, "reaper"),
            [0; 0],
            "a reaper is none of the server"
        );
    }
    signal(bench.id(), Signal::KILL);
    bench.wait().unwrap();
    expect_soon("everything is cleared up", || is_cleared(&place).then_some(()));
    ran(place.plain("--resume").arg(place.out())).expect_code(0);
    assert_eq!(place.trials().len(), 4);
}

#[test]
fn a_lab_that_is_killed_takes_a_stubborn_server_with_its_children_along() {
    let place = Place::new();
    let script = place.file("stubborn.py");
    fs::write(&script, STUBBORN).unwrap();
    let command = format!("python3 {} {{port}} {{root}}", script.display());
    let flags = "--repeats 1 --volumes 1KiB --clients 2 --client-pools processes";
    let mut bench = place
        .bench(flags)
        .args(["--server-command", &command])
        .spawn()
        .unwrap();
    expect_soon("the clients warm up", || {
        (children(bench.id(), "client-worker").len() == 2).then_some(())
    });
    signal(bench.id(), Signal::KILL);
    bench.wait().unwrap();
    expect_soon("everything is cleared up", || is_cleared(&place).then_some(()));
}

#[test]
fn clients_of_a_lab_that_is_killed_end_though_the_server_says_nothing() {
    // In their warm-up, and in the transfer that counts.
    for warm in [0, 2] {
        let place = Place::new();
        let mock = Mock::holding_after(warm);
        let flags = format!(
            "--repeats 1 --operations download --volumes 1KiB --clients 2 --client-pools processes \
             --stall-timeout 1h --deadline 1h {}",
            mock.flags()
        );
        let mut bench = place.bench(&flags).spawn().unwrap();
        expect_soon("both clients wait for the server", || {
            (mock.waiting() == 2).then_some(())
        });
        signal(bench.id(), Signal::KILL);
        bench.wait().unwrap();
        expect_soon("everything is cleared up", || is_cleared(&place).then_some(()));
    }
}

#[test]
fn a_warden_that_somebody_else_starts_does_nothing() {
    let place = Place::new();
    let reaper = |folder: &[&std::path::Path]| -> Ran { ran(haul().arg("reaper").args(folder)) };
    for refused in [reaper(&[]), reaper(&[&place.scratch()])] {
        refused.expect_code(1);
        assert!(
            refused.stderr.contains("started by `haul bench` only"),
            "{}",
            refused.stderr
        );
    }
    assert!(place.scratch().is_dir());
}

fn is_cleared(place: &Place) -> bool {
    place.processes().is_empty() && fs::read_dir(place.scratch()).unwrap().next().is_none()
}
