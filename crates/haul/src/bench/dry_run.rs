//! `--dry-run`: the plan, printed.

use std::io;
use std::process::ExitCode;

use haul_lab::Plan;
use haul_results::Matrix;

use super::settings::Settings;

/// Prints the trials in their order, then what they move and need.
pub(super) fn print(settings: &Settings) -> io::Result<ExitCode> {
    let setup = &settings.setup;
    let plan = match &settings.journal {
        Some(journal) => Plan::of(&setup.matrix, journal.run.missing()),
        None => Plan::new(&setup.matrix, setup.repeats, setup.seed),
    };
    let place = haul_lab::choose_scratch(setup.scratch.as_deref(), plan.scratch);
    let scratch = match &place {
        Ok(place) => {
            let kind = if place.in_memory { "in memory" } else { "on disk" };
            format!(
                "{} ({}, {kind}, {:.0} MiB free)",
                place.folder.display(),
                place.file_system,
                place.free.as_mib()
            )
        }
        Err(error) => error.to_string(),
    };
    let mut text = String::new();
    for (number, (replicate, cell)) in (1..).zip(&plan.trials) {
        text += &format!("{number} replicate={} {cell}\n", replicate + 1);
    }
    text += &summary(&plan, &setup.matrix, setup.repeats, setup.seed);
    text += &format!(
        "server: {}\nscratch space: {:.0} MiB; {scratch}\n",
        setup.subject.shown(),
        plan.scratch.as_mib()
    );
    text += &format!(
        "time: about {}\n",
        humantime::format_duration(whole_seconds(plan.estimate))
    );
    crate::print(text.as_bytes()).map_err(io::Error::other)?;
    Ok(ExitCode::from(if place.is_ok() { 0 } else { super::EXIT_USAGE }))
}

fn summary(plan: &Plan, matrix: &Matrix, repeats: u32, seed: u64) -> String {
    format!(
        "{} cells, {repeats} replicates, {} trials, seed {seed}\ncontent: {:.1} MiB ({} bytes), and {:.1} MiB to warm up\n",
        matrix.cells().len(),
        plan.trials.len(),
        plan.content.as_mib(),
        plan.content.0,
        plan.warm_up.as_mib(),
    )
}

fn whole_seconds(span: std::time::Duration) -> std::time::Duration {
    std::time::Duration::from_secs(span.as_secs())
}
