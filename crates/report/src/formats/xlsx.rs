//! `table.xlsx`: a workbook whose first sheet is the table with typed numbers, a frozen heading and a filter on every
//! column, and whose second sheet says what was measured.

use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

use super::csv::headings;
use crate::columns::{Column, ColumnUnit};
use crate::report::{Block, Report, Section};
use crate::table::TableValue;
use crate::words::en;

/// How a column of the workbook is formatted.
struct Formats {
    heading: Format,
    text: Format,
    bold: Format,
    wrapped: Format,
    right: Format,
    whole: Format,
    seconds: Format,
    tenths: Format,
    share: Format,
    ratio: Format,
    volume: Format,
    buffer: Format,
    marked: Format,
}

impl Formats {
    fn new() -> Self {
        let numbers = |code: &str| Format::new().set_num_format(code);
        Self {
            heading: Format::new()
                .set_bold()
                .set_text_wrap()
                .set_align(FormatAlign::Center)
                .set_align(FormatAlign::VerticalCenter)
                .set_background_color(0x00DD_E8F0)
                .set_border_bottom(FormatBorder::Thin),
            text: Format::new(),
            bold: Format::new().set_bold().set_align(FormatAlign::Top),
            wrapped: Format::new().set_text_wrap().set_align(FormatAlign::Top),
            right: Format::new().set_align(FormatAlign::Right),
            whole: numbers("0"),
            seconds: numbers("0.0000"),
            tenths: numbers("0.0"),
            share: numbers("0.0%"),
            ratio: numbers("0.00\"×\""),
            volume: numbers("0.###\" MiB\""),
            buffer: numbers("0.###\" KiB\""),
            marked: Format::new().set_font_color(0x00B0_2A00),
        }
    }

    /// How the values of a column are written.
    fn of(&self, unit: ColumnUnit, is_marked: bool) -> &Format {
        match unit {
            ColumnUnit::Prose if is_marked => &self.marked,
            ColumnUnit::Text | ColumnUnit::Prose => &self.text,
            ColumnUnit::Index | ColumnUnit::Count => &self.whole,
            ColumnUnit::Tally => &self.right,
            ColumnUnit::Seconds | ColumnUnit::Interval | ColumnUnit::Cost => &self.seconds,
            ColumnUnit::Rate | ColumnUnit::Memory => &self.tenths,
            ColumnUnit::Share => &self.share,
            ColumnUnit::Times => &self.ratio,
            ColumnUnit::Volume => &self.volume,
            ColumnUnit::Buffer => &self.buffer,
        }
    }
}

/// The file's content.
pub(crate) fn workbook(report: &Report<'_>) -> Result<Vec<u8>, XlsxError> {
    let formats = Formats::new();
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_timestamp(report.run.header.started.as_second())?;
    workbook.set_properties(
        &DocProperties::new()
            .set_title(report.words.headings.title)
            .set_creation_datetime(&created),
    );
    write_table(workbook.add_worksheet(), report, &formats)?;
    write_texts(workbook.add_worksheet(), report, &formats)?;
    workbook.save_to_buffer()
}

fn write_table(sheet: &mut Worksheet, report: &Report<'_>, formats: &Formats) -> Result<(), XlsxError> {
    let table = &report.table;
    sheet.set_name(report.words.headings.sheets[0])?;
    let mut at = 0_u16;
    for column in &table.columns {
        for heading in headings(column, report.words) {
            sheet.write_with_format(0, at, heading, &formats.heading)?;
            sheet.set_column_width(at, width(column.unit))?;
            at += 1;
        }
    }
    sheet.set_row_height(0, 48)?;
    for (row, line) in (1_u32..).zip(&table.rows) {
        let mut at = 0;
        for (column, value) in table.columns.iter().zip(&line.values) {
            let format = formats.of(column.unit, line.is_marked);
            at = write_value(sheet, (row, at), (column.unit, value), format)?;
        }
    }
    let last_row = u32::try_from(table.rows.len()).unwrap_or(u32::MAX);
    sheet.autofilter(0, 0, last_row, at.saturating_sub(1))?;
    sheet.set_freeze_panes(1, 1)?;
    sheet
        .set_landscape()
        .set_print_fit_to_pages(1, 0)
        .set_repeat_rows(0, 0)?;
    Ok(())
}

/// Writes a value into its cell, or its two, and gives the column behind it.
fn write_value(
    sheet: &mut Worksheet,
    (row, at): (u32, u16),
    (unit, value): (ColumnUnit, &TableValue),
    format: &Format,
) -> Result<u16, XlsxError> {
    let mut number = |at: u16, number: f64| sheet.write_with_format(row, at, number, format).map(drop);
    match value {
        TableValue::Missing => {}
        TableValue::Whole(count) => number(at, *count as f64)?,
        TableValue::Number(value) => number(at, *value)?,
        TableValue::Bytes(bytes) if unit == ColumnUnit::Buffer => number(at, bytes.as_mib() * 1024.0)?,
        TableValue::Bytes(bytes) => number(at, bytes.as_mib())?,
        TableValue::Interval(low, high) => {
            number(at, *low)?;
            number(at + 1, *high)?;
        }
        TableValue::Tail(tail) => number(at, tail.seconds())?,
        TableValue::Text(_) | TableValue::Counts(..) | TableValue::Of(..) => {
            sheet.write_with_format(row, at, value.shown(unit, &en::WORDS), format)?;
        }
    }
    Ok(at + if unit == ColumnUnit::Interval { 2 } else { 1 })
}

fn width(unit: ColumnUnit) -> f64 {
    match unit {
        ColumnUnit::Index => 6.0,
        ColumnUnit::Prose => 60.0,
        _ => 13.0,
    }
}

/// What was measured and what came out, as pairs of a name and a text.
fn write_texts(sheet: &mut Worksheet, report: &Report<'_>, formats: &Formats) -> Result<(), XlsxError> {
    let headings = &report.words.headings;
    sheet.set_name(headings.sheets[1])?;
    sheet.set_column_width(0, 30)?;
    sheet.set_column_width(1, 110)?;
    let mut lines = vec![(headings.title, report.subtitle.clone())];
    for section in &report.sections {
        lines.extend(texts(section, report));
    }
    for (row, (name, value)) in (0_u32..).zip(lines) {
        sheet.write_with_format(row, 0, name, &formats.bold)?;
        sheet.write_with_format(row, 1, value, &formats.wrapped)?;
    }
    Ok(())
}

fn texts(Section { heading, block }: &Section, report: &Report<'_>) -> Vec<(&'static str, String)> {
    let under_heading = |lines: &[String]| lines.iter().map(|line| (*heading, line.clone())).collect();
    match block {
        Block::Verdict(verdict) => vec![
            (heading, verdict.sentence.clone()),
            ("", verdict.confidence.clone()),
        ],
        Block::Banner(lines) => under_heading(lines),
        Block::Facts(facts) => facts.iter().map(|fact| (fact.name, fact.value.clone())).collect(),
        Block::Table => {
            let meaning = |column: &&Column| {
                let meaning = column.meaning(report.words).to_owned();
                (column.heading(report.words), meaning)
            };
            let mut lines = vec![(*heading, report.table.note.clone())];
            lines.extend(report.table.columns.iter().map(meaning));
            lines
        }
        Block::Commands { commands, .. } => under_heading(commands),
        Block::Figure { .. } | Block::Charts(_) => Vec::new(),
    }
}
