//! Why a run fails.

use std::io;

use crate::descriptors::DescriptorError;
use crate::interrupt::{Interrupted, Stop};
use crate::scratch::ScratchError;

/// Why there is no run, or it could not go on.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The run was interrupted before anything was measured.
    #[error("interrupted before anything was measured")]
    Interrupted,
    /// There is no scratch space for the run.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// The run needs more descriptors than there are.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
    /// The server cannot be measured.
    #[error("the server under test cannot be measured: {0}")]
    Subject(String),
    /// The journal cannot be written; it ends with its last whole line.
    #[error("the journal in `{folder}` cannot be written: {cause}")]
    Journal {
        /// The folder of the run.
        folder: String,
        /// The system's error.
        cause: io::Error,
    },
    /// There is a run in the folder already.
    #[error("--out: `{0}` holds a run already; continue it with --resume {0}, or name another folder")]
    Taken(String),
    /// The continued run would not be the same run.
    #[error(
        "--resume: {0} since the run began, so what is measured now would not belong to it; begin a new run"
    )]
    Changed(&'static str),
}

impl From<Interrupted> for LabError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// A failure of a step that concerns the server, unless told otherwise.
impl From<Stop> for LabError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Interrupted => Self::Interrupted,
            Stop::Failed(detail) => Self::Subject(detail),
        }
    }
}
