//! Conditions under which a run counts as failed, as they are typed: `throughput < 100MiB/s`, `failed > 0`,
//! `[operation=download,clients=50] time > 2s`.
//!
//! ```text
//! threshold  = [ "[" condition { "," condition } "]" ] measure comparison value
//! condition  = factor "=" level
//! factor     = operation | volume | clients | workers | pool | client-pool | buffer | dialect
//! comparison = "<" | "<=" | ">" | ">=" | "==" | "!="
//! value      = number [ unit ]
//! ```
//!
//! A threshold is crossed if its comparison holds for any cell that meets all its conditions. Space may stand between
//! any two parts.

mod reader;

use std::fmt;
use std::str::FromStr;

use haul_types::{ByteSize, Dialect, PoolKind, closed_list};
use serde::{Deserialize, Serialize};

use crate::analysis::summary::{CellSummary, CpuCost};
use crate::cell::{Cell, ClientPool, Operation};
use crate::matrix::Matrix;
use crate::sample::FailureClass;
use reader::ThresholdReader;

closed_list! {
    /// What a threshold looks at, in one cell.
    pub Measure, "a measure" {
        /// Median total throughput, as a rate.
        Throughput = "throughput",
        /// Median throughput of a client, as a rate.
        ClientThroughput = "client-throughput",
        /// Median time of a client.
        Time = "time",
        /// Time of the slowest clients: the 95th percentile, or the maximum of fewer than 20.
        Slowest = "slowest",
        /// Failed transfers in all trials.
        Failed = "failed",
        /// Transfers with a wrong byte in all trials.
        Corrupt = "corrupt",
        /// Invalid trials.
        Invalid = "invalid",
        /// Failed server workers, in the worst trial.
        WorkersFailed = "workers-failed",
        /// Share of the ceiling.
        CeilingShare = "ceiling-share",
        /// The server's processor time in seconds for each GiB.
        ServerCpu = "server-cpu",
        /// The clients' processor time in seconds for each GiB.
        ClientCpu = "client-cpu",
        /// The server's memory at its peak.
        ServerMemory = "server-memory",
        /// The clients' memory at its peak.
        ClientMemory = "client-memory",
    }
}

closed_list! {
    /// How a measure is compared with a threshold's value.
    pub Comparator, "a comparison" {
        /// Less.
        Less = "<",
        /// Less or equal.
        AtMost = "<=",
        /// More.
        More = ">",
        /// More or equal.
        AtLeast = ">=",
        /// Equal.
        Equal = "==",
        /// Not equal.
        Unequal = "!=",
    }
}

impl Comparator {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
            Self::Equal => left == right,
            Self::Unequal => left != right,
        }
    }
}

/// In which unit a measure is given.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Rate,
    Seconds,
    Count,
    Share,
    SecondsPerGib,
    Bytes,
}

impl Measure {
    fn unit(self) -> Unit {
        match self {
            Self::Throughput | Self::ClientThroughput => Unit::Rate,
            Self::Time | Self::Slowest => Unit::Seconds,
            Self::Failed | Self::Corrupt | Self::Invalid | Self::WorkersFailed => Unit::Count,
            Self::CeilingShare => Unit::Share,
            Self::ServerCpu | Self::ClientCpu => Unit::SecondsPerGib,
            Self::ServerMemory | Self::ClientMemory => Unit::Bytes,
        }
    }

