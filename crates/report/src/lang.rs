//! The two languages of a report, and how numbers are written in them.
//!
//! Both versions of a text stand side by side where it is used, `lang.pick("time", "waktu")`, so that neither can be
//! forgotten.

use std::fmt;
use std::str::FromStr;

/// The language of a report's texts and tables; default English.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// English, `en`.
    #[default]
    En,
    /// Indonesian, `id`, with a comma before decimals.
    Id,
}

/// A language that is not known; the text lists those that are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a language of the report: it is en (English) or id (Indonesian)")]
pub struct UnknownLang(String);

impl Lang {
    /// All languages.
    pub const ALL: &[Self] = &[Self::En, Self::Id];

    /// Its word, as it is typed: `en`, `id`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Id => "id",
        }
    }

    pub(crate) fn pick<'a>(self, english: &'a str, indonesian: &'a str) -> &'a str {
        match self {
            Self::En => english,
            Self::Id => indonesian,
        }
    }

    /// `value` with three significant digits, whole numbers from 100 on: `0.00412`, `1.20`, `48.3`, `2871`.
    pub(crate) fn number(self, value: f64) -> String {
        let size = value.abs();
        if size == 0.0 {
            return "0".to_owned();
        }
        let magnitude = size.log10().floor();
        let rounded_up = format!("{:.*}", decimals(magnitude), size);
        let carried = rounded_up
            .parse()
            .map_or(magnitude, |size: f64| size.log10().floor());
        self.fixed(value, decimals(carried))
    }

    /// `value` with so many decimals.
    pub(crate) fn fixed(self, value: f64, decimals: usize) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        let text = format!("{value:.decimals$}");
        match self {
            Self::En => text,
            Self::Id => text.replace('.', ","),
        }
    }

    /// A share from 0 to 1 as a percentage.
    pub(crate) fn percent(self, share: f64) -> String {
        let percent = share * 100.0;
        let decimals = if percent.abs() < 9.95 { 1 } else { 0 };
        format!("{}%", self.fixed(percent, decimals))
    }

    /// `1 client`, `5 clients`; Indonesian nouns do not change.
    pub(crate) fn count(self, count: u64, one: &str, many: &str, indonesian: &str) -> String {
        let noun = match self {
            Self::En if count == 1 => one,
            Self::En => many,
            Self::Id => indonesian,
        };
        format!("{count} {noun}")
    }
}

/// How many decimals give three significant digits; at most six.
fn decimals(magnitude: f64) -> usize {
    (2.0 - magnitude).clamp(0.0, 6.0) as usize
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Lang {
    type Err = UnknownLang;

    fn from_str(word: &str) -> Result<Self, UnknownLang> {
        let found = Self::ALL.iter().find(|lang| lang.word() == word);
        found.copied().ok_or_else(|| UnknownLang(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        let cases = [
            (0.004_123, "0.00412"),
            (0.999_9, "1.00"),
            (1.2, "1.20"),
            (9.996, "10.0"),
            (48.26, "48.3"),
            (99.96, "100"),
            (2871.4, "2871"),
            (0.0, "0"),
            (-1.5, "-1.50"),
        ];
        for (value, text) in cases {
            assert_eq!(Lang::En.number(value), text);
        }
        assert_eq!(Lang::Id.number(48.26), "48,3");
    }

    #[test]
    fn a_language_is_read_by_its_word_and_an_unknown_one_is_refused_with_the_list() {
        assert_eq!("id".parse(), Ok(Lang::Id));
        let error = "fr".parse::<Lang>().unwrap_err().to_string();
        assert!(
            error.contains("en (English)") && error.contains("`fr`"),
            "{error}"
        );
    }
}
