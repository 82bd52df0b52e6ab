//! Drawings as data: a few kinds of shapes on a plane. Every format that shows a drawing draws these and nothing else, so
//! a chart looks the same in a browser and on paper.
//!
//! Units are pixels of a screen and points of a page alike; x runs right, y down.

use crate::typeface::Face;

/// What a shape is painted with. The format decides on the colour, since a page is light or dark.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ink {
    /// Text that carries the message.
    Text,
    /// Text that explains: ticks, captions.
    Muted,
    /// Lines that only guide the eye.
    Grid,
    /// A surface a little apart from the page.
    Surface,
    /// The colour of a series, counted from 0; there are [`SERIES`].
    Series(usize),
    /// A place on the scale of heat, 0 to 1.
    Heat(f64),
    /// Text upon that place of the scale.
    OnHeat(f64),
}

/// An opaque colour: red, green, blue.
pub type Rgb = [u8; 3];

/// Colours of the series on a light page (Okabe and Ito 2008, told apart by colour-blind readers).
pub const SERIES: [Rgb; 7] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [110, 110, 110],
];

/// The same on a dark page.
pub const SERIES_DARK: [Rgb; 7] = [
    [86, 180, 233],
    [255, 140, 66],
    [38, 194, 150],
    [221, 147, 187],
    [240, 190, 70],
    [130, 150, 235],
    [160, 160, 160],
];

/// Eleven evenly spaced places of viridis (van der Walt and Smith 2015).
const VIRIDIS: [Rgb; 11] = [
    [68, 1, 84],
    [72, 36, 117],
    [65, 68, 135],
    [53, 95, 141],
    [42, 120, 142],
    [33, 145, 140],
    [34, 168, 132],
    [68, 191, 112],
    [122, 209, 81],
    [189, 223, 38],
    [253, 231, 37],
];

/// The colour at a place of the scale of heat; places outside 0 to 1 count as its ends.
#[must_use]
pub fn heat(place: f64) -> Rgb {
    let scaled = place.clamp(0.0, 1.0) * (VIRIDIS.len() - 1) as f64;
    let below = (scaled.floor() as usize).min(VIRIDIS.len() - 2);
    let share = scaled - below as f64;
    let mix = |channel: usize| {
        let (low, high) = (
            f64::from(VIRIDIS[below][channel]),
            f64::from(VIRIDIS[below + 1][channel]),
        );
        (low + (high - low) * share).round() as u8
    };
    [mix(0), mix(1), mix(2)]
}

/// Black or white, whichever is read more easily upon that place of the scale.
#[must_use]
pub fn on_heat(place: f64) -> Rgb {
    if place > 0.48 {
        [16, 16, 16]
    } else {
        [255, 255, 255]
    }
}

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// One thing on a drawing.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A rectangle.
    Rect {
        /// Its upper left corner.
        corner: (f64, f64),
        /// How wide and how high it is.
        size: (f64, f64),
        /// The radius of its corners.
        radius: f64,
        /// Its colour.
        fill: Ink,
    },
    /// What is drawn through points.
    Path {
        /// How it goes through them.
        kind: PathKind,
        /// In their order.
        points: Points,
        /// Its colour.
        ink: Ink,
        /// How wide a line is; the radius of a dot.
        size: f64,
        /// 0 is invisible, 1 opaque.
        opacity: f64,
    },
    /// A line of text.
    Text(Text),
}

/// How points are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// By a line.
    Line,
    /// By a dashed line.
    Dashes,
    /// They are the edge of an area.
    Area,
    /// Each is a dot.
    Dots,
}

/// Points of a plane, or of the values of two axes.
pub type Points = Vec<(f64, f64)>;

/// A line of text. Its point is on the base line.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// Its point, from the left.
    pub x: f64,
    /// Its base line, from the top.
    pub y: f64,
    /// What it says.
    pub text: String,
    /// How it looks.
    pub style: Style,
    /// Whether it runs upwards.
    pub is_vertical: bool,
}

/// Marks on a plane from (0, 0) to (`width`, `height`), later ones over earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// How wide the plane is.
    pub width: f64,
    /// How high the plane is.
    pub height: f64,
    /// What stands on it.
    pub shapes: Vec<Shape>,
}

