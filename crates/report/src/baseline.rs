//! What a run is set beside, where it is a table of a report.

use haul_results::{Baseline, BaselineError, Operation};

use crate::labels::operation;
use crate::lang::Lang;
use crate::table::Column;

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

/// A `table.csv` of a report with the headings and operations that a baseline is read by; `None` if it is none.
fn in_machine_words(table: &[u8]) -> Option<Vec<u8>> {
    let mut reader = csv::Reader::from_reader(table);
    let heading = reader.headers().ok()?.clone();
    let lang = *Lang::ALL
        .iter()
        .find(|lang| heading.get(1) == Some(Column::Operation.heading(**lang)))?;
    let words: Vec<&str> = heading
        .iter()
        .map(|heading| machine_word(heading, lang))
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&words).ok()?;
    for row in reader.records() {
        let row = row.ok()?;
        let word = |field| {
            let same = Operation::ALL.iter().find(|one| operation(**one, lang) == field);
            same.map_or(field, |one| one.as_str())
        };
        writer.write_record(row.iter().map(word)).ok()?;
    }
    writer.into_inner().ok()
}

fn machine_word(heading: &str, lang: Lang) -> &str {
    let needed = [
        (Column::Operation, "operation"),
        (Column::Volume, "volume_bytes"),
        (Column::Clients, "clients"),
        (Column::Workers, "server_workers"),
        (Column::ClientTime, "time_per_client_s"),
    ];
    let found = needed.iter().find(|(column, _)| column.heading(lang) == heading);
    found.map_or(heading, |(_, word)| word)
}
