//! The legend of a chart as a drawing, for formats that have no text flow of their own.

use crate::chart::{LABEL, LegendEntry, Marker};
use crate::drawing::{Drawing, Ink, Style};
use crate::typeface::Face;

const MARKER: f64 = 20.0;
const LINE: f64 = 16.0;

pub(crate) fn draw(entries: &[LegendEntry], width: f64) -> Option<Drawing> {
    if entries.is_empty() {
        return None;
    }
    let mut drawing = Drawing::new(width, 0.0);
    let (mut x, mut y) = (0.0, 0.0);
    for entry in entries {
        let wide = MARKER + Face::Regular.width(&entry.name, LABEL) + 18.0;
        if x > 0.0 && x + wide > width {
            (x, y) = (0.0, y + LINE);
        }
        marker(&mut drawing, (x, y), entry);
        drawing.text((x + MARKER, y + 11.0), entry.name.as_str(), Style::new(LABEL));
        x += wide;
    }
    drawing.height = y + LINE;
    Some(drawing)
}

fn marker(drawing: &mut Drawing, (x, y): (f64, f64), entry: &LegendEntry) {
    let middle = y + 7.5;
    match entry.marker {
        Marker::Line => drawing.line(vec![(x, middle), (x + 15.0, middle)], entry.ink, 2.0),
        Marker::Dashes => drawing.dashes(vec![(x, middle), (x + 15.0, middle)], entry.ink, 1.5),
        Marker::Dots => drawing.dots(vec![(x + 3.0, middle), (x + 12.0, middle)], entry.ink, 2.5, 1.0),
        Marker::Block => drawing.rounded((x + 2.0, y + 2.5), (11.0, 10.0), 2.0, entry.ink),
    }
}

impl LegendEntry {
    /// An entry for what is drawn in this ink.
    #[must_use]
    pub fn new(name: impl Into<String>, ink: Ink, marker: Marker) -> Self {
        let name = name.into();
        Self { name, ink, marker }
    }

    /// Its marker as a drawing of its own, for a format that writes the name itself.
    #[must_use]
    pub fn marker_drawing(&self) -> Drawing {
        let mut drawing = Drawing::new(16.0, 15.0);
        marker(&mut drawing, (0.0, 0.0), self);
        drawing
    }
}
