//! Where a client's time goes: connecting, waiting in line, moving bytes.

use haul_results::{PhaseMedians, Row};

use super::{PANEL_FACTORS, bar_key, join_notes, largest_volume_groups, largest_volume_note, limited};
use crate::lang::Lang;
use crate::view::View;
use haul_chart::{Axis, Bar, Bars, Chart, Ink, Panel, Plot, Scale};

const CONNECT: Ink = Ink::Series(0);
const WAIT: Ink = Ink::Series(4);
const TRANSFER: Ink = Ink::Series(2);

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let lang = view.lang;
    let (volume, groups) = largest_volume_groups(view)?;
    let longest_wait = view
        .analysis
        .rows
        .iter()
        .filter(|row| row.summary.cell.volume == volume)
        .filter_map(|row| Some((row, wait_share(&row.summary.phases?))))
        .filter(|(_, share)| share.is_finite())
        .max_by(|(_, left), (_, right)| left.total_cmp(right))?;
    let panels = groups.iter().filter_map(|group| panel(view, group)).collect();
    let (panels, note) = limited(panels, lang);
    let only = largest_volume_note(view, volume);
    let reading = lang.pick(
        "One bar for each number of clients and server workers, from the common start (0%) to the end (100%); the median \
         client's time stands behind it. Waiting is mostly the server's queue: more workers than clients remove it.",
        "Satu batang untuk setiap jumlah client dan server worker, dari start bersama (0%) sampai selesai (100%); waktu \
         client median di belakangnya. Menunggu terutama berarti antrean server: worker yang cukup menghapusnya.",
    );
    let legend = vec![
        bar_key(lang.pick("connect", "menyambung"), CONNECT),
        bar_key(
            lang.pick("wait for the first byte", "menunggu byte pertama"),
            WAIT,
        ),
        bar_key(lang.pick("transfer", "transfer"), TRANSFER),
    ];
    Some(Chart {
        id: "phases",
        title: title(lang, longest_wait.0, longest_wait.1),
        reading: reading.to_owned(),
        legend,
        heat: None,
        panels,
        panel_width: 250.0,
        columns_max: 4,
        note: join_notes([only, note]),
    })
}

fn title(lang: Lang, row: &Row, share: f64) -> String {
    let clients = lang.count(row.summary.cell.clients.into(), "client", "clients", "client");
    let workers = lang.count(
        row.summary.cell.pool.workers.into(),
        "worker",
        "workers",
        "worker",
    );
    let share = lang.percent(share);
    match lang {
        Lang::En => format!("With {clients} and {workers}, {share} of a client's time is waiting"),
        Lang::Id => {
            format!("Dengan {clients} dan {workers}, {share} waktu sebuah client habis untuk menunggu")
        }
    }
}

fn sum(phases: &PhaseMedians) -> f64 {
    phases.connect_s + phases.wait_s + phases.transfer_s
}

fn wait_share(phases: &PhaseMedians) -> f64 {
    phases.wait_s / sum(phases)
}

fn panel(view: &View<'_>, group: &[&Row]) -> Option<Panel> {
    let lang = view.lang;
    let mut group: Vec<&&Row> = group.iter().collect();
    group.sort_by_key(|row| (row.summary.cell.clients, row.summary.cell.pool.workers));
    let bar = |row: &&&Row| {
        let phases = row.summary.phases?;
        let percent = |part: f64| 100.0 * part / sum(&phases);
        let time = row
            .summary
            .client_s
            .map(|time| format!("{} s", lang.number(time.median)));
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
    let axis = Axis {
        title: lang
            .pick("share of a client's time (%)", "bagian waktu client (%)")
            .to_owned(),
        scale: Scale::Linear(0.0, 100.0),
    };
    let names = lang.pick("clients · workers", "client · worker").to_owned();
    (!bars.is_empty()).then_some(Panel {
        title,
        plot: Plot::Bars(Bars { x: axis, bars, names }),
    })
}
