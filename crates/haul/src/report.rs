//! `haul report` and `haul compare`: results that were measured before, read from their folder and shown again.
//!
//! Both end with 0 when they did what was asked, 1 when they could not, and 2 when the command line cannot be used. `compare` ends with 5 when it refuses to
//! compare, and with 4 when `--fail-if-slower` is given and something is slower.

mod compare;
mod results;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueHint};
use haul_report::{Format, Lang, Report};

use crate::value_parsers::word;

pub(crate) use compare::{CompareArgs, compare};
pub(crate) use results::{read_baseline, read_run};

/// The columns of a terminal that is none.
const WIDTH: u16 = 80;

/// What can be typed behind `haul report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Results folder of a run, or its journal.jsonl or results.json
    #[arg(value_name = "DIR", value_hint = ValueHint::AnyPath)]
    results: PathBuf,
    /// Language of texts and tables: English or Indonesian
    #[arg(long, value_name = "LANG", default_value = "en", value_parser = word::<Lang>())]
    lang: Lang,
    /// Set beside it: another results folder, its results.json or table.csv, or a table with the columns operation,
    /// volume_bytes, clients, server_workers and time_per_client_s
    #[arg(long, value_name = "FILE", value_hint = ValueHint::AnyPath)]
    baseline: Option<PathBuf>,
    /// Files to write
    #[arg(long, value_name = "FORMAT,…", value_delimiter = ',', default_value = "html,pdf,md,csv,xlsx,json",
          value_parser = word::<Format>())]
    formats: Vec<Format>,
    /// Where to write them [default: into the results folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: Option<PathBuf>,
}

/// Writes the report of a run again, prints its table and the paths of the files, that of the HTML last.
pub(crate) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let run = read_run(&args.results)?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    let analysis = run.analyse(baseline.as_ref(), &[]);
    let report = Report::new(&analysis, args.lang);
    let folder = args.out.clone().unwrap_or_else(|| results::folder(&args.results));
    let files = write(&report, &args.formats, &folder)?;
    let mut text = report.terminal(terminal_width());
    for file in files {
        text += &format!("{}\n", file.display());
    }
    crate::output::print(text.as_bytes())
}

/// Writes a report into a folder, which is made if need be, and gives the paths of its documents, that of the
/// HTML last. Files of the same names give way.
pub(crate) fn write(report: &Report<'_>, formats: &[Format], folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (name, content) in report.files(formats)? {
        let path = folder.join(&name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("`{}` cannot be made", parent.display()))?;
        }
        fs::write(&path, content).with_context(|| format!("`{}` cannot be written", path.display()))?;
        if !name.contains('/') {
            paths.push(path);
        }
    }
    paths.sort_by_key(|path| path.extension().is_some_and(|extension| extension == "html"));
    Ok(paths)
}

/// The columns of the terminal on standard output; where it is none, those of `COLUMNS`, or 80.
pub(crate) fn terminal_width() -> u16 {
    let of_terminal = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0);
    let of_environment = || std::env::var("COLUMNS").ok()?.parse().ok();
    of_terminal().or_else(of_environment).unwrap_or(WIDTH)
}

#[cfg(test)]
mod tests {
    use haul_results::simulation;

    use super::*;

    #[test]
    fn a_report_is_written_file_by_file_with_the_html_last() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("new");
        let run = simulation::quick();
        let analysis = run.analyse(None, &[]);
        let paths = write(&Report::new(&analysis, Lang::En), Format::ALL, &inner).unwrap();
        let names: Vec<_> = paths
            .iter()
            .map(|path| path.strip_prefix(&inner).unwrap().display().to_string())
            .collect();
        assert_eq!(
            names,
            [
                "report.pdf",
                "report.md",
                "table.csv",
                "table.xlsx",
                "results.json",
                "report.html"
            ]
        );
        assert!(paths.iter().all(|path| path.metadata().unwrap().len() > 1000));
        assert!(inner.join("charts/throughput.svg").is_file());
    }
}
