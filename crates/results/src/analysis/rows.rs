//! The rows of the report: what is known of each cell, and what has to be known before it is believed.

use serde::{Deserialize, Serialize};

use super::summary::CellSummary;
use crate::baseline::Baseline;
use crate::run::Run;
use crate::sample::FailureClass;

/// What has to be known about a row before its numbers are believed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remark {
    /// It has no trial.
    NotMeasured,
    /// It has fewer trials than the run has repeats.
    Incomplete {
        /// How many it has.
        trials: u32,
    },
    /// Some of its trials are invalid.
    Invalid {
        /// How many.
        trials: u32,
    },
    /// Transfers failed, in all trials together.
    Failed {
        /// The class.
        class: FailureClass,
        /// How many.
        transfers: u32,
    },
    /// Transfers that ended well were not compared byte by byte.
    Unverified {
        /// How many.
        transfers: u32,
    },
    /// More was measured than the machine can do: an error of the lab.
    AboveCeiling,
    /// The clients' side used up the processors.
    LimitedByClient,
    /// The server does not report its workers.
    WorkersNotReported,
    /// Half the interval of the total throughput is more than 10% of it.
    Scattered,
}

/// Half an interval as a share of its median from which on a row is called scattered.
const SCATTERED: f64 = 0.10;

/// A row of the report: one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its number, from 1.
    pub number: u32,
    /// What is known of the cell.
    pub summary: CellSummary,
    /// What the baseline says of it.
    pub against: Option<Against>,
    /// What has to be known about it, the most serious first.
    pub remarks: Vec<Remark>,
}

/// A row beside its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Against {
    /// The baseline's time per client in seconds; `None` if it did not finish.
    pub client_s: Option<f64>,
    /// This run's throughput per client over the baseline's; above 1 this run is faster.
    pub ratio: Option<f64>,
}

/// One row for each cell of the matrix, in the exercise's order.
pub(crate) fn rows(run: &Run, baseline: Option<&Baseline>) -> Vec<Row> {
    let numbered = run.summaries().into_iter().zip(1..);
    numbered
        .map(|(summary, number)| Row {
            number,
            against: baseline.and_then(|baseline| against(&summary, baseline)),
            remarks: remarks(&summary, run.header.repeats),
            summary,
        })
        .collect()
}

fn against(summary: &CellSummary, baseline: &Baseline) -> Option<Against> {
    let point = baseline.point(&summary.cell)?;
    let ratio = summary
        .client_s
        .zip(point.client_s)
        .map(|(ours, theirs)| theirs / ours.median);
    Some(Against {
        client_s: point.client_s,
        ratio,
    })
}

