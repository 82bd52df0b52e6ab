//! Results as they lie in a folder: the journal, or `results.json` where there is no journal.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use haul_report::baseline_from_table;
use haul_results::{Baseline, Journal, Run};

/// The names of a folder's results, the one that is believed first.
const NAMES: [&str; 2] = [haul_results::JOURNAL, "results.json"];

/// The results at a path: of a folder, its journal or else its `results.json`; of a file, that file. A journal that was
/// cut off in the middle of a line is read up to there.
pub(crate) fn read_run(path: &Path) -> anyhow::Result<Run> {
    let file = file_of(path)?;
    let content = fs::read(&file).with_context(|| format!("`{}` cannot be read", file.display()))?;
    parse(&content).with_context(|| format!("`{}`", file.display()))
}

/// The folder to which results belong.
pub(super) fn folder(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    path.parent().map_or_else(PathBuf::new, Path::to_owned)
}

/// What a report is set beside: other results, or a table of comma-separated values.
pub(crate) fn read_baseline(path: &Path) -> anyhow::Result<Baseline> {
    let name = path.display().to_string();
    if path
        .extension()
        .is_none_or(|extension| !extension.eq_ignore_ascii_case("csv"))
    {
        return Ok(Baseline::from_run(name, &read_run(path)?));
    }
    let table = fs::read(path).with_context(|| format!("`{name}` cannot be read"))?;
    baseline_from_table(name.as_str(), &table).with_context(|| format!("`{name}`"))
}

fn file_of(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let files = NAMES.map(|name| path.join(name));
    let found = files.into_iter().find(|file| file.is_file());
    found.with_context(|| {
        format!(
            "`{}` holds no results: neither {} nor {}",
            path.display(),
            NAMES[0],
            NAMES[1]
        )
    })
}

/// A journal begins with a line of its own, a `results.json` is one document.
fn parse(content: &[u8]) -> anyhow::Result<Run> {
    let first_line = content.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if first_line.starts_with(b"{\"start\"") {
        return Ok(Journal::read(content)?.run);
    }
    let text = std::str::from_utf8(content).context("these are not results of the lab: not UTF-8")?;
    // The error's sentence holds its cause: a chain would print that twice.
    Run::from_json(text).map_err(|error| anyhow::anyhow!("{error}; name a results folder of `haul bench`"))
}

#[cfg(test)]
mod tests {
    use haul_report::{Format, Lang, Report};
    use haul_results::{JournalLine, simulation};

    use super::*;

    fn journal(run: &Run) -> String {
        let mut text = JournalLine::Start(Box::new(run.header.clone())).to_line();
        for trial in &run.trials {
            text += &JournalLine::Trial(Box::new(trial.clone())).to_line();
        }
        text
    }

    #[test]
    fn the_journal_of_a_folder_is_believed_before_its_results_even_if_it_was_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let run = simulation::quick();
        let missing = read_run(folder.path()).unwrap_err().to_string();
        assert!(
            missing.contains("neither journal.jsonl nor results.json"),
            "{missing}"
        );
        fs::write(
            folder.path().join("results.json"),
            simulation::foreign().to_json(),
        )
        .unwrap();
        assert_eq!(read_run(folder.path()).unwrap(), simulation::foreign());
        let text = journal(&run);
        fs::write(folder.path().join("journal.jsonl"), &text[..text.len() - 9]).unwrap();
        let read = read_run(folder.path()).unwrap();
        assert_eq!(read.trials, run.trials[..run.trials.len() - 1]);
    }

    #[test]
    fn results_of_another_version_and_other_files_are_refused_by_their_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("results.json");
        let other = simulation::quick()
            .to_json()
            .replacen("\"format\": 1", "\"format\": 9", 1);
        for (content, reason) in [
            (other.as_str(), "format 9"),
            ("[]", "not results"),
            ("", "not results"),
        ] {
            fs::write(&file, content).unwrap();
            let error = format!("{:#}", read_run(&file).unwrap_err());
            assert!(
                error.contains(reason) && error.contains("results.json"),
                "{error}"
            );
            assert!(error.matches("line 1 column").count() < 2, "said twice: {error}");
        }
    }

    #[test]
    fn a_baseline_is_a_folder_a_results_file_or_a_table() {
        let folder = tempfile::tempdir().unwrap();
        let run = simulation::quick();
        let analysis = run.analyse(None, &[]);
        let report = Report::new(&analysis, Lang::En);
        crate::report::write(&report, Format::ALL, folder.path()).unwrap();
        let cell = run.header.matrix.cells()[0];
        for name in ["", "results.json", "table.csv"] {
            let baseline = read_baseline(&folder.path().join(name)).unwrap();
            assert!(baseline.point(&cell).unwrap().client_s.is_some(), "{name}");
        }
        fs::write(folder.path().join("other.csv"), "a,b\n1,2\n").unwrap();
        let error = format!(
            "{:#}",
            read_baseline(&folder.path().join("other.csv")).unwrap_err()
        );
        assert!(
            error.contains("other.csv") && error.contains("operation"),
            "{error}"
        );
    }
}
