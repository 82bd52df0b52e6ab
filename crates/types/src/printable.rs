//! Text from elsewhere, for people to read.

use std::fmt::{self, Write as _};

/// A text that acts on no terminal and stays on its line when it is shown.
///
/// `Display` escapes what moves a terminal's cursor, starts a line or turns the direction of the writing: control
/// characters with DEL and C1, U+2028 and U+2029, and the marks of bidirectional text.
///
/// ```
/// use haul_types::printable;
///
/// assert_eq!(printable("a\nb").to_string(), "a\\nb");
/// assert_eq!(printable("much too long").at_most(4).to_string(), "much…");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a> {
    text: &'a str,
    characters_max: usize,
}

/// `text` for people to read; see [`Printable`].
#[must_use]
pub fn printable(text: &str) -> Printable<'_> {
    Printable {
        text,
        characters_max: usize::MAX,
    }
}

impl Printable<'_> {
    /// Shows at most so many characters of the text, and `…` in the place of further ones. Default: no limit.
    #[must_use]
    pub fn at_most(self, characters_max: usize) -> Self {
        Self {
            characters_max,
            ..self
        }
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut characters = self.text.chars();
        for character in characters.by_ref().take(self.characters_max) {
            if acts(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        if characters.next().is_some() {
            f.write_char('…')?;
        }
        Ok(())
    }
}

/// Whether a terminal does something with the character other than show it.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_act_on_a_terminal_are_escaped() {
        assert_eq!(
            printable("ü\u{1b}[1m\n\u{202e}").to_string(),
            "ü\\u{1b}[1m\\n\\u{202e}"
        );
        for character in [
            '\u{7f}', '\u{9b}', '\u{2028}', '\u{2029}', '\u{61c}', '\u{202a}', '\u{2069}',
        ] {
            assert_eq!(
                printable(&character.to_string()).to_string(),
                character.escape_default().to_string()
            );
        }
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        assert_eq!(printable("éé").at_most(2).to_string(), "éé");
        assert_eq!(printable("ééé").at_most(2).to_string(), "éé…");
        assert_eq!(printable("a").at_most(0).to_string(), "…");
        assert_eq!(printable("").at_most(0).to_string(), "");
    }
}
