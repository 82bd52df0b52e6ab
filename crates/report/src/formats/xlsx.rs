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
fn format_of(unit: ColumnUnit) -> Format {
    let code = match unit {
        ColumnUnit::Text | ColumnUnit::Prose => return Format::new(),
        ColumnUnit::Tally => return Format::new().set_align(FormatAlign::Right),
        ColumnUnit::Index | ColumnUnit::Count => "0",
        ColumnUnit::Seconds | ColumnUnit::Interval | ColumnUnit::Cost => "0.0000",
        ColumnUnit::Rate | ColumnUnit::Memory => "0.0",
        ColumnUnit::Share => "0.0%",
        ColumnUnit::Times => "0.00\"×\"",
        ColumnUnit::Volume => "0.###\" MiB\"",
        ColumnUnit::Buffer => "0.###\" KiB\"",
    };
    Format::new().set_num_format(code)
}

fn heading_format() -> Format {
    Format::new()
        .set_bold()
        .set_text_wrap()
        .set_align(FormatAlign::Center)
        .set_align(FormatAlign::VerticalCenter)
        .set_background_color(0x00DD_E8F0)
        .set_border_bottom(FormatBorder::Thin)
}

/// The file's content.
pub(crate) fn workbook(report: &Report<'_>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_timestamp(report.run.header.started.as_second())?;
    workbook.set_properties(
        &DocProperties::new()
            .set_title(report.words.headings.title)
            .set_creation_datetime(&created),
    );
    write_table(workbook.add_worksheet(), report)?;
    write_texts(workbook.add_worksheet(), report)?;
    workbook.save_to_buffer()
}

fn write_table(sheet: &mut Worksheet, report: &Report<'_>) -> Result<(), XlsxError> {
    let table = &report.table;
    sheet.set_name(report.words.headings.sheets[0])?;
    let mut at = 0_u16;
    for column in &table.columns {
        for heading in headings(column, report.words) {
            sheet.write_with_format(0, at, heading, &heading_format())?;
            sheet.set_column_width(at, width(column.unit))?;
            at += 1;
        }
    }
    sheet.set_row_height(0, 48)?;
    let formats: Vec<Format> = table
        .columns
        .iter()
        .map(|column| format_of(column.unit))
        .collect();
    let marked = Format::new().set_font_color(0x00B0_2A00);
    for (row, line) in (1_u32..).zip(&table.rows) {
        let mut at = 0;
        for ((column, value), format) in table.columns.iter().zip(&line.values).zip(&formats) {
            let is_marked = line.is_marked && column.unit == ColumnUnit::Prose;
            let format = if is_marked { &marked } else { format };
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
fn write_texts(sheet: &mut Worksheet, report: &Report<'_>) -> Result<(), XlsxError> {
    let headings = &report.words.headings;
    sheet.set_name(headings.sheets[1])?;
    sheet.set_column_width(0, 30)?;
    sheet.set_column_width(1, 110)?;
    let mut lines = vec![(headings.title, report.subtitle.clone())];
    for section in &report.sections {
        lines.extend(texts(section, report));
    }
    let top = Format::new().set_align(FormatAlign::Top);
    let (bold, wrapped) = (top.clone().set_bold(), top.set_text_wrap());
    for (row, (name, value)) in (0_u32..).zip(lines) {
        sheet.write_with_format(row, 0, name, &bold)?;
        sheet.write_with_format(row, 1, value, &wrapped)?;
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