    /// The cell's value in bytes, seconds, their quotients, or plain numbers; `None` if it is not known.
    fn of(self, summary: &CellSummary) -> Option<f64> {
        let cost = |cost: Option<CpuCost>| cost.map(|cost| cost.total_s_per_gib());
        match self {
            Self::Throughput => summary.total_bytes_per_s.map(|rate| rate.median),
            Self::ClientThroughput => summary.client_bytes_per_s.map(|rate| rate.median),
            Self::Time => summary.client_s.map(|time| time.median),
            Self::Slowest => summary.tail.map(crate::Tail::seconds),
            Self::Failed => Some(f64::from(summary.clients_failed())),
            Self::Corrupt => Some(
                summary
                    .failures()
                    .get(&FailureClass::Corrupt)
                    .copied()
                    .map_or(0.0, f64::from),
            ),
            Self::Invalid => Some((summary.trials.len() - summary.valid_trials().count()) as f64),
            Self::WorkersFailed => summary.workers().map(|workers| f64::from(workers.failed)),
            Self::CeilingShare => summary.ceiling.map(|ceiling| ceiling.share),
            Self::ServerCpu => cost(summary.server_cpu),
            Self::ClientCpu => cost(summary.client_cpu),
            Self::ServerMemory => summary.server_memory.map(ByteSize::as_f64),
            Self::ClientMemory => summary.client_memory.map(ByteSize::as_f64),
        }
    }
}

/// One factor at one level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LevelCondition {
    Operation(Operation),
    Volume(ByteSize),
    Clients(u32),
    Workers(u32),
    Pool(PoolKind),
    ClientPool(ClientPool),
    Buffer(ByteSize),
    Dialect(Dialect),
}

impl LevelCondition {
    fn holds(self, cell: &Cell) -> bool {
        match self {
            Self::Operation(operation) => cell.operation == operation,
            Self::Volume(volume) => cell.volume == volume,
            Self::Clients(clients) => cell.clients == clients,
            Self::Workers(workers) => cell.pool.workers == workers,
            Self::Pool(kind) => cell.pool.kind == kind,
            Self::ClientPool(pool) => cell.client_pool == pool,
            Self::Buffer(buffer) => cell.buffer == buffer,
            Self::Dialect(dialect) => cell.dialect == dialect,
        }
    }
}

/// A condition under which a run counts as failed. As text and as JSON it is what was typed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Threshold {
    text: String,
    conditions: Vec<LevelCondition>,
    measure: Measure,
    comparator: Comparator,
    value: f64,
}

/// A cell that crosses a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// The threshold.
    pub threshold: Threshold,
    /// The cell.
    pub cell: Cell,
    /// The cell's value in bytes, seconds, their quotients, or plain numbers.
    pub value: f64,
}

impl Threshold {
    /// What it looks at.
    #[must_use]
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// Whether any cell of the matrix meets its conditions; a threshold that none meets was mistyped.
    #[must_use]
    pub fn applies_to(&self, matrix: &Matrix) -> bool {
        matrix.cells().iter().any(|cell| self.is_about(cell))
    }

    /// The cells that cross it. A cell whose value is not known does not.
    #[must_use]
    pub fn crossings<'s>(&self, summaries: impl Iterator<Item = &'s CellSummary>) -> Vec<Crossing> {
        let about = summaries.filter(|summary| self.is_about(&summary.cell));
        let valued = about.filter_map(|summary| Some((summary.cell, self.measure.of(summary)?)));
        valued
            .filter(|(_, value)| self.comparator.holds(*value, self.value))
            .map(|(cell, value)| Crossing {
                threshold: self.clone(),
                cell,
                value,
            })
            .collect()
    }

    fn is_about(&self, cell: &Cell) -> bool {
        self.conditions.iter().all(|condition| condition.holds(cell))
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.text
    }
}

impl TryFrom<String> for Threshold {
    type Error = ThresholdError;

    fn try_from(text: String) -> Result<Self, ThresholdError> {
        text.parse()
    }
}

