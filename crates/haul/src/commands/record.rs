//! What `--json` says: one object on one line for each thing that was to be done, and one for their sum.

use std::time::Duration;

use haul_client::{Error, Verified};
use serde::Serialize;

/// One thing that was to be done, as `--json` prints it. docs/client.md promises these keys.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Record<'a> {
    /// The subcommand.
    pub(super) verb: &'static str,
    /// The object's name on the server; `null` for a local file that has none yet.
    pub(super) name: Option<&'a str>,
    /// The file on this side, if there is one.
    pub(super) local: Option<&'a str>,
    /// Bytes of the whole content; of a download that failed, those that are kept for the next run.
    pub(super) bytes: u64,
    /// How many of them were here already and did not move.
    pub(super) resumed_bytes: u64,
    /// From the beginning of the first try to the end of the last.
    pub(super) seconds: f64,
    /// MiB (2^20 bytes) that moved in a second.
    pub(super) mib_per_s: f64,
    /// Whether the content of both sides was compared.
    pub(super) verified: bool,
    /// Why it was not: `no-digest`, `not-asked` or `not-possible`.
    pub(super) not_verified: Option<&'static str>,
    /// `ok`, `skipped`, `failed` or `not-tried`.
    pub(super) outcome: &'static str,
    /// Why it failed: the code of a refusal, or a word for other reasons.
    pub(super) code: Option<String>,
    /// The same in a sentence.
    pub(super) message: Option<String>,
}

/// The sum of all, the last line of `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Summary {
    /// Always true; no other object has it.
    pub(super) summary: bool,
    pub(super) verb: &'static str,
    pub(super) done: u64,
    pub(super) skipped: u64,
    pub(super) failed: u64,
    pub(super) not_tried: u64,
    pub(super) not_verified: u64,
    /// Bytes that moved now.
    pub(super) bytes: u64,
    pub(super) seconds: f64,
}

/// What a transfer that went well did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) bytes: u64,
    pub(super) resumed_bytes: u64,
    /// `None` where there is no content, as for rm.
    pub(super) verified: Option<Verified>,
}

impl Moved {
    /// Of something that has no content.
    pub(super) const NOTHING: Self = Self {
        bytes: 0,
        resumed_bytes: 0,
        verified: None,
    };

    /// Bytes that moved now.
    pub(super) fn now(&self) -> u64 {
        self.bytes.saturating_sub(self.resumed_bytes)
    }
}

/// What a record is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    /// The object's name on the server.
    pub(super) name: Option<&'a str>,
    /// The file on this side.
    pub(super) local: Option<&'a str>,
}

impl<'a> Item<'a> {
    /// An object without a file here.
    pub(super) fn object(name: &'a str) -> Item<'a> {
        Self {
            name: Some(name),
            local: None,
        }
    }

    /// A file here of which no name on the server is known.
    pub(super) fn file(local: &'a str) -> Item<'a> {
        Self {
            name: None,
            local: Some(local),
        }
    }
}

impl<'a> Record<'a> {
    /// Something that was neither done nor failed.
    pub(super) fn plain(verb: &'static str, item: Item<'a>, outcome: &'static str) -> Record<'a> {
        Self {
            verb,
            name: item.name,
            local: item.local,
            bytes: 0,
            resumed_bytes: 0,
            seconds: 0.0,
            mib_per_s: 0.0,
            verified: false,
            not_verified: None,
            outcome,
            code: None,
            message: None,
        }
    }

    pub(super) fn done(verb: &'static str, item: Item<'a>, moved: Moved, took: Duration) -> Record<'a> {
        let seconds = took.as_secs_f64();
        let mib = moved.now() as f64 / f64::from(1 << 20);
        Self {
            bytes: moved.bytes,
            resumed_bytes: moved.resumed_bytes,
            seconds,
            mib_per_s: if seconds > 0.0 { mib / seconds } else { 0.0 },
            verified: moved.verified == Some(Verified::Yes),
            not_verified: moved.verified.and_then(not_verified),
            ..Record::plain(verb, item, "ok")
        }
    }

    pub(super) fn failed(
        verb: &'static str,
        item: Item<'a>,
        error: &Error,
        sentence: String,
        kept_bytes: u64,
        took: Duration,
    ) -> Record<'a> {
        Self {
            bytes: kept_bytes,
            seconds: took.as_secs_f64(),
            code: Some(word(error)),
            message: Some(sentence),
            ..Record::plain(verb, item, "failed")
        }
    }
}

fn not_verified(verified: Verified) -> Option<&'static str> {
    match verified {
        Verified::Yes => None,
        Verified::NoDigest => Some("no-digest"),
        Verified::NotAsked => Some("not-asked"),
        Verified::NotPossible => Some("not-possible"),
    }
}

/// One word for an error: the code of a refusal as the wire spells it, or its kind.
pub(super) fn word(error: &Error) -> String {
    match error {
        Error::Refused(refusal) => refusal.code.as_str().to_owned(),
        Error::Connect { .. } => "connect".to_owned(),
        Error::Interrupted(_) => "interrupted".to_owned(),
        Error::Timeout(_) | Error::NoAnswer(_) => "silence".to_owned(),
        Error::Corrupt(_) => "corrupt".to_owned(),
        Error::Local(_) => "local".to_owned(),
        Error::Protocol(_) => "protocol".to_owned(),
        Error::Unsupported(_) => "unsupported".to_owned(),
    }
}

/// JSON text in which no character acts on a terminal or on a program that splits lines: controls that JSON lets stand,
/// those that reverse the writing, and Unicode's line ends are written as `\uXXXX`. They only ever stand within strings.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for char in json.chars() {
        let acts = matches!(char, '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if acts {
            text.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            text.push(char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use haul_client::{Code, Refusal};

    use super::*;

    #[test]
    fn a_transfer_that_went_well_has_its_rate_and_says_whether_it_was_verified() {
        let moved = Moved {
            bytes: 3 << 20,
            resumed_bytes: 1 << 20,
            verified: Some(Verified::NoDigest),
        };
        let record = Record::done("get", Item::object("a"), moved, Duration::from_millis(500));
        assert_eq!((record.mib_per_s, record.outcome, record.code), (4.0, "ok", None));
        assert_eq!((record.verified, record.not_verified), (false, Some("no-digest")));
    }

    #[test]
    fn a_refusal_is_named_by_its_code() {
        let refusal = Refusal {
            code: Code::NotFound,
            sentence: "there is no a".into(),
        };
        let error = Error::Refused(refusal);
        let record = Record::failed(
            "get",
            Item::object("a"),
            &error,
            error.to_string(),
            7,
            Duration::ZERO,
        );
        assert_eq!(
            (record.outcome, record.code.as_deref(), record.bytes),
            ("failed", Some("not-found"), 7)
        );
        assert_eq!(record.message.as_deref(), Some("there is no a"));
    }

    #[test]
    fn json_holds_no_character_that_acts_on_a_terminal() {
        let name = "a\u{7f}\u{9b}2J\u{202e}\u{2028}\u{2029}\u{2066}\u{feff}ü🦀\n";
        let text = escaped(&serde_json::to_string(name).unwrap());
        assert_eq!(
            text,
            "\"a\\u007f\\u009b2J\\u202e\\u2028\\u2029\\u2066\\ufeffü🦀\\n\""
        );
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), name);
    }
}
