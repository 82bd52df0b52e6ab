//! How much a difference between two runs varies for no reason: the parts and their degrees of freedom.

use statrs::function::gamma::digamma;

use crate::run::Run;
use crate::statistics::{mean, median, squares, trigamma, trigamma_inverse};

/// From how many cells on what a replicate's cells have in common can be told from the noise of each.
const BLOCK_CELLS_MIN: usize = 8;
/// A deviation of a thousandth of a percent: what no clock measures better.
const VARIANCE_MIN: f64 = 1e-10;
/// Degrees of freedom of what is as good as known.
const KNOWN: f64 = 1e6;

/// A part of a variance and on how many degrees of freedom it rests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component {
    pub(super) variance: f64,
    pub(super) freedom: f64,
}

/// The degrees of freedom of a sum of variances (Satterthwaite 1946), from 1 to a million.
pub(super) fn satterthwaite(parts: &[Component]) -> f64 {
    let sum: f64 = parts.iter().map(|part| part.variance).sum();
    let squares: f64 = parts
        .iter()
        .map(|part| part.variance.powi(2) / part.freedom)
        .sum();
    (sum.powi(2) / squares).clamp(1.0, KNOWN)
}

/// One judged cell.
#[derive(Debug)]
struct JudgedCell {
    difference: f64,
    /// The noise of one trial, drawn towards that of all cells.
    noise: Component,
    /// 1/n + 1/m for n and m trials.
    share: f64,
}

/// What is known of the noise from all judged cells together.
#[derive(Debug)]
pub(super) struct Variances {
    rows: Vec<JudgedCell>,
    /// What all cells of a replicate have in common.
    block: Component,
    /// What the ceilings say of the machine's drift between the runs.
    seen: Component,
    /// What nothing says of it.
    unseen: Component,
}

impl Variances {
    pub(super) fn new(cells: &[&[Vec<Option<f64>>; 2]], seen: Component, drift: f64) -> Self {
        let blocks = if cells.len() < BLOCK_CELLS_MIN {
            Blocks::unseparated()
        } else {
            Blocks::new(cells)
        };
        let separated = if blocks.freedom > 0.0 {
            1.0 - (cells.len() as f64).recip()
        } else {
            1.0
        };
        let own: Vec<Component> = cells
            .iter()
            .map(|cell| own_noise(cell, &blocks, separated))
            .collect();
        let noise = moderated(&own);
        let noise_mean = mean(&own.iter().map(|own| own.variance).collect::<Vec<_>>());
        let block = Component {
            variance: (blocks.variance - noise_mean / cells.len() as f64).max(0.0),
            freedom: blocks.freedom.max(1.0),
        };
        let rows = cells.iter().zip(noise).map(|(cell, noise)| {
            let [before, after] = cell.each_ref().map(|values| present(values));
            JudgedCell {
                difference: mean(&after) - mean(&before),
                noise,
                share: (before.len() as f64).recip() + (after.len() as f64).recip(),
            }
        });
        Self {
            rows: rows.collect(),
            block,
            seen,
            unseen: Component {
                variance: drift.powi(2),
                freedom: KNOWN,
            },
        }
    }

    /// The mean logarithm of cell number `index` after, less that before.
    pub(super) fn difference(&self, index: usize) -> f64 {
        self.rows[index].difference
    }

    /// The parts of its variance.
    pub(super) fn of_cell(&self, index: usize) -> [Component; 4] {
        let row = &self.rows[index];
        [
            scaled(row.noise, row.share),
            scaled(self.block, row.share),
            self.seen,
            self.unseen,
        ]
    }

    /// The mean of all differences.
    pub(super) fn mean_difference(&self) -> f64 {
        mean(&self.rows.iter().map(|row| row.difference).collect::<Vec<_>>())
    }

    /// The parts of its variance: noise averages out over the cells, drift does not.
    pub(super) fn of_all(&self) -> [Component; 4] {
        let cells = self.rows.len() as f64;
        let mean_of = |of: fn(&JudgedCell) -> f64| mean(&self.rows.iter().map(of).collect::<Vec<_>>());
        let noise = Component {
            variance: mean_of(|row| row.noise.variance * row.share) / cells,
            freedom: mean_of(|row| row.noise.freedom) * cells,
        };
        let share = mean_of(|row| row.share);
        [noise, scaled(self.block, share), self.seen, self.unseen]
    }
}

fn scaled(part: Component, by: f64) -> Component {
    Component {
        variance: part.variance * by,
        ..part
    }
}

fn present(values: &[Option<f64>]) -> Vec<f64> {
    values.iter().flatten().copied().collect()
}

/// What the cells of each replicate have in common.
struct Blocks {
    effects: [Vec<f64>; 2],
    variance: f64,
    freedom: f64,
}

