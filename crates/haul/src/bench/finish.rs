//! The end of a run: its files, its table, its verdict.

use std::process::ExitCode;

use haul_report::{Format, Report};
use haul_results::Run;

use super::settings::BenchSettings;

/// Writes the report beside the journal, and prints what it says and where it is, the HTML last.
pub(super) fn finish(run: &Run, settings: &BenchSettings) -> anyhow::Result<ExitCode> {
    let analysis = run.analyse(settings.report.baseline.as_ref(), &settings.report.thresholds);
    let report = Report::new(&analysis, settings.report.lang);
    let mut text = report.terminal(crate::report::terminal_width());
    let written = crate::report::write(&report, Format::ALL, &settings.setup.folder);
    if let Ok(files) = &written {
        files
            .iter()
            .for_each(|file| text += &format!("{}\n", file.display()));
    }
    crate::output::print(text.as_bytes())?;
    // The journal is whole, and the exit code is that of what was measured.
    if let Err(error) = written {
        crate::output::say(&format!(
            "the report is not complete, `haul report` makes it again: {error:#}"
        ));
    }
    Ok(ExitCode::from(analysis.verdict.grade.exit_code()))
}
