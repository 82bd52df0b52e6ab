//! The one model that every format writes: the sections of a report in their order, in its language.

use haul_results::{Analysis, CellSummary, Row, Run};

use crate::architecture;
use crate::charts::charts;
use crate::configuration::{Fact, configuration};
use crate::labels::{classes_text, problem_text};
use crate::lang::Lang;
use crate::table::Table;
use crate::verdict::{VerdictText, verdict};
use crate::view::{View, distinct};
use haul_chart::{Chart, Drawing};

/// Most lines of the banner; the table's remarks have the rest.
const BANNER_LINES_MAX: usize = 12;

/// The whole report.
pub struct Report<'a> {
    pub(crate) run: &'a Run,
    pub(crate) lang: Lang,
    pub(crate) title: String,
    /// When and where, in one line.
    pub(crate) subtitle: String,
    pub(crate) verdict: VerdictText,
    /// What is wrong with the run; empty if nothing is.
    pub(crate) banner: Vec<String>,
    pub(crate) configuration: Vec<Fact>,
    pub(crate) architecture: Architecture,
    pub(crate) charts: Vec<Chart>,
    /// How sure the intervals are.
    pub(crate) table_note: String,
    pub(crate) table: Table,
    pub(crate) repeat: Repeat,
}

/// What was timed.
pub(crate) struct Architecture {
    pub(crate) drawing: Drawing,
    pub(crate) text: String,
}

/// How to run it again.
pub(crate) struct Repeat {
    pub(crate) text: String,
    /// Command lines.
    pub(crate) commands: Vec<String>,
}

/// The headings of the sections.
pub(crate) struct Headings {
    pub(crate) banner: &'static str,
    pub(crate) configuration: &'static str,
    pub(crate) architecture: &'static str,
    pub(crate) charts: &'static str,
    pub(crate) table: &'static str,
    pub(crate) columns: &'static str,
    pub(crate) repeat: &'static str,
}

impl<'a> Report<'a> {
    /// The report of an analysis in one language.
    #[must_use]
    pub fn new(analysis: &'a Analysis<'a>, lang: Lang) -> Self {
        let view = &View { analysis, lang };
        let run = analysis.run;
        Self {
            run,
            lang,
            title: lang
                .pick("Stress test of a file server", "Uji beban server berkas")
                .to_owned(),
            subtitle: subtitle(run, lang),
            verdict: verdict(view),
            banner: banner(view),
            configuration: configuration(view),
            architecture: architecture(view),
            charts: charts(view),
            table_note: table_note(run, lang),
            table: Table::new(view),
            repeat: repeat(run, lang),
        }
    }

    pub(crate) fn headings(&self) -> Headings {
        let lang = self.lang;
        Headings {
            banner: lang.pick("What is wrong with this run", "Yang salah dengan hasil ini"),
            configuration: lang.pick("Configuration", "Konfigurasi"),
            architecture: lang.pick(
                "What was tested, and what is timed",
                "Yang diuji, dan yang diukur waktunya",
            ),
            charts: lang.pick("Charts", "Grafik"),
            table: lang.pick("All cells", "Semua sel"),
            columns: lang.pick("What the columns mean", "Arti kolom"),
            repeat: lang.pick("How to repeat it", "Cara mengulanginya"),
        }
    }
}

fn subtitle(run: &Run, lang: Lang) -> String {
    let header = &run.header;
    let started = header.started.strftime("%Y-%m-%d %H:%M UTC");
    let server = header
        .subject
        .name
        .clone()
        .unwrap_or_else(|| header.subject.command.clone());
    let cells = lang.count(header.matrix.cells().len() as u64, "cell", "cells", "sel");
    let repeats = lang.count(header.repeats.into(), "repetition", "repetitions", "ulangan");
    format!("{server} · {started} · {cells}, {repeats}")
}

/// What is wrong, cell by cell, the whole run first.
fn banner(view: &View<'_>) -> Vec<String> {
    let (run, lang) = (view.analysis.run, view.lang);
    let mut lines = Vec::new();
    let missing = run.missing().len();
    if missing > 0 {
        let planned = view.analysis.rows.len() * run.header.repeats as usize;
        lines.push(match lang {
            Lang::En => format!("The run is not complete: {missing} of {planned} trials are missing."),
            Lang::Id => {
                format!("Pengujian belum lengkap: {missing} dari {planned} percobaan belum dilakukan.")
            }
        });
    }
    let mut cells: Vec<String> = Vec::new();
    for Row {
        number: no, summary, ..
    } in &view.analysis.rows
    {
        if let Some(reason) = reason(summary, lang) {
            let name = view.cell_name(&summary.cell);
            cells.push(match lang {
                Lang::En => format!("Cell {no} ({name}): {reason}"),
                Lang::Id => format!("Sel {no} ({name}): {reason}"),
            });
        }
    }
    let further = cells.len().saturating_sub(BANNER_LINES_MAX);
    cells.truncate(BANNER_LINES_MAX);
    lines.extend(cells);
    if further > 0 {
        lines.push(match lang {
            Lang::En => format!("… and {further} further cells: see the remarks in the table."),
            Lang::Id => format!("… dan {further} sel lain: lihat catatan dalam tabel."),
        });
    }
    lines
}

