//! Charts as data, and how they are drawn: small panels of one size that share their legend and their scales.

use crate::bars::Bars;
use crate::drawing::{Drawing, Ink, Style};
use crate::heat::{Heat, HeatScale};
use crate::legend;
use crate::lines::Lines;
use crate::typeface::Face;

/// Size of the ticks' text.
pub(crate) const TICK: f64 = 9.5;
/// By how much wider than the bundled font one that stands in for it may be before a title is cut.
const TITLE_ROOM: f64 = 1.06;
/// Size of the titles of axes and panels.
pub(crate) const LABEL: f64 = 10.0;

/// One chart of the report.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Its word in file names and links.
    pub id: &'static str,
    /// What to see in it.
    pub title: String,
    /// How to read it.
    pub reading: String,
    /// What the colours mean.
    pub legend: Vec<LegendEntry>,
    /// What the colours of a heat map mean.
    pub heat: Option<HeatScale>,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// How wide a panel is drawn.
    pub panel_width: f64,
    /// The most panels side by side, so that related ones stand beneath each other.
    pub columns_max: usize,
    /// What else must be said, on left-out panels for example.
    pub note: Option<String>,
}

/// One entry of a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct LegendEntry {
    /// What it explains.
    pub name: String,
    /// The ink that it explains.
    pub ink: Ink,
    /// What stands before the name.
    pub marker: Marker,
}

/// What stands before the name of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    /// A line.
    Line,
    /// A dashed line.
    Dashes,
    /// Two dots.
    Dots,
    /// A small block.
    Block,
}

/// One panel with the name of what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    /// What it shows.
    pub title: String,
    /// What is drawn in it.
    pub plot: Plot,
}

/// What is drawn in a panel.
#[derive(Debug, Clone, PartialEq)]
pub enum Plot {
    /// A heat map.
    Heat(Heat),
    /// Lines, dots and bands over two axes.
    Lines(Lines),
    /// Horizontal bars.
    Bars(Bars),
}

impl Chart {
    /// Each panel as a drawing of the chart's panel width.
    #[must_use]
    pub fn drawings(&self) -> Vec<Drawing> {
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
    #[must_use]
    pub fn legend_drawing(&self, width: f64) -> Option<Drawing> {
        match &self.heat {
            Some(scale) => Some(scale.draw(width)),
            None => legend::draw(&self.legend, width),
        }
    }

    /// How many panels stand side by side on a page of this width, and by what they are scaled to fill it.
    #[must_use]
    pub fn grid(&self, width: f64, gap: f64) -> (usize, f64) {
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
    #[must_use]
    pub fn sheet(&self, width: f64) -> Drawing {
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
pub(crate) fn widest<'a>(ticks: impl Iterator<Item = &'a str>) -> f64 {
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
