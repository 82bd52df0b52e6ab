//! The table on paper: a narrow font, as many pages as it needs, the heading on each.

use super::paper::Paper;
use crate::columns::{Column, ColumnUnit};
use crate::report::Report;
use crate::table::Table;
use haul_chart::{Face, Ink, Style};

/// The sizes of type that are tried, the largest that fits is taken.
const SIZES: [f64; 6] = [7.5, 7.0, 6.5, 6.0, 5.5, 5.0];
const PADDING: f64 = 3.0;
/// The least width of the remarks.
const REMARKS: f64 = 70.0;

/// The columns as they are laid out.
struct Layout {
    size: f64,
    widths: Vec<f64>,
    headings: Vec<Vec<String>>,
    /// The text of every value.
    texts: Vec<Vec<String>>,
}

pub(super) fn table(paper: &mut Paper, report: &Report<'_>) {
    let layout = layout(report, paper.inner_width());
    heading(paper, &layout, &report.table);
    for (number, texts) in layout.texts.iter().enumerate() {
        let lines: Vec<Vec<String>> = texts
            .iter()
            .zip(&layout.widths)
            .map(|(text, width)| Face::Condensed.wrap(text, layout.size, width - 2.0 * PADDING))
            .collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(1) as f64 * layout.size * 1.25 + 2.5;
        if paper.keep_together(height) {
            heading(paper, &layout, &report.table);
        }
        let top = paper.take(height);
        let (left, width) = (paper.left(), paper.inner_width());
        if number % 2 == 1 {
            paper.page().rect((left, top), (width, height), Ink::Surface);
        }
        let ink = if report.table.rows[number].is_marked {
            Ink::Series(1)
        } else {
            Ink::Text
        };
        let style = Style::new(layout.size).face(Face::Condensed).ink(ink);
        write(paper, &layout, &report.table, &lines, top + 1.0, style);
    }
}

fn heading(paper: &mut Paper, layout: &Layout, table: &Table) {
    let lines = layout.headings.iter().map(Vec::len).max().unwrap_or(1);
    let height = lines as f64 * layout.size * 1.25 + 5.0;
    let top = paper.take(height);
    let style = Style::new(layout.size).face(Face::CondensedBold);
    write(paper, layout, table, &layout.headings, top, style);
    let (left, width) = (paper.left(), paper.inner_width());
    paper.page().line(
        vec![(left, top + height - 2.0), (left + width, top + height - 2.0)],
        Ink::Muted,
        0.8,
    );
}

fn write(paper: &mut Paper, layout: &Layout, table: &Table, cells: &[Vec<String>], top: f64, style: Style) {
    let mut x = paper.left();
    for ((lines, width), column) in cells.iter().zip(&layout.widths).zip(&table.columns) {
        for (number, line) in lines.iter().enumerate() {
            let base = top + style.size * (1.0 + 1.25 * number as f64);
            if column.is_numeric() {
                paper
                    .page()
                    .text((x + width - PADDING, base), line.as_str(), style.end());
            } else {
                paper.page().text((x + PADDING, base), line.as_str(), style);
            }
        }
        x += width;
    }
}

fn layout(report: &Report<'_>, width: f64) -> Layout {
    let (table, words) = (&report.table, report.words);
    let texts: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| {
            let cells = table.columns.iter().zip(&row.values);
            cells
                .map(|(column, value)| value.shown(column.unit, words))
                .collect()
        })
        .collect();
    let at = |size: f64| -> Vec<f64> {
        let needed = |(index, column): (usize, &&Column)| {
            let letters = column
                .heading(words)
                .split(' ')
                .map(|word| Face::CondensedBold.width(word, size));
            let values = texts.iter().map(|row| Face::Condensed.width(&row[index], size));
            let values = values.filter(|_| column.unit != ColumnUnit::Prose);
            letters.chain(values).fold(0.0, f64::max) + 2.0 * PADDING + 0.1
        };
        table.columns.iter().enumerate().map(needed).collect()
    };
    let sum =
        |widths: &[f64]| widths.iter().sum::<f64>() + REMARKS - widths.last().copied().unwrap_or_default();
    let fitting = SIZES.iter().copied().find(|size| sum(&at(*size)) <= width);
    let size = fitting.unwrap_or(SIZES[SIZES.len() - 1]);
    let mut widths = at(size);
    let others: f64 = widths.iter().rev().skip(1).sum();
    // Where not even the smallest type fits, all columns give way in proportion and their values wrap.
    let squeeze = ((width - REMARKS) / others).min(1.0);
    widths.iter_mut().for_each(|width| *width *= squeeze);
    if let Some(remarks) = widths.last_mut() {
        *remarks = width - others * squeeze;
    }
    let heading = |(column, width): (&&Column, &f64)| {
        Face::CondensedBold.wrap(column.heading(words), size, width - 2.0 * PADDING)
    };
    let headings = table.columns.iter().zip(&widths).map(heading).collect();
    Layout {
        size,
        widths,
        headings,
        texts,
    }
}
