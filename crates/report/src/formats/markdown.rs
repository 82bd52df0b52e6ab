//! `report.md`: the report as Markdown, with its charts as SVG files beside it.

use crate::report::{Block, Report, Section};
use crate::verdict::VerdictText;
use haul_chart::svg;

/// How wide the charts are drawn.
const CHART_WIDTH: f64 = 760.0;

/// The file's content; the charts are those of [`charts`].
pub(crate) fn document(report: &Report<'_>) -> String {
    let title = escape(report.words.headings.title);
    let mut text = format!("# {title}\n\n{}\n\n", escape(&report.subtitle));
    for section in &report.sections {
        text += &render(section, report);
    }
    text
}

fn render(Section { heading, block }: &Section, report: &Report<'_>) -> String {
    match block {
        Block::Verdict(verdict) => self::verdict(verdict),
        Block::Banner(lines) => {
            let lines: String = lines
                .iter()
                .map(|line| format!("> - {}\n", escape(line)))
                .collect();
            format!("> **{heading}**\n{lines}\n")
        }
        Block::Facts(facts) => {
            let row =
                |fact: &crate::configuration::Fact| format!("| {} | {} |\n", fact.name, escape(&fact.value));
            let rows: String = facts.iter().map(row).collect();
            format!("## {heading}\n\n| | |\n|---|---|\n{rows}\n")
        }
        Block::Figure { text, .. } => {
            format!("## {heading}\n\n![{heading}](charts/architecture.svg)\n\n{text}\n\n")
        }
        Block::Charts(charts) => {
            let figure = |chart: &haul_chart::Chart| {
                let title = escape(&chart.title);
                format!("### {title}\n\n![{title}](charts/{}.svg)\n\n", chart.id)
            };
            format!(
                "## {heading}\n\n{}",
                charts.iter().map(figure).collect::<String>()
            )
        }
        Block::Table => table(heading, report),
        Block::Commands { text, commands } => {
            format!("## {heading}\n\n{}\n\n{}", escape(text), fenced(commands))
        }
    }
}

/// Each chart as an SVG file: its name and its content.
pub(crate) fn charts(report: &Report<'_>) -> Vec<(String, Vec<u8>)> {
    let file = |id: &str, content: String| (format!("charts/{id}.svg"), content.into_bytes());
    let mut files = Vec::new();
    for Section { heading, block } in &report.sections {
        match block {
            Block::Figure { drawing, .. } => {
                files.push(file("architecture", svg::standalone(drawing, heading)));
            }
            Block::Charts(charts) => files.extend(charts.iter().map(|chart| {
                let sheet = chart.sheet(CHART_WIDTH);
                file(chart.id, svg::standalone(&sheet, &chart.title))
            })),
            _ => {}
        }
    }
    files
}

fn verdict(verdict: &VerdictText) -> String {
    let mut text = format!(
        "**{}**\n\n{}\n\n",
        escape(&verdict.sentence),
        escape(&verdict.confidence)
    );
    for point in &verdict.points {
        text += &format!("- {}\n", escape(point));
    }
    if !verdict.points.is_empty() {
        text.push('\n');
    }
    text
}

fn table(heading: &str, report: &Report<'_>) -> String {
    let (table, words) = (&report.table, report.words);
    let columns = || table.columns.iter();
    let headings: Vec<String> = columns().map(|column| escape(column.heading(words))).collect();
    let rules: Vec<&str> = columns()
        .map(|column| if column.is_numeric() { "--:" } else { "---" })
        .collect();
    let mut text = format!(
        "## {heading}\n\n{}\n\n| {} |\n|{}|\n",
        escape(&table.note),
        headings.join(" | "),
        rules.join("|")
    );
    for row in &table.rows {
        let cells = columns().zip(&row.values);
        let values: Vec<String> = cells
            .map(|(column, value)| escape(&value.shown(column.unit, words)))
            .collect();
        text += &format!("| {} |\n", values.join(" | "));
    }
    text += &format!("\n### {}\n\n", words.headings.columns);
    for column in columns() {
        let (heading, meaning) = (column.heading(words), column.meaning(words));
        text += &format!("- **{}**: {}\n", escape(heading), escape(meaning));
    }
    text + "\n"
}

/// Commands between fences that are longer than any row of backticks in them.
fn fenced(commands: &[String]) -> String {
    let commands = commands.join("\n").replace(char::is_control, " ");
    let ticks = commands
        .split(|letter| letter != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat((ticks + 1).max(3));
    format!("{fence}sh\n{commands}\n{fence}\n")
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
