//! The table of results: typed values under typed columns, which every format writes in its own way.

use haul_results::{ByteSize, CellSummary, Remark, Row, Tail, WorkerTally};
use haul_types::MIB;

use crate::labels::{operation, problem_text};
use crate::lang::Lang;
use crate::view::{View, ratio};

/// What a column shows. The first nine are those of the exercise, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Number,
    Operation,
    Volume,
    Clients,
    Workers,
    ClientTime,
    ClientThroughput,
    ClientsOk,
    WorkersOk,
    Pool,
    ClientPool,
    Buffer,
    Dialect,
    Interval,
    Tail,
    Total,
    CeilingShare,
    ServerCpu,
    ClientCpu,
    ServerMemory,
    ClientMemory,
    Verified,
    Ratio,
    Remarks,
}

/// One value, typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// It was not measured.
    Missing,
    Whole(u64),
    Text(String),
    Number(f64),
    Bytes(ByteSize),
    Share(f64),
    /// So many times as much as the baseline.
    Ratio(f64),
    /// From the first to the second.
    Interval(f64, f64),
    /// So many that are fine, and so many that are not.
    Counts(u64, u64),
    /// The first of the second.
    Of(u64, u64),
    /// The 95th percentile or the maximum, whichever the number of values allows.
    Tail(Tail),
}

/// One cell of the matrix.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TableRow {
    /// As many as columns.
    pub(crate) values: Vec<Value>,
    /// Whether something is wrong with the cell: it failed, is invalid, or was not measured.
    pub(crate) is_marked: bool,
}

/// The whole table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<TableRow>,
}

/// What each column means, in English and Indonesian.
const MEANINGS: [(Column, &str, &str); 24] = [
    (Column::Number, "number of the cell", "nomor sel"),
    (
        Column::Operation,
        "what every client does",
        "yang dilakukan setiap client",
    ),
    (
        Column::Volume,
        "content that each client moves",
        "isi yang dipindahkan setiap client",
    ),
    (
        Column::Clients,
        "clients that start together",
        "client yang mulai bersamaan",
    ),
    (
        Column::Workers,
        "workers of the server's pool",
        "worker dalam pool server",
    ),
    (
        Column::ClientTime,
        "from the common start to the end of the transfer, the median client, waiting in line included",
        "dari start bersama sampai transfer selesai, client median, termasuk waktu antre",
    ),
    (
        Column::ClientThroughput,
        "volume over time, the median client",
        "volume dibagi waktu, client median",
    ),
    (
        Column::ClientsOk,
        "clients that succeeded and failed, in the worst repetition",
        "client yang sukses dan gagal, pada ulangan terburuk",
    ),
    (
        Column::WorkersOk,
        "by the server's own ledger; a worker failed if it died or failed a request",
        "menurut catatan server sendiri; worker gagal jika mati atau menggagalkan permintaan",
    ),
    (
        Column::Pool,
        "how the server's workers are run",
        "cara worker server dijalankan",
    ),
    (
        Column::ClientPool,
        "how the clients are run",
        "cara client dijalankan",
    ),
    (
        Column::Buffer,
        "how much a client moves at a time",
        "banyaknya data yang dipindahkan client sekali jalan",
    ),
    (
        Column::Dialect,
        "the verbs that the clients speak",
        "kata kerja protokol yang dipakai client",
    ),
    (
        Column::Interval,
        "where the true median time lies, from all repetitions",
        "letak median waktu yang sebenarnya, dari semua ulangan",
    ),
    (
        Column::Tail,
        "95th percentile (p95) of all clients, or the maximum (max) of fewer than 20",
        "persentil ke-95 (p95) dari semua client, atau maksimum (max) jika kurang dari 20",
    ),
    (
        Column::Total,
        "all content over the time until the last client is done",
        "seluruh isi dibagi waktu sampai client terakhir selesai",
    ),
    (
        Column::CeilingShare,
        "total over the lowest limit of this machine that holds for the cell",
        "total dibagi batas mesin terendah yang berlaku untuk sel",
    ),
    (
        Column::ServerCpu,
        "processor time of the server for each GiB",
        "waktu prosesor server untuk setiap GiB",
    ),
    (
        Column::ClientCpu,
        "processor time of the clients for each GiB",
        "waktu prosesor client untuk setiap GiB",
    ),
    (
        Column::ServerMemory,
        "proportional set size of all its processes",
        "ukuran set proporsional semua prosesnya",
    ),
    (
        Column::ClientMemory,
        "proportional set size of all their processes",
        "ukuran set proporsional semua prosesnya",
    ),
    (
        Column::Verified,
        "transfers whose every byte was compared, of all in all repetitions",
        "transfer yang setiap bitnya dibandingkan, dari semua ulangan",
    ),
    (
        Column::Ratio,
        "throughput per client over that of the baseline",
        "throughput per client dibagi baseline",
    ),
    (
        Column::Remarks,
        "what else to know of the cell",
        "hal lain tentang sel",
    ),
];

