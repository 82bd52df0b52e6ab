//! Heat maps of total throughput: clients across, workers up, one panel for each operation, volume and pool.

use haul_chart::{Chart, Heat, HeatCell, HeatScale, Panel, Plot};
use haul_results::Row;
use haul_types::MIB;

use super::{PANEL_FACTORS_WITH_VOLUME, columns_max, limited, panel_groups};
use crate::view::{View, distinct, names, place};

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let words = view.words;
    let best = view
        .rows()
        .filter(|row| row.summary.total_bytes_per_s.is_some())
        .max_by(|left, right| rate(left).total_cmp(&rate(right)))?;
    let rates: Vec<f64> = view
        .rows()
        .map(rate)
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .collect();
    let groups = panel_groups(view);
    let panels = groups.iter().map(|group| panel(view, group)).collect();
    let (panels, note) = limited(panels, words);
    let where_best = view.cell_name(&best.summary.cell);
    let title = (words.charts.throughput)(&words.number(rate(best)), &where_best);
    let reading = words.charts.throughput_reading;
    let scale_title = words.charts.throughput_scale.to_owned();
    Some(Chart {
        id: "throughput",
        title,
        reading: reading.to_owned(),
        legend: Vec::new(),
        heat: Some(HeatScale::of(&rates, scale_title, |rate| words.number(rate))),
        panels,
        panel_width: 160.0,
        columns_max: columns_max(view),
        note,
    })
}

/// The median total throughput in MiB/s; below every number where there is none.
fn rate(row: &Row) -> f64 {
    row.summary
        .total_bytes_per_s
        .map_or(f64::NEG_INFINITY, |rate| rate.median / MIB as f64)
}

fn panel(view: &View<'_>, group: &[&Row]) -> Panel {
    let mut clients = distinct(group.iter().map(|row| row.summary.cell.clients));
    let mut workers = distinct(group.iter().map(|row| row.summary.cell.pool.workers));
    clients.sort_unstable();
    workers.sort_unstable();
    let mut cells = vec![None; clients.len() * workers.len()];
    for row in group.iter().filter(|row| row.summary.total_bytes_per_s.is_some()) {
        let (x, y) = (
            place(&clients, &row.summary.cell.clients),
            place(&workers, &row.summary.cell.pool.workers),
        );
        let value = rate(row);
        cells[y * clients.len() + x] = Some(HeatCell {
            value,
            text: view.words.number(value),
        });
    }
    let heat = Heat {
        x_title: view.words.charts.clients.to_owned(),
        y_title: view.words.charts.server_workers.to_owned(),
        x_levels: names(&clients),
        y_levels: names(&workers),
        cells,
    };
    Panel {
        title: view.name(&group[0].summary.cell, &PANEL_FACTORS_WITH_VOLUME),
        plot: Plot::Heat(heat),
    }
}
