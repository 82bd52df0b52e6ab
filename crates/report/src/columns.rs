//! The columns of the table, one entry for each. A column is added by its entry here; other languages than English
//! translate it by its id.

use haul_results::{Analysis, ByteSize, Dialect, Row, WorkerTally};

use crate::labels::remarks;
use crate::table::TableValue;
use crate::view::ratio;
use crate::words::Wording;

/// One column.
pub(crate) struct Column {
    /// Its name for programs: tables that become a baseline are read by it.
    pub(crate) id: &'static str,
    /// The heading in English, with the unit.
    heading: &'static str,
    /// One clause on what it means, in English.
    meaning: &'static str,
    /// What its values are.
    pub(crate) unit: ColumnUnit,
    /// 0 where it is always shown; else its turn where there is no room for all.
    pub(crate) priority: u8,
    /// What it shows of a cell.
    pub(crate) value: fn(&Row, &Wording) -> TableValue,
}

/// What the values of a column are, and so how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnUnit {
    /// A word or two.
    Text,
    /// As many words as it takes.
    Prose,
    /// The number of a row.
    Index,
    Count,
    /// So many of one kind and so many of another.
    Tally,
    Volume,
    Buffer,
    Seconds,
    /// Seconds, from and to.
    Interval,
    /// Seconds for each GiB.
    Cost,
    /// MiB for each second.
    Rate,
    /// MiB.
    Memory,
    /// A part of 1.
    Share,
    /// So many times as much.
    Times,
}

/// All columns, in their order. The first nine are those of the exercise.
// Two lines for each: the list is read like a table.
#[rustfmt::skip]
pub(crate) static COLUMNS: [Column; 24] = [
    column("number", "No", ColumnUnit::Index, 0, "number of the cell",
        |row, _| TableValue::Whole(row.number.into())),
    column("operation", "Operation", ColumnUnit::Text, 0, "what every client does",
        |row, words| TableValue::text((words.nouns.operation)(row.summary.cell.operation))),
    column("volume_bytes", "Volume", ColumnUnit::Volume, 0, "content that each client moves",
        |row, _| TableValue::Bytes(row.summary.cell.volume)),
    column("clients", "Client workers", ColumnUnit::Count, 0, "clients that start together",
        |row, _| TableValue::Whole(row.summary.cell.clients.into())),
    column("server_workers", "Server workers", ColumnUnit::Count, 0, "workers of the server's pool",
        |row, _| TableValue::Whole(row.summary.cell.pool.workers.into())),
    column("time_per_client_s", "Time per client (s)", ColumnUnit::Seconds, 0, "from the common start to the end of the transfer, the median client, waiting in line included",
        |row, _| TableValue::number(row.summary.client_s.map(|time| time.median))),
    column("client_throughput", "Throughput per client (MiB/s)", ColumnUnit::Rate, 0, "volume over time, the median client",
        |row, _| TableValue::rate(row.summary.client_bytes_per_s)),
    column("clients_ok", "Client workers ok/failed", ColumnUnit::Tally, 0, "clients that succeeded and failed, in the worst repetition",
        |row, _| clients_ok(row)),
    column("workers_ok", "Server workers ok/failed", ColumnUnit::Tally, 0, "by the server's own ledger; a worker failed if it died or failed a request",
        workers_ok),
    column("pool", "Server pool", ColumnUnit::Text, 1, "how the server's workers are run",
        |row, _| TableValue::text(row.summary.cell.pool.family())),
    column("client_pool", "Client pool", ColumnUnit::Text, 2, "how the clients are run",
        |row, _| TableValue::text(row.summary.cell.client_pool.to_string())),
    column("buffer", "Buffer", ColumnUnit::Buffer, 14, "how much a client moves at a time",
        |row, _| TableValue::Bytes(row.summary.cell.buffer)),
    column("dialect", "Dialect", ColumnUnit::Text, 15, "the verbs that the clients speak",
        |row, _| TableValue::text(row.summary.cell.dialect.to_string())),
    column("interval", "Interval of the time (s)", ColumnUnit::Interval, 6, "where the true median time lies, from all repetitions",
        |row, _| interval(row)),
    column("tail", "Slowest clients (s)", ColumnUnit::Seconds, 12, "95th percentile (p95) of all clients, or the maximum (max) of fewer than 20",
        |row, _| row.summary.tail.map_or(TableValue::Missing, TableValue::Tail)),
    column("total_throughput", "Total (MiB/s)", ColumnUnit::Rate, 3, "all content over the time until the last client is done",
        |row, _| TableValue::rate(row.summary.total_bytes_per_s)),
    column("ceiling_share", "Share of the ceiling", ColumnUnit::Share, 7, "total over the lowest limit of this machine that holds for the cell",
        |row, _| TableValue::number(row.summary.ceiling.map(|ceiling| ceiling.share))),
    column("server_cpu", "Server CPU (s/GiB)", ColumnUnit::Cost, 8, "processor time of the server for each GiB",
        |row, _| TableValue::number(row.summary.server_cpu.map(|cost| cost.total_s_per_gib()))),
    column("client_cpu", "Client CPU (s/GiB)", ColumnUnit::Cost, 10, "processor time of the clients for each GiB",
        |row, _| TableValue::number(row.summary.client_cpu.map(|cost| cost.total_s_per_gib()))),
    column("server_memory", "Server peak memory (MiB)", ColumnUnit::Memory, 9, "proportional set size of all its processes",
        |row, _| TableValue::number(row.summary.server_memory.map(ByteSize::as_mib))),
    column("client_memory", "Client peak memory (MiB)", ColumnUnit::Memory, 11, "proportional set size of all their processes",
        |row, _| TableValue::number(row.summary.client_memory.map(ByteSize::as_mib))),
    column("verified", "Verified", ColumnUnit::Tally, 13, "transfers whose every byte was compared, of all in all repetitions",
        |row, _| verified(row)),
    column("ratio", "Ratio to baseline", ColumnUnit::Times, 4, "throughput per client over that of the baseline",
        |row, _| TableValue::number(ratio(row))),
    column("remarks", "Remarks", ColumnUnit::Prose, 5, "what else to know of the cell",
        |row, words| TableValue::text(remarks(row, words).join("; "))),
];

