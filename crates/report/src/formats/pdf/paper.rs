//! Pages in the making: text and figures flow from the top down, and a new page begins where the last one is full.

use haul_chart::{Drawing, Face, Ink, Style};

/// The short and the long side of A4, in points.
const SHORT: f64 = 595.0;
const LONG: f64 = 842.0;
const MARGIN: f64 = 40.0;
/// The foot with the number of the page.
const FOOT: f64 = 26.0;

/// Which side of a page is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orientation {
    Portrait,
    Landscape,
}

/// All pages so far.
pub(super) struct Paper {
    pub(super) pages: Vec<Drawing>,
    /// The title, page and height of each place to jump to.
    pub(super) bookmarks: Vec<(String, usize, f64)>,
    /// Where the next thing goes on the last page.
    y: f64,
    indent: f64,
    orientation: Orientation,
}

/// A place on the paper.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    page: usize,
    y: f64,
}

impl Paper {
    pub(super) fn new() -> Self {
        let mut paper = Self {
            pages: Vec::new(),
            bookmarks: Vec::new(),
            y: 0.0,
            indent: 0.0,
            orientation: Orientation::Portrait,
        };
        paper.new_page(Orientation::Portrait);
        paper
    }

    pub(super) fn new_page(&mut self, orientation: Orientation) {
        let (width, height) = match orientation {
            Orientation::Portrait => (SHORT, LONG),
            Orientation::Landscape => (LONG, SHORT),
        };
        self.orientation = orientation;
        self.pages.push(Drawing::new(width, height));
        self.y = MARGIN;
    }

    pub(super) fn page(&mut self) -> &mut Drawing {
        self.pages.last_mut().expect("paper has a page from the start")
    }

    /// The width between the margins.
    pub(super) fn inner_width(&self) -> f64 {
        self.width() - 2.0 * MARGIN - self.indent
    }

    pub(super) fn left(&self) -> f64 {
        MARGIN + self.indent
    }

    fn width(&self) -> f64 {
        match self.orientation {
            Orientation::Portrait => SHORT,
            Orientation::Landscape => LONG,
        }
    }

    fn bottom(&self) -> f64 {
        let height = match self.orientation {
            Orientation::Portrait => LONG,
            Orientation::Landscape => SHORT,
        };
        height - MARGIN - FOOT / 2.0
    }

    /// Begins a new page unless so much height is left; whether it did.
    pub(super) fn keep_together(&mut self, height: f64) -> bool {
        let is_full = self.y + height > self.bottom() && self.y > MARGIN;
        if is_full {
            self.new_page(self.orientation);
        }
        is_full
    }

    pub(super) fn space(&mut self, height: f64) {
        self.y += height;
    }

    /// Takes so much height and gives where it begins.
    pub(super) fn take(&mut self, height: f64) -> f64 {
        let top = self.y;
        self.y += height;
        top
    }

    pub(super) fn bookmark(&mut self, title: &str) {
        self.bookmarks
            .push((title.to_owned(), self.pages.len() - 1, self.y));
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.space(if self.y > MARGIN { 14.0 } else { 0.0 });
        self.keep_together(90.0);
        self.bookmark(text);
        self.paragraph(text, Style::new(14.0).bold());
        self.space(2.0);
    }

    pub(super) fn paragraph(&mut self, text: &str, style: Style) {
        let width = self.inner_width();
        self.lines(&style.face.wrap(text, style.size, width), 0.0, style);
        self.space(style.size * 0.35);
    }

    /// A paragraph behind a dot.
    pub(super) fn item(&mut self, text: &str, style: Style) {
        const HANG: f64 = 12.0;
        let lines = style.face.wrap(text, style.size, self.inner_width() - HANG);
        self.keep_together(style.size * 1.4);
        let dot = (self.left() + 4.0, self.y + style.size * 0.75);
        self.page().dots(vec![dot], Ink::Muted, 1.6, 1.0);
        self.lines(&lines, HANG, style);
    }

    /// A name, and what it is beside it.
    pub(super) fn fact(&mut self, name: &str, value: &str) {
        const NAME: f64 = 128.0;
        const SIZE: f64 = 9.5;
        let names = Face::Regular.wrap(name, SIZE, NAME - 8.0);
        let values = Face::Regular.wrap(value, SIZE, self.inner_width() - NAME);
        let height = names.len().max(values.len()) as f64 * SIZE * 1.4;
        self.keep_together(height + 6.0);
        let (top, left, width) = (self.y, self.left(), self.inner_width());
        self.page()
            .line(vec![(left, top), (left + width, top)], Ink::Grid, 0.6);
        self.y = top + 2.5;
        self.lines(&names, 0.0, Style::muted(SIZE));
        self.y = top + 2.5;
        self.lines(&values, NAME, Style::new(SIZE));
        self.y = top + height + 5.0;
    }

    fn lines(&mut self, lines: &[String], indent: f64, style: Style) {
        for line in lines {
            let height = style.size * 1.4;
            self.keep_together(height);
            let base = self.take(height) + style.size;
            let left = self.left() + indent;
            self.page().text((left, base), line.as_str(), style);
        }
    }

    pub(super) fn figure(&mut self, drawing: &Drawing, scale: f64) {
        let scale = scale.min(self.inner_width() / drawing.width);
        self.row(std::slice::from_ref(drawing), 0.0, scale);
        self.space(6.0);
    }

    /// Drawings side by side, each `step` right of the one before.
    pub(super) fn row(&mut self, drawings: &[Drawing], step: f64, scale: f64) {
        let height = drawings.iter().map(|drawing| drawing.height).fold(0.0, f64::max) * scale;
        self.keep_together(height);
        let (top, left) = (self.take(height), self.left());
        for (number, drawing) in drawings.iter().enumerate() {
            self.page()
                .place(drawing, left + step * number as f64, top, scale);
        }
    }

    pub(super) fn indented(&mut self, indent: f64, write: impl FnOnce(&mut Self)) {
        self.indent += indent;
        write(self);
        self.indent -= indent;
    }

    pub(super) fn mark(&self) -> Position {
        Position {
            page: self.pages.len() - 1,
            y: self.y,
        }
    }

    /// A bar at the left margin from a place to here, on one page.
    pub(super) fn bar(&mut self, from: Position, ink: Ink) {
        let top = if from.page == self.pages.len() - 1 {
            from.y
        } else {
            MARGIN
        };
        let (left, height) = (self.left(), self.y - top);
        self.page().rounded((left, top), (4.0, height), 2.0, ink);
    }

    /// Writes the title and the number of the page at the foot of each.
    pub(super) fn footers(&mut self, title: &str, word: &str) {
        let count = self.pages.len();
        for (number, page) in (1..).zip(&mut self.pages) {
            let base = page.height - FOOT;
            page.text((MARGIN, base), title, Style::muted(8.0));
            let right = page.width - MARGIN;
            page.text(
                (right, base),
                format!("{word} {number} / {count}"),
                Style::muted(8.0).end(),
            );
        }
    }
}
