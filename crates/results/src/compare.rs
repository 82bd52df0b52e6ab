//! Two runs, cell by cell: how their throughput relates, and whether the difference is more than noise.
//!
//! **What is compared.** The logarithm of a trial's total throughput, so that differences are ratios. A cell with an
//! invalid trial, a failed transfer or fewer than two trials on one side is not judged.
//!
//! **Why not each cell by itself.** With three repeats a permutation test cannot get below p = 0.1 and a bootstrap knows
//! nothing outside the three values, so either finds nothing or claims too much. A run has many cells though, and they
//! tell together how noisy trials are. The variance of a difference is put together from four parts:
//!
//! 1. *The cell's own noise*, around the mean of its replicate, with the variances of all cells taken together: each is
//!    drawn towards a common one, as far as the spread of the variances allows (Smyth 2004, the moderated t-test).
//! 2. *Drift between replicates*: what all cells of a replicate have in common. It has few degrees of freedom, two for
//!    each run of three replicates, and says so in the result.
//! 3. *Drift between the runs, as far as it is seen*: how far the ceilings, which know nothing of the server, moved
//!    beyond their own noise.
//! 4. *Drift between the runs that is not seen*: [`Method::drift`], since even on a quiet machine two runs of the same
//!    build differ by more than their replicates do.
//!
//! The degrees of freedom are Satterthwaite's. The p-values are corrected for the number of cells (Benjamini and
//! Hochberg 1995). A cell is called faster or slower only if, besides, the difference is larger than
//! [`Method::floor`], and the cell's values alone do not contradict it: by a permutation test, or with fewer than four
//! repeats by the two sets of values overlapping.
//!
//! **What it assumes.** The order of the cells was random, so drift within a replicate is noise; noise is roughly
//! log-normal, an outlier costs power rather than truth; and the machine did not change between the runs in a way that
//! neither replicates nor ceilings show. Seeds and numbers of repeats may differ.

mod variance;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::analysis::summary::TrialSummary;
use crate::cell::Cell;
use crate::random::{Random, SeedPurpose};
use crate::run::Run;
use crate::statistics::{benjamini_hochberg, mean, median};
use variance::{Component, Variances};

/// How strict a comparison is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// The share of false ones that is accepted among the cells that are called faster or slower. Default 0.01: runs are
    /// compared often, and one false alarm in a matrix of 216 cells costs more than a small change that is missed.
    pub false_discovery: f64,
    /// The p-value up to which all cells together are called faster or slower: one test, so nothing to correct for.
    /// Default 0.05.
    pub overall_p_value: f64,
    /// The smallest difference that is worth a word, as a share. Default 0.01.
    pub floor: f64,
    /// By how much two runs of the same build differ for no reason that can be seen, as a share: one standard
    /// deviation. Default 0.005.
    pub drift: f64,
}

impl Default for Method {
    fn default() -> Self {
        Self {
            false_discovery: 0.01,
            overall_p_value: 0.05,
            floor: 0.01,
            drift: 0.005,
        }
    }
}

/// Why two runs should not be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// They do not have the same cells.
    #[error(
        "the matrices differ: {common} cells are in both, {only_before} only in the first, {only_after} only in the second"
    )]
    Matrix {
        /// Cells in both.
        common: usize,
        /// Cells only in the first.
        only_before: usize,
        /// Cells only in the second.
        only_after: usize,
    },
    /// They were made on different machines, or on one that was changed.
    #[error("{what} differs: {before} and {after}")]
    Machine {
        /// What differs: processor, cores, memory, kernel, scratch space.
        what: String,
        /// In the first.
        before: String,
        /// In the second.
        after: String,
    },
    /// The servers count uploads as stored at different moments.
    #[error("durability differs: {before} and {after}")]
    Durability {
        /// In the first.
        before: crate::StatedDurability,
        /// In the second.
        after: crate::StatedDurability,
    },
}

/// Two runs that are not comparable, and all reasons why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the runs are not comparable: {}", sentences(.0))]
pub struct NotComparable(pub Vec<Difference>);

