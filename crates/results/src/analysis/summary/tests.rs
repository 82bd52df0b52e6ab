//! The answers to a server with a fixed service time and a known queue are known.

use super::*;
use crate::cell::Operation;
use crate::run::{Ceiling, CeilingKind};
use crate::sample::Outcome;
use crate::simulation::{self, SimulatedServer};
use crate::trial::{Fault, FaultKind};
use haul_types::ByteSize;

fn cell(clients: u32, pool: &str) -> Cell {
    Cell {
        clients,
        pool: pool.parse().unwrap(),
        volume: ByteSize::mib(10),
        ..simulation::cell()
    }
}

fn trial(clients: u32, pool: &str) -> Trial {
    SimulatedServer::default().trial(cell(clients, pool), 0, 1.0)
}

fn workers(trial: &mut Trial) -> &mut Vec<crate::WorkerCounts> {
    match &mut trial.server_counts {
        ServerCounts::Reported(workers) => workers,
        ServerCounts::NotReported => panic!("the simulated server reports"),
    }
}

#[test]
fn a_known_queue_gives_known_times() {
    // Ten clients, two workers, 10 ms for each: five waves, done after 10, 20, 30, 40 and 50 ms.
    let summary = TrialSummary::new(&trial(10, "threads:2"), 2);
    assert_eq!(summary.problems, []);
    assert_eq!(summary.makespan_s, 0.05);
    assert_eq!(summary.client_s, Some(0.03));
    assert_eq!(summary.tail, Some(Tail::Maximum(0.05)));
    let phases = summary.phases.unwrap();
    assert_eq!(
        (phases.connect_s, phases.wait_s, phases.transfer_s),
        (0.0, 0.02, 0.01)
    );
    assert_eq!(
        summary.workers,
        Some(WorkerTally {
            ok: 2,
            failed: 0,
            took_part: 2
        })
    );
    assert_eq!(
        (summary.clients_ok, summary.clients_failed(), summary.verified),
        (10, 0, 10)
    );
}

#[test]
fn total_throughput_is_all_bytes_over_the_makespan_and_no_sum_of_rates() {
    let summary = TrialSummary::new(&trial(10, "threads:2"), 2);
    let expected = ByteSize::mib(100).as_f64() / 0.05;
    assert!((summary.total_bytes_per_s / expected - 1.0).abs() < 1e-12);
    let sum_of_rates: f64 = [1.0, 2.0, 3.0, 4.0, 5.0]
        .iter()
        .map(|wave| 2.0 * ByteSize::mib(10).as_f64() / (0.01 * wave))
        .sum();
    assert!(sum_of_rates > 2.0 * summary.total_bytes_per_s);
}

#[test]
fn a_percentile_needs_twenty_values() {
    assert_eq!(Tail::new(&[1.0; 19]), Some(Tail::Maximum(1.0)));
    assert_eq!(Tail::new(&[1.0; 20]), Some(Tail::Percentile95(1.0)));
    assert_eq!(Tail::new(&[]), None);
}

#[test]
fn workers_without_work_took_no_part() {
    let summary = TrialSummary::new(&trial(3, "threads:50"), 2);
    assert_eq!(
        summary.workers,
        Some(WorkerTally {
            ok: 50,
            failed: 0,
            took_part: 3
        })
    );
}

#[test]
fn a_server_without_a_ledger_gets_no_copy_of_the_clients_count() {
    let mut silent = trial(3, "threads:5");
    silent.server_counts = ServerCounts::NotReported;
    let summary = TrialSummary::new(&silent, 2);
    assert_eq!((summary.workers, summary.problems), (None, vec![]));
}

#[test]
fn a_killed_worker_is_one_failed_client_counted_on_both_sides_and_no_invalid_trial() {
    let mut killed = trial(5, "processes:5");
    killed.samples[2].outcome = Outcome::failed(FailureClass::WorkerKilled, "signal 9");
    killed.samples[2].bytes = ByteSize(123);
    let worker = &mut workers(&mut killed)[2];
    (worker.requests_ok, worker.requests_failed, worker.restarts) = (0, 1, 1);
    worker.bytes_out = ByteSize(0);
    let summary = TrialSummary::new(&killed, 2);
    assert_eq!(summary.problems, []);
    assert_eq!(
        summary.failures,
        BTreeMap::from([(FailureClass::WorkerKilled, 1)])
    );
    assert_eq!(
        summary.workers,
        Some(WorkerTally {
            ok: 4,
            failed: 1,
            took_part: 5
        })
    );
    let expected = ByteSize::mib(40).as_f64() / 0.01;
    assert!((summary.total_bytes_per_s / expected - 1.0).abs() < 1e-12);
}

