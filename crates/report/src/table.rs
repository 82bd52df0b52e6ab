//! The table of results: typed values under typed columns, which every format writes in its own way.

use haul_results::{ByteSize, Estimate, Row, Tail};
use haul_types::MIB;

use crate::columns::{COLUMNS, Column, ColumnUnit};
use crate::view::View;
use crate::words::Wording;

/// The whole table.
pub(crate) struct Table {
    /// How sure the intervals are.
    pub(crate) note: String,
    pub(crate) columns: Vec<&'static Column>,
    pub(crate) rows: Vec<TableRow>,
}

/// One cell of the matrix.
pub(crate) struct TableRow {
    /// As many as columns.
    pub(crate) values: Vec<TableValue>,
    /// Whether something is wrong with the cell: it failed, is invalid, or was not measured.
    pub(crate) is_marked: bool,
}

/// One value, typed; its column has the unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TableValue {
    /// It was not measured.
    Missing,
    Whole(u64),
    Text(String),
    Number(f64),
    Bytes(ByteSize),
    /// From the first to the second.
    Interval(f64, f64),
    /// So many that are fine, and so many that are not.
    Counts(u64, u64),
    /// The first of the second.
    Of(u64, u64),
    /// The 95th percentile or the maximum, whichever the number of values allows.
    Tail(Tail),
}

impl Table {
    pub(crate) fn new(view: &View<'_>) -> Self {
        let shown = |column: &&Column| column.is_shown(view.analysis);
        let columns: Vec<&Column> = COLUMNS.iter().filter(shown).collect();
        let row = |row: &Row| TableRow {
            values: columns
                .iter()
                .map(|column| (column.value)(row, view.words))
                .collect(),
            is_marked: !row.summary.is_sound(),
        };
        let rows = view.rows().map(row).collect();
        let note = note(view);
        Self { note, columns, rows }
    }
}

fn note(view: &View<'_>) -> String {
    let (words, repeats) = (view.words, view.analysis.run.header.repeats);
    match repeats {
        1 => words.texts.one_repetition.to_owned(),
        _ => {
            let claimed = words.percent(Estimate::confidence_of(repeats as usize));
            (words.texts.medians)(repeats, &claimed)
        }
    }
}

impl TableValue {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn number(number: Option<f64>) -> Self {
        number.map_or(Self::Missing, Self::Number)
    }

    /// The median of a throughput, in MiB/s.
    pub(crate) fn rate(bytes_per_s: Option<Estimate>) -> Self {
        Self::number(bytes_per_s.map(|rate| rate.median / MIB as f64))
    }

    /// The value for people.
    pub(crate) fn shown(&self, unit: ColumnUnit, words: &Wording) -> String {
        match self {
            Self::Missing => "–".to_owned(),
            Self::Whole(count) => count.to_string(),
            Self::Text(text) => text.clone(),
            Self::Number(share) if unit == ColumnUnit::Share => words.percent(*share),
            Self::Number(times) if unit == ColumnUnit::Times => format!("{}×", words.number(*times)),
            Self::Number(number) => words.number(*number),
            Self::Bytes(bytes) => format!("{bytes:#}"),
            Self::Interval(low, high) => format!("{}–{}", words.number(*low), words.number(*high)),
            Self::Counts(part, other) | Self::Of(part, other) => format!("{part}/{other}"),
            Self::Tail(tail) => tail_text(*tail, |seconds| words.number(seconds)),
        }
    }

    /// By what rows are sorted, where it is a number.
    pub(crate) fn sort_key(&self) -> Option<f64> {
        match self {
            Self::Missing | Self::Text(_) => None,
            Self::Whole(count) | Self::Counts(count, _) | Self::Of(count, _) => Some(*count as f64),
            Self::Number(number) | Self::Interval(number, _) => Some(*number),
            Self::Bytes(bytes) => Some(bytes.as_f64()),
            Self::Tail(tail) => Some(tail.seconds()),
        }
    }
}

/// Which of the two it is, and how many seconds.
pub(crate) fn tail_text(tail: Tail, number: impl Fn(f64) -> String) -> String {
    let name = match tail {
        Tail::Percentile95(_) => "p95",
        Tail::Maximum(_) => "max",
    };
    format!("{name} {}", number(tail.seconds()))
}
