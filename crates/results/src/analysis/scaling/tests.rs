//! Curves with known α and β are recovered; plateaus, lines and whatever else has no peak are refused.

use super::super::rows::rows;
use super::*;
use crate::matrix::{Levels, Matrix};
use crate::run::Run;
use crate::simulation::{self, SimulatedServer};
use crate::trial::{Fault, FaultKind};

fn measured(rate: impl Fn(f64) -> f64, noise: f64, repeats: u32, seed: u64) -> Vec<Level> {
    let mut random = Random::new(seed, SeedPurpose::Estimate, 1);
    Levels::SCALE
        .iter()
        .map(|&count| Level {
            count,
            bytes_per_s: (0..repeats)
                .map(|_| rate(f64::from(count)) * (noise * random.normal()).exp())
                .collect(),
            is_sound: true,
        })
        .collect()
}

fn law(gamma: f64, alpha: f64, beta: f64) -> impl Fn(f64) -> f64 {
    move |count| gamma * count / (1.0 + alpha * (count - 1.0) + beta * count * (count - 1.0))
}

#[test]
fn a_curve_without_noise_is_recovered_exactly() {
    let fit = fit(&measured(law(1e9, 0.05, 0.002), 0.0, 3, 1), 1).unwrap();
    let close = |left: f64, right: f64| (left / right - 1.0).abs() < 1e-6;
    assert!(
        close(fit.gamma.value, 1e9) && close(fit.alpha.value, 0.05) && close(fit.beta.value, 0.002),
        "{fit:?}"
    );
    assert!(close(fit.peak.value, (0.95_f64 / 0.002).sqrt()));
    assert!(fit.relative_error < 1e-6);
    assert!(close(fit.bytes_per_s(24.0), law(1e9, 0.05, 0.002)(24.0)));
}

/// How many of `fits` fits are accepted, and how many of their intervals hold γ, α, β and the peak.
fn coverage(alpha: f64, beta: f64, noise: f64, fits: u64) -> (u32, [u32; 4]) {
    let (mut accepted, mut held) = (0, [0; 4]);
    let peak = ((1.0 - alpha) / beta).sqrt();
    for seed in 0..fits {
        let Ok(fit) = fit(&measured(law(1e9, alpha, beta), noise, 3, seed), seed) else {
            continue;
        };
        accepted += 1;
        let pairs = [
            (fit.gamma, 1e9),
            (fit.alpha, alpha),
            (fit.beta, beta),
            (fit.peak, peak),
        ];
        for (count, (interval, truth)) in held.iter_mut().zip(pairs) {
            *count += u32::from(interval.low <= truth && truth <= interval.high);
        }
    }
    (accepted, held)
}

#[test]
fn known_parameters_lie_in_their_intervals_as_often_as_these_claim() {
    for (alpha, beta, noise) in [(0.05, 0.002, 0.02), (0.2, 0.001, 0.02), (0.02, 0.005, 0.05)] {
        let (accepted, held) = coverage(alpha, beta, noise, 120);
        assert!(accepted >= 110, "{alpha} {beta}: {accepted} of 120 are accepted");
        for count in held {
            let share = f64::from(count) / f64::from(accepted);
            assert!(
                (0.89..=0.99).contains(&share),
                "{alpha} {beta}: {held:?} of {accepted}"
            );
        }
    }
}

#[test]
fn a_line_and_plateaus_are_refused_however_much_noise_there_is() {
    for noise in [0.0, 0.005, 0.02, 0.05] {
        for knee in [1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 16.0, 24.0, 32.0, f64::INFINITY] {
            for seed in 0..12 {
                let outcome = fit(&measured(|count| 1e9 * count.min(knee), noise, 3, seed), seed);
                assert!(
                    outcome.is_err(),
                    "plateau from {knee}, noise {noise}, seed {seed}: {outcome:?}"
                );
            }
        }
    }
}

#[test]
fn a_curve_without_contention_between_pairs_has_no_peak() {
    let outcome = fit(&measured(law(1e9, 0.1, 0.0), 0.02, 3, 4), 4);
    assert!(
        matches!(outcome, Err(NoCurve::NoPeak { .. } | NoCurve::Beta { .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_peak_beyond_the_tested_levels_is_refused() {
    let outcome = fit(&measured(law(1e9, 0.05, 0.0002), 0.001, 3, 1), 1);
    assert!(
        matches!(outcome, Err(NoCurve::PeakOutside { most: 50, .. })),
        "{outcome:?}"
    );
}

#[test]
fn a_curve_of_another_shape_is_refused_for_its_error() {
    let cliff = |count: f64| if count > 16.0 { 3e8 * count } else { 1e9 * count };
    let outcome = fit(&measured(cliff, 0.001, 3, 1), 1);
    assert!(outcome.is_err(), "{outcome:?}");
    let plateau = fit(&measured(|count| 1e9 * count.min(5.0), 0.001, 3, 1), 1);
    assert!(
        matches!(plateau, Err(NoCurve::RelativeError { error, .. }) if error > 0.1),
        "{plateau:?}"
    );
}

#[test]
fn too_little_is_refused_by_what_is_missing() {
    let full = || measured(law(1e9, 0.05, 0.002), 0.01, 3, 1);
    assert_eq!(fit(&full()[..5], 1), Err(NoCurve::TooFewLevels { found: 5 }));
    let mut short = full();
    short[3].bytes_per_s.pop();
    assert_eq!(fit(&short, 1), Err(NoCurve::TooFewRepeats { count: 8, found: 2 }));
    let mut unsound = full();
    unsound[8].is_sound = false;
    assert_eq!(fit(&unsound, 1), Err(NoCurve::Invalid { count: 50 }));
    let mut nothing = full();
    nothing[0].bytes_per_s[0] = 0.0;
    assert_eq!(fit(&nothing, 1), Err(NoCurve::Invalid { count: 1 }));
}

#[test]
fn the_same_seed_gives_the_same_intervals() {
    let levels = measured(law(1e9, 0.05, 0.002), 0.02, 3, 7);
    assert_eq!(fit(&levels, 3), fit(&levels, 3));
    assert_ne!(fit(&levels, 3), fit(&levels, 4));
}

#[test]
fn the_levels_of_a_run_are_those_of_its_one_factor() {
    let mut header = simulation::header(3, 1);
    header.matrix = Matrix::new(header.matrix.levels().scale(Factor::Clients).unwrap()).unwrap();
    let mut run = Run::new(header);
    for (replicate, cell) in run.missing() {
        run.trials
            .push(SimulatedServer::default().trial(cell, replicate, 1.0));
    }
    let found = levels(&rows(&run, None), Factor::Clients).unwrap();
    let counts: Vec<u32> = found.iter().map(|level| level.count).collect();
    assert_eq!(counts, Levels::SCALE);
    assert!(
        found
            .iter()
            .all(|level| level.is_sound && level.bytes_per_s.len() == 3)
    );
    assert!(levels(&rows(&run, None), Factor::Volumes).is_none());
    let full = simulation::run(SimulatedServer::default(), 3, 1);
    assert!(
        levels(&rows(&full, None), Factor::Clients).is_none(),
        "more than one factor varies"
    );

    let broken = run
        .trials
        .iter()
        .position(|trial| trial.cell.clients == 8)
        .unwrap();
    run.trials[broken].faults.push(Fault {
        kind: FaultKind::ServerDied,
        detail: String::new(),
    });
    let found = levels(&rows(&run, None), Factor::Clients).unwrap();
    assert_eq!(fit(&found, 1), Err(NoCurve::Invalid { count: 8 }));
}
