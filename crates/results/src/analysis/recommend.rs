//! The smallest pool that is as good as the best: no model, only what was tested.
//!
//! A pool's score in a replicate is the geometric mean of its total throughputs over all workloads, a workload being
//! everything but the pool. Its ratio to the best pool is taken replicate by replicate, so that drift between replicates
//! cancels out.

use std::collections::{BTreeMap, HashMap, HashSet};

use haul_types::{PoolKind, PoolSpec};
use serde::{Deserialize, Serialize};

use super::summary::{CellSummary, TrialSummary};
use crate::cell::Cell;
use crate::random::{Random, SeedPurpose};
use crate::statistics::{Estimate, mean, median};

/// How close to the best a pool has to be, by the lower end of the interval.
pub const GOOD_ENOUGH: f64 = 0.95;

/// A pool that was tested without failures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The pool.
    pub pool: PoolSpec,
    /// Its throughput over the best one's: 1 for the best itself.
    pub ratio: Estimate,
}

/// Which pool to take, among the pools tested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The smallest pool whose ratio is at least [`GOOD_ENOUGH`] by the lower end of its interval.
    pub recommended: Candidate,
    /// The pool with the highest throughput.
    pub best: PoolSpec,
    /// All pools that were tested without failures, the smallest first.
    pub candidates: Vec<Candidate>,
    /// Pools that are out of the question: a trial is invalid, a transfer failed, or a workload has no trial.
    pub excluded: Vec<PoolSpec>,
    /// Over how many workloads the scores are means.
    pub workloads: usize,
}

/// The recommendation for the workloads of these cells; `None` if no pool was tested with all of them and without
/// failures. `seed` gives the intervals.
pub(crate) fn recommend<'s>(
    cells: impl Iterator<Item = &'s CellSummary>,
    seed: u64,
) -> Option<Recommendation> {
    let (scored, excluded, workloads) = score(cells);
    let middle = |scores: &Scores| median(&scores.values().copied().collect::<Vec<_>>()).unwrap_or(f64::MIN);
    let (best, best_scores) = scored
        .iter()
        .max_by(|left, right| middle(&left.1).total_cmp(&middle(&right.1)))?;
    let mut random = Random::new(seed, SeedPurpose::Recommend, 0);
    let mut candidate = |(pool, scores): &(PoolSpec, Scores)| {
        let ratio = |(replicate, score): (&u32, &f64)| Some((score - best_scores.get(replicate)?).exp());
        let ratios: Vec<f64> = scores.iter().filter_map(ratio).collect();
        let ratio = Estimate::new(&ratios, &mut random)?;
        Some(Candidate { pool: *pool, ratio })
    };
    let mut candidates: Vec<Candidate> = scored.iter().filter_map(&mut candidate).collect();
    candidates.sort_by(|left, right| {
        let workers = left.pool.workers.cmp(&right.pool.workers);
        workers.then(right.ratio.median.total_cmp(&left.ratio.median))
    });
    let recommended = *candidates
        .iter()
        .find(|candidate| candidate.pool == *best || candidate.ratio.low >= GOOD_ENOUGH)?;
    Some(Recommendation {
        recommended,
        best: *best,
        candidates,
        excluded,
        workloads,
    })
}

/// The logarithm of a pool's score in each replicate.
type Scores = BTreeMap<u32, f64>;

/// The pools with their scores, those that are out of the question, and the number of workloads.
fn score<'s>(
    cells: impl Iterator<Item = &'s CellSummary>,
) -> (Vec<(PoolSpec, Scores)>, Vec<PoolSpec>, usize) {
    let mut workloads = HashSet::new();
    let mut pools: Vec<PoolSpec> = Vec::new();
    let mut by_pool: HashMap<PoolSpec, Vec<&[TrialSummary]>> = HashMap::new();
    for CellSummary { cell, trials, .. } in cells {
        workloads.insert(workload(cell));
        if !pools.contains(&cell.pool) {
            pools.push(cell.pool);
        }
        by_pool.entry(cell.pool).or_default().push(trials);
    }
    let mut scored = Vec::new();
    let mut excluded = Vec::new();
    for pool in pools {
        match scores(&by_pool[&pool], workloads.len()) {
            Some(scores) => scored.push((pool, scores)),
            None => excluded.push(pool),
        }
    }
    (scored, excluded, workloads.len())
}

/// Everything but the pool.
fn workload(cell: &Cell) -> Cell {
    let mut cell = *cell;
    cell.pool = PoolSpec::new(PoolKind::Threads, 1);
    cell
}

