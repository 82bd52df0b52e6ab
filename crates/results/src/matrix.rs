//! The full factorial matrix: which cells a run has, in which order a replicate visits them, and what they move.

use std::collections::HashSet;
use std::fmt;

use haul_types::{ByteSize, Dialect, PoolKind, PoolSpec, closed_list};
use serde::{Deserialize, Serialize};

use crate::cell::{Cell, ClientPool, Operation, PoolLevel};
use crate::random::{Random, SeedPurpose};

closed_list! {
    /// What varies. Its word is also the name of the setting that gives its levels.
    pub Factor, "a factor" {
        /// Download or upload.
        Operations = "operations",
        /// Bytes that each client moves.
        Volumes = "volumes",
        /// How many clients there are.
        Clients = "clients",
        /// How many workers the server has.
        Workers = "workers",
        /// How the server's workers are run.
        Pools = "pools",
        /// How the clients are run.
        ClientPools = "client-pools",
        /// How much a client moves at a time.
        Buffers = "buffers",
        /// Which verbs the clients speak.
        Dialects = "dialects",
    }
}

/// The levels of every factor, as they were asked for: not yet known to make a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Levels {
    /// Default: download, upload.
    pub operations: Vec<Operation>,
    /// Default: 10, 50 and 100 MiB; each from 1 byte to 1 TiB.
    pub volumes: Vec<ByteSize>,
    /// Default: 1, 5, 50; each from 1 to [`Matrix::CLIENTS_MAX`].
    pub clients: Vec<u32>,
    /// Default: 1, 5, 50; each from 1 to [`PoolSpec::WORKERS_MAX`]. May be empty if every pool names its own.
    pub workers: Vec<u32>,
    /// Default: threads, processes.
    pub pools: Vec<PoolLevel>,
    /// Default: threads, processes.
    pub client_pools: Vec<ClientPool>,
    /// Default: 128 KiB; each from 1 byte to 64 MiB.
    pub buffers: Vec<ByteSize>,
    /// Default: classic; `fronts` in a journal.
    #[serde(rename = "fronts")]
    pub dialects: Vec<Dialect>,
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            operations: vec![Operation::Download, Operation::Upload],
            volumes: [10, 50, 100].map(ByteSize::mib).to_vec(),
            clients: vec![1, 5, 50],
            workers: vec![1, 5, 50],
            pools: [PoolKind::Threads, PoolKind::Processes]
                .map(PoolLevel::Kind)
                .to_vec(),
            client_pools: vec![ClientPool::Threads, ClientPool::Processes],
            buffers: vec![ByteSize::kib(128)],
            dialects: vec![Dialect::Classic],
        }
    }
}

impl Levels {
    /// A small matrix of the same shape: 54 cells, with 1, 5 and 10 MiB, clients and workers of 1, 4 and 16, and
    /// threads on both sides.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            volumes: [1, 5, 10].map(ByteSize::mib).to_vec(),
            clients: vec![1, 4, 16],
            workers: vec![1, 4, 16],
            pools: vec![PoolLevel::Kind(PoolKind::Threads)],
            client_pools: vec![ClientPool::Threads],
            ..Self::default()
        }
    }

    /// The levels over which a scaling curve is measured.
    pub const SCALE: [u32; 9] = [1, 2, 4, 8, 12, 16, 24, 32, 50];

    /// These levels with `factor` varied over [`Levels::SCALE`] and every other factor at its last level. `None` for a
    /// factor that is no count, and for workers where the pool names its own.
    #[must_use]
    pub fn scale(&self, factor: Factor) -> Option<Self> {
        fn last<T: Copy>(levels: &[T]) -> Vec<T> {
            levels.last().copied().into_iter().collect()
        }
        let mut levels = Self {
            operations: last(&self.operations),
            volumes: last(&self.volumes),
            clients: last(&self.clients),
            workers: last(&self.workers),
            pools: last(&self.pools),
            client_pools: last(&self.client_pools),
            buffers: last(&self.buffers),
            dialects: last(&self.dialects),
        };
        match (factor, levels.pools.as_slice()) {
            (Factor::Clients, _) => levels.clients = Self::SCALE.to_vec(),
            (Factor::Workers, [PoolLevel::Kind(_)]) => levels.workers = Self::SCALE.to_vec(),
            _ => return None,
        }
        Some(levels)
    }
}