impl Column {
    const ALL: [Self; 24] = [
        Self::Number,
        Self::Operation,
        Self::Volume,
        Self::Clients,
        Self::Workers,
        Self::ClientTime,
        Self::ClientThroughput,
        Self::ClientsOk,
        Self::WorkersOk,
        Self::Pool,
        Self::ClientPool,
        Self::Buffer,
        Self::Dialect,
        Self::Interval,
        Self::Tail,
        Self::Total,
        Self::CeilingShare,
        Self::ServerCpu,
        Self::ClientCpu,
        Self::ServerMemory,
        Self::ClientMemory,
        Self::Verified,
        Self::Ratio,
        Self::Remarks,
    ];

    /// The heading, with the unit.
    pub(crate) fn heading(self, lang: Lang) -> &'static str {
        let (english, indonesian) = match self {
            Self::Number => ("No", "No"),
            Self::Operation => ("Operation", "Operasi"),
            Self::Volume => ("Volume", "Volume"),
            Self::Clients => ("Client workers", "Jumlah client worker"),
            Self::Workers => ("Server workers", "Jumlah server worker"),
            Self::ClientTime => ("Time per client (s)", "Waktu per client (s)"),
            Self::ClientThroughput => ("Throughput per client (MiB/s)", "Throughput per client (MiB/s)"),
            Self::ClientsOk => ("Client workers ok/failed", "Client worker sukses/gagal"),
            Self::WorkersOk => ("Server workers ok/failed", "Server worker sukses/gagal"),
            Self::Pool => ("Server pool", "Pool server"),
            Self::ClientPool => ("Client pool", "Pool client"),
            Self::Buffer => ("Buffer", "Buffer"),
            Self::Dialect => ("Dialect", "Dialect"),
            Self::Interval => ("Interval of the time (s)", "Interval waktu (s)"),
            Self::Tail => ("Slowest clients (s)", "Client paling lambat (s)"),
            Self::Total => ("Total (MiB/s)", "Total (MiB/s)"),
            Self::CeilingShare => ("Share of the ceiling", "Bagian dari batas mesin"),
            Self::ServerCpu => ("Server CPU (s/GiB)", "CPU server (s/GiB)"),
            Self::ClientCpu => ("Client CPU (s/GiB)", "CPU client (s/GiB)"),
            Self::ServerMemory => ("Server peak memory (MiB)", "Memori puncak server (MiB)"),
            Self::ClientMemory => ("Client peak memory (MiB)", "Memori puncak client (MiB)"),
            Self::Verified => ("Verified", "Terverifikasi"),
            Self::Ratio => ("Ratio to baseline", "Rasio terhadap baseline"),
            Self::Remarks => ("Remarks", "Catatan"),
        };
        lang.pick(english, indonesian)
    }

    /// One clause on what the column means.
    pub(crate) fn meaning(self, lang: Lang) -> &'static str {
        let found = MEANINGS.iter().find(|(column, ..)| *column == self);
        found.map_or("", |(_, english, indonesian)| lang.pick(english, indonesian))
    }

    /// Whether its values stand at the right, so that their digits do.
    pub(crate) fn is_numeric(self) -> bool {
        let is_text = matches!(
            self,
            Self::Operation | Self::Pool | Self::ClientPool | Self::Dialect | Self::Remarks
        );
        !is_text
    }
}