/// Why a cell is invalid, failed, or impossible; `None` if nothing is wrong with it.
fn reason(summary: &CellSummary, lang: Lang) -> Option<String> {
    let mut reasons = Vec::new();
    let problems = summary.trials.iter().flat_map(|trial| &trial.problems);
    let texts = distinct(problems.map(|problem| problem_text(problem, lang)));
    if !texts.is_empty() {
        reasons.push(format!(
            "{}: {}",
            lang.pick("invalid", "tidak sah"),
            texts.join("; ")
        ));
    }
    let failed = summary.clients_failed();
    if failed > 0 {
        let classes = classes_text(&summary.failures());
        let of = summary.clients_ok() + failed;
        reasons.push(match lang {
            Lang::En => format!("{failed} of {of} transfers failed ({classes})"),
            Lang::Id => format!("{failed} dari {of} transfer gagal ({classes})"),
        });
    }
    if let Some(ceiling) = summary.ceiling.filter(|ceiling| ceiling.is_above()) {
        let share = lang.percent(ceiling.share);
        reasons.push(match lang {
            Lang::En => format!("{share} of its ceiling was measured, an error of the lab"),
            Lang::Id => format!("terukur {share} dari batas mesin, kesalahan pengukuran"),
        });
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn architecture(view: &View<'_>) -> Architecture {
    let text = view.lang.pick(
        "All clients of a trial start together, at one barrier. A client's time runs from that moment until its whole \
         transfer is complete, so waiting for a free worker is part of it. The server is a process of its own. Content is \
         generated before the trial. Downloads are compared byte by byte as they arrive, within the client's time; uploads \
         are compared byte by byte after the timed part. Total throughput is all content over the time until the last \
         client is done, never a sum of the clients' rates.",
        "Semua client dalam satu percobaan mulai bersamaan. Waktu sebuah client dihitung sejak saat itu sampai seluruh \
         transfernya selesai, jadi menunggu worker yang kosong ikut dihitung. Server adalah proses tersendiri. Isi dibuat \
         sebelum percobaan. Download dibandingkan byte demi byte saat diterima, di dalam waktu client; upload \
         dibandingkan byte demi byte setelah waktu ukur. Throughput total adalah seluruh isi dibagi waktu sampai client \
         terakhir selesai, bukan jumlah kecepatan client.",
    );
    Architecture {
        drawing: architecture::drawing(view),
        text: text.to_owned(),
    }
}

fn table_note(run: &Run, lang: Lang) -> String {
    let repeats = run.header.repeats;
    let pairs = i32::try_from(repeats).unwrap_or(i32::MAX).saturating_sub(1);
    let claimed = lang.percent((1.0 - 0.5_f64.powi(pairs)).min(0.95));
    match (repeats, lang) {
        (1, Lang::En) => {
            "One repetition: the numbers are single measurements, without an interval.".to_owned()
        }
        (1, Lang::Id) => "Satu ulangan: angka-angkanya hasil ukur tunggal, tanpa interval.".to_owned(),
        (_, Lang::En) => format!(
            "Numbers are medians of {repeats} repetitions; with so many, an interval holds the true median {claimed} of the time."
        ),
        (_, Lang::Id) => format!(
            "Angka adalah median dari {repeats} ulangan; dengan jumlah itu interval memuat median sebenarnya {claimed} dari waktu."
        ),
    }
}

fn repeat(run: &Run, lang: Lang) -> Repeat {
    let header = &run.header;
    let mut arguments = header.arguments.clone();
    if !arguments
        .iter()
        .any(|argument| argument == "--seed" || argument.starts_with("--seed="))
    {
        arguments.extend(["--seed".to_owned(), header.seed.to_string()]);
    }
    let quoted: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
    let text = lang.pick(
        "The same order of cells, from the same seed, on a quiet machine. Times differ from machine to machine; ratios \
         between cells are more stable. Every single transfer stands in results.json.",
        "Urutan sel yang sama, dari benih yang sama, pada mesin yang tenang. Waktu berbeda antar mesin; rasio antar sel \
         lebih stabil. Setiap transfer tercatat dalam results.json.",
    );
    Repeat {
        text: text.to_owned(),
        commands: vec![format!("haul {}", quoted.join(" "))],
    }
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=.,:/@%+".contains(letter);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_quoted_for_a_shell_only_where_it_must_be() {
        assert_eq!(quoted("--volumes=10MiB,1MB"), "--volumes=10MiB,1MB");
        assert_eq!(
            quoted("python3 server.py --port {port}"),
            "'python3 server.py --port {port}'"
        );
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
