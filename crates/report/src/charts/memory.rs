//! Peak memory of both sides against the number of clients.

use haul_chart::{Axis, Chart, Ink, Layer, Lines, Marker, Panel, Plot, Scale};
use haul_results::{ByteSize, Factor, Row};

use super::{clients_axis, limited, worker_keys};
use crate::view::{View, place};
use crate::words::Wording;

type Side = fn(&Row) -> Option<ByteSize>;

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let words = view.words;
    let highest = |side: Side| view.rows().filter_map(side).max();
    let server: Side = |row| row.summary.server_memory;
    let clients: Side = |row| row.summary.client_memory;
    let server_peak = highest(server);
    let peak = server_peak.max(highest(clients))?;
    let scale = Scale::from_zero([peak.as_mib()]);
    let mut panels = Vec::new();
    if server_peak.is_some() {
        for group in view.groups(|cell| (cell.operation, cell.pool.family())) {
            let name = format!("server, {}", group[0].summary.cell.pool.family());
            panels.push(panel(view, &group, server, &scale, &name));
        }
    }
    if highest(clients).is_some() {
        for group in view.groups(|cell| (cell.operation, cell.client_pool)) {
            let name = format!("{}, {}", words.charts.clients, group[0].summary.cell.client_pool);
            panels.push(panel(view, &group, clients, &scale, &name));
        }
    }
    let (panels, note) = limited(panels, words);
    let reading = words.charts.memory_reading;
    Some(Chart {
        id: "memory",
        title: title(server_peak, peak, words),
        reading: reading.to_owned(),
        legend: worker_keys(view, Marker::Line),
        heat: None,
        panels,
        panel_width: 220.0,
        columns_max: 4,
        note,
    })
}

/// The most that the server needed or, where that is not known, the clients.
fn title(server_peak: Option<ByteSize>, peak: ByteSize, words: &Wording) -> String {
    let charts = &words.charts;
    let text = server_peak.map_or(charts.memory_of_clients, |_| charts.memory_of_server);
    text(&words.number(server_peak.unwrap_or(peak).as_mib()))
}

/// The panel of one side, run as `name` says, under one operation.
fn panel(view: &View<'_>, group: &[&Row], side: Side, scale: &Scale, name: &str) -> Panel {
    let (clients, workers) = (view.clients(), view.workers());
    let mut layers = Vec::new();
    for (series, count) in workers.iter().enumerate() {
        let mut highest: Vec<Option<ByteSize>> = vec![None; clients.len()];
        for row in group.iter().filter(|row| row.summary.cell.pool.workers == *count) {
            let level = place(&clients, &row.summary.cell.clients);
            highest[level] = highest[level].max(side(row));
        }
        let known = highest.iter().enumerate();
        let points: Vec<(f64, f64)> = known
            .filter_map(|(level, bytes)| bytes.map(|bytes| (level as f64, bytes.as_mib())))
            .collect();
        layers.push(Layer::Line(Ink::Series(series), points.clone()));
        layers.push(Layer::Dots(Ink::Series(series), points));
    }
    let operation = view.name(&group[0].summary.cell, &[Factor::Operations]);
    let lines = Lines {
        x: clients_axis(view),
        y: Axis::new(view.words.charts.memory_axis, scale.clone()),
        layers,
        height: 110.0,
    };
    Panel {
        title: format!("{name} · {operation}"),
        plot: Plot::Lines(lines),
    }
}
