//! Spans of time as they are typed: seconds, or numbers with units.

use std::time::Duration;

/// The longest time that can be typed: 365 days.
pub const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// A text that is no span of time; the error quotes it and gives an example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It cannot be read.
    #[error("`{0}` is not a time; write seconds, or a time such as 30s or 1m")]
    Unreadable(String),
    /// It is longer than [`DURATION_MAX`].
    #[error("`{0}` is longer than a year; write a time such as 30s or 1m")]
    TooLong(String),
}

/// Reads a span of time, perhaps of nothing, at most [`DURATION_MAX`]: a number of seconds (`30`, `1.5`), or numbers with
/// units (`30s`, `1m 30s`, `250ms`, `1h`; the units are those of the humantime crate).
///
/// # Errors
/// [`DurationError`] where the text cannot be read or the time is too long.
pub fn duration(text: &str) -> Result<Duration, DurationError> {
    let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
    let time = match seconds {
        Some(seconds) => seconds.ok(),
        None => humantime::parse_duration(text).ok(),
    };
    match time {
        Some(time) if time <= DURATION_MAX => Ok(time),
        Some(_) => Err(DurationError::TooLong(text.to_owned())),
        None => Err(DurationError::Unreadable(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_seconds_or_carry_units() {
        for (text, time_ms) in [
            ("30", 30_000),
            ("0", 0),
            ("1.5", 1500),
            ("30s", 30_000),
            ("1m", 60_000),
            ("1m 30s", 90_000),
            ("250ms", 250),
            ("1h", 3_600_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(time_ms)), "{text}");
        }
        assert_eq!(duration("365days"), Ok(DURATION_MAX));
    }

    #[test]
    fn what_is_no_time_is_refused_with_an_example() {
        for text in ["", "-1", "soon", "1x", "inf", "nan", "1e300", "400days"] {
            let error = duration(text).unwrap_err().to_string();
            assert!(
                error.contains("30s") && error.contains(&format!("`{text}`")),
                "{text}: {error}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = duration(&text);
        }
    }
}
