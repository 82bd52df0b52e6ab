//! How many things were done, skipped, failed or not even tried, and the last line that says so.

use std::time::Duration;

use haul_client::Verified;
use indicatif::HumanBytes;

use super::layout;
use super::record::{Moved, Summary};

/// The counts of one command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) done: u64,
    pub(super) skipped: u64,
    pub(super) failed: u64,
    pub(super) not_tried: u64,
    /// Done, but the server has no digest to compare with.
    pub(super) no_digest: u64,
    /// Done, but not compared for another reason.
    pub(super) not_compared: u64,
    /// Bytes that moved now.
    pub(super) bytes: u64,
}

impl Tally {
    /// Something is done.
    pub(super) fn done(&mut self, moved: &Moved) {
        self.done += 1;
        self.bytes = self.bytes.saturating_add(moved.now());
        match moved.verified {
            Some(Verified::NoDigest) => self.no_digest += 1,
            Some(Verified::NotAsked | Verified::NotPossible) => self.not_compared += 1,
            Some(Verified::Yes) | None => {}
        }
    }

    /// The sum for machines.
    pub(super) fn summary(&self, verb: &'static str, took: Duration) -> Summary {
        Summary {
            summary: true,
            verb,
            done: self.done,
            skipped: self.skipped,
            failed: self.failed,
            not_tried: self.not_tried,
            not_verified: self.no_digest + self.not_compared,
            bytes: self.bytes,
            seconds: took.as_secs_f64(),
        }
    }

    /// The sum for people: what there is none of is left out. Content is spoken of only where the command moves any.
    pub(super) fn line(&self, took: Duration, has_content: bool) -> String {
        let mut counts = vec![format!("{} done", self.done)];
        for (count, word) in [
            (self.skipped, "skipped"),
            (self.failed, "failed"),
            (self.not_tried, "not tried"),
        ] {
            if count > 0 {
                counts.push(format!("{count} {word}"));
            }
        }
        let mut line = counts.join(", ");
        if has_content {
            line.push_str(&format!("; {}", HumanBytes(self.bytes)));
        }
        line.push_str(&format!(" in {}", time(took)));
        if has_content && self.bytes > 0 && !took.is_zero() {
            let rate = self.bytes as f64 / took.as_secs_f64();
            line.push_str(&format!(" ({}/s)", HumanBytes(rate as u64)));
        }
        line
    }
}

/// Tenths of a second while they matter.
fn time(took: Duration) -> String {
    if took < Duration::from_secs(60) {
        format!("{:.1} s", took.as_secs_f64())
    } else {
        layout::span(took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_everything_once() {
        let mut tally = Tally {
            skipped: 2,
            failed: 4,
            not_tried: 34,
            ..Tally::default()
        };
        for verified in [Verified::Yes, Verified::NoDigest, Verified::NotPossible] {
            tally.done(&Moved {
                bytes: 3 << 20,
                resumed_bytes: 1 << 20,
                verified: Some(verified),
            });
        }
        assert_eq!(
            tally.line(Duration::from_millis(1500), true),
            "3 done, 2 skipped, 4 failed, 34 not tried; 6.00 MiB in 1.5 s (4.00 MiB/s)"
        );
        let summary = tally.summary("put", Duration::from_secs(3));
        assert_eq!((summary.not_verified, summary.bytes), (2, 6 << 20));
        let removed = Tally {
            done: 41,
            ..Tally::default()
        };
        assert_eq!(removed.line(Duration::from_secs(61), false), "41 done in 1m01s");
    }
}