/// Levels that make no matrix; the text names the factor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatrixError {
    /// A factor has no level.
    #[error("{factor}: give at least one level")]
    Empty {
        /// The factor.
        factor: Factor,
    },
    /// A level is too small or too large.
    #[error("{factor}: {level} is not from {least} to {most}")]
    OutOfRange {
        /// The factor.
        factor: Factor,
        /// The level.
        level: String,
        /// The smallest that is allowed.
        least: String,
        /// The largest that is allowed.
        most: String,
    },
    /// A level was given twice, or a pool with its own workers is one that the matrix has already.
    #[error("{factor}: {level} is there twice")]
    Repeated {
        /// The factor.
        factor: Factor,
        /// The level.
        level: String,
    },
    /// The matrix has more than [`Matrix::CELLS_MAX`] cells.
    #[error(
        "the matrix has {cells} cells, more than the {} that a run may have",
        Matrix::CELLS_MAX
    )]
    TooLarge {
        /// How many cells it would have.
        cells: usize,
    },
}

impl MatrixError {
    /// The factor that is wrong; `None` if it is all of them together.
    #[must_use]
    pub fn factor(&self) -> Option<Factor> {
        match self {
            Self::Empty { factor } | Self::OutOfRange { factor, .. } | Self::Repeated { factor, .. } => {
                Some(*factor)
            }
            Self::TooLarge { .. } => None,
        }
    }
}

/// All cells of a run: every combination of its levels, none twice, at least one. As JSON it is its levels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Levels", try_from = "Levels")]
pub struct Matrix {
    levels: Levels,
    cells: Vec<Cell>,
}

impl Matrix {
    /// The most clients a cell may have.
    pub const CLIENTS_MAX: u32 = 4096;
    /// The most cells a matrix may have.
    pub const CELLS_MAX: usize = 10_000;

    /// The matrix of these levels.
    ///
    /// # Errors
    ///
    /// If a factor has no level, a level is out of range or there twice, or there are too many cells.
    pub fn new(levels: Levels) -> Result<Self, MatrixError> {
        distinct(Factor::Operations, &levels.operations)?;
        distinct(Factor::Volumes, &levels.volumes)?;
        within(Factor::Volumes, &levels.volumes, (ByteSize(1), ByteSize(1 << 40)))?;
        distinct(Factor::Clients, &levels.clients)?;
        within(Factor::Clients, &levels.clients, (1, Self::CLIENTS_MAX))?;
        distinct(Factor::Pools, &levels.pools)?;
        let crossed = levels.pools.iter().any(|pool| matches!(pool, PoolLevel::Kind(_)));
        if crossed || !levels.workers.is_empty() {
            distinct(Factor::Workers, &levels.workers)?;
        }
        within(Factor::Workers, &levels.workers, (1, PoolSpec::WORKERS_MAX))?;
        distinct(Factor::ClientPools, &levels.client_pools)?;
        distinct(Factor::Buffers, &levels.buffers)?;
        within(Factor::Buffers, &levels.buffers, (ByteSize(1), ByteSize::mib(64)))?;
        distinct(Factor::Dialects, &levels.dialects)?;

        let mut pools = HashSet::new();
        for pool in blocks(&levels).into_iter().flatten() {
            if !pools.insert(pool) {
                return Err(MatrixError::Repeated {
                    factor: Factor::Pools,
                    level: pool.to_string(),
                });
            }
        }
        let cells = [
            levels.operations.len(),
            levels.volumes.len(),
            levels.clients.len(),
            pools.len(),
            levels.client_pools.len(),
            levels.buffers.len(),
            levels.dialects.len(),
        ]
        .into_iter()
        .fold(1, usize::saturating_mul);
        if cells > Self::CELLS_MAX {
            return Err(MatrixError::TooLarge { cells });
        }
        let cells = cross(&levels);
        Ok(Self { levels, cells })
    }

