//! The charts of a report: which ones there are and what they say. Each is made of the view alone; one that would
//! show nothing is left out.

mod baseline;
mod cpu;
mod memory;
mod phases;
mod scaling;
mod throughput;
mod time;

use haul_chart::{Axis, Chart, Ink, Layer, LegendEntry, Marker, Panel, Scale};
use haul_results::{ByteSize, Factor, Row};

use crate::view::{View, distinct, names};
use crate::words::Wording;

/// All charts, in the order of the report.
pub(crate) fn charts(view: &View<'_>) -> Vec<Chart> {
    let charts = [
        throughput::chart(view),
        time::chart(view),
        scaling::chart(view),
        memory::chart(view),
        cpu::chart(view),
        phases::chart(view),
        baseline::chart(view),
    ];
    charts
        .into_iter()
        .flatten()
        .filter(|chart| !chart.panels.is_empty())
        .collect()
}

/// The most panels of a chart; further ones are left out, and the chart says so.
const PANELS_MAX: usize = 24;
/// What tells the panels of one volume apart.
const PANEL_FACTORS: [Factor; 5] = [
    Factor::Operations,
    Factor::Pools,
    Factor::ClientPools,
    Factor::Buffers,
    Factor::Dialects,
];
/// What tells panels of several volumes apart.
const PANEL_FACTORS_WITH_VOLUME: [Factor; 6] = [
    Factor::Operations,
    Factor::Volumes,
    Factor::Pools,
    Factor::ClientPools,
    Factor::Buffers,
    Factor::Dialects,
];

/// The cells of each panel: those that differ only in the numbers of clients and workers.
fn panel_groups<'a>(view: &'a View<'_>) -> Vec<Vec<&'a Row>> {
    view.groups(|cell| {
        (
            cell.operation,
            cell.volume,
            cell.pool.family(),
            cell.client_pool,
            cell.buffer,
            cell.dialect,
        )
    })
}

/// Those of [`panel_groups`] with the largest volume, and that volume.
fn largest_volume_groups<'a>(view: &'a View<'_>) -> Option<(ByteSize, Vec<Vec<&'a Row>>)> {
    let volume = view.rows().map(|row| row.summary.cell.volume).max()?;
    let mut groups = panel_groups(view);
    groups.retain(|group| group[0].summary.cell.volume == volume);
    Some((volume, groups))
}

/// Says that only the largest volume is shown, where there are others.
fn largest_volume_note(view: &View<'_>, volume: ByteSize) -> Option<String> {
    let text = view.words.charts.largest_volume;
    view.varies(Factor::Volumes).then(|| text(&format!("{volume:#}")))
}

/// An axis with a level for each number of clients.
fn clients_axis(view: &View<'_>) -> Axis {
    Axis::new(view.words.charts.clients, Scale::Levels(names(&view.clients())))
}

/// Dots in the colour of each series.
fn series_dots(series: Vec<Vec<(f64, f64)>>) -> impl Iterator<Item = Layer> {
    let dots = |(number, points)| Layer::Dots(Ink::Series(number), points);
    series.into_iter().enumerate().map(dots)
}

/// An entry of a legend for a part of bars.
fn bar_key(name: &str, ink: Ink) -> LegendEntry {
    LegendEntry::new(name, ink, Marker::Block)
}

/// One entry of a legend for each number of workers.
fn worker_keys(view: &View<'_>, marker: Marker) -> Vec<LegendEntry> {
    let key = |(number, workers): (usize, u32)| {
        LegendEntry::new(
            (view.words.nouns.server_workers)(workers.into()),
            Ink::Series(number),
            marker,
        )
    };
    view.workers().into_iter().enumerate().map(key).collect()
}

/// The first panels, and a note if some were left out.
fn limited(mut panels: Vec<Panel>, words: &Wording) -> (Vec<Panel>, Option<String>) {
    let left_out = panels.len().saturating_sub(PANELS_MAX);
    panels.truncate(PANELS_MAX);
    let note = (left_out > 0).then(|| (words.charts.left_out)(left_out));
    (panels, note)
}

/// How many panels belong side by side: those that differ only in how clients and server are run, or else in the volume.
fn columns_max(view: &View<'_>) -> usize {
    let ways = distinct(view.rows().map(|row| {
        let cell = &row.summary.cell;
        (cell.pool.family(), cell.client_pool, cell.buffer, cell.dialect)
    }));
    let volumes = distinct(view.rows().map(|row| row.summary.cell.volume));
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

#[cfg(test)]
mod tests;
