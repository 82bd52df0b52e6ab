//! What a GiB of content costs in processor time, on both sides, inside and outside the kernel.

use haul_chart::{Axis, Bar, Bars, Chart, Ink, Panel, Plot, Scale};
use haul_results::{CpuCost, Factor, Row};

use super::{bar_key, limited};
use crate::view::{View, distinct, ends, median};
use crate::words::Wording;

const USER: Ink = Ink::Series(0);
const SYSTEM: Ink = Ink::Series(4);

pub(super) fn chart(view: &View<'_>) -> Option<Chart> {
    let words = view.words;
    let reading = words.charts.cpu_reading;
    let mut drawn: Vec<(String, Vec<Bar>)> = Vec::new();
    for group in view.groups(|cell| cell.operation) {
        let bars = bars(&group, words);
        if !bars.is_empty() {
            drawn.push((view.name(&group[0].summary.cell, &[Factor::Operations]), bars));
        }
    }
    let totals = drawn
        .iter()
        .flat_map(|(_, bars)| bars)
        .map(|bar| bar.parts.iter().map(|(_, part)| part).sum());
    let scale = Scale::from_zero(totals);
    let axis = Axis::new(words.charts.cpu_axis, scale);
    let panel = |(title, bars)| Panel {
        title,
        plot: Plot::Bars(Bars {
            x: axis.clone(),
            bars,
            names: String::new(),
        }),
    };
    let (panels, note) = limited(drawn.into_iter().map(panel).collect(), words);
    let parts = words.charts.cpu_parts.into_iter().zip([USER, SYSTEM]);
    let legend = parts.map(|(name, ink)| bar_key(name, ink)).collect();
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
    let words = view.words;
    let costs: Vec<f64> = view
        .summaries()
        .filter_map(|summary| Some(summary.server_cpu?.total_s_per_gib()))
        .collect();
    match ends(&costs) {
        Some((low, high)) => (words.charts.cpu)(&words.number(low), &words.number(high)),
        None => words.charts.cpu_of_clients.to_owned(),
    }
}

fn bars(group: &[&Row], words: &Wording) -> Vec<Bar> {
    let families = distinct(group.iter().map(|row| row.summary.cell.pool.family()));
    let client_pools = distinct(group.iter().map(|row| row.summary.cell.client_pool));
    let server = families.iter().filter_map(|family| {
        let costs = group
            .iter()
            .filter(|row| row.summary.cell.pool.family() == *family);
        bar(
            format!("server, {family}"),
            &costs.filter_map(|row| row.summary.server_cpu).collect::<Vec<_>>(),
            words,
        )
    });
    let clients = client_pools.iter().filter_map(|pool| {
        let costs = group.iter().filter(|row| row.summary.cell.client_pool == *pool);
        let name = format!("{}, {pool}", words.charts.clients);
        bar(
            name,
            &costs.filter_map(|row| row.summary.client_cpu).collect::<Vec<_>>(),
            words,
        )
    });
    server.chain(clients).collect()
}

fn bar(name: String, costs: &[CpuCost], words: &Wording) -> Option<Bar> {
    let user = median(costs.iter().map(|cost| cost.user_s_per_gib))?;
    let system = median(costs.iter().map(|cost| cost.system_s_per_gib))?;
    Some(Bar {
        name,
        parts: vec![(USER, user), (SYSTEM, system)],
        text: words.number(user + system),
    })
}
