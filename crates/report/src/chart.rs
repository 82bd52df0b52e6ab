//! Charts as data, and how they are drawn: small panels of one size that share their legend and their scales.

mod axis;
mod bars;
mod heat;
pub(crate) mod legend;
mod lines;

pub(crate) use axis::{Axis, Scale};
pub(crate) use bars::{Bar, Bars};
pub(crate) use heat::{Heat, HeatCell, HeatScale};
pub(crate) use lines::{Layer, Lines};

use crate::drawing::typeface::Face;
use crate::drawing::{Drawing, Ink, Style};

/// The most panels of a chart; further ones are left out, and the chart says so.
pub(crate) const PANELS_MAX: usize = 24;
/// Size of the ticks' text.
const TICK: f64 = 9.5;
/// By how much wider than the bundled font one that stands in for it may be before a title is cut.
const TITLE_ROOM: f64 = 1.06;
/// Size of the titles of axes and panels.
const LABEL: f64 = 10.0;

/// One chart of the report.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Chart {
    /// Its word in file names and links.
    pub(crate) id: &'static str,
    /// What to see in it.
    pub(crate) title: String,
    /// How to read it.
    pub(crate) reading: String,
    /// What the colours mean.
    pub(crate) legend: Vec<Key>,
    /// What the colours of a heat map mean.
    pub(crate) heat: Option<HeatScale>,
    /// The panels, row by row.
    pub(crate) panels: Vec<Panel>,
    /// How wide a panel is drawn.
    pub(crate) panel_width: f64,
    /// The most panels side by side, so that related ones stand beneath each other.
    pub(crate) columns_max: usize,
    /// What else must be said, on left-out panels for example.
    pub(crate) note: Option<String>,
}

/// One entry of a legend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) ink: Ink,
    pub(crate) sign: Sign,
}

/// What stands before the name of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Line,
    Dashes,
    Dots,
    Block,
}

/// One panel with the name of what it shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) plot: Plot,
}

/// What is drawn in a panel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plot {
    Heat(Heat),
    Lines(Lines),
    Bars(Bars),
}

impl Chart {
    /// Each panel as a drawing of the chart's panel width.
    pub(crate) fn drawings(&self) -> Vec<Drawing> {
        let lines = self
            .panels
            .iter()
            .map(|panel| title_lines(&panel.title, self.panel_width).len());
        let title_lines = lines.max().unwrap_or(1);
        self.panels
            .iter()
            .map(|panel| panel.draw(self, title_lines))
            .collect()
    }

    /// The legend as a drawing of this width; `None` if there is nothing to explain.
    pub(crate) fn legend_drawing(&self, width: f64) -> Option<Drawing> {
        match &self.heat {
            Some(scale) => Some(scale.draw(width)),
            None => legend::draw(&self.legend, width),
        }
    }

    /// How many panels stand side by side on a page of this width, and by what they are scaled to fill it.
    pub(crate) fn grid(&self, width: f64, gap: f64) -> (usize, f64) {
        let fitting = ((width + gap) / (self.panel_width * 0.74 + gap)).floor() as usize;
        // Fewer than the most, but so that what stands beneath each other still belongs together.
        let most = self.columns_max.max(1);
        let columns = (1..=fitting.clamp(1, most))
            .rev()
            .find(|columns| most.is_multiple_of(*columns))
            .unwrap_or(1);
        let scale = (width - gap * (columns - 1) as f64) / columns as f64 / self.panel_width;
        (columns, scale.min(1.1))
    }

    /// The whole chart with its title on one drawing of this width.
    pub(crate) fn sheet(&self, width: f64) -> Drawing {
        const MARGIN: f64 = 16.0;
        const GAP: f64 = 14.0;
        let inner = width - 2.0 * MARGIN;
        let mut sheet = Drawing::new(width, 0.0);
        let mut y = MARGIN;
        for (text, style, step) in [
            (&self.title, Style::new(15.0).bold(), 20.0),
            (&self.reading, Style::muted(11.0), 15.0),
        ] {
            for line in style.face.wrap(text, style.size, inner * 0.96) {
                y += step;
                sheet.text((MARGIN, y - step * 0.3), line, style);
            }
        }
        y += 10.0;
        if let Some(legend) = self.legend_drawing(inner) {
            sheet.place(&legend, MARGIN, y, 1.0);
            y += legend.height + 8.0;
        }
        let (columns, scale) = self.grid(inner, GAP);
        for row in self.drawings().chunks(columns) {
            let height = row.iter().map(|panel| panel.height).fold(0.0, f64::max) * scale;
            for (column, panel) in row.iter().enumerate() {
                let x = MARGIN + column as f64 * (self.panel_width * scale + GAP);
                sheet.place(panel, x, y, scale);
            }
            y += height + GAP;
        }
        if let Some(note) = &self.note {
            for line in Face::Regular.wrap(note, 11.0, inner * 0.96) {
                y += 15.0;
                sheet.text((MARGIN, y - 5.0), line, Style::muted(11.0));
            }
        }
        sheet.height = y + MARGIN;
        sheet
    }
}

impl Panel {
    /// The panel with room for so many lines of title, the same for all panels of a chart.
    fn draw(&self, chart: &Chart, title_lines: usize) -> Drawing {
        let mut drawing = Drawing::new(chart.panel_width, 0.0);
        let top = head(&mut drawing, &self.title, title_lines);
        match &self.plot {
            Plot::Heat(heat) => heat.draw(&mut drawing, top, chart.heat.as_ref()),
            Plot::Lines(lines) => lines.draw(&mut drawing, top),
            Plot::Bars(bars) => bars.draw(&mut drawing, top),
        }
        drawing
    }
}

/// The width of the widest of some ticks.
fn widest<'a>(ticks: impl Iterator<Item = &'a str>) -> f64 {
    ticks
        .map(|text| Face::Regular.width(text, TICK))
        .fold(0.0, f64::max)
}

fn title_lines(title: &str, width: f64) -> Vec<String> {
    Face::Bold.wrap(title, LABEL, width / TITLE_ROOM)
}

/// Writes the title of a panel and gives the height below the room for `lines` of it.
fn head(drawing: &mut Drawing, title: &str, lines: usize) -> f64 {
    for (number, line) in title_lines(title, drawing.width).iter().enumerate() {
        drawing.text(
            (0.0, 11.0 + 13.0 * number as f64),
            line.as_str(),
            Style::new(LABEL).bold(),
        );
    }
    13.0 * lines as f64 + 5.0
}

#[cfg(test)]
mod tests;
