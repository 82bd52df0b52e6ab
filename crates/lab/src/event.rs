//! The events of a run, reported while it goes on.

use std::time::Duration;

use haul_results::{Cell, Header, Trial};

/// One event.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run does something other than a trial.
    Phase(&'a str),
    /// Everything is ready for the trials.
    Begins {
        /// How many.
        trials: usize,
        /// About how long all of them take.
        estimate: Duration,
        /// The facts that are known before the first trial.
        header: &'a Header,
    },
    /// A trial begins.
    TrialBegins {
        /// Its cell.
        cell: &'a Cell,
        /// The number of the repetition, from 0.
        replicate: u32,
    },
    /// A trial is over and in the journal.
    TrialEnds {
        /// The trial.
        trial: &'a Trial,
        /// How many are over.
        done: usize,
        /// How many there are.
        trials: usize,
        /// About how long the others take.
        left: Duration,
    },
}
