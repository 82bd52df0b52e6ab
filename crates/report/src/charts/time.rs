//! Each client's own time, on a logarithmic axis: the waves in which a small pool lets clients out.

use haul_chart::{Axis, Chart, Ink, Layer, Lines, Marker, Panel, Plot, Scale};
use haul_results::{Row, Sample};

use super::{
    PANEL_FACTORS_WITH_VOLUME, clients_axis, columns_max, limited, panel_groups, series_dots, worker_keys,
};
use crate::view::{View, place};

/// The most dots of one cell; of more clients an even choice is shown.
const DOTS_MAX: usize = 60;

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let words = view.words;
    let spread = view
        .rows()
        .map(|row| (row, times(view, row)))
        .filter(|(_, times)| !times.is_empty())
        .max_by(|(_, left), (_, right)| reach(left).total_cmp(&reach(right)))?;
    let ends = view.rows().flat_map(|row| {
        let times = times(view, row);
        [times.first().copied(), times.last().copied()]
            .into_iter()
            .flatten()
    });
    let scale = Scale::log_around(ends);
    let groups = panel_groups(view);
    let panels = groups.iter().map(|group| panel(view, group, &scale)).collect();
    let (panels, note) = limited(panels, words);
    let reading = words.charts.time_reading;
    Some(Chart {
        id: "time",
        title: title(view, spread.0, &spread.1),
        reading: reading.to_owned(),
        legend: worker_keys(view, Marker::Dots),
        heat: None,
        panels,
        panel_width: 160.0,
        columns_max: columns_max(view),
        note,
    })
}

fn title(view: &View<'_>, row: &Row, times: &[f64]) -> String {
    let words = view.words;
    let times_as_long = reach(times);
    if times_as_long < 1.5 {
        let text = words.charts.time_even;
        return text.to_owned();
    }
    let clients = (words.nouns.clients)(row.summary.cell.clients.into());
    let workers = (words.nouns.workers)(row.summary.cell.pool.workers.into());
    (words.charts.time_spread)(&clients, &workers, &words.number(times_as_long))
}

/// How many times as long the slowest takes as the fastest.
fn reach(times: &[f64]) -> f64 {
    match times {
        [first, .., last] if *first > 0.0 => last / first,
        _ => 1.0,
    }
}

/// The clients' times in the first valid trial, in seconds, rising.
fn times(view: &View<'_>, row: &Row) -> Vec<f64> {
    let Some(trial) = view.analysis.first_valid_trial(row) else {
        return Vec::new();
    };
    let mut times: Vec<f64> = trial
        .samples
        .iter()
        .filter_map(Sample::time_ns)
        .map(|time_ns| time_ns as f64 / 1e9)
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn panel(view: &View<'_>, group: &[&Row], scale: &Scale) -> Panel {
    let (clients, workers) = (view.clients(), view.workers());
    let slot = 0.84 / workers.len() as f64;
    let mut layers = Vec::new();
    let mut medians: Vec<Vec<(f64, f64)>> = vec![Vec::new(); workers.len()];
    for row in group {
        let series = place(&workers, &row.summary.cell.pool.workers);
        let level = place(&clients, &row.summary.cell.clients) as f64;
        let middle = level + (series as f64 - (workers.len() - 1) as f64 / 2.0) * slot;
        let points = thinned(&times(view, row));
        let last = points.len().saturating_sub(1).max(1) as f64;
        let spread = |(rank, time): (usize, f64)| {
            let offset = if points.len() > 1 {
                rank as f64 / last - 0.5
            } else {
                0.0
            };
            (middle + offset * slot * 0.8, time)
        };
        let dots = points.iter().copied().enumerate().map(spread).collect();
        layers.push(Layer::Cloud(Ink::Series(series), dots));
        medians[series].extend(row.summary.client_s.map(|time| (middle, time.median)));
    }
    layers.extend(series_dots(medians));
    let lines = Lines {
        x: clients_axis(view),
        y: Axis::new(view.words.charts.time_axis, scale.clone()),
        layers,
        height: 110.0,
    };
    Panel {
        title: view.name(&group[0].summary.cell, &PANEL_FACTORS_WITH_VOLUME),
        plot: Plot::Lines(lines),
    }
}

/// At most [`DOTS_MAX`] of the times, the first and the last among them.
fn thinned(times: &[f64]) -> Vec<f64> {
    if times.len() <= DOTS_MAX {
        return times.to_vec();
    }
    let last = times.len() - 1;
    (0..DOTS_MAX)
        .map(|dot| times[dot * last / (DOTS_MAX - 1)])
        .collect()
}
