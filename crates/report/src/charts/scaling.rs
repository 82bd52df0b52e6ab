//! How total throughput grows with the pool, beside the line of a pool that loses nothing.

use haul_chart::{Axis, Chart, Ink, Layer, LegendEntry, Lines, Marker, Panel, Plot, Scale};
use haul_results::scaling::Fit;
use haul_results::{Cell, Estimate, Row};
use haul_types::MIB;

use super::{PANEL_FACTORS, join_notes, largest_volume_groups, largest_volume_note, limited};
use crate::scaling_law;
use crate::view::{View, ends, place};
use crate::words::Wording;

const IDEAL: Ink = Ink::Muted;
const CURVE: Ink = Ink::Series(3);

/// A count of a cell.
type CountOf = fn(&Cell) -> u32;

/// What grows along the x axis, and what makes the lines.
struct Count {
    grows: CountOf,
    lines: CountOf,
    levels: Vec<u32>,
    line_levels: Vec<u32>,
    is_workers: bool,
}

impl Count {
    /// Workers where they vary, else clients; `None` if neither does.
    fn of(view: &View<'_>) -> Option<Self> {
        let (workers, clients) = (view.workers(), view.clients());
        let of_workers: CountOf = |cell| cell.pool.workers;
        let of_clients: CountOf = |cell| cell.clients;
        if workers.len() > 1 {
            let (grows, lines) = (of_workers, of_clients);
            return Some(Self {
                grows,
                lines,
                levels: workers,
                line_levels: clients,
                is_workers: true,
            });
        }
        let (grows, lines) = (of_clients, of_workers);
        (clients.len() > 1).then_some(Self {
            grows,
            lines,
            levels: clients,
            line_levels: workers,
            is_workers: false,
        })
    }

    fn noun(&self, words: &Wording) -> &'static str {
        if self.is_workers {
            words.charts.server_workers
        } else {
            words.charts.clients
        }
    }
}

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let words = view.words;
    let count = Count::of(view)?;
    let (volume, groups) = largest_volume_groups(view)?;
    let highs = groups
        .iter()
        .flatten()
        .filter_map(|row| row.summary.total_bytes_per_s);
    let scale = Scale::from_zero(highs.map(|rate| rate.high / MIB as f64));
    let curve = view.analysis.scaling.as_ref().and_then(|law| law.as_ref().ok());
    let law = view
        .analysis
        .scaling
        .as_ref()
        .map(|law| scaling_law::text(law, words));
    let panels = groups
        .iter()
        .filter_map(|group| panel(view, group, &count, &scale, curve))
        .collect();
    let (panels, note) = limited(panels, words);
    let only = largest_volume_note(view, volume);
    let reading = words.charts.scaling_reading;
    Some(Chart {
        id: "scaling",
        title: title(&count, &groups, words)?,
        reading: reading.to_owned(),
        legend: legend(&count, words, curve.is_some()),
        heat: None,
        panels,
        panel_width: 220.0,
        columns_max: 4,
        note: join_notes([join_notes([law, only]), note]),
    })
}

fn legend(count: &Count, words: &Wording, has_curve: bool) -> Vec<LegendEntry> {
    let mut legend: Vec<LegendEntry> = count
        .line_levels
        .iter()
        .enumerate()
        .map(|(series, level)| line_key(count, words, series, *level))
        .collect();
    if has_curve {
        let name = words.charts.curve;
        legend.push(LegendEntry::new(name, CURVE, Marker::Line));
    }
    legend.push(LegendEntry::new(words.charts.ideal, IDEAL, Marker::Dashes));
    legend
}

fn line_key(count: &Count, words: &Wording, series: usize, level: u32) -> LegendEntry {
    let name = if count.is_workers {
        (words.nouns.clients)(level.into())
    } else {
        (words.nouns.server_workers)(level.into())
    };
    LegendEntry::new(name, Ink::Series(series), Marker::Line)
}

/// By how much the last line of the best panel grows from its first to its last level.
fn title(count: &Count, groups: &[Vec<&Row>], words: &Wording) -> Option<String> {
    let (least, most) = (*count.levels.first()?, *count.levels.last()?);
    let lines = *count.line_levels.last()?;
    let rate = |group: &[&Row], level: u32| {
        let found = group.iter().find(|row| {
            (count.grows)(&row.summary.cell) == level && (count.lines)(&row.summary.cell) == lines
        })?;
        Some(found.summary.total_bytes_per_s?.median)
    };
    let gains: Vec<f64> = groups
        .iter()
        .filter_map(|group| Some(rate(group, most)? / rate(group, least)?))
        .filter(|gain| gain.is_finite())
        .collect();
    let (low, high) = ends(&gains)?;
    let range = if high / low < 1.05 {
        words.number(high)
    } else {
        (words.nouns.range)(&words.number(low), &words.number(high))
    };
    let noun = count.noun(words);
    Some((words.charts.scaling)(least, most, noun, &range))
}

fn panel(
    view: &View<'_>,
    group: &[&Row],
    count: &Count,
    scale: &Scale,
    curve: Option<&Fit>,
) -> Option<Panel> {
    let (mut layers, ideal) = lines(group, count);
    let (from, rate) = ideal?;
    let last = f64::from(*count.levels.last()?);
    let steps = 60;
    let ideal_at = |step: i32| {
        let x = from * (last / from).powf(f64::from(step) / f64::from(steps));
        (x, rate * x / from)
    };
    layers.insert(0, Layer::Dashes(IDEAL, (0..=steps).map(ideal_at).collect()));
    if let Some(fit) = curve {
        let on_curve = |(x, _): (f64, f64)| (x, fit.bytes_per_s(x) / MIB as f64);
        layers.insert(
            1,
            Layer::Line(CURVE, (0..=steps).map(ideal_at).map(on_curve).collect()),
        );
    }
    let words = view.words;
    let first = f64::from(*count.levels.first()?);
    let lines = Lines {
        x: Axis::new(count.noun(words), Scale::Log(first / 1.15, last * 1.15)),
        y: Axis::new(words.charts.scaling_axis, scale.clone()),
        layers,
        height: 120.0,
    };
    Some(Panel {
        title: view.name(&group.first()?.summary.cell, &PANEL_FACTORS),
        plot: Plot::Lines(lines),
    })
}

/// A line with its band and its dots for each level of the other count, and the first point of the last line.
fn lines(group: &[&Row], count: &Count) -> (Vec<Layer>, Option<(f64, f64)>) {
    let mut layers = Vec::new();
    let mut ideal = None;
    for level in &count.line_levels {
        let ink = Ink::Series(place(&count.line_levels, level));
        let mut line: Vec<&&Row> = group
            .iter()
            .filter(|row| (count.lines)(&row.summary.cell) == *level)
            .collect();
        line.sort_by_key(|row| (count.grows)(&row.summary.cell));
        let at = |of: fn(Estimate) -> f64| -> Vec<(f64, f64)> {
            let point = |row: &&&Row| {
                Some((
                    f64::from((count.grows)(&row.summary.cell)),
                    of(row.summary.total_bytes_per_s?) / MIB as f64,
                ))
            };
            line.iter().filter_map(point).collect()
        };
        let middle = at(|rate| rate.median);
        ideal = middle.first().copied().or(ideal);
        layers.push(Layer::Band(ink, [at(|rate| rate.low), at(|rate| rate.high)]));
        layers.push(Layer::Line(ink, middle.clone()));
        layers.push(Layer::Dots(ink, middle));
    }
    (layers, ideal)
}