fn sentences(differences: &[Difference]) -> String {
    let sentences: Vec<_> = differences.iter().map(ToString::to_string).collect();
    sentences.join("; ")
}

/// The second run over the first, 1 for no difference, with its 95% interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The ratio of throughputs: above 1 the second run is faster.
    pub ratio: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// How likely a difference at least as large is without any cause, before the correction.
    pub p_value: f64,
    /// On how many degrees of freedom the interval rests; below 5 it is wide for want of repeats.
    pub freedom: f64,
}

impl Ratio {
    fn new(difference: f64, parts: &[Component]) -> Self {
        let variance: f64 = parts.iter().map(|part| part.variance).sum();
        let freedom = variance::satterthwaite(parts);
        let deviation = variance.sqrt();
        let t = StudentsT::new(0.0, 1.0, freedom).expect("the degrees of freedom are finite and above 0");
        let reach = t.inverse_cdf(0.975) * deviation;
        Self {
            ratio: difference.exp(),
            low: (difference - reach).exp(),
            high: (difference + reach).exp(),
            p_value: (2.0 * t.sf(difference.abs() / deviation)).min(1.0),
            freedom,
        }
    }
}

/// Why a cell is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unjudged {
    /// One of the runs has no such cell, or no trial of it.
    Missing,
    /// A trial is invalid.
    Invalid,
    /// A transfer failed.
    Failed,
    /// One of the runs has only one trial.
    SingleTrial,
}

/// What a comparison says of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// The second run is faster.
    Faster,
    /// The second run is slower.
    Slower,
    /// Nothing is known to differ.
    WithinNoise,
    /// Nothing is said.
    Unjudged(Unjudged),
}

/// One cell in both runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellComparison {
    /// The cell.
    pub cell: Cell,
    /// Median total throughput in the first run, in bytes per second.
    pub before_bytes_per_s: Option<f64>,
    /// Median total throughput in the second run, in bytes per second.
    pub after_bytes_per_s: Option<f64>,
    /// The ratio of their geometric means; `None` if the cell is not judged.
    pub ratio: Option<Ratio>,
    /// The p-value corrected for the number of cells.
    pub corrected_p_value: Option<f64>,
    /// What it comes to.
    pub change: Change,
}

/// Two runs, cell by cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// How strict it is.
    pub method: Method,
    /// Why the runs should not have been compared; empty unless it was asked for anyway.
    pub differences: Vec<Difference>,
    /// The cells of the first run in its order, then those only in the second.
    pub cells: Vec<CellComparison>,
    /// All judged cells together: the geometric mean of their ratios. `None` if no cell is judged.
    pub overall: Option<Ratio>,
    /// What it comes to for all judged cells together.
    pub overall_change: Change,
}

impl Comparison {
    /// The cells that are called faster or slower.
    pub fn significant(&self) -> impl Iterator<Item = &CellComparison> {
        self.cells
            .iter()
            .filter(|cell| matches!(cell.change, Change::Faster | Change::Slower))
    }
}

/// Compares two runs of the same matrix on the same machine.
///
/// # Errors
///
/// If the runs differ in what they measured or where: [`compare_anyway`] does not mind.
pub fn compare(before: &Run, after: &Run, method: Method) -> Result<Comparison, NotComparable> {
    match differences(before, after) {
        none if none.is_empty() => Ok(compare_anyway(before, after, method)),
        some => Err(NotComparable(some)),
    }
}

