//! `table.csv`: the table with a comma between values, a point before decimals and six significant digits in every
//! language. An interval takes two columns.

use haul_results::Tail;

use crate::lang::Lang;
use crate::report::Report;
use crate::table::{Column, Value};

/// The file's content.
pub(crate) fn table(report: &Report<'_>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let headings: Vec<String> = report
        .table
        .columns
        .iter()
        .flat_map(|column| headings(*column, report.lang))
        .collect();
    writer.write_record(&headings).expect("a vector takes all");
    for row in &report.table.rows {
        let columns = report.table.columns.iter().zip(&row.values);
        let fields: Vec<String> = columns
            .flat_map(|(column, value)| fields(*column, value))
            .collect();
        writer
            .write_record(&fields)
            .expect("a vector takes all, and every row has the fields of the heading");
    }
    writer.into_inner().expect("a vector takes all")
}

/// The headings of a column that is written as one or two.
pub(crate) fn headings(column: Column, lang: Lang) -> Vec<String> {
    match column {
        Column::Interval => vec![
            lang.pick("Time, lower end (s)", "Waktu, batas bawah (s)")
                .to_owned(),
            lang.pick("Time, upper end (s)", "Waktu, batas atas (s)")
                .to_owned(),
        ],
        column => vec![column.heading(lang).to_owned()],
    }
}

fn fields(column: Column, value: &Value) -> Vec<String> {
    match (column, value) {
        (Column::Interval, Value::Interval(low, high)) => vec![digits(*low), digits(*high)],
        (Column::Interval, _) => vec![String::new(), String::new()],
        (_, value) => vec![field(value)],
    }
}

fn field(value: &Value) -> String {
    match value {
        Value::Missing => String::new(),
        Value::Number(number) | Value::Share(number) | Value::Ratio(number) => digits(*number),
        Value::Tail(Tail::Percentile95(seconds)) => format!("p95 {}", digits(*seconds)),
        Value::Tail(Tail::Maximum(seconds)) => format!("max {}", digits(*seconds)),
        other => other.text(Lang::En),
    }
}

/// Six significant digits, without needless zeros.
pub(crate) fn digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    rounded.to_string()
}