/// The score of each replicate in which every workload has a trial; `None` if there is none or anything failed.
fn scores(cells: &[&[TrialSummary]], workloads: usize) -> Option<Scores> {
    let is_sound = |trial: &TrialSummary| {
        trial.is_valid() && trial.clients_failed() == 0 && trial.total_bytes_per_s > 0.0
    };
    if cells.len() < workloads || !cells.iter().copied().flatten().all(is_sound) {
        return None;
    }
    let mut logarithms: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for trial in cells.iter().copied().flatten() {
        logarithms
            .entry(trial.replicate)
            .or_default()
            .push(trial.total_bytes_per_s.ln());
    }
    logarithms.retain(|_, values| values.len() == workloads);
    let scores: Scores = logarithms
        .iter()
        .map(|(replicate, values)| (*replicate, mean(values)))
        .collect();
    (!scores.is_empty()).then_some(scores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::sample::{FailureClass, Outcome};
    use crate::simulation::{self, SimulatedServer};

    fn recommended(run: &Run) -> Option<Recommendation> {
        recommend(run.summaries().iter(), run.header.seed)
    }

    /// A run in which a pool of so many workers has so many times the throughput of the largest.
    fn run(factors: [(u32, f64); 3], noise: f64) -> Run {
        let mut run = simulation::run(
            SimulatedServer {
                trial_noise: noise,
                ..SimulatedServer::default()
            },
            3,
            3,
        );
        for trial in &mut run.trials {
            let factor = factors
                .iter()
                .find(|(workers, _)| *workers == trial.cell.pool.workers)
                .unwrap()
                .1;
            let tilt = 1.0 + 0.01 * f64::from(trial.replicate);
            let mut steady = trial.cell;
            steady.pool.workers = 16;
            let cell = trial.cell;
            let counts = trial.server_counts.clone();
            *trial = SimulatedServer::default().trial(
                steady,
                trial.replicate,
                tilt * (1.0 + noise * f64::from(trial.replicate)) / factor,
            );
            (trial.cell, trial.server_counts) = (cell, counts);
        }
        run
    }

    #[test]
    fn the_smallest_pool_within_five_percent_of_the_best_is_recommended() {
        let found = recommended(&run([(1, 0.6), (4, 0.96), (16, 1.0)], 0.0)).unwrap();
        assert_eq!((found.recommended.pool.workers, found.best.workers), (4, 16));
        assert!((found.recommended.ratio.median - 0.96).abs() < 1e-6);
        assert_eq!(found.workloads, 18);
        let found = recommended(&run([(1, 0.6), (4, 0.94), (16, 1.0)], 0.0)).unwrap();
        assert_eq!(found.recommended.pool.workers, 16);
        let sizes: Vec<u32> = found
            .candidates
            .iter()
            .map(|candidate| candidate.pool.workers)
            .collect();
        assert_eq!(sizes, [1, 4, 16]);
    }

    #[test]
    fn drift_between_replicates_cancels_out() {
        let found = recommended(&run([(1, 0.6), (4, 0.96), (16, 1.0)], 0.2)).unwrap();
        assert_eq!(found.recommended.pool.workers, 4);
    }

    #[test]
    fn the_lower_end_of_the_interval_decides() {
        let mut run = run([(1, 0.6), (4, 0.97), (16, 1.0)], 0.0);
        for trial in run
            .trials
            .iter_mut()
            .filter(|trial| trial.cell.pool.workers == 4 && trial.replicate == 1)
        {
            trial.makespan_ns = trial.makespan_ns * 11 / 10;
        }
        let found = recommended(&run).unwrap();
        assert_eq!(found.recommended.pool.workers, 16);
    }

    #[test]
    fn a_pool_with_a_failure_is_out_of_the_question() {
        let mut run = run([(1, 0.6), (4, 0.96), (16, 1.0)], 0.0);
        let failed = run
            .trials
            .iter_mut()
            .find(|trial| trial.cell.pool.workers == 4)
            .unwrap();
        failed.samples[0].outcome = Outcome::failed(FailureClass::Reset, "");
        let found = recommended(&run).unwrap();
        assert_eq!(found.recommended.pool.workers, 16);
        assert_eq!(
            found.excluded.iter().map(|pool| pool.workers).collect::<Vec<_>>(),
            [4]
        );
        run.trials.clear();
        assert_eq!(recommended(&run), None);
    }

    #[test]
    fn only_the_wanted_workloads_count() {
        let run = run([(1, 0.6), (4, 0.96), (16, 1.0)], 0.0);
        let found = recommend(
            run.summaries().iter().filter(|summary| summary.cell.clients == 1),
            run.header.seed,
        )
        .unwrap();
        assert_eq!(found.workloads, 6);
    }
}
