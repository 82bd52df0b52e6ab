//! What it all comes to, as data: the sentence itself is written in some language by the report.

use std::collections::BTreeMap;

use haul_types::{ByteSize, closed_list};
use serde::{Deserialize, Serialize};

use super::recommend::{Recommendation, recommend};
use super::rows::Row;
use super::summary::CellSummary;
use crate::cell::Cell;
use crate::run::Run;
use crate::sample::FailureClass;
use crate::statistics::{Estimate, median};
use crate::threshold::{Crossing, Threshold};
use crate::trial::Trial;

closed_list! {
    /// How a run ended, as a whole. Of several that hold the first in this order counts.
    pub Grade, "a grade" {
        /// A byte was wrong.
        Corrupt = "corrupt",
        /// A trial is invalid.
        Invalid = "invalid",
        /// A cell has no trial, or fewer than it should.
        Incomplete = "incomplete",
        /// A transfer failed.
        Failed = "failed",
        /// A threshold was crossed.
        Crossed = "crossed",
        /// All cells are measured, valid and without failures.
        Ok = "ok",
    }
}

impl Grade {
    /// The exit code of the program: 0 ok, 1 some transfer failed, 3 content was corrupt, 4 a threshold was crossed,
    /// 5 the run is invalid or not complete.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Corrupt => 3,
            Self::Crossed => 4,
            Self::Invalid | Self::Incomplete => 5,
        }
    }
}

/// A cell with its total throughput.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Extreme {
    /// The cell.
    pub cell: Cell,
    /// Its total throughput in bytes per second.
    pub total_bytes_per_s: Estimate,
}

/// What a run comes to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// How it ended.
    pub grade: Grade,
    /// Cells of the matrix.
    pub cells: usize,
    /// Cells with all their trials, all of them valid and without failures.
    pub cells_ok: usize,
    /// Cells in which a transfer failed.
    pub cells_failed: Vec<Cell>,
    /// Cells with an invalid trial.
    pub cells_invalid: Vec<Cell>,
    /// Cells with fewer trials than the run has repeats.
    pub cells_incomplete: Vec<Cell>,
    /// Transfers that ended well.
    pub transfers_ok: u64,
    /// Of these, those whose every byte was compared.
    pub transfers_verified: u64,
    /// Transfers that failed, by class.
    pub failures: BTreeMap<FailureClass, u64>,
    /// Bytes of content that arrived.
    pub content: ByteSize,
    /// Cells whose throughput is above their ceiling: errors of the lab.
    pub cells_above_ceiling: Vec<Cell>,
    /// Cells in which the clients' side used up the processors.
    pub cells_limited_by_client: Vec<Cell>,
    /// The cell with the highest total throughput, among those without failures.
    pub fastest: Option<Extreme>,
    /// The cell with the lowest total throughput, among those without failures.
    pub slowest: Option<Extreme>,
    /// The pool to take, over all workloads.
    pub recommendation: Option<Recommendation>,
    /// How often the intervals of this run hold the truth: the least of all cells, 0 to 0.95.
    pub confidence: f64,
    /// Half the interval of the total throughput as a share of it: the median over all cells.
    pub relative_error: Option<f64>,
    /// Thresholds that were crossed, cell by cell.
    pub crossings: Vec<Crossing>,
}

impl Verdict {
    /// Transfers, whether they ended well or failed.
    #[must_use]
    pub fn transfers(&self) -> u64 {
        self.transfers_ok + self.transfers_failed()
    }

    /// Transfers that failed.
    #[must_use]
    pub fn transfers_failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Transfers that brought a wrong byte.
    #[must_use]
    pub fn transfers_corrupt(&self) -> u64 {
        self.failures
            .get(&FailureClass::Corrupt)
            .copied()
            .unwrap_or_default()
    }

    /// What a run with these rows comes to under these thresholds.
    pub(crate) fn new(run: &Run, rows: &[Row], thresholds: &[Threshold]) -> Self {
        let summaries: Vec<&CellSummary> = rows.iter().map(|row| &row.summary).collect();
        let repeats = run.header.repeats as usize;
        let cells_where = |is_so: &dyn Fn(&CellSummary) -> bool| -> Vec<Cell> {
            let found = summaries.iter().filter(|summary| is_so(summary));
            found.map(|summary| summary.cell).collect()
        };
        let is_incomplete = |summary: &CellSummary| summary.trials.len() < repeats;
        let is_ok = |summary: &CellSummary| !is_incomplete(summary) && summary.is_sound();
        let sum = |of: fn(&CellSummary) -> u32| summaries.iter().map(|summary| u64::from(of(summary))).sum();
        let totals = totals(&summaries);
        let by_median = |left: &&Extreme, right: &&Extreme| {
            let [left, right] = [left, right].map(|total| total.total_bytes_per_s.median);
            left.total_cmp(&right)
        };
        let errors = totals
            .iter()
            .map(|total| total.total_bytes_per_s.relative_error());
        let errors: Vec<f64> = errors.collect();
        let mut verdict = Self {
            grade: Grade::Ok,
            cells: summaries.len(),
            cells_ok: summaries.iter().filter(|summary| is_ok(summary)).count(),
            cells_failed: cells_where(&|summary| summary.clients_failed() > 0),
            cells_invalid: cells_where(&|summary| !summary.is_valid()),
            cells_incomplete: cells_where(&is_incomplete),
            transfers_ok: sum(CellSummary::clients_ok),
            transfers_verified: sum(CellSummary::verified),
            failures: failures(&summaries),
            content: run.trials.iter().map(Trial::content_ok).sum(),
            cells_above_ceiling: cells_where(&|summary| {
                summary.ceiling.is_some_and(|ceiling| ceiling.is_above())
            }),
            cells_limited_by_client: cells_where(&|summary| summary.is_limited_by_client),
            fastest: totals.iter().max_by(by_median).copied(),
            slowest: totals.iter().min_by(by_median).copied(),
            recommendation: recommend(summaries.iter().copied(), run.header.seed),
            confidence: confidence(&summaries),
            relative_error: median(&errors),
            crossings: thresholds
                .iter()
                .flat_map(|threshold| threshold.crossings(summaries.iter().copied()))
                .collect(),
        };
        verdict.grade = grade(&verdict);
        verdict
    }
}

