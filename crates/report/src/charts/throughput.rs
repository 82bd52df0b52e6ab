//! Heat maps of total throughput: clients across, workers up, one panel for each operation, volume and pool.

use haul_results::CellSummary;
use haul_results::units::MIB;

use super::{PANEL_FACTORS_WITH_VOLUME, columns_max, limited, panel_groups};
use crate::findings::{Findings, distinct, names, place};
use crate::lang::Lang;
use haul_chart::{Chart, Heat, HeatCell, HeatScale, Panel, Plot};

pub(super) fn chart(findings: &Findings<'_>) -> Option<Chart> {
    let lang = findings.lang;
    let best = findings
        .cells
        .iter()
        .filter(|summary| summary.total_bytes_per_s.is_some())
        .max_by(|left, right| rate(left).total_cmp(&rate(right)))?;
    let rates: Vec<f64> = findings
        .cells
        .iter()
        .map(rate)
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .collect();
    let groups = panel_groups(findings);
    let panels = groups.iter().map(|group| panel(findings, group)).collect();
    let (panels, note) = limited(panels, lang);
    let where_best = findings.cell_name(&best.cell);
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
        columns_max: columns_max(findings),
        note,
    })
}

/// The median total throughput in MiB/s; below every number where there is none.
fn rate(summary: &CellSummary) -> f64 {
    summary
        .total_bytes_per_s
        .map_or(f64::NEG_INFINITY, |rate| rate.median / MIB as f64)
}

fn panel(findings: &Findings<'_>, group: &[&CellSummary]) -> Panel {
    let mut clients = distinct(group.iter().map(|summary| summary.cell.clients));
    let mut workers = distinct(group.iter().map(|summary| summary.cell.pool.workers));
    clients.sort_unstable();
    workers.sort_unstable();
    let mut cells = vec![None; clients.len() * workers.len()];
    for summary in group.iter().filter(|summary| summary.total_bytes_per_s.is_some()) {
        let (x, y) = (
            place(&clients, &summary.cell.clients),
            place(&workers, &summary.cell.pool.workers),
        );
        let value = rate(summary);
        cells[y * clients.len() + x] = Some(HeatCell {
            value,
            text: findings.lang.number(value),
        });
    }
    let heat = Heat {
        x_title: findings.lang.pick("clients", "client").to_owned(),
        y_title: findings.lang.pick("server workers", "server worker").to_owned(),
        x_levels: names(&clients),
        y_levels: names(&workers),
        cells,
    };
    Panel {
        title: findings.name(&group[0].cell, &PANEL_FACTORS_WITH_VOLUME),
        plot: Plot::Heat(heat),
    }
}
