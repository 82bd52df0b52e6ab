//! What `--json` says of a transfer: one object on one line.

use std::time::Duration;

use haul_client::Error;
use serde::Serialize;

/// One transfer, as `--json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Record<'a> {
    /// `get` or `put`.
    pub(super) verb: &'static str,
    /// The object's name on the server.
    pub(super) name: &'a str,
    /// Bytes of the whole content; 0 where it failed.
    pub(super) bytes: u64,
    /// How many of them were here already and did not move.
    pub(super) resumed_bytes: u64,
    /// From the beginning of the first try to the end of the last.
    pub(super) seconds: f64,
    /// MiB (2^20 bytes) that moved in a second.
    pub(super) mib_per_s: f64,
    /// Whether both sides' digests were compared.
    pub(super) verified: bool,
    /// `ok` or `failed`.
    pub(super) outcome: &'static str,
    /// Why it failed: the code of a refusal, or a word for other reasons.
    pub(super) code: Option<String>,
    /// The same in a sentence.
    pub(super) message: Option<String>,
}

/// What a transfer that went well did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) bytes: u64,
    pub(super) resumed_bytes: u64,
    pub(super) verified: bool,
}

impl<'a> Record<'a> {
    pub(super) fn new(
        verb: &'static str,
        name: &'a str,
        result: &Result<Moved, Error>,
        took: Duration,
    ) -> Record<'a> {
        let seconds = took.as_secs_f64();
        let failed = Moved {
            bytes: 0,
            resumed_bytes: 0,
            verified: false,
        };
        let Moved {
            bytes,
            resumed_bytes,
            verified,
        } = *result.as_ref().unwrap_or(&failed);
        let mib = (bytes - resumed_bytes) as f64 / f64::from(1 << 20);
        let error = result.as_ref().err();
        Record {
            verb,
            name,
            bytes,
            resumed_bytes,
            seconds,
            mib_per_s: if seconds > 0.0 { mib / seconds } else { 0.0 },
            verified,
            outcome: if error.is_none() { "ok" } else { "failed" },
            code: error.map(word),
            message: error.map(ToString::to_string),
        }
    }
}

/// One word for an error: the code of a refusal as the wire spells it, or its kind.
pub(super) fn word(error: &Error) -> String {
    match error {
        Error::Refused(refusal) => match serde_json::to_value(refusal.code) {
            Ok(serde_json::Value::String(code)) => code,
            _ => "refused".to_owned(),
        },
        Error::Connect { .. } => "connect".to_owned(),
        Error::Interrupted(_) => "interrupted".to_owned(),
        Error::Timeout(_) | Error::NoAnswer(_) => "silence".to_owned(),
        Error::Corrupt(_) => "corrupt".to_owned(),
        Error::Local(_) => "local".to_owned(),
        Error::Protocol(_) => "protocol".to_owned(),
        Error::Unsupported(_) => "unsupported".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use haul_client::{Code, Refusal};

    use super::*;

    #[test]
    fn a_transfer_that_went_well_has_its_rate() {
        let moved = Moved {
            bytes: 3 << 20,
            resumed_bytes: 1 << 20,
            verified: true,
        };
        let record = Record::new("get", "a", &Ok(moved), Duration::from_millis(500));
        assert_eq!((record.mib_per_s, record.outcome, record.code), (4.0, "ok", None));
    }

    #[test]
    fn a_refusal_is_named_by_its_code() {
        let refusal = Refusal {
            code: Code::NotFound,
            sentence: "there is no a".into(),
        };
        let record = Record::new("get", "a", &Err(Error::Refused(refusal)), Duration::ZERO);
        assert_eq!(
            (record.outcome, record.code.as_deref()),
            ("failed", Some("not-found"))
        );
        assert_eq!(record.message.as_deref(), Some("there is no a"));
    }
}