#[test]
fn counts_that_differ_make_a_trial_invalid() {
    let mut one_more = trial(5, "threads:5");
    workers(&mut one_more)[0].requests_ok += 1;
    assert!(matches!(
        one_more.problems()[..],
        [Problem::Requests {
            clients_ok: 5,
            server_ok: 6,
            ..
        }]
    ));

    let mut one_failed = trial(5, "threads:5");
    workers(&mut one_failed)[0].requests_failed += 1;
    assert!(matches!(
        one_failed.problems()[..],
        [Problem::Requests {
            server_ok: 5,
            server: 6,
            ..
        }]
    ));

    let mut one_byte = trial(5, "threads:5");
    workers(&mut one_byte)[0].bytes_out.0 -= 1;
    assert!(matches!(one_byte.problems()[..], [Problem::Bytes { .. }]));
}

#[test]
fn samples_that_cannot_be_make_a_trial_invalid() {
    let mut missing = trial(5, "threads:5");
    missing.samples.pop();
    assert!(missing.problems().contains(&Problem::Samples {
        clients: 5,
        counted: 4
    }));

    let mut twice = trial(5, "threads:5");
    twice.samples[0].client = 1;
    assert_eq!(
        twice.problems(),
        [Problem::Samples {
            clients: 5,
            counted: 3
        }]
    );

    let mut short = trial(5, "threads:5");
    short.samples[0].bytes.0 -= 1;
    assert!(short.problems().contains(&Problem::Volume { transfers: 1 }));

    let mut late = trial(5, "threads:5");
    late.makespan_ns -= 1;
    assert_eq!(late.problems(), [Problem::Times { transfers: 5 }]);
}

#[test]
fn processor_time_is_counted_for_each_gibibyte_that_arrived() {
    let mut busy = trial(4, "threads:4");
    busy.server_usage = Some(Usage {
        user_us: 20_000,
        system_us: 60_000,
        ..Usage::default()
    });
    let cost = TrialSummary::new(&busy, 2).server_cpu.unwrap();
    assert!((cost.user_s_per_gib - 0.02 * 1024.0 / 40.0).abs() < 1e-12);
    assert!((cost.total_s_per_gib() - 0.08 * 1024.0 / 40.0).abs() < 1e-12);
}

#[test]
fn a_cell_is_limited_by_the_client_where_its_side_uses_up_the_processors() {
    let limited = |clients: u32, client_us: u64, server_us: u64| {
        let mut trial = trial(clients, "threads:50");
        let usage = |user_us| {
            Some(Usage {
                user_us,
                ..Usage::default()
            })
        };
        (trial.client_usage, trial.server_usage) = (usage(client_us), usage(server_us));
        TrialSummary::new(&trial, 2).is_limited_by_client.unwrap()
    };
    // The makespan is 10 ms on two processors.
    assert!(limited(1, 9_500, 3_000), "one client can use one processor only");
    assert!(limited(50, 11_000, 8_000));
    assert!(!limited(50, 8_000, 11_000), "here it is the server");
    assert!(!limited(50, 9_500, 3_000), "a processor was idle");
}

#[test]
fn a_cell_knows_the_median_of_its_valid_trials_and_is_invalid_with_one_that_is_not() {
    let mut run = simulation::run(
        SimulatedServer {
            trial_noise: 0.1,
            ..SimulatedServer::default()
        },
        3,
        5,
    );
    let target = run.trials[7].cell;
    run.trials[7].faults.push(Fault {
        kind: FaultKind::ServerDied,
        detail: String::new(),
    });
    let summaries = run.summaries();
    assert_eq!(summaries.len(), 54);
    for summary in &summaries {
        assert_eq!(summary.trials.len(), 3);
        let is_target = summary.cell == target;
        assert_eq!(summary.is_valid(), !is_target);
        let estimate = summary.total_bytes_per_s.unwrap();
        assert_eq!(estimate.values, if is_target { 2 } else { 3 });
        let rates: Vec<f64> = summary
            .valid_trials()
            .map(|trial| trial.total_bytes_per_s)
            .collect();
        assert_eq!(Some(estimate.median), median(&rates));
    }
    assert_eq!(run.summaries(), summaries, "the intervals follow from the seed");
}

#[test]
fn a_throughput_above_its_ceiling_is_marked() {
    let mut run = simulation::run(SimulatedServer::default(), 1, 5);
    run.ceilings = vec![Ceiling {
        kind: CeilingKind::MemoryCopy,
        bytes_per_s: vec![ByteSize::mib(1000).as_f64()],
    }];
    for summary in run.summaries() {
        let at_once = summary.cell.clients.min(summary.cell.pool.workers);
        let waves = summary.cell.clients.div_ceil(at_once);
        let share = summary.ceiling.unwrap();
        let expected = f64::from(summary.cell.clients) / f64::from(waves) / 2.0;
        assert!((share.share - expected).abs() < 1e-9, "{}", summary.cell);
        assert_eq!(share.is_above(), expected > 1.0);
    }
    assert!(
        run.summaries()
            .iter()
            .any(|summary| summary.cell.operation == Operation::Upload)
    );
}
