//! Panels with two axes: lines, dots and bands.

use crate::axis::{Axis, Scale};
use crate::chart::{LABEL, TICK, widest};
use crate::drawing::{Drawing, Ink, Points, Style};
use crate::typeface::Face;

/// Layers over two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    /// The axis from left to right.
    pub x: Axis,
    /// The axis from the bottom up.
    pub y: Axis,
    /// Later ones over earlier ones.
    pub layers: Vec<Layer>,
    /// Height of the field between the axes.
    pub height: f64,
}

/// What is drawn over the axes, in one colour, with points in the values of the axes.
#[derive(Debug, Clone, PartialEq)]
pub enum Layer {
    /// A line, cut off where it leaves the field upwards.
    Line(Ink, Points),
    /// A thin dashed line, cut off in the same way.
    Dashes(Ink, Points),
    /// Large dots, one for each value.
    Dots(Ink, Points),
    /// Small dots, many of which may lie upon each other.
    Cloud(Ink, Points),
    /// Between a lower and an upper edge, both from left to right.
    Band(Ink, [Points; 2]),
}

/// The field between the axes.
struct Field<'a> {
    lines: &'a Lines,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Field<'_> {
    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let right = self.lines.x.scale.place(x) * self.width;
        let up = self.lines.y.scale.place(y) * self.height;
        (self.left + right, self.top + self.height - up)
    }

    fn all(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let is_shown = |(x, y): &(f64, f64)| x.is_finite() && y.is_finite();
        points
            .iter()
            .map(|point| self.at(*point))
            .filter(is_shown)
            .collect()
    }

    /// A line cut off where it leaves the field upwards.
    fn clipped(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut shown = Vec::new();
        let mut last: Option<(f64, f64)> = None;
        for point in self.all(points) {
            if point.1 < self.top {
                if let Some((x, y)) = last.filter(|(_, y)| *y >= self.top) {
                    let share = (y - self.top) / (y - point.1);
                    shown.push((x + (point.0 - x) * share, self.top));
                }
                break;
            }
            shown.push(point);
            last = Some(point);
        }
        shown
    }
}

impl Lines {
    pub(crate) fn draw(&self, drawing: &mut Drawing, top: f64) {
        let (top, width) = (top + 4.0, drawing.width);
        let y_ticks = self.y.scale.ticks();
        let beside = if self.y.title.is_empty() { 6.0 } else { 20.0 };
        let left = widest(y_ticks.iter().map(|(_, text)| text.as_str())) + beside;
        let field = Field {
            lines: self,
            left,
            top,
            width: width - left - 6.0,
            height: self.height,
        };
        self.draw_axes(drawing, &field, &y_ticks);
        for layer in &self.layers {
            draw_layer(drawing, &field, layer);
        }
        drawing.height = top + self.height + 32.0;
    }

    fn draw_axes(&self, drawing: &mut Drawing, field: &Field<'_>, y_ticks: &[(f64, String)]) {
        let (left, right) = (field.left, field.left + field.width);
        let bottom = field.top + field.height;
        for (value, text) in y_ticks {
            let y = bottom - self.y.scale.place(*value) * field.height;
            drawing.line(vec![(left, y), (right, y)], Ink::Grid, 0.7);
            drawing.text((left - 5.0, y + 3.3), text.as_str(), Style::muted(TICK).end());
        }
        let is_levels = matches!(self.x.scale, Scale::Levels(_));
        let mut taken = f64::NEG_INFINITY;
        for (value, text) in self.x.scale.ticks() {
            let x = left + self.x.scale.place(value) * field.width;
            let half = Face::Regular.width(&text, TICK) / 2.0;
            if !is_levels {
                drawing.line(vec![(x, bottom), (x, bottom + 3.0)], Ink::Muted, 0.7);
            }
            if x - half > taken + 2.0 {
                taken = x + half;
                drawing.text((x, bottom + 13.0), text, Style::muted(TICK).middle());
            }
        }
        drawing.line(vec![(left, bottom), (right, bottom)], Ink::Muted, 0.8);
        drawing.text(
            ((left + right) / 2.0, bottom + 26.0),
            self.x.title.as_str(),
            Style::muted(LABEL).middle(),
        );
        let middle = field.top + field.height / 2.0;
        drawing.vertical_text((9.0, middle), self.y.title.as_str(), Style::muted(LABEL).middle());
    }
}

fn draw_layer(drawing: &mut Drawing, field: &Field<'_>, layer: &Layer) {
    match layer {
        Layer::Line(ink, points) => drawing.line(field.clipped(points), *ink, 1.8),
        Layer::Dashes(ink, points) => drawing.dashes(field.clipped(points), *ink, 1.2),
        Layer::Dots(ink, points) => drawing.dots(field.all(points), *ink, 2.8, 1.0),
        Layer::Cloud(ink, points) => drawing.dots(field.all(points), *ink, 1.5, 0.55),
        Layer::Band(ink, [low, high]) => {
            let mut outline = field.all(low);
            outline.extend(field.all(high).into_iter().rev());
            drawing.area(outline, *ink, 0.18);
        }
    }
}