impl Blocks {
    /// Drift and noise are left together in each cell.
    fn unseparated() -> Self {
        Self {
            effects: [Vec::new(), Vec::new()],
            variance: 0.0,
            freedom: 0.0,
        }
    }

    fn new(cells: &[&[Vec<Option<f64>>; 2]]) -> Self {
        let effects = [0, 1].map(|run| {
            let replicates = cells.iter().map(|cell| cell[run].len()).max().unwrap_or(0);
            (0..replicates)
                .map(|replicate| {
                    let deviations: Vec<f64> = cells
                        .iter()
                        .filter_map(|cell| {
                            Some(cell[run].get(replicate).copied()?? - mean(&present(&cell[run])))
                        })
                        .collect();
                    if deviations.is_empty() {
                        0.0
                    } else {
                        mean(&deviations)
                    }
                })
                .collect::<Vec<f64>>()
        });
        let freedom: f64 = effects
            .iter()
            .map(|effects| effects.len().saturating_sub(1) as f64)
            .sum();
        let squares: f64 = effects.iter().map(|effects| squares(effects)).sum();
        Self {
            effects,
            variance: if freedom > 0.0 { squares / freedom } else { 0.0 },
            freedom,
        }
    }

    fn effect(&self, run: usize, replicate: usize) -> f64 {
        self.effects[run].get(replicate).copied().unwrap_or(0.0)
    }
}

/// The variance of a cell's trials around their replicates.
fn own_noise(cell: &[Vec<Option<f64>>; 2], blocks: &Blocks, separated: f64) -> Component {
    let (mut sum, mut freedom) = (0.0, 0.0);
    for (run, values) in cell.iter().enumerate() {
        let residuals: Vec<f64> = values
            .iter()
            .enumerate()
            .filter_map(|(replicate, value)| Some((*value)? - blocks.effect(run, replicate)))
            .collect();
        sum += squares(&residuals);
        freedom += residuals.len() as f64 - 1.0;
    }
    Component {
        variance: (sum / freedom / separated).max(VARIANCE_MIN),
        freedom,
    }
}

/// The variances of all cells, each drawn towards the common one (Smyth 2004, section 6.2: the moments of the
/// logarithms of the variances give the prior and its degrees of freedom).
fn moderated(own: &[Component]) -> Vec<Component> {
    if own.len() < 2 {
        return own.to_vec();
    }
    let expected = |freedom: f64| digamma(freedom / 2.0) - (freedom / 2.0).ln();
    let logarithms: Vec<f64> = own
        .iter()
        .map(|own| own.variance.ln() - expected(own.freedom))
        .collect();
    let by_chance = mean(
        &own.iter()
            .map(|own| trigamma(own.freedom / 2.0))
            .collect::<Vec<_>>(),
    );
    let beyond_chance = squares(&logarithms) / (own.len() - 1) as f64 - by_chance;
    let centre = mean(&logarithms);
    let (prior, prior_freedom) = if beyond_chance > 0.0 {
        let freedom = (2.0 * trigamma_inverse(beyond_chance)).min(KNOWN);
        ((centre + expected(freedom)).exp(), freedom)
    } else {
        (centre.exp(), KNOWN)
    };
    own.iter()
        .map(|own| {
            let freedom = (prior_freedom + own.freedom).min(KNOWN);
            let together = prior_freedom * prior + own.freedom * own.variance;
            Component {
                variance: together / (prior_freedom + own.freedom),
                freedom,
            }
        })
        .collect()
}

/// How far the machine's ceilings moved between the runs beyond their own noise. The median over the ceilings, so that a
/// single capricious one, such as writing to a disk, does not decide.
pub(super) fn ceilings(before: &Run, after: &Run) -> Component {
    let mut moved = Vec::new();
    for left in &before.ceilings {
        let Some(right) = after.ceilings.iter().find(|right| right.kind == left.kind) else {
            continue;
        };
        let [(Some(left), left_noise), (Some(right), right_noise)] =
            [&left.bytes_per_s, &right.bytes_per_s].map(|rates| middle(rates))
        else {
            continue;
        };
        moved.push((right - left).powi(2) - left_noise - right_noise);
    }
    Component {
        variance: median(&moved).unwrap_or(0.0).max(0.0),
        freedom: (moved.len() as f64).max(1.0),
    }
}

/// The median logarithm and its variance, which is π/2 times that of a mean.
fn middle(rates: &[f64]) -> (Option<f64>, f64) {
    let logarithms: Vec<f64> = rates.iter().map(|rate| rate.ln()).collect();
    let count = logarithms.len() as f64;
    let noise = match logarithms.len() {
        0 | 1 => 0.0,
        _ => squares(&logarithms) / (count - 1.0) / count * std::f64::consts::FRAC_PI_2,
    };
    (median(&logarithms), noise)
}
