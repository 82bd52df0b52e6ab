//! A line of progress, fitted to the width of the terminal: it never wraps.

use std::time::Duration;

use haul_client::printable;
use indicatif::HumanBytes;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The least columns that a name gets before a further column of numbers is left out.
const NAME_MIN: usize = 12;
/// The columns of the drawn bar between its brackets.
const BAR: usize = 18;

/// What one line shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct LayoutLine {
    pub(super) name: String,
    pub(super) position_bytes: u64,
    /// `None` where it is not known.
    pub(super) total_bytes: Option<u64>,
    /// `None` before enough time has passed.
    pub(super) bytes_per_s: Option<f64>,
}

impl LayoutLine {
    /// The line in at most `width` columns: the numbers on the right, as many as leave room for the name, which is
    /// shortened in its middle.
    pub(super) fn fit(&self, width: usize) -> String {
        let mut numbers = String::new();
        let name = printable(&self.name).to_string();
        let wanted = NAME_MIN.min(name.width());
        for column in self.columns() {
            if wanted + numbers.width() + column.width() > width {
                break;
            }
            numbers.push_str(&column);
        }
        let room = width.saturating_sub(numbers.width());
        let name = shorten(&name, room);
        let padding = room.saturating_sub(name.width());
        format!("{name}{:padding$}{numbers}", "")
    }

    /// The columns in the order of their weight, each with its space before it.
    fn columns(&self) -> Vec<String> {
        let position = HumanBytes(self.position_bytes).to_string();
        let rate = self
            .bytes_per_s
            .map(|rate| format!("{}/s", HumanBytes(rate as u64)))
            .unwrap_or_default();
        let Some(total) = self.total_bytes else {
            return vec![format!(" {position:>10}"), format!(" {rate:>13}")];
        };
        let done = if total == 0 {
            1.0
        } else {
            (self.position_bytes as f64 / total as f64).min(1.0)
        };
        let left = self
            .left()
            .map(|left| format!("{} left", span(left)))
            .unwrap_or_default();
        let filled = (done * BAR as f64) as usize;
        vec![
            format!(" {:>3.0}%", (done * 100.0).floor()),
            format!(" {rate:>13}"),
            format!(" {left:>11}"),
            format!(" {:>21}", format!("{position}/{}", HumanBytes(total))),
            format!(" [{}{}]", "#".repeat(filled), "-".repeat(BAR - filled)),
        ]
    }

    fn left(&self) -> Option<Duration> {
        let rate = self.bytes_per_s.filter(|rate| *rate >= 1.0)?;
        let rest = self.total_bytes?.saturating_sub(self.position_bytes);
        Duration::try_from_secs_f64(rest as f64 / rate).ok()
    }
}

/// A time in at most six columns.
pub(super) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", (seconds / 86_400).min(99), seconds / 3600 % 24),
    }
}

/// The text in at most `width` columns, with `…` in its middle where something is left out.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else {
        return String::new();
    };
    let head = taken(text.chars(), room / 2);
    let tail: String = taken(text.chars().rev(), room - head.width())
        .chars()
        .rev()
        .collect();
    format!("{head}…{tail}")
}

fn taken(chars: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    let fits = |char: &char| {
        used += char.width().unwrap_or(0);
        used <= width
    };
    chars.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_terminal_and_the_name_keeps_both_ends() {
        let line = |name: &str| LayoutLine {
            name: name.to_owned(),
            position_bytes: 572_522_496,
            total_bytes: Some(2 << 30),
            bytes_per_s: Some(12.9e6),
        };
        let long = "registry/src/index.crates.io-1949cf8c6b5b557f/clap_builder-4.6.0/src/parser/matches/arg_matches.rs";
        for name in [
            long,
            "a",
            "文件夹/很长的名字/照片照片照片照片照片.jpg",
            "e\u{301}",
        ] {
            for width in [0, 1, 5, 20, 39, 79, 119, 300] {
                let fitted = line(name).fit(width);
                assert!(fitted.width() <= width, "{width}: {fitted:?}");
            }
        }
        let narrow = line(long).fit(39);
        assert_eq!(narrow, "registry/…matches.rs  26%   12.30 MiB/s");
        assert_eq!(
            line("photo.jpg").fit(79),
            "photo.jpg                   26%   12.30 MiB/s  2m02s left   546.00 MiB/2.00 GiB"
        );
        assert!(line("photo.jpg").fit(119).ends_with("[####--------------]"));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let line = LayoutLine {
            name: "a".to_owned(),
            position_bytes: 2048,
            ..LayoutLine::default()
        };
        assert_eq!(
            line.fit(40).split_whitespace().collect::<Vec<_>>(),
            ["a", "2.00", "KiB"]
        );
    }

    #[test]
    fn a_time_has_six_columns_at_most() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m01s"),
            (3661, "1h01m"),
            (90_000, "1d01h"),
            (u64::MAX, "99d07h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
            assert!(text.len() <= 6);
        }
    }
}