const fn column(
    id: &'static str,
    heading: &'static str,
    unit: ColumnUnit,
    priority: u8,
    meaning: &'static str,
    value: fn(&Row, &Wording) -> TableValue,
) -> Column {
    Column {
        id,
        heading,
        meaning,
        unit,
        priority,
        value,
    }
}

impl Column {
    /// Whether it says anything of this run.
    pub(crate) fn is_shown(&self, analysis: &Analysis<'_>) -> bool {
        match self.id {
            "dialect" => analysis
                .summaries()
                .any(|summary| summary.cell.dialect != Dialect::Classic),
            "ratio" => analysis.baseline.is_some(),
            _ => true,
        }
    }

    /// The heading, with the unit.
    pub(crate) fn heading(&self, words: &Wording) -> &'static str {
        self.translation(words)
            .map_or(self.heading, |(_, heading, _)| heading)
    }

    /// One clause on what the column means.
    pub(crate) fn meaning(&self, words: &Wording) -> &'static str {
        self.translation(words)
            .map_or(self.meaning, |(_, _, meaning)| meaning)
    }

    fn translation(&self, words: &Wording) -> Option<&'static (&'static str, &'static str, &'static str)> {
        let mut translations = words.columns.translations.iter();
        translations.find(|(id, ..)| *id == self.id)
    }

    /// Whether its values stand at the right, so that their digits do.
    pub(crate) fn is_numeric(&self) -> bool {
        !matches!(self.unit, ColumnUnit::Text | ColumnUnit::Prose)
    }
}

fn clients_ok(row: &Row) -> TableValue {
    row.summary.worst_trial().map_or(TableValue::Missing, |trial| {
        TableValue::Counts(trial.clients_ok.into(), trial.clients_failed().into())
    })
}

fn workers_ok(row: &Row, words: &Wording) -> TableValue {
    match row.summary.workers() {
        Some(WorkerTally { ok, failed, .. }) => TableValue::Counts(ok.into(), failed.into()),
        None if row.summary.trials.is_empty() => TableValue::Missing,
        None => TableValue::text(words.cells.not_reported),
    }
}

fn interval(row: &Row) -> TableValue {
    let time = row.summary.client_s.filter(|time| time.values > 1);
    time.map_or(TableValue::Missing, |time| {
        TableValue::Interval(time.low, time.high)
    })
}

fn verified(row: &Row) -> TableValue {
    let summary = &row.summary;
    let of = summary.clients_ok() + summary.clients_failed();
    match summary.trials.is_empty() {
        true => TableValue::Missing,
        false => TableValue::Of(summary.verified().into(), of.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::lang::Lang;
    use crate::words::en;

    #[test]
    fn every_language_has_words_for_every_column_and_for_no_other() {
        let columns: BTreeSet<&str> = COLUMNS.iter().map(|column| column.id).collect();
        assert_eq!(columns.len(), COLUMNS.len());
        assert!(
            en::WORDS.columns.translations.is_empty(),
            "English stands in the list"
        );
        for words in Lang::ALL[1..].iter().map(|lang| lang.words()) {
            let translated: BTreeSet<&str> = words.columns.translations.iter().map(|(id, ..)| *id).collect();
            assert_eq!(translated, columns, "{}", words.code);
        }
    }
}
