//! Where a client's time goes: connecting, waiting in line, moving bytes.

use haul_chart::{Axis, Bar, Bars, Chart, Ink, Panel, Plot, Scale};
use haul_results::{PhaseMedians, Row};

use super::{PANEL_FACTORS, bar_key, join_notes, largest_volume_groups, largest_volume_note, limited};
use crate::view::View;
use crate::words::Wording;

const CONNECT: Ink = Ink::Series(0);
const WAIT: Ink = Ink::Series(4);
const TRANSFER: Ink = Ink::Series(2);

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let words = view.words;
    let (volume, groups) = largest_volume_groups(view)?;
    let longest_wait = view
        .rows()
        .filter(|row| row.summary.cell.volume == volume)
        .filter_map(|row| Some((row, wait_share(&row.summary.phases?))))
        .filter(|(_, share)| share.is_finite())
        .max_by(|(_, left), (_, right)| left.total_cmp(right))?;
    let panels = groups.iter().filter_map(|group| panel(view, group)).collect();
    let (panels, note) = limited(panels, words);
    let only = largest_volume_note(view, volume);
    let reading = words.charts.phases_reading;
    let parts = words
        .charts
        .phases_parts
        .into_iter()
        .zip([CONNECT, WAIT, TRANSFER]);
    let legend = parts.map(|(name, ink)| bar_key(name, ink)).collect();
    Some(Chart {
        id: "phases",
        title: title(words, longest_wait.0, longest_wait.1),
        reading: reading.to_owned(),
        legend,
        heat: None,
        panels,
        panel_width: 250.0,
        columns_max: 4,
        note: join_notes([only, note]),
    })
}

fn title(words: &Wording, row: &Row, share: f64) -> String {
    let clients = (words.nouns.clients)(row.summary.cell.clients.into());
    let workers = (words.nouns.workers)(row.summary.cell.pool.workers.into());
    (words.charts.phases)(&clients, &workers, &words.percent(share))
}

fn sum(phases: &PhaseMedians) -> f64 {
    phases.connect_s + phases.wait_s + phases.transfer_s
}

fn wait_share(phases: &PhaseMedians) -> f64 {
    phases.wait_s / sum(phases)
}

fn panel(view: &View<'_>, group: &[&Row]) -> Option<Panel> {
    let words = view.words;
    let mut group: Vec<&&Row> = group.iter().collect();
    group.sort_by_key(|row| (row.summary.cell.clients, row.summary.cell.pool.workers));
    let bar = |row: &&&Row| {
        let phases = row.summary.phases?;
        let percent = |part: f64| 100.0 * part / sum(&phases);
        let time = row
            .summary
            .client_s
            .map(|time| format!("{} s", words.number(time.median)));
        Some(Bar {
            name: format!("{} · {}", row.summary.cell.clients, row.summary.cell.pool.workers),
            parts: vec![
                (CONNECT, percent(phases.connect_s)),
                (WAIT, percent(phases.wait_s)),
                (TRANSFER, percent(phases.transfer_s)),
            ],
            text: time.unwrap_or_default(),
        })
    };
    let bars: Vec<Bar> = group.iter().filter_map(bar).collect();
    let title = view.name(&group.first()?.summary.cell, &PANEL_FACTORS);
    let axis = Axis::new(words.charts.phases_axis, Scale::Linear(0.0, 100.0));
    let names = words.charts.clients_and_workers.to_owned();
    (!bars.is_empty()).then_some(Panel {
        title,
        plot: Plot::Bars(Bars { x: axis, bars, names }),
    })
}
