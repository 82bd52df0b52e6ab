//! Whole runs against our own server and a plain one.

use std::collections::HashSet;

use crate::ran::{Place, outcomes, ran};

#[test]
fn a_small_matrix_under_every_pool_is_whole_verified_and_balanced() {
    let place = Place::new();
    let flags = "--seed 5 --repeats 1 --volumes 1KiB,300000B --clients 1,3 --workers 2 --pools threads,processes,tasks,threads:1 \
                 --front classic,extended --buffers 1KiB,256KiB";
    let ran = ran(&mut place.bench(flags));
    ran.expect_code(0);
    let trials = place.trials();
    assert_eq!(trials.len(), 2 * 2 * 2 * 4 * 2 * 2 * 2);
    let cells: HashSet<String> = trials.iter().map(|trial| trial["cell"].to_string()).collect();
    assert_eq!(cells.len(), trials.len());
    for trial in &trials {
        let samples = trial["samples"].as_array().unwrap();
        assert_eq!(samples.len() as u64, trial["cell"]["clients"].as_u64().unwrap());
        assert!(samples.iter().all(|sample| sample["verified"] == true), "{trial}");
        assert!(trial["server_books"]["reported"].is_array(), "{trial}");
        for side in ["server_usage", "client_usage"] {
            assert!(trial[side]["peak_memory"].as_u64().unwrap() > 0, "{trial}");
        }
    }
    let records = place.records();
    assert!(
        records[0]["start"]["subject"]["name"]
            .as_str()
            .unwrap()
            .starts_with("haul")
    );
    assert_eq!(records.last().unwrap()["end"]["interrupted"], false);
    let last = ran.stdout.lines().last().unwrap();
    assert!(
        last.ends_with(".html") && std::path::Path::new(last).is_file(),
        "{last}"
    );
    assert_eq!(
        ran.stderr.lines().filter(|line| line.contains(" left")).count(),
        trials.len()
    );
    place.assert_clean();
}

#[test]
fn a_plain_server_is_measured_by_its_command_line_and_reports_nothing() {
    let place = Place::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/plain_server.py");
    let command = format!("python3 {script} --port {{port}} --root {{root}} --workers {{workers}}");
    let mut bench =
        place.bench("--repeats 1 --volumes 10kB --clients 1,3 --workers 2 --client-pools threads");
    let ran = ran(bench.args(["--server-command", &command]));
    ran.expect_code(0);
    let trials = place.trials();
    assert_eq!(trials.len(), 4);
    for trial in &trials {
        assert_eq!(trial["server_books"], "not-reported");
        assert!(
            trial["samples"]
                .as_array()
                .unwrap()
                .iter()
                .all(|sample| sample["verified"] == true)
        );
    }
    place.assert_clean();
}

#[test]
fn fifty_clients_work_with_a_limit_of_64_descriptors_that_can_be_raised() {
    let place = Place::new();
    let bench = place.bench("--repeats 1 --volumes 100B --clients 50 --workers 2 --pools threads");
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", "ulimit -Sn 64 && exec \"$0\" \"$@\""])
        .arg(bench.get_program())
        .args(bench.get_args());
    ran(&mut shell).expect_code(0);
    let outcomes: Vec<_> = place.trials().iter().flat_map(outcomes).collect();
    assert_eq!(outcomes, vec!["ok"; 4 * 50]);
}

#[test]
fn a_threshold_that_is_crossed_has_its_exit_code() {
    let place = Place::new();
    let flags = "--repeats 1 --operations download --volumes 1KiB --clients 1 --workers 1 --pools threads --client-pools threads";
    let mut bench = place.bench(flags);
    ran(bench.args(["--fail-if", "throughput > 0MiB/s"])).expect_code(4);
}