/// The cells without failures, with their throughput.
fn totals(summaries: &[&CellSummary]) -> Vec<Extreme> {
    let fine = summaries.iter().filter(|summary| summary.clients_failed() == 0);
    fine.filter_map(|summary| {
        Some(Extreme {
            cell: summary.cell,
            total_bytes_per_s: summary.total_bytes_per_s?,
        })
    })
    .collect()
}

fn failures(summaries: &[&CellSummary]) -> BTreeMap<FailureClass, u64> {
    let mut failures = BTreeMap::new();
    for (class, count) in summaries.iter().flat_map(|summary| summary.failures()) {
        *failures.entry(class).or_default() += u64::from(count);
    }
    failures
}

fn confidence(summaries: &[&CellSummary]) -> f64 {
    let of_cell = |summary: &&CellSummary| summary.total_bytes_per_s.map_or(0.0, |total| total.confidence);
    summaries.iter().map(of_cell).reduce(f64::min).unwrap_or(0.0)
}

fn grade(verdict: &Verdict) -> Grade {
    let holds = |grade: &Grade| match grade {
        Grade::Corrupt => verdict.failures.contains_key(&FailureClass::Corrupt),
        Grade::Invalid => !verdict.cells_invalid.is_empty(),
        Grade::Incomplete => !verdict.cells_incomplete.is_empty(),
        Grade::Failed => !verdict.failures.is_empty(),
        Grade::Crossed => !verdict.crossings.is_empty(),
        Grade::Ok => true,
    };
    Grade::ALL.iter().copied().find(holds).unwrap_or(Grade::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Outcome;
    use crate::simulation::{self, SimulatedServer};
    use crate::trial::{Fault, FaultKind};

    fn clean() -> Run {
        simulation::run(
            SimulatedServer {
                trial_noise: 0.01,
                ..SimulatedServer::default()
            },
            3,
            1,
        )
    }

    #[test]
    fn a_clean_run_is_ok_and_says_what_it_moved() {
        let run = clean();
        let verdict = run.analyse(None, &[]).verdict;
        assert_eq!((verdict.grade, verdict.grade.exit_code()), (Grade::Ok, 0));
        assert_eq!((verdict.cells, verdict.cells_ok), (54, 54));
        assert_eq!(verdict.content, run.header.matrix.content().times(3));
        assert_eq!(verdict.transfers_ok, 3 * 54 * 7);
        assert_eq!(verdict.transfers_verified, verdict.transfers_ok);
        assert_eq!(verdict.confidence, 0.75);
        let fastest = verdict.fastest.unwrap().cell;
        assert_eq!((fastest.clients, fastest.pool.workers), (16, 16));
        assert_eq!(verdict.recommendation.unwrap().recommended.pool.workers, 16);
    }

    #[test]
    fn the_gravest_fault_decides_the_grade() {
        let mut run = clean();
        let threshold = ["throughput > 1MiB/s".parse().unwrap()];
        assert_eq!(run.analyse(None, &threshold).verdict.grade, Grade::Crossed);
        run.trials[9].samples[0].outcome = Outcome::failed(FailureClass::Reset, "");
        assert_eq!(run.analyse(None, &threshold).verdict.grade, Grade::Failed);
        run.trials.pop();
        assert_eq!(run.analyse(None, &threshold).verdict.grade, Grade::Incomplete);
        run.trials[5].faults.push(Fault {
            kind: FaultKind::ServerDied,
            detail: String::new(),
        });
        assert_eq!(run.analyse(None, &threshold).verdict.grade, Grade::Invalid);
        run.trials[8].samples[0].outcome = Outcome::failed(FailureClass::Corrupt, "");
        let verdict = run.analyse(None, &threshold).verdict;
        assert_eq!(verdict.grade, Grade::Corrupt);
        assert_eq!(verdict.cells_invalid, [run.trials[5].cell]);
        let codes: Vec<u8> = Grade::ALL.iter().map(|grade| grade.exit_code()).collect();
        assert_eq!(codes, [3, 5, 5, 1, 4, 0]);
    }

    #[test]
    fn a_run_without_any_trial_has_a_verdict_too() {
        let mut run = clean();
        run.trials.clear();
        let verdict = run.analyse(None, &[]).verdict;
        assert_eq!((verdict.grade, verdict.cells_ok), (Grade::Incomplete, 0));
        assert_eq!((verdict.fastest, verdict.confidence), (None, 0.0));
    }
}
