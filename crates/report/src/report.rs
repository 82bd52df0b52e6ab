//! The one model that every format writes: the sections of a report in their order, in its language.

use haul_chart::{Chart, Drawing};
use haul_results::{Analysis, CellSummary, Row, Run};

use crate::architecture;
use crate::charts::charts;
use crate::configuration::{Fact, configuration};
use crate::labels::{classes_text, problem_text};
use crate::lang::Lang;
use crate::table::Table;
use crate::verdict::{VerdictText, verdict};
use crate::view::{View, distinct};
use crate::words::Wording;

/// Most lines of the banner; the table's remarks have the rest.
const BANNER_LINES_MAX: usize = 12;

/// The whole report.
pub struct Report<'a> {
    pub(crate) run: &'a Run,
    pub(crate) words: &'static Wording,
    /// When and where, in one line.
    pub(crate) subtitle: String,
    pub(crate) table: Table,
    /// In the order in which every format writes them, or those for which it has a place.
    pub(crate) sections: Vec<Section>,
}

/// One section with its heading.
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    pub(crate) block: Block,
}

/// What a section holds. A format renders these and nothing else.
pub(crate) enum Block {
    Verdict(VerdictText),
    /// What is wrong with the run; not empty.
    Banner(Vec<String>),
    Facts(Vec<Fact>),
    /// What was timed.
    Figure {
        drawing: Drawing,
        text: &'static str,
    },
    Charts(Vec<Chart>),
    /// [`Report::table`], and what its columns mean.
    Table,
    /// How to run it again.
    Commands {
        text: &'static str,
        commands: Vec<String>,
    },
}

impl<'a> Report<'a> {
    /// The report of an analysis in one language.
    #[must_use]
    pub fn new(analysis: &'a Analysis<'a>, lang: Lang) -> Self {
        let words = lang.words();
        let view = &View { analysis, words };
        let (run, headings) = (analysis.run, &words.headings);
        let section = |heading, block| Section { heading, block };
        let banner = banner(view);
        let figure = Block::Figure {
            drawing: architecture::drawing(view),
            text: words.texts.architecture,
        };
        let commands = Block::Commands {
            text: words.texts.repeat,
            commands: vec![command(run)],
        };
        let mut sections = vec![section(headings.verdict, Block::Verdict(verdict(view)))];
        sections.extend((!banner.is_empty()).then(|| section(headings.banner, Block::Banner(banner))));
        sections.extend([
            section(headings.configuration, Block::Facts(configuration(view))),
            section(headings.architecture, figure),
            section(headings.charts, Block::Charts(charts(view))),
            section(headings.table, Block::Table),
            section(headings.repeat, commands),
        ]);
        Self {
            run,
            words,
            subtitle: subtitle(run, words),
            table: Table::new(view),
            sections,
        }
    }
}

fn subtitle(run: &Run, words: &Wording) -> String {
    let header = &run.header;
    let started = header.started.strftime("%Y-%m-%d %H:%M UTC");
    let server = header.subject.name.as_ref().unwrap_or(&header.subject.command);
    let cells = (words.nouns.cells)(header.matrix.cells().len() as u64);
    let repeats = (words.nouns.repetitions)(header.repeats.into());
    format!("{server} · {started} · {cells}, {repeats}")
}

/// What is wrong, cell by cell, the whole run first.
fn banner(view: &View<'_>) -> Vec<String> {
    let (run, words) = (view.analysis.run, &view.words.cells);
    let mut lines = Vec::new();
    let missing = run.missing().len();
    if missing > 0 {
        let planned = view.analysis.rows.len() * run.header.repeats as usize;
        lines.push((words.incomplete)(missing, planned));
    }
    let line = |row: &Row| {
        let reason = reason(&row.summary, view.words)?;
        let name = view.cell_name(&row.summary.cell);
        Some(format!("{} {} ({name}): {reason}", words.cell, row.number))
    };
    let mut cells: Vec<String> = view.rows().filter_map(line).collect();
    let further = cells.len().saturating_sub(BANNER_LINES_MAX);
    cells.truncate(BANNER_LINES_MAX);
    lines.extend(cells);
    lines.extend((further > 0).then(|| (words.further)(further)));
    lines
}

/// Why a cell is invalid, failed, or impossible; `None` if nothing is wrong with it.
fn reason(summary: &CellSummary, words: &Wording) -> Option<String> {
    let own = &words.cells;
    let mut reasons = Vec::new();
    let problems = summary.trials.iter().flat_map(|trial| &trial.problems);
    let texts = distinct(problems.map(|problem| problem_text(problem, words)));
    if !texts.is_empty() {
        reasons.push(format!("{}: {}", own.invalid, texts.join("; ")));
    }
    let failed = summary.clients_failed();
    if failed > 0 {
        let classes = classes_text(&summary.failures());
        reasons.push((own.failed_of)(failed, summary.clients_ok() + failed, &classes));
    }
    if let Some(ceiling) = summary.ceiling.filter(|ceiling| ceiling.is_above()) {
        reasons.push((own.share_of_ceiling)(&words.percent(ceiling.share)));
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// The command line of the run, with its seed, as a shell takes it.
fn command(run: &Run) -> String {
    let mut arguments = run.header.arguments.clone();
    let is_seed = |argument: &String| argument == "--seed" || argument.starts_with("--seed=");
    if !arguments.iter().any(is_seed) {
        arguments.extend(["--seed".to_owned(), run.header.seed.to_string()]);
    }
    let quoted: Vec<String> = arguments.iter().map(|argument| quoted(argument)).collect();
    format!("haul {}", quoted.join(" "))
}

/// An argument as a shell takes it.
fn quoted(argument: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=.,:/@%+".contains(letter);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_quoted_for_a_shell_only_where_it_must_be() {
        assert_eq!(quoted("--volumes=10MiB,1MB"), "--volumes=10MiB,1MB");
        assert_eq!(
            quoted("python3 server.py --port {port}"),
            "'python3 server.py --port {port}'"
        );
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
