//! What failures, problems and remarks are called.

use std::collections::BTreeMap;
use std::fmt;

use haul_results::{FailureClass, Problem, Remark, Row};

use crate::words::Wording;

/// How many transfers failed, class by class.
pub(crate) fn classes_text(failures: &BTreeMap<FailureClass, impl fmt::Display>) -> String {
    let classes: Vec<String> = failures
        .iter()
        .map(|(class, count)| format!("{count} × {class}"))
        .collect();
    classes.join(", ")
}

/// Why a trial is invalid, as a clause.
pub(crate) fn problem_text(problem: &Problem, words: &Wording) -> String {
    let text = (words.cells.problem)(problem);
    match problem {
        Problem::Fault(fault) if !fault.detail.is_empty() => format!("{text} ({})", fault.detail),
        _ => text,
    }
}

/// What else there is to know of a cell, the worst first.
pub(crate) fn remarks(row: &Row, words: &Wording) -> Vec<String> {
    let summary = &row.summary;
    let remark = |remark: &Remark| remark_text(remark, row, words);
    let mut remarks: Vec<String> = row.remarks.iter().filter_map(remark).collect();
    if let Some(tally) = summary.workers() {
        let (part, of) = (tally.took_part, summary.cell.pool.workers);
        if part < summary.cell.clients.min(of) {
            remarks.push((words.cells.took_part)(part, of));
        }
    }
    remarks
}

/// A remark as a clause; `None` if a column of its own says it.
fn remark_text(remark: &Remark, row: &Row, words: &Wording) -> Option<String> {
    let (cells, trials) = (&words.cells, &row.summary.trials);
    let text = match *remark {
        Remark::NotMeasured => cells.not_measured,
        Remark::AboveCeiling => cells.above_ceiling,
        Remark::LimitedByClient => cells.limited_by_client,
        Remark::Scattered => cells.scattered,
        Remark::WorkersNotReported => return None,
        Remark::Incomplete { trials } => return Some((cells.only_repetitions)(trials)),
        Remark::Unverified { transfers } => return Some((cells.unverified)(transfers)),
        Remark::Failed { class, transfers } => {
            return Some(format!("{transfers} × {}: {class}", cells.failed));
        }
        Remark::Invalid { trials: invalid } => {
            let first = trials.iter().flat_map(|trial| &trial.problems).next();
            let reason = first.map(|problem| problem_text(problem, words));
            let reason = reason.unwrap_or_default();
            return Some((cells.invalid_trials)(invalid, trials.len(), &reason));
        }
    };
    Some(text.to_owned())
}
