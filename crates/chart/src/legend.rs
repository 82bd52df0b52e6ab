//! The legend of a chart as a drawing, for formats that have no text flow of their own.

use crate::chart::{Key, LABEL, Sign};
use crate::drawing::{Drawing, Style};
use crate::typeface::Face;

const SIGN: f64 = 20.0;
const LINE: f64 = 16.0;

pub(crate) fn draw(keys: &[Key], width: f64) -> Option<Drawing> {
    if keys.is_empty() {
        return None;
    }
    let mut drawing = Drawing::new(width, 0.0);
    let (mut x, mut y) = (0.0, 0.0);
    for key in keys {
        let wide = SIGN + Face::Regular.width(&key.name, LABEL) + 18.0;
        if x > 0.0 && x + wide > width {
            (x, y) = (0.0, y + LINE);
        }
        sign(&mut drawing, (x, y), key);
        drawing.text((x + SIGN, y + 11.0), key.name.as_str(), Style::new(LABEL));
        x += wide;
    }
    drawing.height = y + LINE;
    Some(drawing)
}

fn sign(drawing: &mut Drawing, (x, y): (f64, f64), key: &Key) {
    let middle = y + 7.5;
    match key.sign {
        Sign::Line => drawing.line(vec![(x, middle), (x + 15.0, middle)], key.ink, 2.0),
        Sign::Dashes => drawing.dashes(vec![(x, middle), (x + 15.0, middle)], key.ink, 1.5),
        Sign::Dots => drawing.dots(vec![(x + 3.0, middle), (x + 12.0, middle)], key.ink, 2.5, 1.0),
        Sign::Block => drawing.rounded((x + 2.0, y + 2.5), (11.0, 10.0), 2.0, key.ink),
    }
}

impl Key {
    /// Its sign as a drawing of its own, for a format that writes the name itself.
    #[must_use]
    pub fn sign_drawing(&self) -> Drawing {
        let mut drawing = Drawing::new(16.0, 15.0);
        sign(&mut drawing, (0.0, 0.0), self);
        drawing
    }
}
