//! Horizontal bars in parts, each with its name before it and its number behind it.

use crate::axis::Axis;
use crate::chart::{LABEL, TICK, widest};
use crate::drawing::{Drawing, Ink, Style};

const ROW: f64 = 18.0;

/// Bars from the top down over one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// The axis that all bars share.
    pub x: Axis,
    /// From the top down.
    pub bars: Vec<Bar>,
    /// What the names of the bars are.
    pub names: String,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// What stands before the bar.
    pub name: String,
    /// From left to right; their sum is where the bar ends.
    pub parts: Vec<(Ink, f64)>,
    /// What stands behind the bar.
    pub text: String,
}

impl Bars {
    pub(crate) fn draw(&self, drawing: &mut Drawing, top: f64) {
        let width = drawing.width;
        let names = self.bars.iter().map(|bar| bar.name.as_str());
        let left = widest(names.chain([self.names.as_str()])) + 8.0;
        let behind = widest(self.bars.iter().map(|bar| bar.text.as_str())) + 6.0;
        let length = (width - left - behind).max(20.0);
        let top = top + 14.0;
        let bottom = top + ROW * self.bars.len() as f64;
        drawing.text(
            (left - 6.0, top - 4.0),
            self.names.as_str(),
            Style::muted(TICK).end(),
        );
        for (value, text) in self.x.scale.ticks() {
            let x = left + self.x.scale.place(value) * length;
            drawing.line(vec![(x, top), (x, bottom + 3.0)], Ink::Grid, 0.7);
            drawing.text((x, bottom + 13.0), text, Style::muted(TICK).middle());
        }
        for (number, bar) in self.bars.iter().enumerate() {
            let y = top + ROW * number as f64;
            drawing.text(
                (left - 6.0, y + ROW / 2.0 + 3.3),
                bar.name.as_str(),
                Style::new(TICK).end(),
            );
            let mut sum = 0.0;
            for (ink, value) in &bar.parts {
                let from = left + self.x.scale.place(sum) * length;
                sum += value;
                let to = left + self.x.scale.place(sum) * length;
                if to - from > 0.05 {
                    drawing.rect((from, y + 3.0), (to - from, ROW - 6.0), *ink);
                }
            }
            let end = left + self.x.scale.place(sum) * length;
            drawing.text(
                (end + 4.0, y + ROW / 2.0 + 3.3),
                bar.text.as_str(),
                Style::muted(TICK),
            );
        }
        drawing.line(vec![(left, top), (left, bottom)], Ink::Muted, 0.8);
        drawing.text(
            (left + length / 2.0, bottom + 26.0),
            self.x.title.as_str(),
            Style::muted(LABEL).middle(),
        );
        drawing.height = bottom + 32.0;
    }
}
