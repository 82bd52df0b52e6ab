//! One transfer's record.

use haul_types::{ByteSize, closed_list};
use serde::{Deserialize, Serialize};

closed_list! {
    /// Why a transfer failed. Each failed client is counted under exactly one.
    pub FailureClass, "a class of failures" {
        /// Nobody listens where the server should be.
        Refused = "refused",
        /// No connection came about within the time limit.
        ConnectTimeout = "connect-timeout",
        /// The connection was cut.
        Reset = "reset",
        /// No byte moved for the time limit.
        Stalled = "stalled",
        /// The connection ended in order, but before the content.
        Short = "short",
        /// The length is right and a byte is wrong.
        Corrupt = "corrupt",
        /// The server said no; its code stands beside the class.
        Rejected = "rejected",
        /// Scratch space or the server's disk was full.
        NoSpace = "no-space",
        /// The server's worker or the client's own process was killed.
        WorkerKilled = "worker-killed",
        /// The transfer was not complete within the trial's time limit.
        Deadline = "deadline",
    }
}

/// Why and how a transfer failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The class under which it is counted.
    pub class: FailureClass,
    /// The server's code, where it said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What was seen, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// How a transfer ended. As JSON `"ok"` or `{"failed":{"class":…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Complete, and whatever was checked was right.
    Ok,
    /// Not complete or not right.
    Failed(Failure),
}

impl Outcome {
    /// A failure of `class` with a `detail` for people and no code.
    pub fn failed(class: FailureClass, detail: impl Into<String>) -> Self {
        Self::Failed(Failure {
            class,
            code: None,
            detail: detail.into(),
        })
    }

    /// A refusal by the server with its `code`.
    pub fn rejected(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Failed(Failure {
            class: FailureClass::Rejected,
            code: Some(code.into()),
            detail: detail.into(),
        })
    }

    /// The class of a failure.
    #[must_use]
    pub fn class(&self) -> Option<FailureClass> {
        match self {
            Self::Ok => None,
            Self::Failed(failure) => Some(failure.class),
        }
    }
}

/// One transfer of one client. All times are nanoseconds since the barrier was released; a time that was not reached
/// or cannot be told is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The client's number within its trial, from 0.
    pub client: u32,
    /// When the client got a processor and began.
    pub start_ns: u64,
    /// When its connection stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected_ns: Option<u64>,
    /// When the first byte moved: of the reply in a download, taken by the server in an upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ns: Option<u64>,
    /// When the last byte of content was in its sink, or handed over in an upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_byte_ns: Option<u64>,
    /// When the server acknowledged an upload, which is as durable then as the server promises.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable_ns: Option<u64>,
    /// Bytes of content that moved, base64 not counted.
    pub bytes: ByteSize,
    /// Whether every byte was compared with the content that was generated.
    pub verified: bool,
    /// How it ended.
    pub outcome: Outcome,
}

impl Sample {
    /// Whether the transfer is complete and right.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// The client's time in nanoseconds: from the release to the moment when the transfer was complete. `None` for a
    /// failed transfer.
    #[must_use]
    pub fn time_ns(&self) -> Option<u64> {
        let complete = self.last_byte_ns.max(self.durable_ns);
        complete.filter(|_| self.is_ok())
    }

    /// The client's time split in three; `None` for a failed transfer or where a time between cannot be told.
    #[must_use]
    pub fn phases(&self) -> Option<Phases> {
        let (connected, first_byte) = (self.connected_ns?, self.first_byte_ns?);
        Some(Phases {
            connect_ns: connected,
            wait_ns: first_byte.saturating_sub(connected),
            transfer_ns: self.time_ns()?.saturating_sub(first_byte.max(connected)),
        })
    }
}

/// A client's time in three parts, which add up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phases {
    /// From the release to the connection.
    pub connect_ns: u64,
    /// From the connection to the first byte: mostly the server's queue.
    pub wait_ns: u64,
    /// From the first byte to the end.
    pub transfer_ns: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload() -> Sample {
        Sample {
            client: 3,
            start_ns: 5,
            connected_ns: Some(10),
            first_byte_ns: Some(40),
            last_byte_ns: Some(90),
            durable_ns: Some(100),
            bytes: ByteSize(7),
            verified: true,
            outcome: Outcome::Ok,
        }
    }

    #[test]
    fn the_phases_of_a_transfer_add_up_to_the_time_since_the_release() {
        let phases = upload().phases().unwrap();
        assert_eq!(
            phases,
            Phases {
                connect_ns: 10,
                wait_ns: 30,
                transfer_ns: 60
            }
        );
        assert_eq!(upload().time_ns(), Some(100));
    }

    #[test]
    fn a_failed_transfer_has_no_time() {
        let failed = Sample {
            outcome: Outcome::rejected("busy", "try again"),
            ..upload()
        };
        assert_eq!(failed.time_ns(), None);
        assert_eq!(failed.phases(), None);
        assert_eq!(failed.outcome.class(), Some(FailureClass::Rejected));
    }

    #[test]
    fn a_sample_is_read_back_as_it_was_written() {
        let failed = Sample {
            durable_ns: None,
            outcome: Outcome::failed(FailureClass::WorkerKilled, "signal 9"),
            ..upload()
        };
        for sample in [upload(), failed] {
            let text = serde_json::to_string(&sample).unwrap();
            assert_eq!(serde_json::from_str::<Sample>(&text).unwrap(), sample);
        }
        let words: Vec<_> = FailureClass::ALL.iter().map(|class| class.as_str()).collect();
        let closed_list =
            "refused connect-timeout reset stalled short corrupt rejected no-space worker-killed deadline";
        assert_eq!(words.join(" "), closed_list);
    }
}
