//! Reads a threshold's text part by part and says where it is wrong.

use std::fmt;

use super::{Comparator, LevelCondition, ThresholdError, Unit};
use haul_types::ByteSize;

/// A place in the text. Places are byte offsets at character boundaries.
pub(super) struct ThresholdReader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> ThresholdReader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn wrong(&self, at: usize, expected: impl Into<String>) -> ThresholdError {
        ThresholdError {
            text: self.text.to_owned(),
            place: self.text[..at].chars().count(),
            expected: expected.into(),
        }
    }

    fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn take(&mut self, symbol: char) -> bool {
        let is_there = self.rest().starts_with(symbol);
        if is_there {
            self.at += symbol.len_utf8();
        }
        is_there
    }

    /// What comes before the next of `ends`, and where it starts.
    fn until(&mut self, ends: &[char]) -> (usize, &'a str) {
        let rest = self.rest();
        let start = self.at;
        let end = rest.find(ends).unwrap_or(rest.len());
        self.at += end;
        (start, rest[..end].trim_end())
    }

    pub(super) fn word<T: fmt::Display>(
        &mut self,
        what: &str,
        read: impl Fn(&str) -> Option<T>,
        all: &[T],
    ) -> Result<T, ThresholdError> {
        let (start, word) = self.until(&[' ', '\t', '<', '>', '=', '!', '[', ']', ',']);
        read(word).ok_or_else(|| {
            let all: Vec<_> = all.iter().map(ToString::to_string).collect();
            self.wrong(start, format!("{what}: {}", all.join(", ")))
        })
    }

    pub(super) fn conditions(&mut self) -> Result<Vec<LevelCondition>, ThresholdError> {
        let mut conditions = Vec::new();
        if !self.take('[') {
            return Ok(conditions);
        }
        loop {
            conditions.push(self.condition()?);
            if self.take(']') {
                return Ok(conditions);
            }
            if !self.take(',') {
                return Err(self.wrong(self.at, "`,` or `]`"));
            }
        }
    }

    fn condition(&mut self) -> Result<LevelCondition, ThresholdError> {
        const FACTORS: [&str; 8] = [
            "operation",
            "volume",
            "clients",
            "workers",
            "pool",
            "client-pool",
            "buffer",
            "dialect",
        ];
        let known = |word: &str| {
            // The word of the first release for the same factor.
            let word = if word == "front" { "dialect" } else { word };
            FACTORS.iter().copied().find(|factor| *factor == word)
        };
        let factor = self.word("a factor", known, &FACTORS)?;
        if !self.take('=') {
            return Err(self.wrong(self.at, "`=` and a level"));
        }
        let (start, level) = self.until(&[',', ']', '[']);
        let condition = match factor {
            "operation" => level.parse().ok().map(LevelCondition::Operation),
            "volume" => level.parse().ok().map(LevelCondition::Volume),
            "clients" => level.parse().ok().map(LevelCondition::Clients),
            "workers" => level.parse().ok().map(LevelCondition::Workers),
            "pool" => level.parse().ok().map(LevelCondition::Pool),
            "client-pool" => level.parse().ok().map(LevelCondition::ClientPool),
            "buffer" => level.parse().ok().map(LevelCondition::Buffer),
            _ => level.parse().ok().map(LevelCondition::Dialect),
        };
        condition.ok_or_else(|| {
            let wanted = match factor {
                "operation" => "download or upload",
                "volume" | "buffer" => "a number of bytes such as 10MiB",
                "clients" | "workers" => "a whole number",
                "pool" => "threads, processes or tasks",
                "client-pool" => "threads or processes",
                _ => "classic or extended",
            };
            self.wrong(start, wanted)
        })
    }

    pub(super) fn comparator(&mut self) -> Result<Comparator, ThresholdError> {
        let rest = self.rest();
        // The longer ones first, since `<` begins `<=` as well.
        let mut by_length = Comparator::ALL.to_vec();
        by_length.sort_by_key(|comparator| std::cmp::Reverse(comparator.as_str().len()));
        let found = by_length
            .into_iter()
            .find(|comparator| rest.starts_with(comparator.as_str()));
        let comparator = found.ok_or_else(|| self.wrong(self.at, "a comparison: <, <=, >, >=, ==, !="))?;
        self.at += comparator.as_str().len();
        Ok(comparator)
    }

    pub(super) fn value(&mut self, unit: Unit) -> Result<f64, ThresholdError> {
        let text = self.rest().trim_end();
        let (read, wanted): (Option<f64>, _) = match unit {
            Unit::Rate => (text.strip_suffix("/s").and_then(bytes), "a rate such as 100MiB/s"),
            Unit::Seconds => (seconds(text), "a time such as 2s or 500ms"),
            Unit::Count => (text.parse::<u32>().ok().map(f64::from), "a whole number"),
            Unit::Share => (share(text), "a share such as 50% or 0.5"),
            Unit::SecondsPerGib => (
                text.strip_suffix("/GiB").and_then(seconds),
                "seconds of processor time for each GiB such as 0.5s/GiB",
            ),
            Unit::Bytes => (bytes(text), "a number of bytes such as 64MiB"),
        };
        read.ok_or_else(|| self.wrong(self.at, wanted))
    }
}

fn bytes(text: &str) -> Option<f64> {
    text.parse().ok().map(ByteSize::as_f64)
}

fn number(text: &str) -> Option<f64> {
    let is_plain = text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .chars()
            .all(|letter| letter.is_ascii_digit() || letter == '.');
    text.parse().ok().filter(|_| is_plain)
}

fn seconds(text: &str) -> Option<f64> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("min", 60.0), ("s", 1.0)];
    let (text, size) = units
        .iter()
        .find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)))?;
    number(text.trim_end()).map(|count| count * size)
}

fn share(text: &str) -> Option<f64> {
    match text.strip_suffix('%') {
        Some(percent) => number(percent.trim_end()).map(|percent| percent / 100.0),
        None => number(text),
    }
}
