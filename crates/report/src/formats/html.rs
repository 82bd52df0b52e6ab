//! `report.html`: one file that needs nothing from outside. It follows the reader's light or dark page, is read on a
//! telephone, and prints.

use haul_chart::svg;
use haul_chart::{Chart, LegendEntry};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::csv::digits;
use crate::columns::Column;
use crate::configuration::Fact;
use crate::report::{Block, Report, Section};
use crate::table::TableValue;
use crate::verdict::VerdictText;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/sort.js");
/// Makes the browser itself see to it that nothing is loaded from anywhere.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; font-src data:";

/// The file's content.
pub(crate) fn document(report: &Report<'_>) -> String {
    let title = report.words.headings.title;
    let style = [
        svg::font_faces(),
        svg::palette(),
        svg::classes(),
        STYLE.replace("FONTS", svg::FONTS),
    ]
    .concat();
    let page = html! {
        (DOCTYPE)
        html lang=(report.words.code) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width,initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) " – " (report.subtitle) }
                style { (PreEscaped(style)) }
            }
            body {
                main {
                    header { h1 { (title) } p.sub { (report.subtitle) } }
                    @for part in &report.sections { (section(part, report)) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    // No markup can hold control characters.
    let is_kept = |letter: char| !letter.is_control() || letter == '\n';
    page.into_string()
        .chars()
        .filter(|letter| is_kept(*letter))
        .collect()
}

fn section(Section { heading, block }: &Section, report: &Report<'_>) -> Markup {
    match block {
        Block::Verdict(verdict) => self::verdict(verdict),
        Block::Banner(lines) => html! {
            section.banner role="alert" { h2 { (heading) } ul { @for line in lines { li { (line) } } } }
        },
        Block::Facts(facts) => html! {
            section {
                h2 { (heading) }
                dl.facts { @for Fact { name, value } in facts { div { dt { (name) } dd { (value) } } } }
            }
        },
        Block::Figure { drawing, text } => html! {
            section {
                h2 { (heading) }
                div.test { (PreEscaped(svg::inline(drawing, heading))) p { (text) } }
            }
        },
        Block::Charts(charts) => html! {
            section { h2 { (heading) } @for part in charts { (chart(part)) } }
        },
        Block::Table => table(heading, report),
        Block::Commands { text, commands } => html! {
            section { h2 { (heading) } p { (text) } @for command in commands { pre { (command) } } }
        },
    }
}

fn verdict(verdict: &VerdictText) -> Markup {
    html! {
        section class=(if verdict.is_good { "verdict good" } else { "verdict bad" }) {
            p.sentence { (verdict.sentence) }
            p.confidence { (verdict.confidence) }
            ul { @for point in &verdict.points { li { (point) } } }
        }
    }
}

fn chart(chart: &Chart) -> Markup {
    let columns = format!("--w:{}px;--c:{}", chart.panel_width, chart.columns_max);
    html! {
        figure id=(chart.id) {
            figcaption { h3 { (chart.title) } p { (chart.reading) } }
            @if let Some(scale) = &chart.heat {
                div.scale { (PreEscaped(svg::inline(&scale.draw(420.0), &scale.title))) }
            } @else {
                ul.legend { @for key in &chart.legend { (legend_entry(key)) } }
            }
            div.panels style=(columns) {
                @for (panel, drawing) in chart.panels.iter().zip(chart.drawings()) {
                    (PreEscaped(svg::inline(&drawing, &format!("{}: {}", chart.title, panel.title))))
                }
            }
            @if let Some(note) = &chart.note { p.note { (note) } }
        }
    }
}

fn legend_entry(key: &LegendEntry) -> Markup {
    html! { li { (PreEscaped(svg::inline(&key.marker_drawing(), ""))) (key.name) } }
}

fn table(heading: &str, report: &Report<'_>) -> Markup {
    let (table, words) = (&report.table, report.words);
    html! {
        section.cells {
            h2 { (heading) }
            p { (table.note) }
            div.wide tabindex="0" {
                table #cells {
                    thead { tr { @for column in &table.columns {
                        th class=[numeric(column)] scope="col" title=(column.meaning(words)) {
                            (column.heading(words))
                        }
                    } } }
                    tbody { @for row in &table.rows {
                        tr class=[row.is_marked.then_some("marked")] {
                            @for (column, value) in table.columns.iter().zip(&row.values) {
                                (cell(column, value, report))
                            }
                        }
                    } }
                }
            }
            details {
                summary { (words.headings.columns) }
                dl.columns { @for column in &table.columns {
                    dt { (column.heading(words)) }
                    dd { (column.meaning(words)) }
                } }
            }
        }
    }
}

fn cell(column: &Column, value: &TableValue, report: &Report<'_>) -> Markup {
    html! {
        td class=[numeric(column)] data-s=[sort_key(value)] { (value.shown(column.unit, report.words)) }
    }
}

fn numeric(column: &Column) -> Option<&'static str> {
    column.is_numeric().then_some("n")
}

/// The number by which the script sorts, where the text of the cell is not that number.
fn sort_key(value: &TableValue) -> Option<String> {
    match value {
        TableValue::Whole(_) => None,
        value => value.sort_key().map(digits),
    }
}
