//! `table.csv`: the table with a comma between values, a point before decimals and six significant digits in every
//! language. An interval takes two columns.

use crate::columns::{Column, ColumnUnit};
use crate::report::Report;
use crate::table::{TableValue, tail_text};
use crate::words::{Wording, en};

/// The file's content.
pub(crate) fn table(report: &Report<'_>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = || report.table.columns.iter();
    let headings = columns().flat_map(|column| headings(column, report.words));
    writer.write_record(headings).expect("a vector takes all");
    for row in &report.table.rows {
        let fields = columns()
            .zip(&row.values)
            .flat_map(|(column, value)| fields(column, value));
        writer
            .write_record(fields)
            .expect("a vector takes all, and every row has the fields of the heading");
    }
    writer.into_inner().expect("a vector takes all")
}

/// The headings of a column that is written as one or two.
pub(crate) fn headings(column: &Column, words: &Wording) -> Vec<&'static str> {
    match column.unit {
        ColumnUnit::Interval => words.columns.interval_ends.to_vec(),
        _ => vec![column.heading(words)],
    }
}

fn fields(column: &Column, value: &TableValue) -> Vec<String> {
    match (column.unit, value) {
        (ColumnUnit::Interval, TableValue::Interval(low, high)) => vec![digits(*low), digits(*high)],
        (ColumnUnit::Interval, _) => vec![String::new(), String::new()],
        (unit, value) => vec![field(unit, value)],
    }
}

fn field(unit: ColumnUnit, value: &TableValue) -> String {
    match value {
        TableValue::Missing => String::new(),
        TableValue::Number(number) => digits(*number),
        TableValue::Tail(tail) => tail_text(*tail, digits),
        other => other.shown(unit, &en::WORDS),
    }
}

/// Six significant digits, without needless zeros.
pub(crate) fn digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    rounded.to_string()
}
