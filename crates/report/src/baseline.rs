//! What a run is set beside, where it is a table of a report.

use haul_results::{Baseline, BaselineError, Operation};

use crate::columns::COLUMNS;
use crate::lang::Lang;
use crate::words::Wording;

/// The times of a table of comma-separated values: one with the columns that [`Baseline::from_csv`] names, or a
/// `table.csv` of a report in any language.
///
/// # Errors
///
/// If a column is missing, a field cannot be read, or there are no rows.
pub fn baseline_from_table(name: impl Into<String>, table: &[u8]) -> Result<Baseline, BaselineError> {
    match in_machine_words(table) {
        Some(translated) => Baseline::from_csv(name, &translated),
        None => Baseline::from_csv(name, table),
    }
}

/// A `table.csv` of a report with the ids of its columns and the words of operations by which a baseline is read; `None`
/// if it is none.
fn in_machine_words(table: &[u8]) -> Option<Vec<u8>> {
    let mut reader = csv::Reader::from_reader(table);
    let heading = reader.headers().ok()?.clone();
    let mut languages = Lang::ALL.iter().map(|lang| lang.words());
    let words = languages.find(|words| heading.get(1) == Some(COLUMNS[1].heading(words)))?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let ids = heading.iter().map(|heading| column_id(heading, words));
    writer.write_record(ids).ok()?;
    for row in reader.records() {
        let row = row.ok()?;
        let word = |field| {
            let mut all = Operation::ALL.iter();
            let same = all.find(|one| (words.nouns.operation)(**one) == field);
            same.map_or(field, |one| one.as_str())
        };
        writer.write_record(row.iter().map(word)).ok()?;
    }
    writer.into_inner().ok()
}

fn column_id<'h>(heading: &'h str, words: &Wording) -> &'h str {
    let found = COLUMNS.iter().find(|column| column.heading(words) == heading);
    found.map_or(heading, |column| column.id)
}