/// Compares the cells that two runs have in common, whatever else differs; the result says what does.
#[must_use]
pub fn compare_anyway(before: &Run, after: &Run, method: Method) -> Comparison {
    let pairs = pairs(before, after);
    let judged: Vec<&Pair> = pairs.iter().filter(|pair| pair.logarithms.is_ok()).collect();
    let logarithms: Vec<&[Vec<Option<f64>>; 2]> = judged
        .iter()
        .filter_map(|pair| pair.logarithms.as_ref().ok())
        .collect();
    let ceilings = variance::ceilings(before, after);
    let variances = Variances::new(&logarithms, ceilings, method.drift);
    let ratios: Vec<Ratio> = (0..logarithms.len())
        .map(|index| Ratio::new(variances.difference(index), &variances.of_cell(index)))
        .collect();
    let p_values: Vec<f64> = ratios.iter().map(|ratio| ratio.p_value).collect();
    let mut verdicts = ratios.into_iter().zip(benjamini_hochberg(&p_values));
    let seed = before.header.seed ^ after.header.seed.rotate_left(32);
    let cells = pairs
        .iter()
        .zip(0..)
        .map(|(pair, index)| {
            let mut random = Random::new(seed, SeedPurpose::Compare, index);
            judge(pair, &mut verdicts, method, &mut random)
        })
        .collect();
    let overall = (!judged.is_empty()).then(|| Ratio::new(variances.mean_difference(), &variances.of_all()));
    let overall_change = overall.map_or(Change::Unjudged(Unjudged::Missing), |ratio| {
        change(&ratio, ratio.p_value <= method.overall_p_value, method)
    });
    Comparison {
        method,
        differences: differences(before, after),
        cells,
        overall,
        overall_change,
    }
}

/// A cell in both runs.
struct Pair {
    cell: Cell,
    medians: [Option<f64>; 2],
    /// For each run and replicate the logarithm of the total throughput; `None` where a replicate is missing.
    logarithms: Result<[Vec<Option<f64>>; 2], Unjudged>,
}

fn pairs(before: &Run, after: &Run) -> Vec<Pair> {
    let (left, right) = (before.trial_summaries(), after.trial_summaries());
    let [by_cell_left, by_cell_right] = [&left, &right].map(|side| {
        side.iter()
            .map(|(cell, trials)| (*cell, trials))
            .collect::<HashMap<_, _>>()
    });
    let added = right.iter().filter(|(cell, _)| !by_cell_left.contains_key(cell));
    let pair = |cell: Cell| {
        let sides = [by_cell_left.get(&cell), by_cell_right.get(&cell)];
        let [first, second] = sides.map(|trials| trials.map_or(&[][..], |trials| trials.as_slice()));
        Pair {
            cell,
            medians: [first, second].map(median_rate),
            logarithms: logarithms(first, before.header.repeats)
                .and_then(|before| Ok([before, logarithms(second, after.header.repeats)?])),
        }
    };
    left.iter().chain(added).map(|(cell, _)| pair(*cell)).collect()
}

fn median_rate(trials: &[TrialSummary]) -> Option<f64> {
    let valid = trials.iter().filter(|trial| trial.is_valid());
    median(&valid.map(|trial| trial.total_bytes_per_s).collect::<Vec<_>>())
}

fn logarithms(trials: &[TrialSummary], repeats: u32) -> Result<Vec<Option<f64>>, Unjudged> {
    match trials {
        [] => return Err(Unjudged::Missing),
        _ if !trials.iter().all(TrialSummary::is_valid) => return Err(Unjudged::Invalid),
        _ if trials.iter().any(|trial| trial.clients_failed() > 0) => return Err(Unjudged::Failed),
        [_] => return Err(Unjudged::SingleTrial),
        _ => {}
    }
    let of_replicate = |replicate| {
        let trial = trials.iter().find(|trial| trial.replicate == replicate)?;
        Some(trial.total_bytes_per_s.ln()).filter(|logarithm| logarithm.is_finite())
    };
    Ok((0..repeats).map(of_replicate).collect())
}

fn judge(
    pair: &Pair,
    verdicts: &mut impl Iterator<Item = (Ratio, f64)>,
    method: Method,
    random: &mut Random,
) -> CellComparison {
    let [before_bytes_per_s, after_bytes_per_s] = pair.medians;
    let (ratio, corrected_p_value, change) = match &pair.logarithms {
        Err(why) => (None, None, Change::Unjudged(*why)),
        Ok(logarithms) => {
            let (ratio, corrected) = verdicts.next().expect("there is a verdict for every judged cell");
            let change = match change(&ratio, corrected <= method.false_discovery, method) {
                Change::WithinNoise => Change::WithinNoise,
                _ if is_contradicted(logarithms, method.floor, random) => Change::WithinNoise,
                change => change,
            };
            (Some(ratio), Some(corrected), change)
        }
    };
    CellComparison {
        cell: pair.cell,
        before_bytes_per_s,
        after_bytes_per_s,
        ratio,
        corrected_p_value,
        change,
    }
}

