//! Sizes in bytes as they are typed and shown: `10MiB` is 10 × 2^20 bytes, `10MB` is 10 × 10^6.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 2^10 bytes.
pub const KIB: u64 = 1 << 10;
/// 2^20 bytes.
pub const MIB: u64 = 1 << 20;
/// 2^30 bytes.
pub const GIB: u64 = 1 << 30;

const UNITS: [(&str, u64); 13] = [
    ("EiB", 1 << 60),
    ("PiB", 1 << 50),
    ("TiB", 1 << 40),
    ("GiB", GIB),
    ("MiB", MIB),
    ("KiB", KIB),
    ("EB", 1_000_000_000_000_000_000),
    ("PB", 1_000_000_000_000_000),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// A number of bytes. As JSON it is that number.
///
/// It is read from a number and a unit: `B`, `kB`, `MB`, `GB`, `TB`, `PB`, `EB` are powers of 1,000, `KiB`, `MiB`, `GiB`,
/// `TiB`, `PiB`, `EiB` powers of 1,024. A number alone is bytes; case does not matter, and the `B` behind another letter
/// may be left out. A fraction is allowed where the result is whole.
/// It is written as the largest unit that divides it, so that reading it back gives the same number; `{:#}` sets a
/// space before the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// `count` × 2^20 bytes, at most 2^64 − 1.
    #[must_use]
    pub const fn mib(count: u64) -> Self {
        Self(count.saturating_mul(MIB))
    }

    /// `count` × 2^10 bytes, at most 2^64 − 1.
    #[must_use]
    pub const fn kib(count: u64) -> Self {
        Self(count.saturating_mul(KIB))
    }

    /// The number as a fraction of MiB.
    #[must_use]
    pub fn as_mib(self) -> f64 {
        self.as_f64() / MIB as f64
    }

    /// The number as a fraction of GiB.
    #[must_use]
    pub fn as_gib(self) -> f64 {
        self.as_f64() / GIB as f64
    }

    /// The number for arithmetic; exact up to 2^53.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// `times` as many, at most 2^64 − 1.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Sum for ByteSize {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.fold(0, |sum, bytes| sum.saturating_add(bytes.0)))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, size) = UNITS
            .iter()
            .find(|(_, size)| self.0 > 0 && self.0.is_multiple_of(*size))
            .unwrap_or(&("B", 1));
        let space = if f.alternate() { " " } else { "" };
        f.pad(&format!("{}{space}{unit}", self.0 / size))
    }
}

/// A size that cannot be read; the text says what is wrong and gives examples.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a size: {problem} (for example 256KiB, 10MiB, 1MB for 10^6 bytes, 16B)")]
pub struct ByteSizeError {
    text: String,
    problem: &'static str,
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let wrong = |problem| ByteSizeError {
            text: text.to_owned(),
            problem,
        };
        let trimmed = text.trim();
        let end = trimmed
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(end);
        let unit = unit_size(unit.trim_start())
            .ok_or_else(|| wrong("the unit is B, kB, MB, GB, TB, KiB, MiB, GiB or TiB"))?;
        let (digits, scale) = decimal(number).map_err(wrong)?;
        let scaled = digits
            .checked_mul(unit.into())
            .ok_or_else(|| wrong("the number is too large"))?;
        if !scaled.is_multiple_of(scale) {
            return Err(wrong("it is not a whole number of bytes"));
        }
        u64::try_from(scaled / scale)
            .map(Self)
            .map_err(|_| wrong("the number is too large"))
    }
}

/// How many bytes a unit has; none is bytes.
fn unit_size(unit: &str) -> Option<u64> {
    if unit.is_empty() {
        return Some(1);
    }
    let is_meant = |name: &str| name.eq_ignore_ascii_case(unit) || is_name_without_b(name, unit);
    UNITS
        .iter()
        .find(|(name, _)| is_meant(name))
        .map(|(_, size)| *size)
}

fn is_name_without_b(name: &str, unit: &str) -> bool {
    name.strip_suffix('B')
        .is_some_and(|letters| !letters.is_empty() && letters.eq_ignore_ascii_case(unit))
}

/// A decimal number as its digits and the power of ten to divide them by.
fn decimal(number: &str) -> Result<(u128, u128), &'static str> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.ends_with('.') {
        return Err("it starts with a number");
    }
    if fraction.len() > 12 || fraction.contains('.') {
        return Err("the number has at most one point and 12 digits after it");
    }
    let digits = format!("{whole}{fraction}")
        .parse()
        .map_err(|_| "the number is too large")?;
    let places = u32::try_from(fraction.len()).expect("it was found to be at most 12");
    Ok((digits, 10_u128.pow(places)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_unit_with_an_i_is_a_power_of_1024_and_one_without_of_1000() {
        let read = |text: &str| text.parse::<ByteSize>().unwrap().0;
        assert_eq!(read("10MiB"), 10_485_760);
        assert_eq!(read("50MiB"), 52_428_800);
        assert_eq!(read("100MiB"), 104_857_600);
        assert_eq!(read("1MB"), 1_000_000);
        assert_eq!(read("16B"), 16);
        assert_eq!(read("4KiB"), 4096);
        assert_eq!(read("4kB"), 4000);
        assert_eq!(read("10485760"), 10_485_760);
        assert_eq!(read("256 KiB"), 262_144);
        assert_eq!(read("1.5GB"), 1_500_000_000);
        assert_eq!(read("4tib"), 4 << 40);
        assert_eq!(read("15EiB"), 15 << 60);
        assert_eq!(read("10M"), 10_000_000);
        assert_eq!(read("10Mi"), 10_485_760);
        assert_eq!(read(" 1.5 gib "), 1_610_612_736);
        assert_eq!(read("18446744073709551615B"), u64::MAX);
    }

    #[test]
    fn what_is_no_size_is_refused_with_an_example() {
        for text in [
            "",
            "3XB",
            "MiB",
            "-1MiB",
            "many",
            "NaN",
            "inf",
            "1.5B",
            "1..5MiB",
            ".5MiB",
            "1.MiB",
            "+1B",
            "1e3B",
            "20000000TiB",
            "1 0MiB",
            "1MiB/s",
            "99999999999999999999999999999999999999999B",
            "0.0000000000000001TiB",
            "١MiB",
        ] {
            let error = text.parse::<ByteSize>().unwrap_err().to_string();
            assert!(
                error.contains("10MiB") && error.contains(&format!("`{text}`")),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_size_is_written_in_the_largest_unit_that_divides_it() {
        for text in ["10MiB", "1MB", "16B", "4KiB", "1GiB", "3GB", "1025B", "0B", "7kB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        assert_eq!(format!("{:#}", ByteSize::mib(10)), "10 MiB");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back_as_the_same_number(count: u64) {
            prop_assert_eq!(ByteSize(count).to_string().parse::<ByteSize>().unwrap(), ByteSize(count));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text: String) {
            let _ = text.parse::<ByteSize>();
        }
    }
}
