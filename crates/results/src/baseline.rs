//! What a run is set against: another run, or a table such as one that was published.
//!
//! Only times are taken from a table. Its throughput is volume over time: a column that states another is ignored.

use std::collections::HashMap;

use crate::cell::{Cell, Operation};
use crate::run::Run;
use crate::statistics::median;
use haul_types::{ByteSize, ByteSizeError};

/// Times of other measurements, found by cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Baseline {
    /// What it is called, a file's name for example.
    pub name: String,
    exact: HashMap<Cell, Point>,
    alike: HashMap<Coordinates, Point>,
}

/// What a baseline knows of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The client's time in seconds; `None` where the measurement did not finish.
    pub client_s: Option<f64>,
    volume: ByteSize,
}

impl Point {
    /// The client's throughput in bytes per second: volume over time.
    #[must_use]
    pub fn client_bytes_per_s(&self) -> Option<f64> {
        Some(self.volume.as_f64() / self.client_s?)
    }
}

/// What a table of the exercise says of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Coordinates {
    operation: Operation,
    volume: ByteSize,
    clients: u32,
    workers: u32,
}

/// Why a table cannot be a baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is no table of comma-separated values.
    #[error("this is not a table of comma-separated values: {0}")]
    NotATable(#[from] csv::Error),
    /// A column is missing.
    #[error(
        "the table has no column `{column}`; a baseline needs operation, volume_bytes, clients, server_workers and time_per_client_s"
    )]
    NoColumn {
        /// Its name.
        column: &'static str,
    },
    /// A field cannot be read.
    #[error("line {line}, column {column}: `{text}` is not {wanted}")]
    Field {
        /// The line of the table, from 1.
        line: u64,
        /// The column's name.
        column: &'static str,
        /// What stands there.
        text: String,
        /// What should.
        wanted: &'static str,
    },
    /// There are no rows.
    #[error("the table has no rows")]
    Empty,
}

impl Baseline {
    /// Reads a table with a heading and the columns `operation`, `volume_bytes`, `clients`, `server_workers` and
    /// `time_per_client_s`, in any order; others are ignored. A row without a time did not finish. Where a cell is
    /// there several times, the first counts.
    ///
    /// # Errors
    ///
    /// If a column is missing, a field cannot be read, or there are no rows.
    pub fn from_csv(name: impl Into<String>, table: &[u8]) -> Result<Self, BaselineError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(table);
        let heading = reader.headers()?.clone();
        let column = |name: &'static str| {
            let place = heading
                .iter()
                .position(|found| found.trim_start_matches('\u{feff}') == name);
            place
                .map(|place| CsvColumn { name, place })
                .ok_or(BaselineError::NoColumn { column: name })
        };
        let (operation, volume, clients, workers, time) = (
            column("operation")?,
            column("volume_bytes")?,
            column("clients")?,
            column("server_workers")?,
            column("time_per_client_s")?,
        );
        let mut baseline = Self {
            name: name.into(),
            ..Self::default()
        };
        for row in reader.records() {
            let row = row?;
            let volume = volume.read(&row, "a number of bytes", |text| {
                text.parse().map_err(|_: ByteSizeError| ())
            })?;
            let coordinates = Coordinates {
                operation: operation.read(&row, "download or upload", |text| text.parse().map_err(|_| ()))?,
                volume,
                clients: clients.read(&row, "a whole number", |text| text.parse().map_err(|_| ()))?,
                workers: workers.read(&row, "a whole number", |text| text.parse().map_err(|_| ()))?,
            };
            let client_s = time.read(&row, "a number of seconds above 0", seconds)?;
            baseline
                .alike
                .entry(coordinates)
                .or_insert(Point { client_s, volume });
        }
        if baseline.alike.is_empty() {
            return Err(BaselineError::Empty);
        }
        Ok(baseline)
    }

    /// The times of another run: the median client's, over its valid trials.
    #[must_use]
    pub fn from_run(name: impl Into<String>, run: &Run) -> Self {
        let mut baseline = Self {
            name: name.into(),
            ..Self::default()
        };
        for (cell, trials) in run.trial_summaries() {
            let valid = trials.iter().filter(|trial| trial.is_valid());
            let times: Vec<f64> = valid.filter_map(|trial| trial.client_s).collect();
            let point = Point {
                client_s: median(&times),
                volume: cell.volume,
            };
            if !trials.is_empty() {
                baseline.exact.insert(cell, point);
                baseline.alike.entry(coordinates(&cell)).or_insert(point);
            }
        }
        baseline
    }

    /// What the baseline knows of this cell, or else of the first one with the same operation, volume, clients and
    /// server workers.
    #[must_use]
    pub fn point(&self, cell: &Cell) -> Option<Point> {
        self.exact
            .get(cell)
            .or_else(|| self.alike.get(&coordinates(cell)))
            .copied()
    }
}

