//! `report.html`: one file that needs nothing from outside. It follows the reader's light or dark page, is read on a
//! telephone, and prints.

use crate::report::Report;
use crate::table::Value;
use haul_chart::svg::{self, escape};
use haul_chart::{Chart, Key};

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/sort.js");

/// The file's content.
pub(crate) fn document(report: &Report<'_>) -> String {
    let headings = report.headings();
    let mut page = head(report);
    page += &format!(
        "<header><h1>{}</h1><p class=\"sub\">{}</p></header>\n",
        escape(&report.title),
        escape(&report.subtitle)
    );
    page += &verdict(report);
    page += &banner(report);
    page += &format!(
        "<section><h2>{}</h2><dl class=\"facts\">\n",
        headings.configuration
    );
    for fact in &report.configuration {
        page += &format!(
            "<div><dt>{}</dt><dd>{}</dd></div>\n",
            escape(&fact.name),
            escape(&fact.value)
        );
    }
    page += &format!(
        "</dl></section>\n<section><h2>{}</h2><div class=\"test\">",
        headings.architecture
    );
    page += &svg::inline(&report.architecture.drawing, headings.architecture);
    page += &format!("<p>{}</p></div></section>\n", escape(&report.architecture.text));
    page += &format!("<section><h2>{}</h2>\n", headings.charts);
    for part in &report.charts {
        page += &chart(part);
    }
    page += "</section>\n";
    page += &table(report);
    page += &format!(
        "<section><h2>{}</h2><p>{}</p>\n",
        headings.repeat,
        escape(&report.repeat.text)
    );
    for command in &report.repeat.commands {
        page += &format!("<pre>{}</pre>\n", escape(command));
    }
    page += &format!("</section>\n</main>\n<script>{SCRIPT}</script>\n</body>\n</html>\n");
    page
}

fn head(report: &Report<'_>) -> String {
    // The policy makes the browser itself see to it that nothing is loaded from anywhere.
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; font-src data:\">\n<title>{}</title>\n<style>{}{}{}{}</style>\n</head>\n<body>\n<main>\n",
        report.lang.as_str(),
        escape(&format!("{} – {}", report.title, report.subtitle)),
        svg::font_faces(),
        svg::palette(),
        svg::classes(),
        STYLE.replace("FONTS", svg::FONTS)
    )
}

fn verdict(report: &Report<'_>) -> String {
    let verdict = &report.verdict;
    let class = if verdict.is_good {
        "verdict good"
    } else {
        "verdict bad"
    };
    let mut text = format!(
        "<section class=\"{class}\"><p class=\"sentence\">{}</p>",
        escape(&verdict.sentence)
    );
    text += &format!("<p class=\"confidence\">{}</p>", escape(&verdict.confidence));
    if !verdict.points.is_empty() {
        let points: String = verdict
            .points
            .iter()
            .map(|point| format!("<li>{}</li>", escape(point)))
            .collect();
        text += &format!("<ul>{points}</ul>");
    }
    text + "</section>\n"
}

fn banner(report: &Report<'_>) -> String {
    if report.banner.is_empty() {
        return String::new();
    }
    let lines: String = report
        .banner
        .iter()
        .map(|line| format!("<li>{}</li>", escape(line)))
        .collect();
    let heading = report.headings().banner;
    format!("<section class=\"banner\" role=\"alert\"><h2>{heading}</h2><ul>{lines}</ul></section>\n")
}

fn chart(chart: &Chart) -> String {
    let mut text = format!(
        "<figure id=\"{}\"><figcaption><h3>{}</h3><p>{}</p></figcaption>\n",
        chart.id,
        escape(&chart.title),
        escape(&chart.reading)
    );
    match &chart.heat {
        Some(scale) => {
            let drawing = scale.draw(420.0);
            text += &format!(
                "<div class=\"scale\">{}</div>",
                svg::inline(&drawing, &scale.title)
            );
        }
        None => {
            let entry = |key: &Key| {
                let sign = svg::inline(&key.sign_drawing(), "");
                format!("<li>{sign}{}</li>", escape(&key.name))
            };
            let keys: String = chart.legend.iter().map(entry).collect();
            text += &format!("<ul class=\"legend\">{keys}</ul>");
        }
    }
    text += &format!(
        "<div class=\"panels\" style=\"--w:{}px;--c:{}\">\n",
        chart.panel_width, chart.columns_max
    );
    for (panel, drawing) in chart.panels.iter().zip(chart.drawings()) {
        text += &svg::inline(&drawing, &format!("{}: {}", chart.title, panel.title));
    }
    text += "</div>";
    if let Some(note) = &chart.note {
        text += &format!("<p class=\"note\">{}</p>", escape(note));
    }
    text + "</figure>\n"
}

fn table(report: &Report<'_>) -> String {
    let (headings, lang) = (report.headings(), report.lang);
    let mut text = format!(
        "<section class=\"cells\"><h2>{}</h2><p>{}</p>\n",
        headings.table,
        escape(&report.table_note)
    );
    text += "<div class=\"wide\" tabindex=\"0\"><table id=\"cells\"><thead><tr>";
    for column in &report.table.columns {
        let (heading, meaning) = (escape(column.heading(lang)), escape(column.meaning(lang)));
        let class = if column.is_numeric() { " class=\"n\"" } else { "" };
        text += &format!("<th{class} scope=\"col\" title=\"{meaning}\">{heading}</th>");
    }
    text += "</tr></thead><tbody>\n";
    for row in &report.table.rows {
        text += if row.is_marked {
            "<tr class=\"marked\">"
        } else {
            "<tr>"
        };
        for (column, value) in report.table.columns.iter().zip(&row.values) {
            let class = if column.is_numeric() { " class=\"n\"" } else { "" };
            text += &format!(
                "<td{class}{}>{}</td>",
                sort_attribute(value),
                escape(&value.text(lang))
            );
        }
        text += "</tr>\n";
    }
    text += &format!(
        "</tbody></table></div>\n<details><summary>{}</summary><dl class=\"columns\">\n",
        headings.columns
    );
    for column in &report.table.columns {
        text += &format!(
            "<dt>{}</dt><dd>{}</dd>",
            escape(column.heading(lang)),
            escape(column.meaning(lang))
        );
    }
    text + "</dl></details></section>\n"
}

/// The number by which the script sorts, where the text of the cell is not that number.
fn sort_attribute(value: &Value) -> String {
    match value {
        Value::Whole(_) | Value::Text(_) | Value::Missing => String::new(),
        value => value
            .sort_key()
            .map(|key| format!(" data-s=\"{}\"", super::csv::digits(key)))
            .unwrap_or_default(),
    }
}