impl Drawing {
    /// A plane with nothing on it.
    #[must_use]
    pub fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            shapes: Vec::new(),
        }
    }

    /// A rectangle.
    pub fn rect(&mut self, corner: (f64, f64), size: (f64, f64), fill: Ink) {
        self.rounded(corner, size, 0.0, fill);
    }

    /// A rectangle with round corners.
    pub fn rounded(&mut self, corner: (f64, f64), size: (f64, f64), radius: f64, fill: Ink) {
        self.shapes.push(Shape::Rect {
            corner,
            size,
            radius,
            fill,
        });
    }

    /// A line through these points.
    pub fn line(&mut self, points: Points, ink: Ink, width: f64) {
        self.path(PathKind::Line, points, ink, (width, 1.0));
    }

    /// A dashed line through these points.
    pub fn dashes(&mut self, points: Points, ink: Ink, width: f64) {
        self.path(PathKind::Dashes, points, ink, (width, 1.0));
    }

    /// The area within these points.
    pub fn area(&mut self, points: Points, fill: Ink, opacity: f64) {
        self.path(PathKind::Area, points, fill, (0.0, opacity));
    }

    /// A dot at each of these points.
    pub fn dots(&mut self, points: Points, ink: Ink, radius: f64, opacity: f64) {
        self.path(PathKind::Dots, points, ink, (radius, opacity));
    }

    fn path(&mut self, kind: PathKind, points: Points, ink: Ink, (size, opacity): (f64, f64)) {
        self.shapes.push(Shape::Path {
            kind,
            points,
            ink,
            size,
            opacity,
        });
    }

    /// A line of text with its base line at `y`.
    pub fn text(&mut self, (x, y): (f64, f64), text: impl Into<String>, style: Style) {
        self.shapes.push(Shape::Text(Text {
            x,
            y,
            text: text.into(),
            style,
            is_vertical: false,
        }));
    }

    /// A line of text that runs upwards, with its base line at `x`.
    pub fn vertical_text(&mut self, (x, y): (f64, f64), text: impl Into<String>, style: Style) {
        self.shapes.push(Shape::Text(Text {
            x,
            y,
            text: text.into(),
            style,
            is_vertical: true,
        }));
    }

    /// Sets another drawing upon this one, its corner at (`x`, `y`) and its size multiplied by `scale`.
    pub fn place(&mut self, other: &Drawing, x: f64, y: f64, scale: f64) {
        self.shapes
            .extend(other.shapes.iter().map(|shape| shape.moved(x, y, scale)));
    }
}

impl Shape {
    fn moved(&self, left: f64, top: f64, scale: f64) -> Shape {
        let at = |(x, y): (f64, f64)| (left + x * scale, top + y * scale);
        let mut shape = self.clone();
        match &mut shape {
            Shape::Rect {
                corner, size, radius, ..
            } => {
                *corner = at(*corner);
                *size = (size.0 * scale, size.1 * scale);
                *radius *= scale;
            }
            Shape::Path { points, size, .. } => {
                points.iter_mut().for_each(|point| *point = at(*point));
                *size *= scale;
            }
            Shape::Text(Text { x, y, style, .. }) => {
                (*x, *y) = at((*x, *y));
                style.size *= scale;
            }
        }
        shape
    }
}

/// How a line of text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// The size of type.
    pub size: f64,
    /// The font.
    pub face: Face,
    /// Where it stands relative to its point.
    pub anchor: Anchor,
    /// Its colour.
    pub ink: Ink,
}

impl Style {
    /// Regular type of this size that starts at its point.
    #[must_use]
    pub fn new(size: f64) -> Self {
        Self {
            size,
            face: Face::Regular,
            anchor: Anchor::Start,
            ink: Ink::Text,
        }
    }

    /// The same for a text that only explains.
    #[must_use]
    pub fn muted(size: f64) -> Self {
        Self {
            ink: Ink::Muted,
            ..Self::new(size)
        }
    }

    /// In bold type.
    #[must_use]
    pub fn bold(self) -> Self {
        self.face(Face::Bold)
    }

    /// In this font.
    #[must_use]
    pub fn face(self, face: Face) -> Self {
        Self { face, ..self }
    }

    /// Centred on its point.
    #[must_use]
    pub fn middle(self) -> Self {
        Self {
            anchor: Anchor::Middle,
            ..self
        }
    }

    /// Ending at its point.
    #[must_use]
    pub fn end(self) -> Self {
        Self {
            anchor: Anchor::End,
            ..self
        }
    }

    /// In this ink.
    #[must_use]
    pub fn ink(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_of_heat_ends_in_its_ends_and_is_even_between() {
        assert_eq!(heat(-1.0), VIRIDIS[0]);
        assert_eq!(heat(2.0), VIRIDIS[10]);
        assert_eq!(heat(0.5), VIRIDIS[5]);
    }

    #[test]
    fn a_placed_drawing_is_moved_and_scaled_with_its_text() {
        let mut small = Drawing::new(10.0, 10.0);
        small.text((1.0, 2.0), "x", Style::new(8.0));
        let mut large = Drawing::new(100.0, 100.0);
        large.place(&small, 50.0, 60.0, 2.0);
        let Shape::Text(text) = &large.shapes[0] else {
            panic!("a text stays one");
        };
        assert_eq!((text.x, text.y, text.style.size), (52.0, 64.0, 16.0));
    }
}
