//! The end of a run: its files, its table, its verdict.

use std::io::{self, Write as _};
use std::process::ExitCode;

use haul_results::Run;

use super::settings::Settings;

/// Writes the report beside the journal, and prints what it says and where it is, the HTML last.
pub(super) fn finish(run: &Run, settings: &Settings) -> anyhow::Result<ExitCode> {
    let verdict = run.verdict(&settings.report.thresholds);
    let mut text = haul_report::terminal(run, &settings.report, crate::report::terminal_width());
    let written = crate::report::write(run, &settings.report, &settings.setup.folder);
    if let Ok(files) = &written {
        files
            .iter()
            .for_each(|file| text += &format!("{}\n", file.display()));
    }
    crate::print(text.as_bytes())?;
    // The journal is whole, and the exit code is that of what was measured.
    if let Err(error) = written {
        writeln!(
            io::stderr(),
            "haul: the report is not complete, `haul report` makes it again: {error:#}"
        )
        .ok();
    }
    Ok(ExitCode::from(verdict.grade.exit_code()))
}
