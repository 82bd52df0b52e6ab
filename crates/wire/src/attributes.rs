//! The attributes of a file that travel beside its content: when it was modified, and its permissions.

use std::time::SystemTime;

use jiff::Timestamp;

/// The permissions that a request may ask for: read, write and execute for owner, group and others.
const MODE_MAX: u32 = 0o777;

/// The most digits of a mode: `0644` is what most programs write.
const MODE_DIGITS_MAX: usize = 4;

/// The attributes that a WRITE gives to the stored file, and that STAT and READ tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// When the content was last modified.
    pub modified: Option<SystemTime>,
    /// The permissions, at most 0o777.
    pub mode: Option<u32>,
}

impl Attributes {
    /// Of a reply: an attribute that is absent or cannot be read is `None`.
    pub(crate) fn of_reply(modified: Option<&str>, mode: Option<&str>) -> Self {
        Self {
            modified: modified.and_then(time_from_text),
            mode: mode.and_then(mode_from_text),
        }
    }
}

/// A time in RFC 3339, in UTC. One that cannot be written so (before the year -9999 or after 9999) is `None`.
#[must_use]
pub fn time_text(time: SystemTime) -> Option<String> {
    Timestamp::try_from(time).ok().map(|time| time.to_string())
}

/// A mode in octal, such as `0644`. Bits beyond 0o777 (setuid, setgid, sticky) are left out.
#[must_use]
pub fn mode_text(mode: u32) -> String {
    format!("{:04o}", mode & MODE_MAX)
}

pub(crate) fn time_from_text(text: &str) -> Option<SystemTime> {
    text.parse().ok().map(|time: Timestamp| time.into())
}

pub(crate) fn mode_from_text(text: &str) -> Option<u32> {
    let is_octal = text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    if !is_octal || text.len() > MODE_DIGITS_MAX {
        return None;
    }
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= MODE_MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_time_is_read_as_it_was_written_to_the_nanosecond() {
        for time in [
            UNIX_EPOCH,
            UNIX_EPOCH + Duration::new(1_790_000_000, 123_456_789),
            UNIX_EPOCH - Duration::new(5, 1),
        ] {
            let text = time_text(time).unwrap();
            assert_eq!(time_from_text(&text), Some(time), "{text}");
        }
        assert_eq!(time_text(UNIX_EPOCH).unwrap(), "1970-01-01T00:00:00Z");
        assert_eq!(time_text(UNIX_EPOCH + Duration::from_secs(1 << 40)), None);
    }

    #[test]
    fn a_time_may_be_written_with_its_distance_from_utc() {
        let time = time_from_text("2026-11-24T16:05:59+07:00").unwrap();
        assert_eq!(time_text(time).unwrap(), "2026-11-24T09:05:59Z");
        for text in [
            "",
            "yesterday",
            "2026-11-24",
            "2026-13-24T16:05:59Z",
            "1790000000",
        ] {
            assert_eq!(time_from_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_mode_has_one_to_four_octal_digits_and_no_more_than_permissions() {
        for (text, mode) in [("0644", 0o644), ("7", 7), ("0", 0), ("777", 0o777)] {
            assert_eq!(mode_from_text(text), Some(mode), "{text}");
        }
        for text in ["", "8", "1000", "4755", "00644", "+644", "-1", "0o64", "rwx"] {
            assert_eq!(mode_from_text(text), None, "{text}");
        }
        assert_eq!(mode_text(0o644), "0644");
        assert_eq!(mode_text(0o100_4755), "0755");
    }
}
