//! The report in a terminal: the verdict, what is wrong, and the table, no wider than the terminal is.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::report::Report;
use crate::table::{Column, TableRow};

/// The narrowest table; a terminal that is narrower breaks its lines itself.
const WIDTH_MIN: u16 = 60;

/// The columns that are always there: those of the exercise.
const FIRST: [Column; 9] = [
    Column::Number,
    Column::Operation,
    Column::Volume,
    Column::Clients,
    Column::Workers,
    Column::ClientTime,
    Column::ClientThroughput,
    Column::ClientsOk,
    Column::WorkersOk,
];

/// Further columns, the most telling first: as many as fit.
const FURTHER: [Column; 15] = [
    Column::Pool,
    Column::ClientPool,
    Column::Total,
    Column::Ratio,
    Column::Remarks,
    Column::Interval,
    Column::CeilingShare,
    Column::ServerCpu,
    Column::ServerMemory,
    Column::ClientCpu,
    Column::ClientMemory,
    Column::Tail,
    Column::Verified,
    Column::Buffer,
    Column::Dialect,
];

/// The columns that tell tables apart where there is no room for them.
const BLOCK: [Column; 4] = [Column::Pool, Column::ClientPool, Column::Buffer, Column::Dialect];

/// The text, its lines no wider than `width` columns.
pub(crate) fn text(report: &Report<'_>, width: u16) -> String {
    let width = width.max(WIDTH_MIN);
    let mut text = String::new();
    let mut paragraph = |line: &str| push_wrapped(&mut text, line, width);
    paragraph(&format!("{}: {}", report.title, report.subtitle));
    paragraph("");
    paragraph(&report.verdict.sentence);
    paragraph(&report.verdict.confidence);
    for point in &report.verdict.points {
        paragraph(&format!("- {point}"));
    }
    if !report.banner.is_empty() {
        paragraph("");
        paragraph(&format!("{}:", report.headings().banner));
        for line in &report.banner {
            paragraph(&format!("! {line}"));
        }
    }
    text.push('\n');
    let columns = columns(report, width);
    if columns.contains(&Column::ClientPool) {
        let rows: Vec<&TableRow> = report.table.rows.iter().collect();
        text += &format!("{}\n\n", table(report, &columns, &rows, width));
    } else {
        for (name, rows) in blocks(report) {
            text += &format!("{name}\n{}\n\n", table(report, &columns, &rows, width));
        }
    }
    push_wrapped(&mut text, &report.table_note, width);
    text
}

/// The columns that fit without breaking a value or a word of a heading, in the order of the table.
fn columns(report: &Report<'_>, width: u16) -> Vec<Column> {
    let mut chosen = FIRST.to_vec();
    let has = |column: &Column| report.table.columns.contains(column);
    let mut used: usize = FIRST.iter().map(|column| needed(report, *column)).sum();
    for column in FURTHER.into_iter().filter(has) {
        let more = needed(report, column);
        if used + more > usize::from(width) {
            break;
        }
        used += more;
        chosen.push(column);
    }
    report
        .table
        .columns
        .iter()
        .copied()
        .filter(|column| chosen.contains(column))
        .collect()
}

/// How many letters a column needs, the space behind it included.
fn needed(report: &Report<'_>, column: Column) -> usize {
    const REMARKS: usize = 24;
    let heading = breakable(column.heading(report.lang));
    let words = heading.split(' ').map(|word| word.chars().count() + 1);
    let place = report.table.columns.iter().position(|other| *other == column);
    let values = report
        .table
        .rows
        .iter()
        .filter_map(|row| Some(row.values[place?].text(report.lang).chars().count()));
    match column {
        Column::Remarks => REMARKS,
        _ => words.max().unwrap_or(0).max(values.max().unwrap_or(0) + 1),
    }
}

/// The rows in tables of one pool, client pool, buffer and dialect each, with what they are called.
fn blocks<'r>(report: &'r Report<'_>) -> Vec<(String, Vec<&'r TableRow>)> {
    let mut blocks: Vec<(String, Vec<&TableRow>)> = Vec::new();
    for row in &report.table.rows {
        let shown = report
            .table
            .columns
            .iter()
            .zip(&row.values)
            .filter(|(column, _)| BLOCK.contains(column));
        let name: Vec<String> = shown
            .map(|(column, value)| format!("{} {}", column.heading(report.lang), value.text(report.lang)))
            .collect();
        let name = name.join(", ");
        match blocks.last_mut() {
            Some((last, rows)) if *last == name => rows.push(row),
            _ => blocks.push((name, vec![row])),
        }
    }
    blocks
}

fn table(report: &Report<'_>, columns: &[Column], rows: &[&TableRow], width: u16) -> Table {
    let places: Vec<usize> = columns
        .iter()
        .filter_map(|column| report.table.columns.iter().position(|other| other == column))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    let aligned = |column: Column| {
        if column.is_numeric() {
            CellAlignment::Right
        } else {
            CellAlignment::Left
        }
    };
    let heading =
        |column: &Column| Cell::new(breakable(column.heading(report.lang))).set_alignment(aligned(*column));
    table.set_header(columns.iter().map(heading));
    for row in rows {
        let cell = |place: &usize| {
            Cell::new(row.values[*place].text(report.lang))
                .set_alignment(aligned(report.table.columns[*place]))
        };
        table.add_row(places.iter().map(cell));
    }
    for (column, shown) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, 1));
        if *shown != Column::Remarks {
            let letters = u16::try_from(needed(report, *shown)).unwrap_or(u16::MAX);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(letters)));
        }
    }
    table
}

/// A heading that may be broken behind the stroke of "ok/failed", not in a unit.
fn breakable(heading: &str) -> String {
    heading.replace("ok/", "ok/ ").replace("sukses/", "sukses/ ")
}

/// Adds a paragraph in lines of at most `width` letters.
pub(crate) fn push_wrapped(text: &mut String, paragraph: &str, width: u16) {
    for line in wrap(paragraph, width.into()) {
        text.push_str(&line);
        text.push('\n');
    }
}

/// `text` in lines of at most `width` letters.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("it starts with one line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
