//! `report.md`: the report as Markdown, with its charts as SVG files beside it.

use crate::report::Report;
use haul_chart::svg;

/// How wide the charts are drawn.
const CHART_WIDTH: f64 = 760.0;

/// The file's content; the charts are those of [`charts`].
pub(crate) fn document(report: &Report<'_>) -> String {
    let headings = report.headings();
    let mut text = format!("# {}\n\n{}\n\n", escape(&report.title), escape(&report.subtitle));
    text += &format!(
        "**{}**\n\n{}\n\n",
        escape(&report.verdict.sentence),
        escape(&report.verdict.confidence)
    );
    for point in &report.verdict.points {
        text += &format!("- {}\n", escape(point));
    }
    if !report.verdict.points.is_empty() {
        text.push('\n');
    }
    if !report.banner.is_empty() {
        text += &format!("> **{}**\n", headings.banner);
        for line in &report.banner {
            text += &format!("> - {}\n", escape(line));
        }
        text.push('\n');
    }
    text += &format!("## {}\n\n| | |\n|---|---|\n", headings.configuration);
    for fact in &report.configuration {
        text += &format!("| {} | {} |\n", escape(&fact.name), escape(&fact.value));
    }
    text += &format!("\n## {}\n\n", headings.architecture);
    text += &format!(
        "![{}](charts/architecture.svg)\n\n{}\n\n",
        headings.architecture, report.architecture.text
    );
    text += &format!("## {}\n\n", headings.charts);
    for chart in &report.charts {
        text += &format!(
            "### {}\n\n![{}](charts/{}.svg)\n\n",
            escape(&chart.title),
            escape(&chart.title),
            chart.id
        );
    }
    text += &format!("## {}\n\n{}\n\n", headings.table, escape(&report.table_note));
    push_table(&mut text, report);
    text += &format!("\n### {}\n\n", headings.columns);
    for column in &report.table.columns {
        text += &format!(
            "- **{}**: {}\n",
            escape(column.heading(report.lang)),
            escape(column.meaning(report.lang))
        );
    }
    let commands = report.repeat.commands.join("\n").replace(char::is_control, " ");
    let ticks = commands
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat((ticks + 1).max(3));
    text += &format!("\n## {}\n\n{}\n\n", headings.repeat, escape(&report.repeat.text));
    text += &format!("{fence}sh\n{commands}\n{fence}\n");
    text
}

/// Each chart as an SVG file: its name and its content.
pub(crate) fn charts(report: &Report<'_>) -> Vec<(String, Vec<u8>)> {
    let drawn = report
        .charts
        .iter()
        .map(|chart| (chart.id, chart.sheet(CHART_WIDTH), chart.title.as_str()));
    let heading = report.headings().architecture;
    let architecture = [("architecture", report.architecture.drawing.clone(), heading)];
    let file = |(id, drawing, label): (&str, _, &str)| {
        (
            format!("charts/{id}.svg"),
            svg::standalone(&drawing, label).into_bytes(),
        )
    };
    architecture.into_iter().chain(drawn).map(file).collect()
}

fn push_table(text: &mut String, report: &Report<'_>) {
    let table = &report.table;
    let headings: Vec<String> = table
        .columns
        .iter()
        .map(|column| escape(column.heading(report.lang)))
        .collect();
    let rules: Vec<&str> = table
        .columns
        .iter()
        .map(|column| if column.is_numeric() { "--:" } else { "---" })
        .collect();
    *text += &format!("| {} |\n|{}|\n", headings.join(" | "), rules.join("|"));
    for row in &table.rows {
        let values: Vec<String> = row
            .values
            .iter()
            .map(|value| escape(&value.text(report.lang)))
            .collect();
        *text += &format!("| {} |\n", values.join(" | "));
    }
}

/// `text` on one line, with what Markdown would take for markup behind a backslash.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '#' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            letter if letter.is_control() => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
