//! Paints a drawing on a page, in the colours of a light one.

use haul_chart::{Anchor, Drawing, Face, Ink, PathKind, Rgb, SERIES, Shape, Style, Text, heat, on_heat};
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Rect, Transform};
use krilla::num::NormalizedF32;
use krilla::paint::{Fill, LineCap, LineJoin, Stroke, StrokeDash};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};

/// How far a control point lies from the corner for a quarter of a circle, as a share of the radius.
const ARC: f32 = 0.552_285;

/// The bundled fonts, by their number.
pub(super) fn faces() -> [Font; 4] {
    Face::ALL.map(|face| Font::new(face.bytes().into(), 0).expect("the bundled fonts are whole"))
}

pub(super) fn paint(surface: &mut Surface<'_>, drawing: &Drawing, faces: &[Font; 4]) {
    for mark in &drawing.shapes {
        match mark {
            Shape::Rect {
                corner: (x, y),
                size: (width, height),
                radius,
                fill,
            } => {
                let corners = [x, y, width, height, radius].map(|value| *value as f32);
                fill_path(surface, rectangle(corners), *fill, 1.0);
            }
            Shape::Path {
                kind,
                points,
                ink,
                size,
                opacity,
            } => paint_path(surface, *kind, points, *ink, (*size, *opacity)),
            Shape::Text(line) => text(surface, line, faces),
        }
    }
}

fn paint_path(
    surface: &mut Surface<'_>,
    kind: PathKind,
    points: &[(f64, f64)],
    ink: Ink,
    (size, opacity): (f64, f64),
) {
    let line = stroke(ink, size, opacity);
    match kind {
        PathKind::Area => fill_path(surface, polyline(points, true), ink, opacity),
        PathKind::Line => stroke_path(surface, polyline(points, false), line),
        PathKind::Dashes => {
            let dash = Some(StrokeDash {
                array: vec![4.0, 3.0],
                offset: 0.0,
            });
            stroke_path(surface, polyline(points, false), Stroke { dash, ..line });
        }
        PathKind::Dots => {
            let round = Stroke {
                line_cap: LineCap::Round,
                ..stroke(ink, size * 2.0, opacity)
            };
            stroke_path(surface, dots(points), round);
        }
    }
}

fn text(surface: &mut Surface<'_>, line: &Text, faces: &[Font; 4]) {
    let Style {
        size,
        face,
        anchor,
        ink,
    } = line.style;
    let shown: String = line
        .text
        .chars()
        .map(|letter| if face.has(letter) { letter } else { '?' })
        .collect();
    let width = face.width(&shown, size);
    let back = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => width / 2.0,
        Anchor::End => width,
    };
    surface.set_stroke(None);
    surface.set_fill(Some(fill(ink, 1.0)));
    let font = faces[face as usize].clone();
    let (x, y) = (line.x as f32, line.y as f32);
    let draw = |surface: &mut Surface<'_>, at| {
        surface.draw_text(
            at,
            font.clone(),
            size as f32,
            &shown,
            false,
            TextDirection::LeftToRight,
        );
    };
    if line.is_vertical {
        surface.push_transform(&Transform::from_rotate_at(-90.0, x, y));
        draw(surface, Point::from_xy(x - back as f32, y));
        surface.pop();
    } else {
        draw(surface, Point::from_xy(x - back as f32, y));
    }
}

fn fill_path(surface: &mut Surface<'_>, path: Option<Path>, ink: Ink, opacity: f64) {
    if let Some(path) = path {
        surface.set_stroke(None);
        surface.set_fill(Some(fill(ink, opacity)));
        surface.draw_path(&path);
    }
}

fn stroke_path(surface: &mut Surface<'_>, path: Option<Path>, stroke: Stroke) {
    if let Some(path) = path {
        surface.set_fill(None);
        surface.set_stroke(Some(stroke));
        surface.draw_path(&path);
    }
}

fn fill(ink: Ink, opacity: f64) -> Fill {
    Fill {
        paint: colour(ink).into(),
        opacity: share(opacity),
        ..Fill::default()
    }
}

fn stroke(ink: Ink, width: f64, opacity: f64) -> Stroke {
    Stroke {
        paint: colour(ink).into(),
        width: width as f32,
        line_join: LineJoin::Round,
        opacity: share(opacity),
        ..Stroke::default()
    }
}

fn share(opacity: f64) -> NormalizedF32 {
    NormalizedF32::new(opacity as f32).unwrap_or(NormalizedF32::ONE)
}

fn colour(ink: Ink) -> rgb::Color {
    let [red, green, blue]: Rgb = match ink {
        Ink::Text => [28, 32, 36],
        Ink::Muted => [93, 102, 112],
        Ink::Grid => [221, 225, 230],
        Ink::Surface => [241, 244, 247],
        Ink::Series(number) => SERIES[number % SERIES.len()],
        Ink::Heat(place) => heat(place),
        Ink::OnHeat(place) => on_heat(place),
    };
    rgb::Color::new(red, green, blue)
}

fn polyline(points: &[(f64, f64)], is_closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (number, (x, y)) in points.iter().enumerate() {
        if number == 0 {
            path.move_to(*x as f32, *y as f32);
        } else {
            path.line_to(*x as f32, *y as f32);
        }
    }
    if is_closed {
        path.close();
    }
    path.finish()
}

/// Lines of almost no length, which round ends make into dots.
fn dots(points: &[(f64, f64)]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (x, y) in points {
        path.move_to(*x as f32, *y as f32);
        path.line_to(*x as f32 + 0.01, *y as f32);
    }
    path.finish()
}

fn rectangle([x, y, width, height, radius]: [f32; 5]) -> Option<Path> {
    let mut path = PathBuilder::new();
    let radius = radius.min(width / 2.0).min(height / 2.0);
    if radius <= 0.0 {
        path.push_rect(Rect::from_xywh(x, y, width, height)?);
        return path.finish();
    }
    let (right, bottom, control) = (x + width, y + height, radius * (1.0 - ARC));
    path.move_to(x + radius, y);
    path.line_to(right - radius, y);
    path.cubic_to(right - control, y, right, y + control, right, y + radius);
    path.line_to(right, bottom - radius);
    path.cubic_to(
        right,
        bottom - control,
        right - control,
        bottom,
        right - radius,
        bottom,
    );
    path.line_to(x + radius, bottom);
    path.cubic_to(x + control, bottom, x, bottom - control, x, bottom - radius);
    path.line_to(x, y + radius);
    path.cubic_to(x, y + control, x + control, y, x + radius, y);
    path.close();
    path.finish()
}