fn change(ratio: &Ratio, is_unlikely: bool, method: Method) -> Change {
    let is_large = ratio.ratio.ln().abs() > method.floor.ln_1p();
    match (is_unlikely && is_large, ratio.ratio > 1.0) {
        (false, _) => Change::WithinNoise,
        (true, true) => Change::Faster,
        (true, false) => Change::Slower,
    }
}

/// Draws of a permutation test.
const PERMUTATIONS: usize = 2000;

/// Whether the cell's values alone speak against a difference: a permutation test gives more than p = 0.05. Where so few
/// values can never get below that, all of one side have to be beyond all of the other by more than the floor.
fn is_contradicted(logarithms: &[Vec<Option<f64>>; 2], floor: f64, random: &mut Random) -> bool {
    let [before, after] = logarithms
        .each_ref()
        .map(|values| values.iter().flatten().copied().collect::<Vec<f64>>());
    if least_p_value(before.len(), after.len()) > 0.05 {
        return gap(&before, &after) <= floor.ln_1p();
    }
    let mut values = [before.as_slice(), &after].concat();
    let distance = |values: &[f64]| (mean(&values[..before.len()]) - mean(&values[before.len()..])).abs();
    let observed = distance(&values) * (1.0 - 1e-12);
    let mut extreme = 1;
    for _ in 0..PERMUTATIONS {
        random.shuffle(&mut values);
        extreme += u32::from(distance(&values) >= observed);
    }
    f64::from(extreme) / (PERMUTATIONS + 1) as f64 > 0.05
}

/// The least that a permutation test can give. With as many values on both sides, exchanging the sides is as extreme.
fn least_p_value(before: usize, after: usize) -> f64 {
    let ways: f64 = (0..before)
        .map(|index| (before + after - index) as f64 / (index + 1) as f64)
        .product();
    if before == after { 2.0 / ways } else { ways.recip() }
}

/// How far the nearest values of the two sides are apart; below 0 if the sides overlap.
fn gap(left: &[f64], right: &[f64]) -> f64 {
    let ends = |values: &[f64]| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (least, most)
    };
    let (left, right) = (ends(left), ends(right));
    (left.0 - right.1).max(right.0 - left.1)
}

fn differences(before: &Run, after: &Run) -> Vec<Difference> {
    let mut found = Vec::new();
    let cells = |run: &Run| -> std::collections::HashSet<Cell> {
        run.header.matrix.cells().iter().copied().collect()
    };
    let (left, right) = (cells(before), cells(after));
    if left != right {
        let common = left.intersection(&right).count();
        found.push(Difference::Matrix {
            common,
            only_before: left.len() - common,
            only_after: right.len() - common,
        });
    }
    let (left, right) = (&before.header.machine, &after.header.machine);
    let mut machine = |what: &str, before: String, after: String| {
        if before != after {
            found.push(Difference::Machine {
                what: what.to_owned(),
                before,
                after,
            });
        }
    };
    machine("processor", left.processor.clone(), right.processor.clone());
    machine(
        "the number of cores",
        left.cores.to_string(),
        right.cores.to_string(),
    );
    // What the kernel keeps for itself changes a little from start to start.
    if left.memory.0.abs_diff(right.memory.0) > left.memory.0.max(right.memory.0) / 50 {
        machine("memory", left.memory.to_string(), right.memory.to_string());
    }
    machine("kernel", left.kernel.clone(), right.kernel.clone());
    let scratch = |scratch: &crate::Scratch| {
        let place = if scratch.in_memory { "in memory" } else { "on disk" };
        format!("{} {place}", scratch.file_system)
    };
    machine("scratch space", scratch(&left.scratch), scratch(&right.scratch));
    let (before, after) = (before.header.subject.durability, after.header.subject.durability);
    if before != after {
        found.push(Difference::Durability { before, after });
    }
    found
}

#[cfg(test)]
mod tests;
