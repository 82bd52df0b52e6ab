//! Runs whose difference is known: none, 3% everywhere, more in one cell.

use super::*;
use crate::sample::{FailureClass, Outcome};
use crate::simulation::{self, SimulatedServer, ceilings};

/// A run on a machine that is `machine` times as slow as usual, which its ceilings show.
fn run(server: SimulatedServer, machine: f64, seed: u64) -> Run {
    let mut run = simulation::run(
        SimulatedServer {
            pace: server.pace * machine,
            ..server
        },
        3,
        seed,
    );
    run.ceilings = ceilings(machine, seed);
    run
}

const STEADY: SimulatedServer = SimulatedServer {
    mib_ns: 1_000_000,
    pace: 1.0,
    trial_noise: 0.02,
    block_noise: 0.01,
    is_uneven: false,
};

/// In how many of `pairs` comparisons of the same server something is called significant.
fn false_alarms(server: SimulatedServer, drift: f64, pairs: u64) -> usize {
    let mut random = Random::new(99, SeedPurpose::Estimate, 0);
    (0..pairs)
        .filter(|pair| {
            let [before, after] = [2 * pair, 2 * pair + 1].map(|seed| {
                let machine = (drift * random.normal()).exp();
                run(server, machine, seed)
            });
            let comparison = compare(&before, &after, Method::default()).unwrap();
            comparison.significant().count() > 0
        })
        .count()
}

#[test]
fn two_runs_of_the_same_server_show_no_significant_cell_in_at_least_9_of_10_pairs() {
    let uneven = SimulatedServer {
        is_uneven: true,
        ..STEADY
    };
    for (name, server, drift) in [
        ("steady", STEADY, 0.0),
        (
            "without drift between replicates",
            SimulatedServer {
                block_noise: 0.0,
                ..STEADY
            },
            0.0,
        ),
        (
            "drifting replicates",
            SimulatedServer {
                block_noise: 0.04,
                ..STEADY
            },
            0.0,
        ),
        ("uneven noise with outliers", uneven, 0.0),
        (
            "noisy",
            SimulatedServer {
                trial_noise: 0.15,
                ..uneven
            },
            0.0,
        ),
        (
            "quiet",
            SimulatedServer {
                trial_noise: 0.002,
                block_noise: 0.001,
                ..STEADY
            },
            0.003,
        ),
        ("a machine that drifts between the runs", uneven, 0.02),
    ] {
        let alarms = false_alarms(server, drift, 40);
        assert!(alarms <= 4, "{name}: {alarms} of 40 pairs");
    }
}

/// How 30 comparisons of a steady server with one that has `pace` end, all cells together.
fn overall(pace: f64) -> Vec<Comparison> {
    let steady = SimulatedServer {
        block_noise: 0.003,
        ..STEADY
    };
    let comparison = |seed| {
        let (before, after) = (
            run(steady, 1.0, seed),
            run(SimulatedServer { pace, ..steady }, 1.0, seed + 1000),
        );
        compare(&before, &after, Method::default()).unwrap()
    };
    (0..30).map(comparison).collect()
}

#[test]
fn a_server_that_is_3_percent_slower_is_told_from_one_that_is_not() {
    let called = |pace, change| {
        overall(pace)
            .iter()
            .filter(|comparison| comparison.overall_change == change)
            .count()
    };
    let (slower, faster) = (called(1.03, Change::Slower), called(0.97, Change::Faster));
    assert!(
        slower >= 27 && faster >= 27,
        "{slower} and {faster} of 30 are found"
    );
    let same = called(1.0, Change::WithinNoise);
    assert!(same >= 28, "{same} of 30 are within noise");
}

#[test]
fn the_intervals_of_the_ratios_hold_the_truth_as_often_as_they_claim() {
    let truth = 1.03_f64.recip();
    let holds = |ratio: &Ratio| ratio.low <= truth && truth <= ratio.high;
    let comparisons = overall(1.03);
    let ratios: Vec<Ratio> = comparisons
        .iter()
        .flat_map(|comparison| &comparison.cells)
        .filter_map(|cell| cell.ratio)
        .collect();
    assert_eq!(ratios.len(), 30 * 54);
    let share = ratios.iter().filter(|ratio| holds(ratio)).count() as f64 / ratios.len() as f64;
    assert!((0.93..=0.98).contains(&share), "{share}");
    let overall = comparisons
        .iter()
        .filter(|comparison| comparison.overall.is_some_and(|ratio| holds(&ratio)))
        .count();
    assert!(overall >= 26, "{overall} of 30");
}

#[test]
fn one_cell_that_changed_is_found_among_those_that_did_not() {
    for seed in 0..10 {
        let before = run(STEADY, 1.0, seed);
        let mut after = run(STEADY, 1.0, seed + 1000);
        let target = before.header.matrix.cells()[40];
        for trial in after.trials.iter_mut().filter(|trial| trial.cell == target) {
            *trial = STEADY.trial(target, trial.replicate, 1.15 + 0.01 * f64::from(trial.replicate));
        }
        let comparison = compare(&before, &after, Method::default()).unwrap();
        let found: Vec<_> = comparison
            .significant()
            .map(|cell| (cell.cell, cell.change))
            .collect();
        assert_eq!(found, [(target, Change::Slower)]);
    }
}

