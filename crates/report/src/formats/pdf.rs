//! `report.pdf`: pages are laid out as drawings first, then painted; so what a page holds can be checked without a PDF
//! reader.

mod paint;
mod paper;
mod table;

use haul_chart::{Chart, Face, Ink, Style};
use krilla::Document;
use krilla::destination::XyzDestination;
use krilla::geom::Point;
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;

use crate::report::{Block, Report, Section};
use crate::verdict::VerdictText;
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
        .title(format!("{} – {}", report.words.headings.title, report.subtitle))
        .language(report.words.code.to_owned())
        .creator("haul".to_owned())
        .creation_date(created)
}

/// The pages of a report.
fn pages(report: &Report<'_>) -> Paper {
    let headings = &report.words.headings;
    let mut paper = Paper::new();
    paper.paragraph(headings.title, Style::new(22.0).bold());
    paper.paragraph(&report.subtitle, Style::muted(10.5));
    paper.space(10.0);
    for part in &report.sections {
        section(&mut paper, part, report);
    }
    paper.footers(headings.title, headings.page);
    paper
}

fn section(paper: &mut Paper, Section { heading, block }: &Section, report: &Report<'_>) {
    match block {
        Block::Verdict(verdict) => self::verdict(paper, verdict),
        Block::Banner(lines) => {
            paper.heading(heading);
            for line in lines {
                paper.item(line, Style::new(9.5));
            }
        }
        Block::Facts(facts) => {
            paper.heading(heading);
            for fact in facts {
                paper.fact(fact.name, &fact.value);
            }
        }
        Block::Figure { drawing, text } => {
            paper.keep_together(drawing.height * 0.85 + 100.0);
            paper.heading(heading);
            paper.figure(drawing, 0.85);
            paper.paragraph(text, Style::new(10.0));
        }
        Block::Charts(charts) => {
            paper.new_page(Orientation::Portrait);
            paper.heading(heading);
            for part in charts {
                chart(paper, part);
            }
        }
        Block::Table => cells(paper, heading, report),
        Block::Commands { text, commands } => {
            paper.heading(heading);
            paper.paragraph(text, Style::new(10.0));
            for command in commands {
                paper.paragraph(command, Style::new(10.0).face(Face::Condensed));
            }
        }
    }
}

/// The table on pages of its own, and what its columns mean.
fn cells(paper: &mut Paper, heading: &str, report: &Report<'_>) {
    paper.new_page(Orientation::Landscape);
    paper.heading(heading);
    paper.paragraph(&report.table.note, Style::muted(9.0));
    table::table(paper, report);
    paper.new_page(Orientation::Portrait);
    paper.heading(report.words.headings.columns);
    for column in &report.table.columns {
        paper.fact(column.heading(report.words), column.meaning(report.words));
    }
}

fn verdict(paper: &mut Paper, verdict: &VerdictText) {
    let ink = if verdict.is_good {
        Ink::Series(2)
    } else {
        Ink::Series(1)
    };
    let from = paper.mark();
    paper.indented(14.0, |paper| {
        paper.paragraph(&verdict.sentence, Style::new(14.0).bold());
        paper.paragraph(&verdict.confidence, Style::muted(10.0));
        for point in &verdict.points {
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
