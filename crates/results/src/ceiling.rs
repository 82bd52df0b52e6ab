//! Which limit of the machine a cell runs into first, and how close it came.
//!
//! A ceiling is a limit, so of several measurements the highest counts. What one processor does is multiplied by the
//! processors that the cell can keep busy. The content of the classic dialect travels as base64, so of a TCP ceiling only
//! three quarters are left for it. Encoding and decoding share the processors where client and server share a machine.

use haul_types::{Dialect, PoolKind};
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, Operation};
use crate::run::{Ceiling, CeilingKind, Run, StatedDurability, SubjectKind};

/// How a cell's total throughput stands to the lowest ceiling that holds for it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CeilingShare {
    /// The ceiling.
    pub kind: CeilingKind,
    /// Where it lies for this cell, in bytes of content per second.
    pub bytes_per_s: f64,
    /// Total throughput over ceiling, 1 for all of it.
    pub share: f64,
}

impl CeilingShare {
    /// Whether more was measured than the machine can do: an error of the lab.
    #[must_use]
    pub fn is_above(&self) -> bool {
        self.share > 1.0
    }
}

/// The ceiling of a cell: its kind and where it lies in bytes of content per second. `None` if nothing that limits the
/// cell was measured.
pub(crate) fn ceiling_of(cell: &Cell, run: &Run) -> Option<(CeilingKind, f64)> {
    let limits = [
        tcp(cell, run),
        base64(cell, run),
        storage(cell, run),
        copying(run),
    ];
    let known = limits
        .into_iter()
        .flatten()
        .filter(|(_, rate)| rate.is_finite() && *rate > 0.0);
    known.min_by(|left, right| left.1.total_cmp(&right.1))
}

fn highest(ceiling: &Ceiling) -> f64 {
    ceiling.bytes_per_s.iter().copied().fold(0.0, f64::max)
}

fn measured(run: &Run, kind: CeilingKind) -> Option<f64> {
    run.ceilings
        .iter()
        .find(|ceiling| ceiling.kind == kind)
        .map(highest)
}

/// Connections that are served at once.
fn streams(cell: &Cell) -> u32 {
    cell.clients.min(cell.pool.capacity())
}

/// The higher of the two measured numbers of streams between which the cell's lies.
fn tcp(cell: &Cell, run: &Run) -> Option<(CeilingKind, f64)> {
    let wanted = streams(cell);
    let rates: Vec<(u32, f64)> = run
        .ceilings
        .iter()
        .filter_map(|ceiling| match ceiling.kind {
            CeilingKind::Tcp { streams } => Some((streams, highest(ceiling))),
            _ => None,
        })
        .collect();
    let below = rates
        .iter()
        .filter(|(streams, _)| *streams <= wanted)
        .max_by_key(|(streams, _)| *streams);
    let above = rates
        .iter()
        .filter(|(streams, _)| *streams >= wanted)
        .min_by_key(|(streams, _)| *streams);
    let (streams, rate) = below
        .into_iter()
        .chain(above)
        .max_by(|left, right| left.1.total_cmp(&right.1))?;
    let content = match cell.dialect {
        Dialect::Classic => 0.75,
        Dialect::Extended => 1.0,
    };
    Some((CeilingKind::Tcp { streams: *streams }, rate * content))
}

/// Processors that the clients' and the server's side can keep busy.
fn processors(cell: &Cell, run: &Run) -> (f64, f64) {
    let cores = run.header.machine.cores.max(1);
    let server = match cell.pool.kind {
        PoolKind::Tasks => cell.clients.min(cell.pool.workers),
        PoolKind::Threads | PoolKind::Processes => streams(cell).min(cell.pool.workers),
    };
    (f64::from(cell.clients.min(cores)), f64::from(server.min(cores)))
}

fn base64(cell: &Cell, run: &Run) -> Option<(CeilingKind, f64)> {
    if cell.dialect == Dialect::Extended {
        return None;
    }
    let encode = measured(run, CeilingKind::Base64Encode)?;
    let decode = measured(run, CeilingKind::Base64Decode)?;
    let (clients, server) = processors(cell, run);
    let (encoders, decoders) = match cell.operation {
        Operation::Download => (server, clients),
        Operation::Upload => (clients, server),
    };
    let slower = if encode < decode {
        CeilingKind::Base64Encode
    } else {
        CeilingKind::Base64Decode
    };
    let mut limits = vec![
        (CeilingKind::Base64Encode, encode * encoders),
        (CeilingKind::Base64Decode, decode * decoders),
    ];
    if run.header.subject.kind != SubjectKind::Target {
        let cores = f64::from(run.header.machine.cores.max(1));
        limits.push((slower, cores / (encode.recip() + decode.recip())));
    }
    limits
        .into_iter()
        .min_by(|left, right| left.1.total_cmp(&right.1))
}

