//! The two languages of a report, and how numbers are written in them.
//!
//! Both versions of a text stand side by side where it is used, `lang.pick("time", "waktu")`, so that neither can be
//! forgotten.

use haul_types::closed_list;

closed_list! {
    /// The language of a report's texts and tables; default English.
    #[derive(Default)]
    pub Lang, "a language of the report (English, Indonesian)" {
        /// English.
        #[default]
        En = "en",
        /// Indonesian, with a comma before decimals.
        Id = "id",
    }
}

impl Lang {
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
            error.contains("it is one of en, id") && error.contains("`fr`"),
            "{error}"
        );
    }
}
