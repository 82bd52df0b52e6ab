//! What a run of the stress lab found, and what may be concluded from it. Pure: no clock, disk, network or terminal.
//!
//! - What is measured: [`Levels`] make a [`Matrix`] of [`Cell`]s; each repetition of a cell is a [`Trial`] with a
//!   [`Sample`] for each client.
//! - What is kept: a [`Run`] is a [`Header`], [`Ceiling`]s and trials; a [`Journal`] is its text, a [`Record`] a line.
//! - What is known: [`Run::summaries`] has the numbers of each cell with their intervals, [`Run::table`] the rows of the
//!   report, [`Run::verdict`] what it comes to.
//! - What may be concluded: [`compare`] sets two runs against each other, [`scale`] fits a scaling law or says why not,
//!   [`recommend`] names a pool, a [`Baseline`] gives ratios, a [`Threshold`] fails a run.
//!
//! Bytes, seconds and their quotients are the units everywhere; a name says which (`client_s`, `total_bytes_per_s`).

mod baseline;
mod ceiling;
mod cell;
mod compare;
mod journal;
mod matrix;
mod random;
mod recommend;
mod run;
mod sample;
pub mod scale;
#[cfg(test)]
mod simulation;
mod statistics;
mod summary;
mod table;
pub mod threshold;
mod trial;
pub mod units;
mod verdict;
mod words;

pub use baseline::{Baseline, BaselineError, Point};
pub use ceiling::CeilingShare;
pub use cell::{Cell, ClientPool, Dialect, Operation, Pool, PoolError, PoolKind, PoolLevel};
pub use compare::{
    CellComparison, Change, Comparison, Difference, Method, NotComparable, Ratio, Unjudged, compare,
    compare_anyway,
};
pub use journal::{Journal, JournalError, Record};
pub use matrix::{Factor, Levels, Matrix, MatrixError};
pub use recommend::{Candidate, GOOD_ENOUGH, Recommendation, recommend};
pub use run::{
    Binary, Ceiling, CeilingKind, Durability, End, FORMAT, Header, Machine, Run, RunError, Scratch, Subject,
    SubjectKind,
};
pub use sample::{Failure, FailureClass, Outcome, Phases, Sample};
pub use statistics::Estimate;
pub use summary::{CellSummary, CpuCost, PhaseMedians, Tail, TrialSummary, WorkerTally};
pub use table::{Against, Remark, Row};
pub use threshold::{Crossing, Threshold, ThresholdError};
pub use trial::{Fault, FaultKind, Problem, ServerBooks, Trial, Usage, WorkerBooks};
pub use units::{Bytes, BytesError};
pub use verdict::{Extreme, Grade, Verdict};
pub use words::UnknownWord;
