//! The languages of a report.

use haul_types::closed_list;

use crate::words::{Wording, en, id};

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
    pub(crate) fn words(self) -> &'static Wording {
        match self {
            Self::En => &en::WORDS,
            Self::Id => &id::WORDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_read_by_its_word_and_an_unknown_one_is_refused_with_the_list() {
        assert_eq!("id".parse(), Ok(Lang::Id));
        let error = "fr".parse::<Lang>().unwrap_err().to_string();
        assert!(
            error.contains("write en or id") && error.contains("`fr`"),
            "{error}"
        );
    }

    #[test]
    fn the_words_of_a_language_are_found_by_its_word() {
        for lang in Lang::ALL {
            assert_eq!(lang.words().code, lang.as_str());
        }
    }
}
