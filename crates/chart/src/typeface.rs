//! The bundled fonts and how wide a text is in them.

use std::sync::LazyLock;

use ttf_parser::Face as Metrics;

/// A bundled font. The narrow ones are for paper only: an SVG file brings the other two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// For running text.
    Regular,
    /// For what carries the message.
    Bold,
    /// A narrow one, for wide tables.
    Condensed,
    /// The same in bold, for headings of wide tables.
    CondensedBold,
}

static METRICS: LazyLock<[Metrics<'static>; 4]> = LazyLock::new(|| {
    Face::ALL.map(|face| Metrics::parse(face.bytes(), 0).expect("the bundled fonts are whole"))
});

impl Face {
    /// All fonts, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Regular, Self::Bold, Self::Condensed, Self::CondensedBold];

    /// The font file.
    #[must_use]
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => include_bytes!("../fonts/Roboto-Regular.ttf"),
            Self::Bold => include_bytes!("../fonts/Roboto-Bold.ttf"),
            Self::Condensed => include_bytes!("../fonts/Roboto-Condensed.ttf"),
            Self::CondensedBold => include_bytes!("../fonts/Roboto-CondensedBold.ttf"),
        }
    }

    /// Whether the font can show the letter.
    #[must_use]
    pub fn has(self, letter: char) -> bool {
        METRICS[self as usize].glyph_index(letter).is_some()
    }

    /// How wide `text` is in this font at `size`; a letter that it lacks counts as half the size.
    #[must_use]
    pub fn width(self, text: &str, size: f64) -> f64 {
        let metrics = &METRICS[self as usize];
        let em = f64::from(metrics.units_per_em());
        let advance = |letter| {
            let glyph = metrics.glyph_index(letter)?;
            metrics.glyph_hor_advance(glyph).map(f64::from)
        };
        let units: f64 = text
            .chars()
            .map(|letter| advance(letter).unwrap_or(em / 2.0))
            .sum();
        units / em * size
    }

    /// `text` in lines no wider than `width`, broken at spaces, or within a word that is wider by itself.
    #[must_use]
    pub fn wrap(self, text: &str, size: f64, width: f64) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').flat_map(|word| self.broken(word, size, width)) {
            let longer = if line.is_empty() {
                word.clone()
            } else {
                format!("{line} {word}")
            };
            if line.is_empty() || self.width(&longer, size) <= width {
                line = longer;
            } else {
                lines.push(std::mem::replace(&mut line, word));
            }
        }
        lines.push(line);
        lines
    }

    /// A word in pieces no wider than `width`; one piece if it fits.
    fn broken(self, word: &str, size: f64, width: f64) -> Vec<String> {
        let mut pieces = vec![String::new()];
        let mut used = 0.0;
        for letter in word.chars() {
            let advance = self.width(letter.encode_utf8(&mut [0; 4]), size);
            if used + advance > width && used > 0.0 {
                pieces.push(String::new());
                used = 0.0;
            }
            used += advance;
            pieces.last_mut().expect("it starts with one piece").push(letter);
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_wrapped_at_spaces_within_the_width_and_nothing_is_lost() {
        let text = "Each square is one cell of the matrix, with_one_word_that_is_far_too_long_for_its_line at the end";
        let lines = Face::Regular.wrap(text, 10.0, 90.0);
        assert!(lines.len() > 4);
        assert!(
            lines.iter().all(|line| Face::Regular.width(line, 10.0) <= 90.0),
            "{lines:?}"
        );
        let letters = |text: &str| text.replace(' ', "");
        assert_eq!(letters(&lines.concat()), letters(text));
    }

    #[test]
    fn the_bundled_fonts_have_the_signs_that_reports_use() {
        for face in Face::ALL {
            for letter in "Aé–—‘’“”•…≥≤×·µαβγ²−≈±°½%".chars() {
                assert!(face.has(letter), "{face:?} lacks {letter}");
            }
        }
    }
}