fn remarks(summary: &CellSummary, repeats: u32) -> Vec<Remark> {
    let trials = u32::try_from(summary.trials.len()).unwrap_or(u32::MAX);
    if trials == 0 {
        return vec![Remark::NotMeasured];
    }
    let mut remarks = Vec::new();
    let invalid = trials - u32::try_from(summary.valid_trials().count()).unwrap_or(trials);
    if invalid > 0 {
        remarks.push(Remark::Invalid { trials: invalid });
    }
    for (class, transfers) in summary.failures() {
        remarks.push(Remark::Failed { class, transfers });
    }
    let unverified = summary.clients_ok() - summary.verified();
    if unverified > 0 {
        remarks.push(Remark::Unverified {
            transfers: unverified,
        });
    }
    let marks = [
        (
            summary.ceiling.is_some_and(|ceiling| ceiling.is_above()),
            Remark::AboveCeiling,
        ),
        (trials < repeats, Remark::Incomplete { trials }),
        (summary.is_limited_by_client, Remark::LimitedByClient),
        (summary.workers().is_none(), Remark::WorkersNotReported),
        (
            summary
                .total_bytes_per_s
                .is_some_and(|total| total.relative_error() > SCATTERED),
            Remark::Scattered,
        ),
    ];
    remarks.extend(
        marks
            .into_iter()
            .filter(|(is_so, _)| *is_so)
            .map(|(_, remark)| remark),
    );
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Outcome;
    use crate::simulation::{self, SimulatedServer};
    use crate::trial::{Fault, FaultKind, ServerCounts};
    use haul_types::{ByteSize, MIB};

    #[test]
    fn there_is_a_row_for_each_cell_in_the_order_of_the_matrix() {
        let run = simulation::run(SimulatedServer::default(), 3, 1);
        let rows = rows(&run, None);
        assert_eq!(rows.len(), 54);
        // Download of 10 MiB by 4 clients from 1 worker: done after 10, 20, 30 and 40 ms.
        let row = &rows[2 * 9 + 3];
        let (summary, cell) = (&row.summary, &row.summary.cell);
        assert_eq!(row.number, 22);
        assert_eq!(
            (cell.volume, cell.clients, cell.pool.workers),
            (ByteSize::mib(10), 4, 1)
        );
        assert_eq!(summary.client_s.unwrap().median, 0.025);
        assert_eq!(summary.total_bytes_per_s.unwrap().median, 1000.0 * MIB as f64);
        assert_eq!((summary.clients_ok(), summary.clients_failed()), (12, 0));
        assert_eq!(summary.verified(), 12);
        assert_eq!(summary.server_memory, Some(ByteSize::mib(20)));
        assert!(summary.ceiling.is_none() && row.against.is_none() && row.remarks.is_empty());
    }

    #[test]
    fn what_spoils_a_row_is_remarked() {
        let mut run = simulation::run(SimulatedServer::default(), 3, 1);
        let trial_of = |run: &Run, row: usize, replicate| {
            let cell = run.header.matrix.cells()[row];
            let is_it = |trial: &crate::Trial| trial.cell == cell && trial.replicate == replicate;
            run.trials.iter().position(is_it).unwrap()
        };
        let place = trial_of(&run, 3, 0);
        run.trials[place].samples[1].outcome = Outcome::failed(FailureClass::Stalled, "");
        run.trials[place].samples[2].verified = false;
        let place = trial_of(&run, 4, 1);
        run.trials[place].faults.push(Fault {
            kind: FaultKind::ServerDied,
            detail: String::new(),
        });
        run.trials[place].server_counts = ServerCounts::NotReported;
        for replicate in 0..3 {
            let place = trial_of(&run, 5, replicate);
            run.trials.remove(place);
        }
        let place = trial_of(&run, 6, 0);
        run.trials.remove(place);
        let rows = rows(&run, None);
        assert_eq!(
            rows[3].remarks,
            [
                Remark::Failed {
                    class: FailureClass::Stalled,
                    transfers: 1
                },
                Remark::Unverified { transfers: 1 },
                Remark::Scattered,
            ]
        );
        let worst = rows[3].summary.worst_trial().unwrap();
        assert_eq!((worst.clients_ok, worst.clients_failed()), (3, 1));
        assert_eq!(rows[4].remarks, [Remark::Invalid { trials: 1 }]);
        assert_eq!(rows[5].remarks, [Remark::NotMeasured]);
        assert!(rows[5].summary.client_s.is_none());
        assert_eq!(rows[6].remarks, [Remark::Incomplete { trials: 2 }]);
    }

    #[test]
    fn the_ratio_to_a_baseline_is_above_1_where_this_run_is_faster() {
        let slow = simulation::run(
            SimulatedServer {
                pace: 3.0,
                ..SimulatedServer::default()
            },
            3,
            1,
        );
        let fast = simulation::run(SimulatedServer::default(), 3, 2);
        for row in rows(&fast, Some(&Baseline::from_run("slow", &slow))) {
            let ratio = row.against.and_then(|against| against.ratio).unwrap();
            assert!((ratio - 3.0).abs() < 1e-6, "{}: {ratio}", row.summary.cell);
        }
    }
}
