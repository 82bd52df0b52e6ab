//! `table.xlsx`: a workbook whose first sheet is the table with typed numbers, a frozen heading and a filter on every
//! column, and whose second sheet says what was measured.

use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet, XlsxError,
};

use super::csv::headings;
use crate::report::Report;
use crate::table::{Column, Value};

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
}

/// The file's content.
pub(crate) fn workbook(report: &Report<'_>) -> Result<Vec<u8>, XlsxError> {
    let formats = Formats::new();
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_timestamp(report.run.header.started.as_second())?;
    workbook.set_properties(
        &DocProperties::new()
            .set_title(&report.title)
            .set_creation_datetime(&created),
    );
    write_table(workbook.add_worksheet(), report, &formats)?;
    write_texts(workbook.add_worksheet(), report, &formats)?;
    workbook.save_to_buffer()
}

fn write_table(sheet: &mut Worksheet, report: &Report<'_>, formats: &Formats) -> Result<(), XlsxError> {
    sheet.set_name(report.lang.pick("Results", "Hasil"))?;
    let mut at = 0_u16;
    for column in &report.table.columns {
        for heading in headings(*column, report.lang) {
            sheet.write_with_format(0, at, heading, &formats.heading)?;
            sheet.set_column_width(at, width(*column))?;
            at += 1;
        }
    }
    sheet.set_row_height(0, 48)?;
    for (row, line) in (1_u32..).zip(&report.table.rows) {
        let mut at = 0;
        for (column, value) in report.table.columns.iter().zip(&line.values) {
            let is_remark = *column == Column::Remarks && line.is_marked;
            at = write_value(sheet, (row, at), (*column, value), is_remark, formats)?;
        }
    }
    let last_row = u32::try_from(report.table.rows.len()).unwrap_or(u32::MAX);
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
    (column, value): (Column, &Value),
    is_marked: bool,
    formats: &Formats,
) -> Result<u16, XlsxError> {
    let number_format = match column {
        Column::Number | Column::Clients | Column::Workers => &formats.whole,
        Column::ClientTime | Column::Interval => &formats.seconds,
        _ => &formats.tenths,
    };
    match value {
        Value::Missing => {}
        Value::Whole(count) => drop(sheet.write_with_format(row, at, *count as f64, &formats.whole)?),
        Value::Number(number) if matches!(column, Column::ServerCpu | Column::ClientCpu) => {
            sheet.write_with_format(row, at, *number, &formats.seconds)?;
        }
        Value::Number(number) => drop(sheet.write_with_format(row, at, *number, number_format)?),
        Value::Share(share) => drop(sheet.write_with_format(row, at, *share, &formats.share)?),
        Value::Ratio(ratio) => drop(sheet.write_with_format(row, at, *ratio, &formats.ratio)?),
        Value::Bytes(bytes) if column == Column::Buffer => {
            sheet.write_with_format(row, at, bytes.as_mib() * 1024.0, &formats.buffer)?;
        }
        Value::Bytes(bytes) => drop(sheet.write_with_format(row, at, bytes.as_mib(), &formats.volume)?),
        Value::Interval(low, high) => {
            sheet.write_with_format(row, at, *low, &formats.seconds)?;
            sheet.write_with_format(row, at + 1, *high, &formats.seconds)?;
        }
        Value::Tail(tail) => drop(sheet.write_with_format(row, at, tail.seconds(), &formats.seconds)?),
        Value::Text(text) if is_marked => drop(sheet.write_with_format(row, at, text, &formats.marked)?),
        Value::Text(text) => drop(sheet.write_with_format(row, at, text, &formats.text)?),
        Value::Counts(..) | Value::Of(..) => {
            sheet.write_with_format(row, at, value.text(crate::Lang::En), &formats.right)?;
        }
    }
    Ok(at + if column == Column::Interval { 2 } else { 1 })
}

fn width(column: Column) -> f64 {
    match column {
        Column::Number => 6.0,
        Column::Remarks => 60.0,
        Column::Pool | Column::ClientPool => 12.0,
        _ => 13.0,
    }
}

fn write_texts(sheet: &mut Worksheet, report: &Report<'_>, formats: &Formats) -> Result<(), XlsxError> {
    sheet.set_name(report.lang.pick("About", "Keterangan"))?;
    sheet.set_column_width(0, 30)?;
    sheet.set_column_width(1, 110)?;
    let headings = report.headings();
    let mut lines: Vec<(String, String)> = vec![(report.title.clone(), report.subtitle.clone())];
    lines.push((
        report.lang.pick("Verdict", "Kesimpulan").to_owned(),
        report.verdict.sentence.clone(),
    ));
    lines.push((String::new(), report.verdict.confidence.clone()));
    lines.extend(
        report
            .banner
            .iter()
            .map(|line| (headings.banner.to_owned(), line.clone())),
    );
    lines.extend(
        report
            .configuration
            .iter()
            .map(|fact| (fact.name.clone(), fact.value.clone())),
    );
    lines.push((headings.table.to_owned(), report.table_note.clone()));
    let meaning = |column: &Column| {
        (
            column.heading(report.lang).to_owned(),
            column.meaning(report.lang).to_owned(),
        )
    };
    lines.extend(report.table.columns.iter().map(meaning));
    lines.extend(
        report
            .repeat
            .commands
            .iter()
            .map(|command| (headings.repeat.to_owned(), command.clone())),
    );
    for (row, (name, value)) in (0_u32..).zip(lines) {
        sheet.write_with_format(row, 0, name, &formats.bold)?;
        sheet.write_with_format(row, 1, value, &formats.wrapped)?;
    }
    Ok(())
}