fn coordinates(cell: &Cell) -> Coordinates {
    Coordinates {
        operation: cell.operation,
        volume: cell.volume,
        clients: cell.clients,
        workers: cell.pool.workers,
    }
}

fn seconds(text: &str) -> Result<Option<f64>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let seconds: f64 = text.parse().map_err(|_| ())?;
    let is_time = seconds.is_finite() && seconds > 0.0;
    if is_time { Ok(Some(seconds)) } else { Err(()) }
}

#[derive(Debug, Clone, Copy)]
struct CsvColumn {
    name: &'static str,
    place: usize,
}

impl CsvColumn {
    fn read<T>(
        self,
        row: &csv::StringRecord,
        wanted: &'static str,
        read: impl Fn(&str) -> Result<T, ()>,
    ) -> Result<T, BaselineError> {
        let text = row.get(self.place).unwrap_or_default();
        read(text).map_err(|()| BaselineError::Field {
            line: row.position().map_or(0, csv::Position::line),
            column: self.name,
            text: text.to_owned(),
            wanted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{self, SimulatedServer};

    const TABLE: &str = "no,operation,volume_bytes,clients,server_workers,time_per_client_s,stated_throughput_mib_per_s,outcome
1,download,10485760,1,1,0.46,0.01241927471,
17,download,52428800,50,5,399.34,0.02504131817,
18,download,52428800,50,50,,,killed
";

    fn cell(volume: u64, clients: u32, workers: u32) -> Cell {
        Cell {
            volume: ByteSize::mib(volume),
            clients,
            pool: format!("processes:{workers}").parse().unwrap(),
            ..simulation::cell()
        }
    }

    #[test]
    fn throughput_is_computed_from_the_time_and_not_taken_from_the_table() {
        let baseline = Baseline::from_csv("table", TABLE.as_bytes()).unwrap();
        let first = baseline.point(&cell(10, 1, 1)).unwrap();
        assert_eq!(first.client_s, Some(0.46));
        let mib_per_s = first.client_bytes_per_s().unwrap() / 1_048_576.0;
        assert!((mib_per_s - 10.0 / 0.46).abs() < 1e-9, "{mib_per_s}");
    }

    #[test]
    fn a_row_that_did_not_finish_is_known_and_has_no_time() {
        let baseline = Baseline::from_csv("table", TABLE.as_bytes()).unwrap();
        let killed = baseline.point(&cell(50, 50, 50)).unwrap();
        assert_eq!((killed.client_s, killed.client_bytes_per_s()), (None, None));
        assert_eq!(baseline.point(&cell(100, 1, 1)), None);
    }

    #[test]
    fn a_table_that_is_wrong_is_refused_by_the_place() {
        let refusal = |table: &str| {
            Baseline::from_csv("table", table.as_bytes())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal(&TABLE.replace("399.34", "never")),
            "line 3, column time_per_client_s: `never` is not a number of seconds above 0"
        );
        assert!(refusal(&TABLE.replace("399.34", "-1")).contains("line 3"));
        assert!(refusal(&TABLE.replace("399.34", "NaN")).contains("line 3"));
        assert!(refusal(&TABLE.replace("server_workers", "workers")).contains("no column `server_workers`"));
        assert!(refusal(TABLE.lines().next().unwrap()).contains("no rows"));
        assert!(
            refusal("operation,volume_bytes,clients,server_workers,time_per_client_s\ndownload,1\n")
                .contains("not a table")
        );
    }

    #[test]
    fn another_run_is_found_by_its_cell_and_else_by_what_the_cells_have_in_common() {
        let run = simulation::run(SimulatedServer::default(), 3, 1);
        let baseline = Baseline::from_run("run", &run);
        let summary = &run.summaries()[5];
        let mut other = summary.cell;
        other.client_pool = crate::ClientPool::Processes;
        for cell in [summary.cell, other] {
            assert_eq!(
                baseline.point(&cell).unwrap().client_s,
                summary.client_s.map(|time| time.median)
            );
        }
        other.clients = 77;
        assert_eq!(baseline.point(&other), None);
    }
}
