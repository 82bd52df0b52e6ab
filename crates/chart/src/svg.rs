//! Drawings as SVG. Colours are classes, given by one style sheet with a light and a dark half.

use std::fmt::Write as _;

use crate::drawing::{Anchor, Drawing, Ink, PathKind, Rgb, SERIES, SERIES_DARK, Shape, Text, heat, on_heat};
use crate::typeface::Face;

/// The bundled font, and those that stand in for it in a viewer that does not read it.
pub const FONTS: &str =
    "'Haul Sans',system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

/// The bundled font itself, so that every text is as wide as it was laid out, whatever fonts the reader has.
#[must_use]
pub fn font_faces() -> String {
    let face = |face: Face, weight: u32| {
        let content = base64_turbo::STANDARD.encode(face.bytes());
        format!(
            "@font-face{{font-family:'Haul Sans';font-weight:{weight};src:url(data:font/ttf;base64,{content})}}"
        )
    };
    face(Face::Regular, 400) + &face(Face::Bold, 700)
}

/// The colours of all inks as custom properties, light ones and under `prefers-color-scheme` dark ones.
#[must_use]
pub fn palette() -> String {
    let series = |colours: [Rgb; 7]| {
        let mut text = String::new();
        for (number, colour) in colours.iter().enumerate() {
            write!(text, "--s{number}:{};", hex(*colour)).expect("a string takes all");
        }
        text
    };
    format!(
        ":root{{--text:#1c2024;--muted:#5d6670;--grid:#dde1e6;--surface:#f1f4f7;--page:#fff;{}}}\
         @media (prefers-color-scheme:dark){{:root{{--text:#e6e9ec;--muted:#a0a9b3;--grid:#3a4149;--surface:#22272d;--page:#15181c;{}}}}}",
        series(SERIES),
        series(SERIES_DARK)
    ) + &format!("@media print{{:root{{{}}}}}", series(SERIES))
}

/// What the classes of drawings mean.
#[must_use]
pub fn classes() -> String {
    let mut text = ".ft{fill:var(--text)}.fm{fill:var(--muted)}.fg{fill:var(--grid)}.fs{fill:var(--surface)}\
        .kt{stroke:var(--text)}.km{stroke:var(--muted)}.kg{stroke:var(--grid)}.ks{stroke:var(--surface)}\
        .l{fill:none;stroke-linejoin:round}.d{fill:none;stroke-linecap:round}.b{font-weight:700}"
        .to_owned();
    for number in 0..SERIES.len() {
        write!(
            text,
            ".f{number}{{fill:var(--s{number})}}.k{number}{{stroke:var(--s{number})}}"
        )
        .expect("a string takes all");
    }
    text
}

/// A drawing to be set into a page that has the [`palette`] and the [`classes`]; `label` is read out in its place.
#[must_use]
pub fn inline(drawing: &Drawing, label: &str) -> String {
    element(drawing, label, "", "")
}

/// A drawing as a file of its own.
#[must_use]
pub fn standalone(drawing: &Drawing, label: &str) -> String {
    let style = format!(
        "<style>{}{}{}svg{{background:var(--page)}}</style>",
        font_faces(),
        palette(),
        classes()
    );
    let size = format!(
        " xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\"",
        short(drawing.width),
        short(drawing.height)
    );
    element(drawing, label, &size, &style)
}

fn element(drawing: &Drawing, label: &str, attributes: &str, style: &str) -> String {
    let mut svg = format!(
        "<svg{attributes} viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\" font-family=\"{FONTS}\">{style}",
        short(drawing.width),
        short(drawing.height),
        escape(label)
    );
    for shape in &drawing.shapes {
        svg += &element_of(shape);
    }
    svg.push_str("</svg>\n");
    svg
}

fn element_of(shape: &Shape) -> String {
    match shape {
        Shape::Rect {
            corner: (x, y),
            size: (width, height),
            radius,
            fill,
        } => {
            let [x, y, width, height] = [x, y, width, height].map(|value| short(*value));
            let rounded = match *radius > 0.0 {
                true => format!(" rx=\"{}\"", short(*radius)),
                false => String::new(),
            };
            let fill = fill_of(*fill);
            format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{rounded}{fill}/>")
        }
        Shape::Path {
            kind,
            points,
            ink,
            size,
            opacity,
        } => path_element(*kind, points, *ink, (*size, *opacity)),
        Shape::Text(text) => text_element(text),
    }
}