fn storage(cell: &Cell, run: &Run) -> Option<(CeilingKind, f64)> {
    let kind = match (cell.operation, run.header.subject.durability) {
        (Operation::Download, _) => return None,
        (Operation::Upload, StatedDurability::Synced) => CeilingKind::FileSynced,
        (Operation::Upload, StatedDurability::Buffered | StatedDurability::Unknown) => {
            CeilingKind::FileBuffered
        }
    };
    Some((kind, measured(run, kind)? * processors(cell, run).1))
}

fn copying(run: &Run) -> Option<(CeilingKind, f64)> {
    let cores = f64::from(run.header.machine.cores.max(1));
    Some((
        CeilingKind::MemoryCopy,
        measured(run, CeilingKind::MemoryCopy)? * cores,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{self, SimulatedServer};

    fn machine(ceilings: &[(CeilingKind, &[f64])]) -> Run {
        let mut run = simulation::run(SimulatedServer::default(), 1, 1);
        run.ceilings = ceilings
            .iter()
            .map(|(kind, rates)| Ceiling {
                kind: *kind,
                bytes_per_s: rates.to_vec(),
            })
            .collect();
        run
    }

    fn cell(operation: Operation, clients: u32, pool: &str, dialect: Dialect) -> Cell {
        Cell {
            operation,
            clients,
            pool: pool.parse().unwrap(),
            dialect,
            ..simulation::cell()
        }
    }

    #[test]
    fn base64_leaves_three_quarters_of_the_wire() {
        let run = machine(&[(CeilingKind::Tcp { streams: 1 }, &[3.9e9, 4.0e9])]);
        let kind = CeilingKind::Tcp { streams: 1 };
        let classic = cell(Operation::Download, 1, "threads:1", Dialect::Classic);
        assert_eq!(ceiling_of(&classic, &run), Some((kind, 3.0e9)));
        let extended = cell(Operation::Download, 1, "threads:1", Dialect::Extended);
        assert_eq!(ceiling_of(&extended, &run), Some((kind, 4.0e9)));
    }

    #[test]
    fn the_streams_that_count_are_those_that_the_pool_serves_at_once() {
        let rates: [(CeilingKind, &[f64]); 3] = [
            (CeilingKind::Tcp { streams: 1 }, &[4.0e9]),
            (CeilingKind::Tcp { streams: 5 }, &[6.0e9]),
            (CeilingKind::Tcp { streams: 50 }, &[5.0e9]),
        ];
        let run = machine(&rates);
        let rate = |clients, pool| {
            ceiling_of(&cell(Operation::Download, clients, pool, Dialect::Extended), &run)
                .unwrap()
                .1
        };
        assert_eq!(rate(50, "threads:1"), 4.0e9);
        assert_eq!(rate(50, "threads:50"), 5.0e9);
        assert_eq!(rate(50, "tasks:1"), 5.0e9);
        assert_eq!(rate(10, "threads:50"), 6.0e9);
        assert_eq!(rate(100, "threads:100"), 5.0e9);
    }

    #[test]
    fn the_lowest_of_all_limits_is_the_ceiling() {
        let run = machine(&[
            (CeilingKind::Tcp { streams: 1 }, &[8.0e9]),
            (CeilingKind::Base64Encode, &[6.0e9]),
            (CeilingKind::Base64Decode, &[3.0e9]),
            (CeilingKind::FileBuffered, &[1.5e9]),
        ]);
        let download = cell(Operation::Download, 1, "threads:1", Dialect::Classic);
        assert_eq!(
            ceiling_of(&download, &run),
            Some((CeilingKind::Base64Decode, 3.0e9))
        );
        let upload = cell(Operation::Upload, 1, "threads:1", Dialect::Classic);
        assert_eq!(
            ceiling_of(&upload, &run),
            Some((CeilingKind::FileBuffered, 1.5e9))
        );
        let busy = cell(Operation::Download, 5, "threads:5", Dialect::Classic);
        let (_, shared) = ceiling_of(&busy, &run).unwrap();
        assert!(
            (shared - 4.0e9).abs() < 1.0,
            "two cores both encode and decode: {shared}"
        );
        assert_eq!(ceiling_of(&upload, &machine(&[])), None);
    }
}
