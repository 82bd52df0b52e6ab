//! Each cell beside the baseline: how many times as fast.

use haul_results::{CellSummary, Factor};

use super::{limited, series_dots};
use crate::findings::{Findings, distinct, ends, median, place};
use crate::lang::Lang;
use haul_chart::{Axis, Chart, Ink, Key, Layer, Lines, Panel, Plot, Scale, Sign};

pub(super) fn chart(findings: &Findings<'_>) -> Option<Chart> {
    let lang = findings.lang;
    let ratios = findings.ratios.as_ref()?;
    let known: Vec<f64> = ratios
        .iter()
        .copied()
        .flatten()
        .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
        .collect();
    let middle = median(known.iter().copied())?;
    let (low, high) = ends(&known)?;
    let scale = Scale::log_around(known.iter().copied().chain([1.0]));
    let ratio_of = |summary: &CellSummary| {
        let index = findings
            .cells
            .iter()
            .position(|other| other.cell == summary.cell)?;
        ratios.get(index).copied().flatten()
    };
    let families = distinct(
        findings
            .cells
            .iter()
            .map(|summary| series_name(findings, summary)),
    );
    let groups = findings.groups(|cell| (cell.operation, cell.volume));
    let panels = groups
        .iter()
        .map(|group| panel(findings, group, &families, &scale, &ratio_of))
        .collect();
    let (panels, note) = limited(panels, lang);
    let (middle, low, high) = (lang.number(middle), lang.number(low), lang.number(high));
    let title = match lang {
        Lang::En => format!(
            "In the median cell a client is {middle} times as fast as in the baseline ({low} to {high})"
        ),
        Lang::Id => {
            format!("Pada sel median sebuah client {middle} kali secepat baseline ({low} sampai {high})")
        }
    };
    let reading = lang.pick(
        "One dot for each cell, on a logarithmic axis. Right of the dashed line this run is faster, left of it slower. A \
         line without dots has no time in the baseline.",
        "Satu titik untuk setiap sel, sumbu logaritmik. Di kanan garis putus-putus hasil ini lebih cepat, di kiri lebih \
         lambat. Baris tanpa titik tidak punya waktu dalam baseline.",
    );
    let key = |(number, name): (usize, &String)| Key {
        name: name.clone(),
        ink: Ink::Series(number),
        sign: Sign::Dots,
    };
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

fn series_name(findings: &Findings<'_>, summary: &CellSummary) -> String {
    let name = findings.name(
        &summary.cell,
        &[
            Factor::Pools,
            Factor::ClientPools,
            Factor::Buffers,
            Factor::Dialects,
        ],
    );
    if name.is_empty() {
        findings.lang.pick("this run", "hasil ini").to_owned()
    } else {
        name
    }
}

fn panel(
    findings: &Findings<'_>,
    group: &[&CellSummary],
    families: &[String],
    scale: &Scale,
    ratio_of: &impl Fn(&CellSummary) -> Option<f64>,
) -> Panel {
    let mut rows = distinct(
        group
            .iter()
            .map(|summary| (summary.cell.clients, summary.cell.pool.workers)),
    );
    rows.sort_unstable_by(|left, right| right.cmp(left));
    let mut series: Vec<Vec<(f64, f64)>> = vec![Vec::new(); families.len()];
    for summary in group {
        let row = place(&rows, &(summary.cell.clients, summary.cell.pool.workers)) as f64;
        let number = place(families, &series_name(findings, summary));
        let offset = (number as f64 - (families.len() - 1) as f64 / 2.0) * 0.6 / families.len() as f64;
        series[number].extend(ratio_of(summary).map(|ratio| (ratio, row - offset)));
    }
    let mut layers = vec![Layer::Dashes {
        ink: Ink::Muted,
        points: vec![(1.0, -0.5), (1.0, rows.len() as f64 - 0.5)],
    }];
    layers.extend(series_dots(series));
    let lang = findings.lang;
    let levels = rows
        .iter()
        .map(|(clients, workers)| format!("{clients} · {workers}"))
        .collect();
    let lines = Lines {
        x: Axis {
            title: lang.pick("times as fast", "kali secepat").to_owned(),
            scale: scale.clone(),
        },
        y: Axis {
            title: lang.pick("clients · workers", "client · worker").to_owned(),
            scale: Scale::Levels(levels),
        },
        layers,
        height: 16.0 * rows.len() as f64,
    };
    Panel {
        title: findings.name(&group[0].cell, &[Factor::Operations, Factor::Volumes]),
        plot: Plot::Lines(lines),
    }
}