fn path_element(kind: PathKind, points: &[(f64, f64)], ink: Ink, (size, opacity): (f64, f64)) -> String {
    let (width, path) = (short(size), path(points));
    match kind {
        PathKind::Line => {
            let stroke = stroke_of(ink, "l");
            format!("<path{stroke} d=\"{path}\" stroke-width=\"{width}\"/>")
        }
        PathKind::Dashes => {
            let stroke = stroke_of(ink, "l");
            format!("<path{stroke} d=\"{path}\" stroke-width=\"{width}\" stroke-dasharray=\"4 3\"/>")
        }
        PathKind::Area => {
            let fill = fill_of(ink);
            format!("<path{fill} d=\"{path}Z\" fill-opacity=\"{opacity}\"/>")
        }
        PathKind::Dots => {
            let dot = |(x, y): &(f64, f64)| format!("M{} {}h0", short(*x), short(*y));
            let path: String = points.iter().map(dot).collect();
            let (stroke, width) = (stroke_of(ink, "d"), short(size * 2.0));
            format!("<path{stroke} d=\"{path}\" stroke-width=\"{width}\" stroke-opacity=\"{opacity}\"/>")
        }
    }
}

fn text_element(text: &Text) -> String {
    let style = text.style;
    let (x, y) = (short(text.x), short(text.y));
    let place = if text.is_vertical {
        format!("transform=\"translate({x} {y}) rotate(-90)\"")
    } else {
        format!("x=\"{x}\" y=\"{y}\"")
    };
    let anchor = match style.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let bold = matches!(style.face, Face::Bold | Face::CondensedBold);
    let ink = classed(style.ink, 'f', if bold { "b" } else { "" }, "fill");
    format!(
        "<text {place} font-size=\"{}\"{anchor}{ink}>{}</text>",
        short(style.size),
        escape(&text.text)
    )
}

fn path(points: &[(f64, f64)]) -> String {
    let steps = std::iter::once('M').chain(std::iter::repeat('L'));
    let step = |((x, y), step): (&(f64, f64), char)| format!("{step}{} {}", short(*x), short(*y));
    points.iter().zip(steps).map(step).collect()
}

fn fill_of(ink: Ink) -> String {
    classed(ink, 'f', "", "fill")
}

fn stroke_of(ink: Ink, class: &str) -> String {
    classed(ink, 'k', class, "stroke")
}

/// The attributes that paint with an ink: a class, or the colour itself where it is the same on every page.
fn classed(ink: Ink, kind: char, further: &str, attribute: &str) -> String {
    let class = match ink {
        Ink::Text => "t".to_owned(),
        Ink::Muted => "m".to_owned(),
        Ink::Grid => "g".to_owned(),
        Ink::Surface => "s".to_owned(),
        Ink::Series(number) => (number % SERIES.len()).to_string(),
        Ink::Heat(place) => return literal(attribute, heat(place), further),
        Ink::OnHeat(place) => return literal(attribute, on_heat(place), further),
    };
    let space = if further.is_empty() { "" } else { " " };
    format!(" class=\"{kind}{class}{space}{further}\"")
}

fn literal(attribute: &str, colour: Rgb, class: &str) -> String {
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    format!("{class} {attribute}=\"{}\"", hex(colour))
}

fn hex([red, green, blue]: Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A coordinate with one decimal at most; what is not finite becomes 0, since a browser would drop the whole shape.
fn short(value: f64) -> String {
    // The sum turns a negative zero into a plain one.
    let tenths = (value * 10.0).round() + 0.0;
    if !tenths.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{:.1}", tenths / 10.0);
    text.strip_suffix(".0").map_or(text.clone(), ToOwned::to_owned)
}

/// `text` for the inside of an element or of an attribute in quotes; control characters are dropped, since no markup can
/// hold them.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(' '),
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::Style;

    #[test]
    fn what_a_run_says_of_itself_cannot_become_markup() {
        let mut drawing = Drawing::new(10.0, 10.0);
        drawing.text(
            (0.0, 0.0),
            "</text><script>alert('\u{7}')</script>",
            Style::new(8.0),
        );
        let svg = inline(&drawing, "\"><b>");
        assert!(
            !svg.contains("<script>") && !svg.contains("<b>") && !svg.contains('\u{7}'),
            "{svg}"
        );
    }

    #[test]
    fn coordinates_are_short_and_always_numbers() {
        let written = [0.0, 1.25, 3.04, f64::NAN, f64::INFINITY, -0.01].map(short);
        assert_eq!(written, ["0", "1.3", "3", "0", "0", "0"]);
    }
}
