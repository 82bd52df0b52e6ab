//! One run: where, with what and how it was measured, and all its trials.

use std::collections::HashSet;

use haul_types::{ByteSize, Durability, closed_list};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::matrix::Matrix;
use crate::trial::Trial;

/// The version of the journal and of `results.json`. It changes whenever an older reader would misunderstand.
pub const FORMAT: u32 = 1;

/// The machine on which a run was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// Processors that the run could use.
    pub cores: u32,
    /// Main memory.
    pub memory: ByteSize,
    /// Name and version of the kernel.
    pub kernel: String,
    /// Where uploads go and downloads lie.
    pub scratch: Scratch,
}

/// The scratch space of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scratch {
    /// Its folder.
    pub folder: String,
    /// The kind of its file system, `tmpfs` for example.
    pub file_system: String,
    /// Whether it lies in main memory; if not, uploads also measure the kernel's write-back.
    pub in_memory: bool,
}

closed_list! {
    /// When the server under test counts an upload as stored.
    pub StatedDurability, "a durability" {
        /// When it is on the disk.
        Synced = "synced",
        /// When the system has it.
        Buffered = "buffered",
        /// It does not say.
        Unknown = "unknown",
    }
}

closed_list! {
    /// Whose server was measured.
    pub SubjectKind, "a subject" {
        /// `haul serve`, started by the lab.
        Own = "own",
        /// A server that the lab started with a command given to it.
        Command = "command",
        /// A server that was running already.
        Target = "target",
    }
}

impl StatedDurability {
    /// The durability, if the server states one.
    #[must_use]
    pub fn known(self) -> Option<Durability> {
        match self {
            Self::Synced => Some(Durability::Synced),
            Self::Buffered => Some(Durability::Buffered),
            Self::Unknown => None,
        }
    }
}

impl From<Durability> for StatedDurability {
    fn from(durability: Durability) -> Self {
        match durability {
            Durability::Synced => Self::Synced,
            Durability::Buffered => Self::Buffered,
        }
    }
}

/// The server under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Whose it is.
    pub kind: SubjectKind,
    /// The command line with its placeholders, or the address.
    pub command: String,
    /// Name and version as the server itself says them.
    pub name: Option<String>,
    /// When it counts an upload as stored.
    pub durability: StatedDurability,
}

/// A program that took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binary {
    /// What it was: `haul`, or the program of the server's command.
    pub name: String,
    /// Its version, where it says one.
    pub version: Option<String>,
    /// The BLAKE3 digest of its file in hexadecimal.
    pub digest: Option<String>,
}

/// Everything that is known before the first trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// The machine.
    pub machine: Machine,
    /// The server under test.
    pub subject: Subject,
    /// The programs that took part.
    pub binaries: Vec<Binary>,
    /// The command line, the program's name left out.
    pub arguments: Vec<String>,
    /// From which every order and every interval follows.
    pub seed: u64,
    /// All cells.
    pub matrix: Matrix,
    /// How often each cell is measured, 1 to [`Header::REPEATS_MAX`]; default 3.
    pub repeats: u32,
    /// When it began.
    pub started: Timestamp,
    /// Load of the machine before, as averages over 1, 5 and 15 minutes; absent where it could not be read.
    pub load_before: Option<[f64; 3]>,
}

impl Header {
    /// The most repeats of a run.
    pub const REPEATS_MAX: u32 = 1000;
    /// Repeats unless told otherwise.
    pub const REPEATS: u32 = 3;

    pub(crate) fn check(&self) -> Result<(), RunError> {
        if (1..=Self::REPEATS_MAX).contains(&self.repeats) {
            return Ok(());
        }
        let problem = format!("{} repeats are not from 1 to {}", self.repeats, Self::REPEATS_MAX);
        Err(RunError::Contradiction { problem })
    }
}

/// A limit of the machine, measured in the same run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// What was measured.
    pub kind: CeilingKind,
    /// Each measurement, in bytes per second: finite and above 0.
    pub bytes_per_s: Vec<f64>,
}

