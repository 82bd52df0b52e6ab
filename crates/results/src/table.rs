//! The rows of the report, numbers with their types: how they are written is up to the format.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::baseline::Baseline;
use crate::run::Run;
use crate::sample::FailureClass;
use crate::summary::{CellSummary, CpuCost};
use crate::units::{Bytes, MIB};
use crate::words::words;

words! {
    /// The columns in their order, with their names in a file for machines. The first eleven are those that the exercise
    /// asks for, in its order.
    Column, "a column" {
        /// The row's number, from 1.
        Number = "no",
        /// Download or upload.
        Operation = "operation",
        /// Bytes that each client moves.
        Volume = "volume_bytes",
        /// How many clients there are.
        Clients = "clients",
        /// How many workers the server has.
        Workers = "server_workers",
        /// The median client's time in seconds.
        ClientTime = "time_per_client_s",
        /// The median client's throughput in MiB/s.
        ClientThroughput = "throughput_per_client_mib_per_s",
        /// Clients that succeeded, in the worst trial.
        ClientsOk = "clients_ok",
        /// Clients that failed, in the worst trial.
        ClientsFailed = "clients_failed",
        /// Server workers that did not fail, in the worst trial.
        WorkersOk = "server_workers_ok",
        /// Server workers that failed, in the worst trial.
        WorkersFailed = "server_workers_failed",
        /// The kind of the server's pool.
        Pool = "server_pool",
        /// How the clients are run.
        ClientPool = "client_pool",
        /// How much a client moves at a time, in bytes.
        Buffer = "buffer_bytes",
        /// Which verbs the clients speak.
        Front = "front",
        /// The lower end of the interval of the client's time, in seconds.
        ClientTimeLow = "time_low_s",
        /// The upper end of the interval of the client's time, in seconds.
        ClientTimeHigh = "time_high_s",
        /// Total throughput in MiB/s: all bytes over the makespan.
        Total = "total_mib_per_s",
        /// The lower end of its interval, in MiB/s.
        TotalLow = "total_low_mib_per_s",
        /// The upper end of its interval, in MiB/s.
        TotalHigh = "total_high_mib_per_s",
        /// Total throughput over the lowest ceiling, 1 for all of it.
        CeilingShare = "ceiling_share",
        /// The server's processor time in seconds for each GiB of content.
        ServerCpu = "server_cpu_s_per_gib",
        /// The clients' processor time in seconds for each GiB of content.
        ClientCpu = "client_cpu_s_per_gib",
        /// The server's memory at its peak, in bytes.
        ServerMemory = "server_memory_bytes",
        /// The clients' memory at its peak, in bytes.
        ClientMemory = "client_memory_bytes",
        /// Transfers whose every byte was compared, in all trials.
        Verified = "verified",
        /// The throughput per client over the baseline's; above 1 this run is faster. Empty without a baseline.
        BaselineRatio = "baseline_ratio",
        /// What has to be known about the row.
        Remarks = "remarks",
    }
}

/// What stands in a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// It is not known, or there is nothing to say.
    Missing,
    /// A whole number.
    Count(u64),
    /// A number of bytes.
    Bytes(Bytes),
    /// Any number, in the unit of its column.
    Number(f64),
    /// A word of a closed list, or several.
    Words(String),
}

impl<T: Into<f64>> From<Option<T>> for Value {
    fn from(number: Option<T>) -> Self {
        number.map_or(Self::Missing, |number| Self::Number(number.into()))
    }
}

/// As a file for machines has it: plain numbers, a point for the fraction, nothing where nothing is known.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => Ok(()),
            Self::Count(count) => count.fmt(f),
            Self::Bytes(bytes) => bytes.0.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Words(words) => words.fmt(f),
        }
    }
}

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

impl Remark {
    /// Its word, for machines.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotMeasured => "not-measured",
            Self::Incomplete { .. } => "incomplete",
            Self::Invalid { .. } => "invalid",
            Self::Failed { class, .. } => class.word(),
            Self::Unverified { .. } => "unverified",
            Self::AboveCeiling => "above-ceiling",
            Self::LimitedByClient => "limited-by-client",
            Self::WorkersNotReported => "workers-not-reported",
            Self::Scattered => "scattered",
        }
    }
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

