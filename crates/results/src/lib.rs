//! What a run of the stress lab found, and what may be concluded from it. Pure: no clock, disk, network or terminal.
//!
//! - What is measured: [`Levels`] make a [`Matrix`] of [`Cell`]s; each repetition of a cell is a [`Trial`] with a
//!   [`Sample`] for each client.
//! - What is kept: a [`Run`] is a [`Header`], [`Ceiling`]s and trials; a [`Journal`] is its text, a [`JournalLine`] a line.
//! - What may be concluded: [`Run::analyse`] gives an [`Analysis`], once for a run: a [`Row`] for each cell with its
//!   numbers and their intervals, beside a [`Baseline`]; the [`Verdict`] with the pool to take and the [`Threshold`]s that
//!   were crossed; and a [`scaling`] law, or why there is none. [`compare`] sets two runs against each other.
//!
//! ```
//! use haul_results::{Levels, Matrix, Threshold};
//!
//! let matrix = Matrix::new(Levels::quick())?;
//! assert_eq!(matrix.cells().len(), 54);
//! let threshold: Threshold = "[clients=16] throughput < 100MiB/s".parse()?;
//! assert!(threshold.applies_to(&matrix));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Bytes, seconds and their quotients are the units everywhere; a name says which (`client_s`, `total_bytes_per_s`).

mod analysis;
mod baseline;
mod ceiling;
mod cell;
mod compare;
mod journal;
mod matrix;
mod random;
mod run;
mod sample;
#[cfg(any(test, feature = "testing"))]
pub mod simulation;
mod statistics;
pub mod threshold;
mod trial;

pub use analysis::Analysis;
pub use analysis::recommend::{Candidate, GOOD_ENOUGH, Recommendation};
pub use analysis::rows::{Against, Remark, Row};
pub use analysis::scaling;
pub use analysis::summary::{CellSummary, CpuCost, PhaseMedians, Tail, TrialSummary, WorkerTally};
pub use analysis::verdict::{Extreme, Grade, Verdict};
pub use baseline::{Baseline, BaselineError, Point};
pub use ceiling::CeilingShare;
pub use cell::{Cell, ClientPool, Operation, PoolLevel};
pub use compare::{
    CellComparison, Change, Comparison, Difference, Method, NotComparable, Ratio, Unjudged, compare,
    compare_anyway,
};
pub use haul_types::{ByteSize, Dialect, PoolKind, PoolSpec};
pub use journal::{JOURNAL, Journal, JournalError, JournalLine, Recording};
pub use matrix::{Factor, Levels, Matrix, MatrixError};
pub use run::{
    Binary, Ceiling, CeilingKind, End, FORMAT, Header, Machine, Run, RunError, Scratch, StatedDurability,
    Subject, SubjectKind,
};
pub use sample::{Failure, FailureClass, Outcome, Phases, Sample};
pub use statistics::{Estimate, median};
pub use threshold::{Crossing, Threshold, ThresholdError};
pub use trial::{Fault, FaultKind, Problem, ServerCounts, Trial, Usage, WorkerCounts};
