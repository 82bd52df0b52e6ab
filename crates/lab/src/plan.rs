//! The plan of a run: its trials in order, the bytes it moves, the scratch space it needs, and about how long it takes.
//! Pure.

use std::time::Duration;

use haul_results::{ByteSize, Cell, ClientPool, Dialect, Matrix, Operation};

use crate::job::warm_up;
use crate::objects::served_volumes;

/// Starting and ending a server and client threads, in seconds.
const TRIAL_S: f64 = 0.12;
/// Starting one process, on either side, in seconds.
const PROCESS_S: f64 = 0.004;
/// Ceilings and objects, in seconds.
const AROUND_S: f64 = 6.0;

/// The trials of a run and their cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Replicate and cell of every trial, in order.
    pub trials: Vec<(u32, Cell)>,
    /// ByteSize of content that the trials move.
    pub content: ByteSize,
    /// ByteSize of content that the warm-ups move besides.
    pub warm_up: ByteSize,
    /// The most scratch space in use at once.
    pub scratch: ByteSize,
    /// About how long it takes, on two processors and with our own server.
    pub estimate: Duration,
}

impl Plan {
    /// All replicates of a matrix, each in the random order that follows from the seed.
    #[must_use]
    pub fn new(matrix: &Matrix, repeats: u32, seed: u64) -> Self {
        let replicate = |number| {
            matrix
                .order(seed, number)
                .into_iter()
                .map(move |cell| (number, cell))
        };
        Self::of(matrix, (0..repeats).flat_map(replicate).collect())
    }

    /// Some trials of a matrix: those that are missing in a run that is continued.
    #[must_use]
    pub fn of(matrix: &Matrix, trials: Vec<(u32, Cell)>) -> Self {
        let cells = || trials.iter().map(|(_, cell)| cell);
        Self {
            content: cells().map(Cell::content).sum(),
            warm_up: cells()
                .map(|cell| warm_up(cell.volume).times(u64::from(cell.clients)))
                .sum(),
            scratch: scratch(matrix),
            estimate: Duration::from_secs_f64(AROUND_S + cells().map(seconds).sum::<f64>()),
            trials,
        }
    }

    /// About how long the trials from number `from`, from 0, on take.
    #[must_use]
    pub fn estimate_from(&self, from: usize) -> Duration {
        let rest = self.trials.get(from..).unwrap_or_default();
        Duration::from_secs_f64(rest.iter().map(|(_, cell)| seconds(cell)).sum())
    }

    /// The most descriptors that any process of the lab or of our own server needs.
    #[must_use]
    pub fn descriptors(matrix: &Matrix) -> u64 {
        let clients = matrix.cells().iter().map(|cell| cell.clients).max().unwrap_or(0);
        let workers = matrix
            .cells()
            .iter()
            .map(|cell| cell.pool.workers)
            .max()
            .unwrap_or(0);
        // The server holds a socket and a file for each client, and some for each worker.
        64 + 2 * u64::from(clients) + 4 * u64::from(workers)
    }
}

/// Objects stay for the whole run; uploads are removed after their trial, warm-ups before its release.
fn scratch(matrix: &Matrix) -> ByteSize {
    let uploads = matrix
        .cells()
        .iter()
        .filter(|cell| cell.operation == Operation::Upload);
    let largest = uploads.map(Cell::content).max().unwrap_or_default();
    served_volumes(matrix).into_iter().chain([largest]).sum()
}

/// About how long a trial takes, from runs on two processors.
fn seconds(cell: &Cell) -> f64 {
    let content_per_s = match (cell.operation, cell.dialect) {
        (Operation::Download, Dialect::Classic) => 2.0e9,
        (Operation::Download, Dialect::Extended) => 3.0e9,
        // Uploads are read again to be compared.
        (Operation::Upload, Dialect::Classic) => 0.9e9,
        (Operation::Upload, Dialect::Extended) => 1.0e9,
    };
    let warm = warm_up(cell.volume).times(u64::from(cell.clients));
    let moved = cell.content().as_f64() + warm.as_f64();
    let client_processes = match cell.client_pool {
        ClientPool::Threads => 1,
        ClientPool::Processes => cell.clients,
    };
    let server_processes = match cell.pool.kind {
        haul_results::PoolKind::Processes => cell.pool.workers,
        haul_results::PoolKind::Threads | haul_results::PoolKind::Tasks => 1,
    };
    TRIAL_S + PROCESS_S * f64::from(client_processes + server_processes) + moved / content_per_s
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::collections::HashSet;

    use super::*;
    use haul_results::Levels;

    #[test]
    fn the_default_plan_moves_215_thousand_mebibytes_in_each_replicate() {
        let plan = Plan::new(&Matrix::default(), 3, 1);
        assert_eq!(
            (plan.trials.len(), plan.content),
            (648, ByteSize::mib(3 * 215_040))
        );
        // 56 clients, 3 numbers of workers, 2 × 2 pools, 2 operations, 3 volumes, 8 MiB, 3 times.
        assert_eq!(plan.warm_up, ByteSize::mib(56 * 3 * 4 * 2 * 3 * 8 * 3));
        // Three volumes, the warm-up's object and fifty uploads of the largest.
        assert_eq!(plan.scratch, ByteSize::mib(10 + 50 + 100 + 8 + 5000));
    }

    #[test]
    fn every_replicate_visits_every_cell_once_in_an_order_that_follows_from_the_seed() {
        let matrix = Matrix::new(Levels::quick()).unwrap();
        let plan = Plan::new(&matrix, 2, 7);
        let distinct: HashSet<_> = plan.trials.iter().collect();
        assert_eq!((distinct.len(), plan.trials.len()), (108, 108));
        assert!(plan.trials[..54].iter().all(|(replicate, _)| *replicate == 0));
        assert_eq!(plan.trials, Plan::new(&matrix, 2, 7).trials);
        assert_ne!(plan.trials, Plan::new(&matrix, 2, 8).trials);
        let cells = |range: std::ops::Range<usize>| {
            plan.trials[range]
                .iter()
                .map(|(_, cell)| *cell)
                .collect::<Vec<_>>()
        };
        assert_ne!(
            cells(0..54),
            cells(54..108),
            "each replicate has an order of its own"
        );
    }

    #[test]
    fn a_plan_without_uploads_needs_scratch_space_for_its_objects_only() {
        let levels = Levels {
            operations: vec![Operation::Download],
            ..Levels::quick()
        };
        let plan = Plan::new(&Matrix::new(levels).unwrap(), 1, 0);
        assert_eq!(plan.scratch, ByteSize::mib(1 + 5 + 10 + 8));
    }

    #[test]
    fn the_time_left_shrinks_to_nothing() {
        let plan = Plan::new(&Matrix::default(), 1, 0);
        assert!(plan.estimate_from(1) < plan.estimate_from(0));
        assert!(plan.estimate_from(0) < plan.estimate);
        assert_eq!(plan.estimate_from(plan.trials.len()), Duration::ZERO);
        assert_eq!(plan.estimate_from(usize::MAX), Duration::ZERO);
    }
}