    /// The levels of which it is made.
    #[must_use]
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// All cells in the order of the report: one block for each dialect, pool, client pool and buffer, and within a
    /// block operation, volume, clients and workers, the last varying fastest, which is the exercise's order.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The cells in the random order in which the replicate number `replicate`, from 0, visits them. The same seed
    /// gives the same order; every replicate has another.
    #[must_use]
    pub fn order(&self, seed: u64, replicate: u32) -> Vec<Cell> {
        let mut cells = self.cells.clone();
        Random::new(seed, SeedPurpose::Order, u64::from(replicate)).shuffle(&mut cells);
        cells
    }

    /// Bytes of content that one replicate moves, warm-ups not counted.
    #[must_use]
    pub fn content(&self) -> ByteSize {
        self.cells.iter().map(Cell::content).sum()
    }
}

impl Default for Matrix {
    fn default() -> Self {
        Self::new(Levels::default()).expect("the default levels make a matrix")
    }
}

impl From<Matrix> for Levels {
    fn from(matrix: Matrix) -> Self {
        matrix.levels
    }
}

impl TryFrom<Levels> for Matrix {
    type Error = MatrixError;

    fn try_from(levels: Levels) -> Result<Self, MatrixError> {
        Self::new(levels)
    }
}

fn distinct<T: fmt::Display + PartialEq>(factor: Factor, levels: &[T]) -> Result<(), MatrixError> {
    if levels.is_empty() {
        return Err(MatrixError::Empty { factor });
    }
    let repeated = levels
        .iter()
        .enumerate()
        .find(|(index, level)| levels[..*index].contains(level));
    match repeated {
        Some((_, level)) => Err(MatrixError::Repeated {
            factor,
            level: level.to_string(),
        }),
        None => Ok(()),
    }
}

fn within<T: fmt::Display + PartialOrd + Copy>(
    factor: Factor,
    levels: &[T],
    (least, most): (T, T),
) -> Result<(), MatrixError> {
    match levels.iter().find(|level| **level < least || **level > most) {
        Some(level) => Err(MatrixError::OutOfRange {
            factor,
            level: level.to_string(),
            least: least.to_string(),
            most: most.to_string(),
        }),
        None => Ok(()),
    }
}

/// For each level of the factor *pools* the pools that it stands for.
fn blocks(levels: &Levels) -> Vec<Vec<PoolSpec>> {
    let block = |level: &PoolLevel| match level {
        PoolLevel::Fixed(pool) => vec![*pool],
        PoolLevel::Kind(kind) => {
            let crossed = levels.workers.iter();
            crossed.map(|&workers| PoolSpec::new(*kind, workers)).collect()
        }
    };
    levels.pools.iter().map(block).collect()
}

fn cross(levels: &Levels) -> Vec<Cell> {
    let mut cells = Vec::new();
    for &dialect in &levels.dialects {
        for pools in &blocks(levels) {
            for &client_pool in &levels.client_pools {
                for &buffer in &levels.buffers {
                    push_block(&mut cells, levels, pools, |operation, volume, clients, pool| {
                        Cell {
                            operation,
                            volume,
                            clients,
                            pool,
                            client_pool,
                            buffer,
                            dialect,
                        }
                    });
                }
            }
        }
    }
    cells
}

fn push_block(
    cells: &mut Vec<Cell>,
    levels: &Levels,
    pools: &[PoolSpec],
    cell: impl Fn(Operation, ByteSize, u32, PoolSpec) -> Cell,
) {
    for &operation in &levels.operations {
        for &volume in &levels.volumes {
            for &clients in &levels.clients {
                cells.extend(pools.iter().map(|&pool| cell(operation, volume, clients, pool)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
