//! Heat maps of total throughput: clients across, workers up, one panel for each operation, volume and pool.

use haul_results::Row;
use haul_types::MIB;

use super::{PANEL_FACTORS_WITH_VOLUME, columns_max, limited, panel_groups};
use crate::lang::Lang;
use crate::view::{View, distinct, names, place};
use haul_chart::{Chart, Heat, HeatCell, HeatScale, Panel, Plot};

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let lang = view.lang;
    let best = view
        .analysis
        .rows
        .iter()
        .filter(|row| row.summary.total_bytes_per_s.is_some())
        .max_by(|left, right| rate(left).total_cmp(&rate(right)))?;
    let rates: Vec<f64> = view
        .analysis
        .rows
        .iter()
        .map(rate)
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .collect();
    let groups = panel_groups(view);
    let panels = groups.iter().map(|group| panel(view, group)).collect();
    let (panels, note) = limited(panels, lang);
    let where_best = view.cell_name(&best.summary.cell);
    let title = match lang {
        Lang::En => format!(
            "Total throughput is highest at {} MiB/s: {where_best}",
            lang.number(rate(best))
        ),
        Lang::Id => format!(
            "Throughput total tertinggi {} MiB/s: {where_best}",
            lang.number(rate(best))
        ),
    };
    let reading = lang.pick(
        "Each square is one cell of the matrix: clients across, server workers up, the number is MiB/s of all clients \
         together. Brighter is faster, on one scale for all panels. A dash: nothing valid was measured.",
        "Setiap kotak adalah satu sel: jumlah client mendatar, server worker tegak, angkanya MiB/s seluruh client \
         bersama. Makin terang makin cepat, satu skala untuk semua panel. Tanda –: tidak ada hasil yang sah.",
    );
    let scale_title = lang
        .pick("Total throughput (MiB/s)", "Throughput total (MiB/s)")
        .to_owned();
    Some(Chart {
        id: "throughput",
        title,
        reading: reading.to_owned(),
        legend: Vec::new(),
        heat: Some(HeatScale::of(&rates, scale_title, |rate| lang.number(rate))),
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
            text: view.lang.number(value),
        });
    }
    let heat = Heat {
        x_title: view.lang.pick("clients", "client").to_owned(),
        y_title: view.lang.pick("server workers", "server worker").to_owned(),
        x_levels: names(&clients),
        y_levels: names(&workers),
        cells,
    };
    Panel {
        title: view.name(&group[0].summary.cell, &PANEL_FACTORS_WITH_VOLUME),
        plot: Plot::Heat(heat),
    }
}
