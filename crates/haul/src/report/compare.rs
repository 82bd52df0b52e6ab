//! `haul compare`: two runs, cell by cell.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};
use haul_report::{ComparedCells, Lang};
use haul_results::{Change, Comparison, Method, compare as compare_runs, compare_anyway};

use super::{read_run, terminal_width};
use crate::value_parsers::word;

/// Something is slower.
const EXIT_SLOWER: u8 = 4;
/// The runs are not comparable.
const EXIT_REFUSED: u8 = 5;

/// What can be typed behind `haul compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Results folder of the first run, or its journal.jsonl or results.json
    #[arg(value_name = "A", value_hint = ValueHint::AnyPath)]
    before: PathBuf,
    /// The same of the second run, whose ratio to the first is shown
    #[arg(value_name = "B", value_hint = ValueHint::AnyPath)]
    after: PathBuf,
    /// Compare the cells that both have, even if matrix or machine differ
    #[arg(long)]
    anyway: bool,
    /// List all cells, not only those that differ
    #[arg(long)]
    all: bool,
    /// End with 4 if B is slower in any cell, or all cells together
    #[arg(long)]
    fail_if_slower: bool,
    /// Language: English or Indonesian
    #[arg(long, value_name = "LANG", default_value = "en", value_parser = word::<Lang>())]
    lang: Lang,
    /// Print the whole comparison as JSON
    #[arg(long)]
    json: bool,
}

/// Compares two runs and prints what differs.
pub(crate) fn compare(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let (before, after) = (read_run(&args.before)?, read_run(&args.after)?);
    let method = Method::default();
    let comparison = match compare_runs(&before, &after, method) {
        Ok(comparison) => comparison,
        Err(_) if args.anyway => compare_anyway(&before, &after, method),
        Err(refusal) => {
            crate::output::say(&format!("{refusal}; --anyway compares them all the same"));
            return Ok(ExitCode::from(EXIT_REFUSED));
        }
    };
    crate::output::print(text(args, &comparison)?.as_bytes())?;
    let is_slower = comparison.overall_change == Change::Slower
        || comparison.cells.iter().any(|cell| cell.change == Change::Slower);
    Ok(if args.fail_if_slower && is_slower {
        ExitCode::from(EXIT_SLOWER)
    } else {
        ExitCode::SUCCESS
    })
}

fn text(args: &CompareArgs, comparison: &Comparison) -> anyhow::Result<String> {
    if args.json {
        return Ok(format!("{}\n", serde_json::to_string_pretty(comparison)?));
    }
    let [before, after] = [&args.before, &args.after].map(|path| path.display().to_string());
    let detail = if args.all {
        ComparedCells::All
    } else {
        ComparedCells::Notable
    };
    Ok(haul_report::comparison(
        comparison,
        [&before, &after],
        args.lang,
        detail,
        terminal_width(),
    ))
}
