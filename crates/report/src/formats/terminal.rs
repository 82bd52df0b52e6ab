//! The report in a terminal: the verdict, what is wrong, and the table, no wider than the terminal is.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use crate::columns::ColumnUnit;
use crate::report::{Block, Report, Section};
use crate::table::TableRow;

/// The narrowest table; a terminal that is narrower breaks its lines itself.
const WIDTH_MIN: u16 = 60;

/// What the remarks get where there is room for them.
const REMARKS_WIDTH: usize = 24;

/// The columns that tell tables apart where there is no room for them.
const BLOCK: [&str; 4] = ["pool", "client_pool", "buffer", "dialect"];

/// The text, its lines no wider than `width` columns.
pub(crate) fn text(report: &Report<'_>, width: u16) -> String {
    let width = width.max(WIDTH_MIN);
    let mut text = String::new();
    let title = report.words.headings.title;
    push_wrapped(&mut text, &format!("{title}: {}", report.subtitle), width);
    for section in &report.sections {
        for line in lines(section) {
            push_wrapped(&mut text, &line, width);
        }
        if matches!(section.block, Block::Table) {
            push_table(&mut text, report, width);
        }
    }
    text
}

/// The lines of those sections that a terminal has room for, each section after an empty one.
fn lines(Section { heading, block }: &Section) -> Vec<String> {
    let mut lines = vec![String::new()];
    match block {
        Block::Verdict(verdict) => {
            lines.extend([verdict.sentence.clone(), verdict.confidence.clone()]);
            lines.extend(verdict.points.iter().map(|point| format!("- {point}")));
        }
        Block::Banner(found) => {
            lines.push(format!("{heading}:"));
            lines.extend(found.iter().map(|line| format!("! {line}")));
        }
        Block::Table => {}
        Block::Facts(_) | Block::Figure { .. } | Block::Charts(_) | Block::Commands { .. } => {
            lines.clear();
        }
    }
    lines
}

fn push_table(text: &mut String, report: &Report<'_>, width: u16) {
    let places = places(report, width);
    if places
        .iter()
        .any(|place| report.table.columns[*place].id == "client_pool")
    {
        let rows: Vec<&TableRow> = report.table.rows.iter().collect();
        *text += &format!("{}\n\n", table(report, &places, &rows, width));
    } else {
        for (name, rows) in blocks(report) {
            *text += &format!("{name}\n{}\n\n", table(report, &places, &rows, width));
        }
    }
    push_wrapped(text, &report.table.note, width);
}

/// The places of the columns that fit without breaking a value or a word of a heading, in the order of the table.
fn places(report: &Report<'_>, width: u16) -> Vec<usize> {
    let columns = &report.table.columns;
    let mut chosen: Vec<usize> = (0..columns.len()).collect();
    chosen.sort_by_key(|place| columns[*place].priority);
    let mut used = 0;
    let mut fits = |place: &usize| {
        used += needed(report, *place);
        columns[*place].priority == 0 || used <= usize::from(width)
    };
    let fitting = chosen.iter().take_while(|place| fits(place)).count();
    chosen.truncate(fitting);
    chosen.sort_unstable();
    chosen
}

/// How many letters a column needs, the space behind it included.
fn needed(report: &Report<'_>, place: usize) -> usize {
    let column = report.table.columns[place];
    if column.unit == ColumnUnit::Prose {
        return REMARKS_WIDTH;
    }
    let heading = breakable(column.heading(report.words));
    let words = heading.split(' ').map(|word| word.chars().count() + 1);
    let values = report.table.rows.iter().map(|row| shown(report, row, place));
    let longest = values.map(|value| value.chars().count() + 1).max();
    words.max().max(longest).unwrap_or(0)
}

fn shown(report: &Report<'_>, row: &TableRow, place: usize) -> String {
    row.values[place].shown(report.table.columns[place].unit, report.words)
}

/// The rows in tables of one pool, client pool, buffer and dialect each, with what they are called.
fn blocks<'r>(report: &'r Report<'_>) -> Vec<(String, Vec<&'r TableRow>)> {
    let mut blocks: Vec<(String, Vec<&TableRow>)> = Vec::new();
    for row in &report.table.rows {
        let columns = report.table.columns.iter().enumerate();
        let name: Vec<String> = columns
            .filter(|(_, column)| BLOCK.contains(&column.id))
            .map(|(place, column)| format!("{} {}", column.heading(report.words), shown(report, row, place)))
            .collect();
        let name = name.join(", ");
        match blocks.last_mut() {
            Some((last, rows)) if *last == name => rows.push(row),
            _ => blocks.push((name, vec![row])),
        }
    }
    blocks
}

fn table(report: &Report<'_>, places: &[usize], rows: &[&TableRow], width: u16) -> Table {
    let columns = || places.iter().map(|place| report.table.columns[*place]);
    let aligned = |place: &usize| match report.table.columns[*place].is_numeric() {
        true => CellAlignment::Right,
        false => CellAlignment::Left,
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    let headings = columns().map(|column| breakable(column.heading(report.words)));
    table.set_header(
        headings
            .zip(places)
            .map(|(heading, place)| Cell::new(heading).set_alignment(aligned(place))),
    );
    for row in rows {
        let cell = |place: &usize| Cell::new(shown(report, row, *place)).set_alignment(aligned(place));
        table.add_row(places.iter().map(cell));
    }
    for ((laid_out, column), place) in table.column_iter_mut().zip(columns()).zip(places) {
        laid_out.set_padding((0, 1));
        if column.unit != ColumnUnit::Prose {
            let letters = u16::try_from(needed(report, *place)).unwrap_or(u16::MAX);
            laid_out.set_constraint(ColumnConstraint::Absolute(Width::Fixed(letters)));
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
