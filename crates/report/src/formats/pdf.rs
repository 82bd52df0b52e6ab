//! `report.pdf`: pages are laid out as drawings first, then painted; so what a page holds can be checked without a PDF
//! reader.

mod paint;
mod paper;
mod table;

use krilla::Document;
use krilla::destination::XyzDestination;
use krilla::geom::Point;
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;

use crate::report::Report;
use haul_chart::{Chart, Face, Ink, Style};
use paper::{Orientation, Paper};

/// The library that writes the file gave up.
pub(crate) type PdfError = krilla::error::KrillaError;

/// The file's content.
pub(crate) fn document(report: &Report<'_>) -> Result<Vec<u8>, PdfError> {
    let paper = pages(report);
    let mut document = Document::new();
    let mut outline = Outline::new();
    for (title, page, y) in &paper.bookmarks {
        let destination = XyzDestination::new(*page, Point::from_xy(0.0, *y as f32));
        outline.push_child(OutlineNode::new(title.clone(), destination));
    }
    let faces = paint::faces();
    for page in &paper.pages {
        let settings = PageSettings::from_wh(page.width as f32, page.height as f32)
            .expect("pages are larger than nothing");
        let mut sheet = document.start_page_with(settings);
        let mut surface = sheet.surface();
        paint::paint(&mut surface, page, &faces);
        surface.finish();
        sheet.finish();
    }
    document.set_outline(outline);
    document.set_metadata(metadata(report));
    document.finish()
}

fn metadata(report: &Report<'_>) -> Metadata {
    let started = report.run.header.started.to_zoned(jiff::tz::TimeZone::UTC);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    let created = DateTime::new(u16::try_from(started.year()).unwrap_or_default())
        .month(part(started.month()))
        .day(part(started.day()))
        .hour(part(started.hour()))
        .minute(part(started.minute()))
        .second(part(started.second()));
    Metadata::new()
        .title(format!("{} – {}", report.title, report.subtitle))
        .language(report.lang.as_str().to_owned())
        .creator("haul".to_owned())
        .creation_date(created)
}

/// The pages of a report.
fn pages(report: &Report<'_>) -> Paper {
    let headings = report.headings();
    let mut paper = Paper::new();
    paper.paragraph(&report.title, Style::new(22.0).bold());
    paper.paragraph(&report.subtitle, Style::muted(10.5));
    paper.space(10.0);
    verdict(&mut paper, report);
    if !report.banner.is_empty() {
        paper.heading(headings.banner);
        for line in &report.banner {
            paper.item(line, Style::new(9.5));
        }
    }
    paper.heading(headings.configuration);
    for fact in &report.configuration {
        paper.fact(&fact.name, &fact.value);
    }
    paper.keep_together(report.architecture.drawing.height * 0.85 + 100.0);
    paper.heading(headings.architecture);
    paper.figure(&report.architecture.drawing, 0.85);
    paper.paragraph(&report.architecture.text, Style::new(10.0));
    paper.new_page(Orientation::Portrait);
    paper.heading(headings.charts);
    for part in &report.charts {
        chart(&mut paper, part);
    }
    paper.new_page(Orientation::Landscape);
    paper.heading(headings.table);
    paper.paragraph(&report.table_note, Style::muted(9.0));
    table::table(&mut paper, report);
    paper.new_page(Orientation::Portrait);
    paper.heading(headings.columns);
    for column in &report.table.columns {
        paper.fact(column.heading(report.lang), column.meaning(report.lang));
    }
    paper.heading(headings.repeat);
    paper.paragraph(&report.repeat.text, Style::new(10.0));
    for command in &report.repeat.commands {
        paper.paragraph(command, Style::new(10.0).face(Face::Condensed));
    }
    let page = report.lang.pick("page", "halaman");
    paper.footers(&report.title, page);
    paper
}

fn verdict(paper: &mut Paper, report: &Report<'_>) {
    let ink = if report.verdict.is_good {
        Ink::Series(2)
    } else {
        Ink::Series(1)
    };
    let from = paper.mark();
    paper.indented(14.0, |paper| {
        paper.paragraph(&report.verdict.sentence, Style::new(14.0).bold());
        paper.paragraph(&report.verdict.confidence, Style::muted(10.0));
        for point in &report.verdict.points {
            paper.item(point, Style::new(10.0));
        }
    });
    paper.bar(from, ink);
}

fn chart(paper: &mut Paper, chart: &Chart) {
    const GAP: f64 = 10.0;
    let width = paper.inner_width();
    let (columns, scale) = chart.grid(width, GAP);
    let drawings = chart.drawings();
    let first_row = drawings
        .iter()
        .take(columns)
        .map(|panel| panel.height * scale)
        .fold(0.0, f64::max);
    paper.keep_together(110.0 + first_row);
    paper.bookmark(&chart.title);
    paper.paragraph(&chart.title, Style::new(12.0).bold());
    paper.paragraph(&chart.reading, Style::muted(9.0));
    if let Some(legend) = chart.legend_drawing(width) {
        paper.figure(&legend, 0.9);
    }
    for row in drawings.chunks(columns) {
        let step = chart.panel_width * scale + GAP;
        paper.row(row, step, scale);
        paper.space(6.0);
    }
    if let Some(note) = &chart.note {
        paper.paragraph(note, Style::muted(9.0));
    }
    paper.space(16.0);
}

#[cfg(test)]
mod tests;
