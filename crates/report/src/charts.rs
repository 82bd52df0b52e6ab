//! The charts of a report: which ones there are and what they say. Each is made of the findings alone; one that would
//! show nothing is left out.

mod baseline;
mod cpu;
mod memory;
mod phases;
mod scaling;
mod throughput;
mod time;

use crate::chart::{Chart, Key, PANELS_MAX, Panel, Sign};
use crate::drawing::Ink;
use crate::findings::{Findings, distinct};
use crate::lang::Lang;

/// All charts, in the order of the report.
pub(crate) fn charts(findings: &Findings<'_>) -> Vec<Chart> {
    let charts = [
        throughput::chart(findings),
        time::chart(findings),
        scaling::chart(findings),
        memory::chart(findings),
        cpu::chart(findings),
        phases::chart(findings),
        baseline::chart(findings),
    ];
    charts
        .into_iter()
        .flatten()
        .filter(|chart| !chart.panels.is_empty())
        .collect()
}

/// One entry of a legend for each number of workers.
fn worker_keys(findings: &Findings<'_>, sign: Sign) -> Vec<Key> {
    let lang = findings.lang;
    let key = |(number, workers): (usize, u32)| Key {
        name: lang.count(workers.into(), "server worker", "server workers", "server worker"),
        ink: Ink::Series(number),
        sign,
    };
    findings.workers().into_iter().enumerate().map(key).collect()
}

/// The first panels, and a note if some were left out.
fn limited(mut panels: Vec<Panel>, lang: Lang) -> (Vec<Panel>, Option<String>) {
    let left_out = panels.len().saturating_sub(PANELS_MAX);
    panels.truncate(PANELS_MAX);
    let note = match lang {
        Lang::En => format!("{left_out} further panels are left out here; the table has all cells."),
        Lang::Id => format!("{left_out} panel lain tidak ditampilkan; tabel memuat semua sel."),
    };
    (panels, (left_out > 0).then_some(note))
}

/// How many panels belong side by side: those that differ only in how clients and server are run, or else in the volume.
fn columns_max(findings: &Findings<'_>) -> usize {
    let ways = distinct(findings.cells.iter().map(|summary| {
        let cell = &summary.cell;
        (cell.pool.family(), cell.client_pool, cell.buffer, cell.front)
    }));
    let volumes = distinct(findings.cells.iter().map(|summary| summary.cell.volume));
    if ways.len() > 1 {
        ways.len().min(4)
    } else {
        volumes.len().clamp(2, 4)
    }
}

fn join_notes(notes: [Option<String>; 2]) -> Option<String> {
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}
