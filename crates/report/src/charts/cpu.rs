//! What a GiB of content costs in processor time, on both sides, inside and outside the kernel.

use haul_results::{CpuCost, Factor, Row};

use super::{bar_key, limited};
use crate::lang::Lang;
use crate::view::{View, distinct, ends, median};
use haul_chart::{Axis, Bar, Bars, Chart, Ink, Panel, Plot, Scale};

const USER: Ink = Ink::Series(0);
const SYSTEM: Ink = Ink::Series(4);

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let lang = view.lang;
    let reading = lang.pick(
        "Median over all cells of a pool, both sides beside each other. User time is the program's own work, system time \
         the kernel's, mostly copying through the network.",
        "Median dari semua sel satu pool, kedua sisi berdampingan. Waktu user adalah kerja program sendiri, waktu system \
         kerja kernel, terutama menyalin lewat jaringan.",
    );
    let mut drawn: Vec<(String, Vec<Bar>)> = Vec::new();
    for group in view.groups(|cell| cell.operation) {
        let bars = bars(&group, lang);
        if !bars.is_empty() {
            drawn.push((view.name(&group[0].summary.cell, &[Factor::Operations]), bars));
        }
    }
    let totals = drawn
        .iter()
        .flat_map(|(_, bars)| bars)
        .map(|bar| bar.parts.iter().map(|(_, part)| part).sum());
    let scale = Scale::from_zero(totals);
    let axis = Axis {
        title: lang
            .pick("processor time (s/GiB)", "waktu prosesor (s/GiB)")
            .to_owned(),
        scale,
    };
    let panel = |(title, bars)| Panel {
        title,
        plot: Plot::Bars(Bars {
            x: axis.clone(),
            bars,
            names: String::new(),
        }),
    };
    let (panels, note) = limited(drawn.into_iter().map(panel).collect(), lang);
    let legend = vec![
        bar_key(lang.pick("user (program)", "user (program)"), USER),
        bar_key(lang.pick("system (kernel)", "system (kernel)"), SYSTEM),
    ];
    Some(Chart {
        id: "cpu",
        title: title(view),
        reading: reading.to_owned(),
        legend,
        heat: None,
        panels,
        panel_width: 320.0,
        columns_max: 2,
        note,
    })
}

/// From what to what the cells cost the server.
fn title(view: &View<'_>) -> String {
    let lang = view.lang;
    let costs: Vec<f64> = view
        .analysis
        .rows
        .iter()
        .filter_map(|row| Some(row.summary.server_cpu?.total_s_per_gib()))
        .collect();
    match (ends(&costs), lang) {
        (Some((low, high)), Lang::En) => {
            format!(
                "A GiB costs the server {} to {} seconds of processor time",
                lang.number(low),
                lang.number(high)
            )
        }
        (Some((low, high)), Lang::Id) => {
            format!(
                "Satu GiB memakan {} sampai {} detik waktu prosesor server",
                lang.number(low),
                lang.number(high)
            )
        }
        (None, Lang::En) => "Processor time of the clients for each GiB".to_owned(),
        (None, Lang::Id) => "Waktu prosesor client untuk setiap GiB".to_owned(),
    }
}

fn bars(group: &[&Row], lang: Lang) -> Vec<Bar> {
    let families = distinct(group.iter().map(|row| row.summary.cell.pool.family()));
    let client_pools = distinct(group.iter().map(|row| row.summary.cell.client_pool));
    let server = families.iter().filter_map(|family| {
        let costs = group
            .iter()
            .filter(|row| row.summary.cell.pool.family() == *family);
        bar(
            format!("server, {family}"),
            &costs.filter_map(|row| row.summary.server_cpu).collect::<Vec<_>>(),
            lang,
        )
    });
    let clients = client_pools.iter().filter_map(|pool| {
        let costs = group.iter().filter(|row| row.summary.cell.client_pool == *pool);
        let name = format!("{}, {pool}", lang.pick("clients", "client"));
        bar(
            name,
            &costs.filter_map(|row| row.summary.client_cpu).collect::<Vec<_>>(),
            lang,
        )
    });
    server.chain(clients).collect()
}

fn bar(name: String, costs: &[CpuCost], lang: Lang) -> Option<Bar> {
    let user = median(costs.iter().map(|cost| cost.user_s_per_gib))?;
    let system = median(costs.iter().map(|cost| cost.system_s_per_gib))?;
    Some(Bar {
        name,
        parts: vec![(USER, user), (SYSTEM, system)],
        text: lang.number(user + system),
    })
}