impl Table {
    pub(crate) fn new(view: &View<'_>) -> Self {
        let lang = view.lang;
        let has_dialects = view
            .summaries()
            .any(|summary| summary.cell.dialect != haul_results::Dialect::Classic);
        let is_shown = |column: &Column| match column {
            Column::Dialect => has_dialects,
            Column::Ratio => view.analysis.baseline.is_some(),
            _ => true,
        };
        let columns: Vec<Column> = Column::ALL.into_iter().filter(is_shown).collect();
        let row = |row: &Row| {
            let value = |column: &Column| match column {
                Column::Number => Value::Whole(row.number.into()),
                Column::Ratio => ratio(row).map_or(Value::Missing, Value::Ratio),
                Column::Remarks => Value::Text(remarks(row, lang).join("; ")),
                column => measured(*column, &row.summary, lang),
            };
            let summary = &row.summary;
            let is_whole = summary.is_valid() && summary.clients_failed() == 0 && !summary.trials.is_empty();
            TableRow {
                values: columns.iter().map(value).collect(),
                is_marked: !is_whole,
            }
        };
        let rows = view.analysis.rows.iter().map(row).collect();
        Self { columns, rows }
    }
}

fn measured(column: Column, summary: &CellSummary, lang: Lang) -> Value {
    let cell = &summary.cell;
    let number = |value: Option<f64>| value.map_or(Value::Missing, Value::Number);
    let memory = |bytes: Option<ByteSize>| number(bytes.map(ByteSize::as_mib));
    let per_mib = |rate: f64| rate / MIB as f64;
    match column {
        Column::Operation => Value::Text(operation(cell.operation, lang).to_owned()),
        Column::Volume => Value::Bytes(cell.volume),
        Column::Clients => Value::Whole(cell.clients.into()),
        Column::Workers => Value::Whole(cell.pool.workers.into()),
        Column::ClientTime => number(summary.client_s.map(|time| time.median)),
        Column::ClientThroughput => number(summary.client_bytes_per_s.map(|rate| per_mib(rate.median))),
        Column::ClientsOk => clients_ok(summary),
        Column::WorkersOk => workers_ok(summary, lang),
        Column::Pool => Value::Text(cell.pool.family()),
        Column::ClientPool => Value::Text(cell.client_pool.to_string()),
        Column::Buffer => Value::Bytes(cell.buffer),
        Column::Dialect => Value::Text(cell.dialect.to_string()),
        Column::Interval => summary
            .client_s
            .filter(|time| time.values > 1)
            .map_or(Value::Missing, |time| Value::Interval(time.low, time.high)),
        Column::Tail => summary.tail.map_or(Value::Missing, Value::Tail),
        Column::Total => number(summary.total_bytes_per_s.map(|rate| per_mib(rate.median))),
        Column::CeilingShare => summary
            .ceiling
            .map_or(Value::Missing, |ceiling| Value::Share(ceiling.share)),
        Column::ServerCpu => number(summary.server_cpu.map(|cost| cost.total_s_per_gib())),
        Column::ClientCpu => number(summary.client_cpu.map(|cost| cost.total_s_per_gib())),
        Column::ServerMemory => memory(summary.server_memory),
        Column::ClientMemory => memory(summary.client_memory),
        Column::Verified if summary.trials.is_empty() => Value::Missing,
        Column::Verified => Value::Of(
            summary.verified().into(),
            (summary.clients_ok() + summary.clients_failed()).into(),
        ),
        Column::Number | Column::Ratio | Column::Remarks => Value::Missing,
    }
}

fn clients_ok(summary: &CellSummary) -> Value {
    let counts = |trial: &haul_results::TrialSummary| {
        Value::Counts(trial.clients_ok.into(), trial.clients_failed().into())
    };
    summary.worst_trial().map_or(Value::Missing, counts)
}

fn workers_ok(summary: &CellSummary, lang: Lang) -> Value {
    match summary.workers() {
        Some(WorkerTally { ok, failed, .. }) => Value::Counts(ok.into(), failed.into()),
        None if summary.trials.is_empty() => Value::Missing,
        None => Value::Text(lang.pick("not reported", "tidak dilaporkan").to_owned()),
    }
}