impl Run {
    /// The table: one row for each cell of the matrix, in the exercise's order.
    #[must_use]
    pub fn table(&self, baseline: Option<&Baseline>) -> Vec<Row> {
        let numbered = self.summaries().into_iter().zip(1..);
        numbered
            .map(|(summary, number)| Row {
                number,
                against: baseline.and_then(|baseline| against(&summary, baseline)),
                remarks: remarks(&summary, self.header.repeats),
                summary,
            })
            .collect()
    }
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

impl Row {
    /// What stands in a column.
    #[must_use]
    pub fn value(&self, column: Column) -> Value {
        let (summary, cell) = (&self.summary, &self.summary.cell);
        let mib = |bytes_per_s: f64| bytes_per_s / MIB as f64;
        let count = |count: u32| Value::Count(u64::from(count));
        let counted = |number: Option<u32>| number.map_or(Value::Missing, count);
        let bytes = |bytes: Option<Bytes>| bytes.map_or(Value::Missing, Value::Bytes);
        let cost = |cost: Option<CpuCost>| cost.map(|cost| cost.total_s_per_gib());
        let word = |word: &str| Value::Words(word.to_owned());
        let (time, total) = (summary.client_s, summary.total_bytes_per_s);
        let worst = summary.worst_trial();
        match column {
            Column::Number => count(self.number),
            Column::Operation => word(cell.operation.word()),
            Column::Volume => Value::Bytes(cell.volume),
            Column::Clients => count(cell.clients),
            Column::Workers => count(cell.pool.workers),
            Column::ClientTime => time.map(|time| time.median).into(),
            Column::ClientThroughput => summary.client_bytes_per_s.map(|rate| mib(rate.median)).into(),
            Column::ClientsOk => counted(worst.map(|trial| trial.clients_ok)),
            Column::ClientsFailed => counted(worst.map(crate::TrialSummary::clients_failed)),
            Column::WorkersOk => counted(summary.workers().map(|workers| workers.ok)),
            Column::WorkersFailed => counted(summary.workers().map(|workers| workers.failed)),
            Column::Pool => Value::Words(cell.pool.family()),
            Column::ClientPool => word(cell.client_pool.word()),
            Column::Buffer => Value::Bytes(cell.buffer),
            Column::Front => word(cell.front.word()),
            Column::ClientTimeLow => time.map(|time| time.low).into(),
            Column::ClientTimeHigh => time.map(|time| time.high).into(),
            Column::Total => total.map(|total| mib(total.median)).into(),
            Column::TotalLow => total.map(|total| mib(total.low)).into(),
            Column::TotalHigh => total.map(|total| mib(total.high)).into(),
            Column::CeilingShare => summary.ceiling.map(|ceiling| ceiling.share).into(),
            Column::ServerCpu => cost(summary.server_cpu).into(),
            Column::ClientCpu => cost(summary.client_cpu).into(),
            Column::ServerMemory => bytes(summary.server_memory),
            Column::ClientMemory => bytes(summary.client_memory),
            Column::Verified => count(summary.verified()),
            Column::BaselineRatio => self.against.and_then(|against| against.ratio).into(),
            Column::Remarks => {
                let words: Vec<_> = self.remarks.iter().map(Remark::word).collect();
                if words.is_empty() {
                    Value::Missing
                } else {
                    Value::Words(words.join(" "))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Outcome;
    use crate::simulation::{self, Server};
    use crate::trial::{Fault, FaultKind, ServerBooks};

    #[test]
    fn the_first_columns_are_those_of_the_exercise_in_its_order() {
        let names: Vec<_> = Column::ALL.iter().take(11).map(|column| column.word()).collect();
        assert_eq!(
            names.join(","),
            "no,operation,volume_bytes,clients,server_workers,time_per_client_s,throughput_per_client_mib_per_s,\
             clients_ok,clients_failed,server_workers_ok,server_workers_failed"
        );
    }

    #[test]
    fn a_row_has_a_typed_value_in_every_column() {
        let run = simulation::run(Server::default(), 3, 1);
        let rows = run.table(None);
        assert_eq!(rows.len(), 54);
        // Download of 10 MiB by 4 clients from 1 worker: done after 10, 20, 30 and 40 ms.
        let row = &rows[2 * 9 + 3];
        let text = |column| row.value(column).to_string();
        assert_eq!(row.value(Column::Number), Value::Count(22));
        assert_eq!(row.value(Column::Volume), Value::Bytes(Bytes::mib(10)));
        assert_eq!(
            (text(Column::Clients), text(Column::Workers)),
            ("4".to_owned(), "1".to_owned())
        );
        assert_eq!(row.value(Column::ClientTime), Value::Number(0.025));
        assert_eq!(row.value(Column::Total), Value::Number(1000.0));
        assert_eq!(
            (text(Column::ClientsOk), text(Column::ClientsFailed)),
            ("4".to_owned(), "0".to_owned())
        );
        assert_eq!(row.value(Column::Verified), Value::Count(12));
        assert_eq!(row.value(Column::ServerMemory), Value::Bytes(Bytes::mib(20)));
        assert_eq!(row.value(Column::CeilingShare), Value::Missing);
        assert_eq!(row.value(Column::Remarks), Value::Missing);
    }

    #[test]
    fn what_spoils_a_row_is_remarked() {
        let mut run = simulation::run(Server::default(), 3, 1);
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
        run.trials[place].server_books = ServerBooks::NotReported;
        for replicate in 0..3 {
            let place = trial_of(&run, 5, replicate);
            run.trials.remove(place);
        }
        let place = trial_of(&run, 6, 0);
        run.trials.remove(place);
        let rows = run.table(None);
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
        assert_eq!(rows[3].value(Column::ClientsFailed), Value::Count(1));
        assert_eq!(rows[3].value(Column::ClientsOk), Value::Count(3));
        assert_eq!(rows[4].remarks, [Remark::Invalid { trials: 1 }]);
        assert_eq!(rows[5].remarks, [Remark::NotMeasured]);
        assert_eq!(rows[5].value(Column::ClientTime), Value::Missing);
        assert_eq!(rows[6].remarks, [Remark::Incomplete { trials: 2 }]);
    }

    #[test]
    fn the_ratio_to_a_baseline_is_above_1_where_this_run_is_faster() {
        let slow = simulation::run(
            Server {
                pace: 3.0,
                ..Server::default()
            },
            3,
            1,
        );
        let fast = simulation::run(Server::default(), 3, 2);
        for row in fast.table(Some(&Baseline::from_run(&slow))) {
            let ratio = row.against.and_then(|against| against.ratio).unwrap();
            assert!((ratio - 3.0).abs() < 1e-6, "{}: {ratio}", row.summary.cell);
        }
    }
}
