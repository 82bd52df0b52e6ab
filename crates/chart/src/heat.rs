//! Heat maps: one square for each cell, its number inside, so that no colour has to be guessed.

use crate::chart::{LABEL, TICK, widest};
use crate::drawing::{Drawing, Ink, Style};
use crate::typeface::Face;

/// Squares by two factors.
#[derive(Debug, Clone, PartialEq)]
pub struct Heat {
    /// What the columns are.
    pub x_title: String,
    /// What the rows are.
    pub y_title: String,
    /// From left to right.
    pub x_levels: Vec<String>,
    /// From the bottom up.
    pub y_levels: Vec<String>,
    /// Row by row from the bottom, as many as levels of x times levels of y; `None` where nothing is known.
    pub cells: Vec<Option<HeatCell>>,
}

/// One square.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatCell {
    /// Its place on the scale.
    pub value: f64,
    /// What stands in it.
    pub text: String,
}

/// The scale that all panels share.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatScale {
    /// What the colours mean, with the unit.
    pub title: String,
    /// The value at the dark end.
    pub low: f64,
    /// The value at the light end.
    pub high: f64,
    /// Whether equal factors, rather than equal steps, are equal steps of colour.
    pub is_log: bool,
    /// The ends as text.
    pub ends: [String; 2],
}

impl HeatScale {
    /// The scale of these values: logarithmic where the largest is more than ten times the smallest.
    #[must_use]
    pub fn of(values: &[f64], title: String, text: impl Fn(f64) -> String) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        let low = low.min(high);
        Self {
            title,
            low,
            high,
            is_log: low > 0.0 && high / low > 10.0,
            ends: [text(low), text(high)],
        }
    }

    fn place(&self, value: f64) -> f64 {
        let place = if self.is_log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        if place.is_finite() {
            place.clamp(0.0, 1.0)
        } else {
            1.0
        }
    }

    /// The scale as a bar of colours with its ends, on a drawing no wider than this.
    #[must_use]
    pub fn draw(&self, width: f64) -> Drawing {
        const STEPS: usize = 40;
        let mut drawing = Drawing::new(width.min(420.0), 30.0);
        let low_width = Face::Regular.width(&self.ends[0], TICK) + 6.0;
        let bar = 170.0;
        drawing.text((0.0, 10.0), self.title.as_str(), Style::muted(LABEL));
        drawing.text((0.0, 26.0), self.ends[0].as_str(), Style::muted(TICK));
        for step in 0..STEPS {
            let x = low_width + bar * step as f64 / STEPS as f64;
            let heat = Ink::Heat((step as f64 + 0.5) / STEPS as f64);
            drawing.rect((x, 17.0), (bar / STEPS as f64 + 0.3, 10.0), heat);
        }
        drawing.text(
            (low_width + bar + 6.0, 26.0),
            self.ends[1].as_str(),
            Style::muted(TICK),
        );
        drawing
    }
}

impl Heat {
    pub(crate) fn draw(&self, drawing: &mut Drawing, top: f64, scale: Option<&HeatScale>) {
        let width = drawing.width;
        let left = 14.0 + widest(self.y_levels.iter().map(String::as_str)) + 5.0;
        let square = (width - left) / self.x_levels.len().max(1) as f64;
        let rows = self.y_levels.len().max(1) as f64;
        // The title of the axis stands beside the rows and must fit there, however few they are.
        let beside = Face::Regular.width(&self.y_title, TICK) + 6.0;
        let row = (square * 0.62).clamp(16.0, 30.0).max(beside / rows);
        let bottom = top + row * self.y_levels.len() as f64;
        for (y, level) in self.y_levels.iter().enumerate() {
            let y_top = bottom - row * (y + 1) as f64;
            drawing.text(
                (left - 4.0, y_top + row / 2.0 + 3.3),
                level.as_str(),
                Style::muted(TICK).end(),
            );
            for x in 0..self.x_levels.len() {
                let cell = self
                    .cells
                    .get(y * self.x_levels.len() + x)
                    .and_then(Option::as_ref);
                draw_square(
                    drawing,
                    (left + square * x as f64, y_top),
                    (square, row),
                    cell,
                    scale,
                );
            }
        }
        for (x, level) in self.x_levels.iter().enumerate() {
            let middle = left + square * (x as f64 + 0.5);
            drawing.text(
                (middle, bottom + 11.0),
                level.as_str(),
                Style::muted(TICK).middle(),
            );
        }
        let middle = left + (width - left) / 2.0;
        drawing.text(
            (middle, bottom + 24.0),
            self.x_title.as_str(),
            Style::muted(TICK).middle(),
        );
        drawing.vertical_text(
            (9.0, (top + bottom) / 2.0),
            self.y_title.as_str(),
            Style::muted(TICK).middle(),
        );
        drawing.height = bottom + 30.0;
    }
}

fn draw_square(
    drawing: &mut Drawing,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
    cell: Option<&HeatCell>,
    scale: Option<&HeatScale>,
) {
    let (text, fill, ink) = match (cell, scale) {
        (Some(cell), Some(scale)) => {
            let place = scale.place(cell.value);
            (cell.text.as_str(), Ink::Heat(place), Ink::OnHeat(place))
        }
        _ => ("–", Ink::Surface, Ink::Muted),
    };
    drawing.rounded((x + 0.75, y + 0.75), (width - 1.5, height - 1.5), 2.0, fill);
    let wanted = Face::Regular.width(text, LABEL).max(1.0);
    let size = (LABEL * (width - 5.0) / wanted).min(LABEL);
    if size >= 5.0 {
        drawing.text(
            (x + width / 2.0, y + height / 2.0 + size * 0.35),
            text,
            Style::new(size).middle().ink(ink),
        );
    }
}
