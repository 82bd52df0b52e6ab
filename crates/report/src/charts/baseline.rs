//! Each cell beside the baseline: how many times as fast.

use haul_chart::{Axis, Chart, Ink, Layer, LegendEntry, Lines, Marker, Panel, Plot, Scale};
use haul_results::{Factor, Row};

use super::{limited, series_dots};
use crate::view::{View, distinct, ends, median, place, ratio};

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let words = view.words;
    let known: Vec<f64> = view
        .ratios()
        .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
        .collect();
    let middle = median(known.iter().copied())?;
    let (low, high) = ends(&known)?;
    let scale = Scale::log_around(known.iter().copied().chain([1.0]));
    let families = distinct(view.rows().map(|row| series_name(view, row)));
    let groups = view.groups(|cell| (cell.operation, cell.volume));
    let panels = groups
        .iter()
        .map(|group| panel(view, group, &families, &scale))
        .collect();
    let (panels, note) = limited(panels, words);
    let (middle, low, high) = (words.number(middle), words.number(low), words.number(high));
    let title = (words.charts.baseline)(&middle, &low, &high);
    let reading = words.charts.baseline_reading;
    let key = |(number, name): (usize, &String)| LegendEntry::new(name, Ink::Series(number), Marker::Dots);
    Some(Chart {
        id: "baseline",
        title,
        reading: reading.to_owned(),
        legend: families.iter().enumerate().map(key).collect(),
        heat: None,
        panels,
        panel_width: 220.0,
        columns_max: 3,
        note,
    })
}

fn series_name(view: &View<'_>, row: &Row) -> String {
    let name = view.name(
        &row.summary.cell,
        &[
            Factor::Pools,
            Factor::ClientPools,
            Factor::Buffers,
            Factor::Dialects,
        ],
    );
    if name.is_empty() {
        view.words.charts.this_run.to_owned()
    } else {
        name
    }
}

fn panel(view: &View<'_>, group: &[&Row], families: &[String], scale: &Scale) -> Panel {
    let mut rows = distinct(
        group
            .iter()
            .map(|row| (row.summary.cell.clients, row.summary.cell.pool.workers)),
    );
    rows.sort_unstable_by(|left, right| right.cmp(left));
    let mut series: Vec<Vec<(f64, f64)>> = vec![Vec::new(); families.len()];
    for row in group {
        let level = place(&rows, &(row.summary.cell.clients, row.summary.cell.pool.workers)) as f64;
        let number = place(families, &series_name(view, row));
        let offset = (number as f64 - (families.len() - 1) as f64 / 2.0) * 0.6 / families.len() as f64;
        series[number].extend(ratio(row).map(|ratio| (ratio, level - offset)));
    }
    let mut layers = vec![Layer::Dashes(
        Ink::Muted,
        vec![(1.0, -0.5), (1.0, rows.len() as f64 - 0.5)],
    )];
    layers.extend(series_dots(series));
    let words = view.words;
    let levels = rows
        .iter()
        .map(|(clients, workers)| format!("{clients} · {workers}"))
        .collect();
    let lines = Lines {
        x: Axis::new(words.charts.baseline_axis, scale.clone()),
        y: Axis::new(words.charts.clients_and_workers, Scale::Levels(levels)),
        layers,
        height: 16.0 * rows.len() as f64,
    };
    Panel {
        title: view.name(&group[0].summary.cell, &[Factor::Operations, Factor::Volumes]),
        plot: Plot::Lines(lines),
    }
}
