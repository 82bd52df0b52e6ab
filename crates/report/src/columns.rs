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
pub(crate) static COLUMNS: [Column; 24] = [
    Column {
        id: "number",
        heading: "No",
        meaning: "number of the cell",
        unit: ColumnUnit::Index,
        priority: 0,
        value: |row, _| TableValue::Whole(row.number.into()),
    },
    Column {
        id: "operation",
        heading: "Operation",
        meaning: "what every client does",
        unit: ColumnUnit::Text,
        priority: 0,
        value: |row, words| TableValue::text((words.nouns.operation)(row.summary.cell.operation)),
    },
    Column {
        id: "volume_bytes",
        heading: "Volume",
        meaning: "content that each client moves",
        unit: ColumnUnit::Volume,
        priority: 0,
        value: |row, _| TableValue::Bytes(row.summary.cell.volume),
    },
    Column {
        id: "clients",
        heading: "Client workers",
        meaning: "clients that start together",
        unit: ColumnUnit::Count,
        priority: 0,
        value: |row, _| TableValue::Whole(row.summary.cell.clients.into()),
    },
    Column {
        id: "server_workers",
        heading: "Server workers",
        meaning: "workers of the server's pool",
        unit: ColumnUnit::Count,
        priority: 0,
        value: |row, _| TableValue::Whole(row.summary.cell.pool.workers.into()),
    },
    Column {
        id: "time_per_client_s",
        heading: "Time per client (s)",
        meaning: "from the common start to the end of the transfer, the median client, waiting in line included",
        unit: ColumnUnit::Seconds,
        priority: 0,
        value: |row, _| TableValue::number(row.summary.client_s.map(|time| time.median)),
    },
    Column {
        id: "client_throughput",
        heading: "Throughput per client (MiB/s)",
        meaning: "volume over time, the median client",
        unit: ColumnUnit::Rate,
        priority: 0,
        value: |row, _| TableValue::rate(row.summary.client_bytes_per_s),
    },
    Column {
        id: "clients_ok",
        heading: "Client workers ok/failed",
        meaning: "clients that succeeded and failed, in the worst repetition",
        unit: ColumnUnit::Tally,
        priority: 0,
        value: |row, _| clients_ok(row),
    },
    Column {
        id: "workers_ok",
        heading: "Server workers ok/failed",
        meaning: "by the server's own ledger; a worker failed if it died or failed a request",
        unit: ColumnUnit::Tally,
        priority: 0,
        value: workers_ok,
    },
    Column {
        id: "pool",
        heading: "Server pool",
        meaning: "how the server's workers are run",
        unit: ColumnUnit::Text,
        priority: 1,
        value: |row, _| TableValue::text(row.summary.cell.pool.family()),
    },
    Column {
        id: "client_pool",
        heading: "Client pool",
        meaning: "how the clients are run",
        unit: ColumnUnit::Text,
        priority: 2,
        value: |row, _| TableValue::text(row.summary.cell.client_pool.to_string()),
    },
    Column {
        id: "buffer",
        heading: "Buffer",
        meaning: "how much a client moves at a time",
        unit: ColumnUnit::Buffer,
        priority: 14,
        value: |row, _| TableValue::Bytes(row.summary.cell.buffer),
    },
    Column {
        id: "dialect",
        heading: "Dialect",
        meaning: "the verbs that the clients speak",
        unit: ColumnUnit::Text,
        priority: 15,
        value: |row, _| TableValue::text(row.summary.cell.dialect.to_string()),
    },
    Column {
        id: "interval",
        heading: "Interval of the time (s)",
        meaning: "where the true median time lies, from all repetitions",
        unit: ColumnUnit::Interval,
        priority: 6,
        value: |row, _| interval(row),
    },
    Column {
        id: "tail",
        heading: "Slowest clients (s)",
        meaning: "95th percentile (p95) of all clients, or the maximum (max) of fewer than 20",
        unit: ColumnUnit::Seconds,
        priority: 12,
        value: |row, _| row.summary.tail.map_or(TableValue::Missing, TableValue::Tail),
    },
    Column {
        id: "total_throughput",
        heading: "Total (MiB/s)",
        meaning: "all content over the time until the last client is done",
        unit: ColumnUnit::Rate,
        priority: 3,
        value: |row, _| TableValue::rate(row.summary.total_bytes_per_s),
    },
    Column {
        id: "ceiling_share",
        heading: "Share of the ceiling",
        meaning: "total over the lowest limit of this machine that holds for the cell",
        unit: ColumnUnit::Share,
        priority: 7,
        value: |row, _| TableValue::number(row.summary.ceiling.map(|ceiling| ceiling.share)),
    },
    Column {
        id: "server_cpu",
        heading: "Server CPU (s/GiB)",
        meaning: "processor time of the server for each GiB",
        unit: ColumnUnit::Cost,
        priority: 8,
        value: |row, _| TableValue::number(row.summary.server_cpu.map(|cost| cost.total_s_per_gib())),
    },
    Column {
        id: "client_cpu",
        heading: "Client CPU (s/GiB)",
        meaning: "processor time of the clients for each GiB",
        unit: ColumnUnit::Cost,
        priority: 10,
        value: |row, _| TableValue::number(row.summary.client_cpu.map(|cost| cost.total_s_per_gib())),
    },
    Column {
        id: "server_memory",
        heading: "Server peak memory (MiB)",
        meaning: "proportional set size of all its processes",
        unit: ColumnUnit::Memory,
        priority: 9,
        value: |row, _| TableValue::number(row.summary.server_memory.map(ByteSize::as_mib)),
    },
    Column {
        id: "client_memory",
        heading: "Client peak memory (MiB)",
        meaning: "proportional set size of all their processes",
        unit: ColumnUnit::Memory,
        priority: 11,
        value: |row, _| TableValue::number(row.summary.client_memory.map(ByteSize::as_mib)),
    },
    Column {
        id: "verified",
        heading: "Verified",
        meaning: "transfers whose every byte was compared, of all in all repetitions",
        unit: ColumnUnit::Tally,
        priority: 13,
        value: |row, _| verified(row),
    },
    Column {
        id: "ratio",
        heading: "Ratio to baseline",
        meaning: "throughput per client over that of the baseline",
        unit: ColumnUnit::Times,
        priority: 4,
        value: |row, _| TableValue::number(ratio(row)),
    },
    Column {
        id: "remarks",
        heading: "Remarks",
        meaning: "what else to know of the cell",
        unit: ColumnUnit::Prose,
        priority: 5,
        value: |row, words| TableValue::text(remarks(row, words).join("; ")),
    },
];

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
