//! Ctrl-C, processes that are killed, journals that were cut off: the run ends in order or goes on.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use rustix::process::Signal;

use crate::expect_soon;
use crate::mock::Mock;
use crate::ran::{Place, children, ended, outcomes, ran, signal};

/// Two clients, each with a warm-up, and one trial.
const ONE: &str = "--repeats 1 --operations download --volumes 1KiB --clients 2";

#[test]
fn an_interrupted_run_leaves_a_journal_a_report_and_no_process_and_can_be_resumed() {
    let place = Place::new();
    let mock = Mock::holding_after(2);
    let bench = place
        .bench(&format!(
            "{ONE} --client-pools processes,threads {}",
            mock.flags()
        ))
        .spawn()
        .unwrap();
    expect_soon("both clients wait for the server", || {
        (mock.waiting() == 2).then_some(())
    });
    let clients = children(bench.id(), "client-worker");
    assert!(!clients.is_empty());
    signal(bench.id(), Signal::INT);
    let ran_first = ended(bench);
    ran_first.expect_code(5);
    assert!(
        clients
            .iter()
            .all(|client| !fs::exists(format!("/proc/{client}")).unwrap())
    );
    assert!(
        ran_first.stdout.lines().last().unwrap().ends_with(".html"),
        "{}",
        ran_first.stdout
    );
    assert_eq!(place.records().last().unwrap()["end"]["interrupted"], true);
    assert_eq!(place.trials().len(), 0);
    place.assert_clean();

    // As if the machine had stopped while a line was written.
    OpenOptions::new()
        .append(true)
        .open(place.journal())
        .unwrap()
        .write_all(b"{\"trial\":{\"cell")
        .unwrap();
    mock.open();
    let out = place.out();
    let resumed = ran(place.plain("--resume").arg(&out));
    resumed.expect_code(0);
    let trials = place.trials();
    assert_eq!(
        trials.iter().map(outcomes).collect::<Vec<_>>(),
        [["ok", "ok"], ["ok", "ok"]]
    );
    assert_eq!(mock.objects(), 0, "what was put on the server is removed");
    place.assert_clean();
}

#[test]
fn a_client_process_that_is_killed_is_one_failed_client() {
    let place = Place::new();
    let mock = Mock::holding_after(2);
    let bench = place
        .bench(&format!("{ONE} --client-pools processes {}", mock.flags()))
        .spawn()
        .unwrap();
    expect_soon("both clients wait for the server", || {
        (mock.waiting() == 2).then_some(())
    });
    let clients = children(bench.id(), "client-worker");
    assert_eq!(clients.len(), 2);
    signal(clients[0], Signal::KILL);
    expect_soon("the killed client is seen to be dead", || {
        let state = fs::read_to_string(format!("/proc/{}/stat", clients[0])).unwrap_or_default();
        state
            .rsplit_once(") ")
            .is_none_or(|(_, state)| state.starts_with('Z'))
            .then_some(())
    });
    mock.open();
    ended(bench).expect_code(1);
    assert_eq!(outcomes(&place.trials()[0]), ["ok", "worker-killed"]);
}

#[test]
fn a_server_that_stays_silent_is_stalled_and_one_that_takes_too_long_meets_the_deadline() {
    for (limit, class) in [
        ("--stall-timeout 300ms", "stalled"),
        ("--deadline 300ms", "deadline"),
    ] {
        let place = Place::new();
        let mock = Mock::holding_after(2);
        let bench = place
            .bench(&format!("{ONE} --client-pools threads {limit} {}", mock.flags()))
            .spawn()
            .unwrap();
        ended(bench).expect_code(1);
        assert_eq!(outcomes(&place.trials()[0]), [class, class]);
        mock.open();
    }
}

#[test]
fn results_of_another_version_and_damaged_ones_are_refused() {
    let place = Place::new();
    let flags = format!("{ONE} --workers 1 --pools threads --client-pools threads");
    ran(&mut place.bench(&flags)).expect_code(0);
    let journal = fs::read_to_string(place.journal()).unwrap();
    for (wrong, said) in [
        (journal.replacen("\"format\":1", "\"format\":7", 1), "format 7"),
        (journal.replacen("\n{\"ceiling\"", "\n{\"sealing\"", 1), "line 2"),
        (String::new(), "empty"),
    ] {
        fs::write(place.journal(), wrong).unwrap();
        let refused = ran(place.plain("--resume").arg(place.out()));
        refused.expect_code(2);
        assert!(
            refused.stderr.contains(said) && refused.stderr.contains("--resume"),
            "{}",
            refused.stderr
        );
    }
}

#[test]
fn a_run_that_is_complete_has_nothing_left_to_resume() {
    let place = Place::new();
    let flags = format!("{ONE} --workers 1 --pools threads --client-pools threads");
    ran(&mut place.bench(&flags)).expect_code(0);
    let before = place.trials();
    ran(place.plain("--resume").arg(place.out())).expect_code(0);
    assert_eq!(place.trials(), before);
}