/// A threshold that cannot be read: where, and what should stand there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}`, character {}: expected {expected}", .place + 1)]
pub struct ThresholdError {
    text: String,
    place: usize,
    expected: String,
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let mut reader = ThresholdReader::new(text);
        let conditions = reader.conditions()?;
        let measure: Measure = reader.word("a measure", |word| word.parse().ok(), Measure::ALL)?;
        let comparator = reader.comparator()?;
        let value = reader.value(measure.unit())?;
        Ok(Self {
            text: text.to_owned(),
            conditions,
            measure,
            comparator,
            value,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample::Outcome;
    use crate::simulation::{self, SimulatedServer};

    fn crossed(text: &str) -> usize {
        let threshold: Threshold = text.parse().unwrap();
        let mut run = simulation::run(SimulatedServer::default(), 1, 1);
        let is_it = |trial: &&mut crate::Trial| trial.cell.clients == 16 && trial.cell.pool.workers == 1;
        let failed = run.trials.iter_mut().find(is_it).unwrap();
        failed.samples[3].outcome = Outcome::failed(FailureClass::Corrupt, "");
        threshold.crossings(run.summaries().iter()).len()
    }

    #[test]
    fn a_threshold_is_crossed_by_the_cells_for_which_it_holds() {
        // A MiB takes 1 ms, so one worker moves 1000 MiB/s and sixteen with sixteen clients 16,000.
        for (text, cells) in [
            ("throughput < 1001MiB/s", 30),
            ("[clients=4] throughput<999MiB/s", 0),
            ("throughput >= 15 GiB/s", 6),
            ("time > 9.5ms", 24),
            ("[operation=download, clients=1,workers=1] time == 10ms", 1),
            (
                "[volume=1MiB,pool=threads,client-pool=threads,buffer=128KiB,dialect=classic] time <= 1 min",
                18,
            ),
            ("[pool=processes] time <= 1 min", 0),
            ("[front=extended] time <= 1 min", 0),
            ("failed > 0", 1),
            ("corrupt != 0", 1),
            ("invalid > 0", 0),
            ("server-memory > 19MiB", 54),
            ("client-memory > 19MiB", 0),
            ("server-cpu > 0.0001s/GiB", 54),
        ] {
            assert_eq!(crossed(text), cells, "{text}");
        }
        assert_eq!(
            crossed("ceiling-share < 50%"),
            0,
            "what is not known crosses nothing"
        );
    }

    #[test]
    fn a_mistake_is_named_by_its_place() {
        for (text, message) in [
            (
                "speed < 3",
                "`speed < 3`, character 1: expected a measure: throughput, client-throughput",
            ),
            ("throughput 3", "character 12: expected a comparison"),
            (
                "throughput < 100",
                "character 14: expected a rate such as 100MiB/s",
            ),
            ("throughput < 3XB/s", "character 14: expected a rate"),
            ("time > 2", "character 8: expected a time such as 2s or 500ms"),
            ("time > -2s", "character 8: expected a time"),
            ("time > infs", "character 8: expected a time"),
            ("failed > 0.5", "character 10: expected a whole number"),
            ("failed >", "character 9: expected a whole number"),
            ("failed > 0 0", "character 10: expected a whole number"),
            ("[size=3] failed > 0", "character 2: expected a factor"),
            ("[clients 3] failed > 0", "character 10: expected `=` and a level"),
            (
                "[clients=many] failed > 0",
                "character 10: expected a whole number",
            ),
            ("[clients=3 failed > 0", "character 10: expected a whole number"),
            ("[] failed > 0", "character 2: expected a factor"),
            ("", "character 1: expected a measure"),
        ] {
            let error = text.parse::<Threshold>().unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[test]
    fn a_threshold_about_no_cell_is_recognised_before_the_run() {
        let matrix = Matrix::default();
        let about = |text: &str| text.parse::<Threshold>().unwrap().applies_to(&matrix);
        assert!(about("[clients=50,operation=upload] failed > 0"));
        assert!(!about("[clients=51] failed > 0"));
    }

    #[test]
    fn a_threshold_is_written_as_it_was_typed() {
        let text = "[ clients = 5 ] time >= 500 ms";
        let threshold: Threshold = text.parse().unwrap();
        assert_eq!(threshold.to_string(), text);
        let json = serde_json::to_string(&threshold).unwrap();
        assert_eq!(serde_json::from_str::<Threshold>(&json).unwrap(), threshold);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(\\[)?[a-z=,éß ]{0,12}(\\])?(throughput|time|failed)?[ <>=!]{0,3}\\PC{0,8}") {
            let _ = text.parse::<Threshold>();
        }
    }
}
