//! Everything that is concluded from one run, computed once: what is shown and what is decided are functions of it.

pub(crate) mod recommend;
pub(crate) mod rows;
pub mod scaling;
pub(crate) mod summary;
pub(crate) mod verdict;

use std::collections::HashMap;

use crate::baseline::Baseline;
use crate::cell::Cell;
use crate::run::Run;
use crate::threshold::Threshold;
use crate::trial::Trial;
use rows::Row;
use scaling::{Fit, NoCurve};
use summary::CellSummary;
use verdict::Verdict;

/// A run with all that is concluded from it.
#[derive(Debug, Clone)]
pub struct Analysis<'a> {
    /// What was measured.
    pub run: &'a Run,
    /// What it is set against.
    pub baseline: Option<&'a Baseline>,
    /// One row for each cell of the matrix, in the exercise's order.
    pub rows: Vec<Row>,
    /// What it comes to.
    pub verdict: Verdict,
    /// The curve through a run in which only workers or only clients vary, or why there is none; `None` for other runs.
    pub scaling: Option<Result<Fit, NoCurve>>,
    trials: HashMap<(Cell, u32), &'a Trial>,
}

impl Run {
    /// Concludes what can be concluded, beside this baseline and under these thresholds. It takes 2,000 resamples for
    /// each of three estimates of each cell, so it is done once and passed on.
    #[must_use]
    pub fn analyse<'a>(&'a self, baseline: Option<&'a Baseline>, thresholds: &[Threshold]) -> Analysis<'a> {
        let rows = rows::rows(self, baseline);
        let trial = |trial: &'a Trial| ((trial.cell, trial.replicate), trial);
        Analysis {
            run: self,
            baseline,
            verdict: Verdict::new(self, &rows, thresholds),
            scaling: scaling::of_rows(&rows, self.header.seed),
            rows,
            trials: self.trials.iter().map(trial).collect(),
        }
    }
}

impl<'a> Analysis<'a> {
    /// What is known of each cell, in the order of the rows.
    pub fn summaries(&self) -> impl Iterator<Item = &CellSummary> {
        self.rows.iter().map(|row| &row.summary)
    }

    /// All samples of the first valid trial of a row; `None` if no trial is valid.
    #[must_use]
    pub fn first_valid_trial(&self, row: &Row) -> Option<&'a Trial> {
        let replicate = row.summary.valid_trials().next()?.replicate;
        self.trials.get(&(row.summary.cell, replicate)).copied()
    }
}

#[cfg(test)]
mod tests {
    use crate::simulation::{self, SimulatedServer};

    #[test]
    fn the_first_valid_trial_is_found_whatever_the_order_of_the_trials() {
        let mut run = simulation::run(SimulatedServer::default(), 2, 1);
        let cell = run.header.matrix.cells()[7];
        run.trials.reverse();
        for trial in run.trials.iter_mut().filter(|trial| trial.cell == cell) {
            if trial.replicate == 0 {
                trial.samples.clear();
            }
        }
        let analysis = run.analyse(None, &[]);
        let found = analysis.first_valid_trial(&analysis.rows[7]).unwrap();
        assert_eq!((found.cell, found.replicate), (cell, 1));
        let other = analysis.first_valid_trial(&analysis.rows[8]).unwrap();
        assert_eq!(other.replicate, 0);
    }
}