/// What a ceiling limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CeilingKind {
    /// TCP over loopback with so many streams, all streams together, in bytes on the wire.
    Tcp {
        /// How many.
        streams: u32,
    },
    /// Encoding base64 on one processor, in bytes of content.
    Base64Encode,
    /// Decoding base64 on one processor, in bytes of content.
    Base64Decode,
    /// Copying memory on one processor.
    MemoryCopy,
    /// Writing one file on the scratch space, left to the system.
    FileBuffered,
    /// Writing one file on the scratch space until it is on the disk.
    FileSynced,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub at: Timestamp,
    /// Whether it was interrupted.
    pub interrupted: bool,
}

/// All that a run found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What was known before.
    pub header: Header,
    /// The machine's limits.
    pub ceilings: Vec<Ceiling>,
    /// In the order in which they were made; at most one for each cell and replicate.
    pub trials: Vec<Trial>,
    /// When it was continued after an interruption.
    #[serde(default)]
    pub resumed: Vec<Timestamp>,
    /// How it ended; `None` if it was cut off or goes on.
    pub end: Option<End>,
}

impl Run {
    /// A run of which nothing is measured yet.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self {
            header,
            ceilings: Vec::new(),
            trials: Vec::new(),
            resumed: Vec::new(),
            end: None,
        }
    }

    /// What is still to be measured, in the order of the plan: each replicate with its cells that have no trial, or
    /// only one that was interrupted.
    #[must_use]
    pub fn missing(&self) -> Vec<(u32, Cell)> {
        let is_interrupted = |trial: &Trial| {
            trial
                .faults
                .iter()
                .any(|fault| fault.kind == crate::FaultKind::Interrupted)
        };
        let made: HashSet<(u32, Cell)> = self
            .trials
            .iter()
            .filter(|trial| !is_interrupted(trial))
            .map(|trial| (trial.replicate, trial.cell))
            .collect();
        let plan = (0..self.header.repeats).flat_map(|replicate| {
            let order = self.header.matrix.order(self.header.seed, replicate);
            order.into_iter().map(move |cell| (replicate, cell))
        });
        plan.filter(|step| !made.contains(step)).collect()
    }

    /// The run as one JSON document, for `results.json`.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data with text keys can be written as JSON")
    }

    /// Reads a run from [`Run::to_json`], or from any document that has its fields.
    ///
    /// # Errors
    ///
    /// If it is of another version or no such document.
    pub fn from_json(text: &str) -> Result<Self, RunError> {
        let run: Self = read_format(text.as_bytes())?;
        run.check()?;
        Ok(run)
    }
}

/// Reads a document that holds a header, whose version is looked at before anything else: `header` of `results.json`,
/// `start` of a journal's first line.
pub(crate) fn read_format<T: DeserializeOwned>(document: &[u8]) -> Result<T, RunError> {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(alias = "start")]
        header: Version,
    }
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let probe: Probe = serde_json::from_slice(document).map_err(RunError::NotARun)?;
    match probe.header.format {
        FORMAT => serde_json::from_slice(document).map_err(RunError::NotARun),
        found => Err(RunError::OtherVersion { found }),
    }
}

impl Run {
    fn check(&self) -> Result<(), RunError> {
        self.header.check()?;
        let cells: HashSet<Cell> = self.header.matrix.cells().iter().copied().collect();
        let mut seen = HashSet::new();
        let stranger = self.trials.iter().find(|trial| {
            let is_of_run = cells.contains(&trial.cell) && trial.replicate < self.header.repeats;
            !is_of_run || !seen.insert((trial.cell, trial.replicate))
        });
        match stranger {
            None => Ok(()),
            Some(Trial { cell, replicate, .. }) => Err(RunError::Contradiction {
                problem: format!("replicate {replicate} of {cell} is not of this run, or there twice"),
            }),
        }
    }
}

/// Why results cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// They were written by another version of the program.
    #[error(
        "the results are of format {found}, this program reads format {FORMAT}: use the version that wrote them, or run the lab again"
    )]
    OtherVersion {
        /// Their version.
        found: u32,
    },
    /// They are no results at all.
    #[error("these are not results of the lab: {0}")]
    NotARun(#[source] serde_json::Error),
    /// Their parts do not fit together.
    #[error("the results contradict themselves: {problem}")]
    Contradiction {
        /// How.
        problem: String,
    },
}
