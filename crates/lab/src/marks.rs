//! The marks of a client's transfer, and the sample that the lab makes of them.

use haul_results::{ByteSize, Outcome, Sample};
use serde::{Deserialize, Serialize};

use crate::clock::Moment;

/// When a transfer passed its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    pub(crate) start: Moment,
    pub(crate) connected: Option<Moment>,
    pub(crate) first_byte: Option<Moment>,
    pub(crate) last_byte: Option<Moment>,
    pub(crate) durable: Option<Moment>,
}

impl Marks {
    /// The marks of a transfer that passed none but its start.
    pub(crate) fn starting(start: Moment) -> Self {
        Self {
            start,
            connected: None,
            first_byte: None,
            last_byte: None,
            durable: None,
        }
    }
}

/// One client's transfer, as it crosses the pipe: it does not know yet when the clients were released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientResult {
    /// The client's number within its trial.
    pub(crate) client: u32,
    pub(crate) marks: Marks,
    /// When the transfer was over, well or not.
    pub(crate) end: Moment,
    /// ByteSize of content that moved.
    pub(crate) bytes: ByteSize,
    /// Whether every byte was compared and right.
    pub(crate) verified: bool,
    pub(crate) outcome: Outcome,
    /// How much of its time went into comparing content, in nanoseconds.
    pub(crate) check_ns: u64,
}

impl ClientResult {
    /// The sample of the transfer: the only way from the machine's clock to times since the release.
    pub(crate) fn since(self, release: Moment) -> Sample {
        let since = |moment: Moment| moment.ns_since(release);
        Sample {
            client: self.client,
            start_ns: since(self.marks.start),
            connected_ns: self.marks.connected.map(since),
            first_byte_ns: self.marks.first_byte.map(since),
            last_byte_ns: self.marks.last_byte.map(since),
            durable_ns: self.marks.durable.map(since),
            bytes: self.bytes,
            verified: self.verified,
            outcome: self.outcome,
        }
    }
}