/// What else there is to know of a cell, the worst first.
fn remarks(row: &Row, lang: Lang) -> Vec<String> {
    let summary = &row.summary;
    let remark = |remark: &Remark| remark_text(remark, summary, lang);
    let mut remarks: Vec<String> = row.remarks.iter().filter_map(remark).collect();
    if let Some(tally) = summary.workers() {
        let (part, whole) = (tally.took_part, summary.cell.pool.workers);
        if part < summary.cell.clients.min(whole) {
            remarks.push(match lang {
                Lang::En => format!("only {part} of {whole} workers took part"),
                Lang::Id => format!("hanya {part} dari {whole} worker ikut bekerja"),
            });
        }
    }
    remarks
}

/// A remark as a clause; `None` if a column of its own says it.
fn remark_text(remark: &Remark, summary: &CellSummary, lang: Lang) -> Option<String> {
    let made = summary.trials.len();
    let text = match (*remark, lang) {
        (Remark::NotMeasured, lang) => lang.pick("not measured", "tidak diukur").to_owned(),
        (Remark::Incomplete { trials }, Lang::En) => format!(
            "only {}",
            lang.count(trials.into(), "repetition", "repetitions", "")
        ),
        (Remark::Incomplete { trials }, Lang::Id) => format!("hanya {trials} ulangan"),
        (Remark::Invalid { trials }, lang) => {
            let reason = summary.trials.iter().flat_map(|trial| &trial.problems).next();
            let reason = reason
                .map(|problem| problem_text(problem, lang))
                .unwrap_or_default();
            match lang {
                Lang::En => format!("INVALID, {trials} of {made} trials: {reason}"),
                Lang::Id => format!("TIDAK SAH, {trials} dari {made} percobaan: {reason}"),
            }
        }
        (Remark::Failed { class, transfers }, lang) => {
            format!("{transfers} × {}: {class}", lang.pick("failed", "gagal"))
        }
        (Remark::Unverified { transfers }, Lang::En) => format!("{transfers} transfers not verified"),
        (Remark::Unverified { transfers }, Lang::Id) => format!("{transfers} transfer tidak diverifikasi"),
        (Remark::AboveCeiling, lang) => lang
            .pick(
                "above its ceiling: an error of the lab",
                "melebihi batas mesin: kesalahan pengukuran",
            )
            .to_owned(),
        (Remark::LimitedByClient, lang) => lang
            .pick("limited by the client", "dibatasi oleh client")
            .to_owned(),
        (Remark::WorkersNotReported, _) => return None,
        (Remark::Scattered, lang) => lang
            .pick("scattered: more than ±10%", "tersebar: lebih dari ±10%")
            .to_owned(),
    };
    Some(text)
}

impl Value {
    /// The value for people.
    pub(crate) fn text(&self, lang: Lang) -> String {
        match self {
            Self::Missing => "–".to_owned(),
            Self::Whole(count) => count.to_string(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => lang.number(*number),
            Self::Bytes(bytes) => format!("{bytes:#}"),
            Self::Share(share) => lang.percent(*share),
            Self::Ratio(ratio) => format!("{}×", lang.number(*ratio)),
            Self::Interval(low, high) => format!("{}–{}", lang.number(*low), lang.number(*high)),
            Self::Counts(ok, failed) => format!("{ok}/{failed}"),
            Self::Of(part, whole) => format!("{part}/{whole}"),
            Self::Tail(Tail::Percentile95(seconds)) => format!("p95 {}", lang.number(*seconds)),
            Self::Tail(Tail::Maximum(seconds)) => format!("max {}", lang.number(*seconds)),
        }
    }

    /// By what rows are sorted, where it is a number.
    pub(crate) fn sort_key(&self) -> Option<f64> {
        match self {
            Self::Missing | Self::Text(_) => None,
            Self::Whole(count) | Self::Counts(count, _) | Self::Of(count, _) => Some(*count as f64),
            Self::Number(number) | Self::Share(number) | Self::Ratio(number) | Self::Interval(number, _) => {
                Some(*number)
            }
            Self::Bytes(bytes) => Some(bytes.as_f64()),
            Self::Tail(tail) => Some(tail.seconds()),
        }
    }
}