#[test]
fn more_repeats_find_smaller_differences_in_single_cells() {
    let repeated = |pace, seed| {
        simulation::run(
            SimulatedServer {
                pace,
                block_noise: 0.0,
                ..STEADY
            },
            12,
            seed,
        )
    };
    let comparison = compare(&repeated(1.0, 1), &repeated(1.05, 2), Method::default()).unwrap();
    let slower = comparison
        .significant()
        .filter(|cell| cell.change == Change::Slower)
        .count();
    assert!(slower >= 45, "{slower} of 54");
}

#[test]
fn a_difference_below_the_floor_is_within_noise_however_sure_it_is() {
    let exact = |pace, seed| {
        simulation::run(
            SimulatedServer {
                pace,
                ..SimulatedServer::default()
            },
            12,
            seed,
        )
    };
    let strict = Method {
        drift: 0.0,
        ..Method::default()
    };
    let comparison = compare(&exact(1.0, 1), &exact(1.008, 2), strict).unwrap();
    assert_eq!(
        (comparison.significant().count(), comparison.overall_change),
        (0, Change::WithinNoise)
    );
    let comparison = compare(&exact(1.0, 1), &exact(1.02, 2), strict).unwrap();
    assert_eq!(
        (comparison.significant().count(), comparison.overall_change),
        (54, Change::Slower)
    );
}

#[test]
fn a_cell_that_cannot_be_judged_says_why() {
    let before = run(STEADY, 1.0, 1);
    let mut after = run(STEADY, 1.0, 2);
    let cells = before.header.matrix.cells();
    let trials_of = |run: &mut Run, cell: Cell| -> Vec<usize> {
        (0..run.trials.len())
            .filter(|&place| run.trials[place].cell == cell)
            .collect()
    };
    let place = trials_of(&mut after, cells[0])[0];
    after.trials[place].samples[0].outcome = Outcome::failed(FailureClass::Reset, "");
    let place = trials_of(&mut after, cells[1])[0];
    after.trials[place].makespan_ns = 1;
    after
        .trials
        .retain(|trial| trial.cell != cells[2] && (trial.cell != cells[3] || trial.replicate == 0));
    let comparison = compare(&before, &after, Method::default()).unwrap();
    let changes: Vec<_> = comparison.cells.iter().take(5).map(|cell| cell.change).collect();
    let expected = [
        Unjudged::Failed,
        Unjudged::Invalid,
        Unjudged::Missing,
        Unjudged::SingleTrial,
    ];
    assert_eq!(changes[..4], expected.map(Change::Unjudged));
    assert_eq!(changes[4], Change::WithinNoise);
    assert_eq!(comparison.cells[0].ratio, None);
}

#[test]
fn runs_of_another_matrix_or_machine_are_refused_with_all_reasons_and_compared_anyway() {
    let before = run(STEADY, 1.0, 1);
    let mut after = run(STEADY, 1.0, 2);
    let mut levels = after.header.matrix.levels().clone();
    levels.clients = vec![1, 4];
    after.header.matrix = crate::Matrix::new(levels).unwrap();
    after.header.machine.cores = 8;
    after.header.machine.scratch.in_memory = false;
    let refusal = compare(&before, &after, Method::default()).unwrap_err();
    assert_eq!(refusal.0.len(), 3);
    let text = refusal.to_string();
    for part in [
        "36 cells are in both, 18 only in the first",
        "cores differs: 2 and 8",
        "scratch space",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let comparison = compare_anyway(&before, &after, Method::default());
    assert_eq!(comparison.differences, refusal.0);
    let judged = comparison
        .cells
        .iter()
        .filter(|cell| cell.ratio.is_some())
        .count();
    assert_eq!((judged, comparison.cells.len()), (36, 54));
}

#[test]
fn memory_that_the_kernel_kept_for_itself_is_no_other_machine() {
    let before = run(STEADY, 1.0, 1);
    let mut after = run(STEADY, 1.0, 2);
    after.header.machine.memory.0 -= 1 << 20;
    assert!(compare(&before, &after, Method::default()).is_ok());
    after.header.machine.memory.0 /= 2;
    assert!(compare(&before, &after, Method::default()).is_err());
}

#[test]
fn runs_with_one_repeat_or_without_cells_in_common_are_compared_without_a_word() {
    let single = |seed| simulation::run(STEADY, 1, seed);
    let comparison = compare(&single(1), &single(2), Method::default()).unwrap();
    assert_eq!((comparison.overall, comparison.significant().count()), (None, 0));
    assert_eq!(comparison.overall_change, Change::Unjudged(Unjudged::Missing));
}
