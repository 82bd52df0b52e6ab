//! `--dry-run`: the plan, printed.

use std::io;
use std::process::ExitCode;

use haul_lab::Plan;
use haul_results::{ByteSize, Matrix};
use indicatif::HumanBytes;

use super::settings::BenchSettings;

/// Prints what the trials move and need, then the trials in their order.
pub(super) fn print(settings: &BenchSettings) -> io::Result<ExitCode> {
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
                "{} ({}, {kind}, {} free)",
                place.folder.display(),
                place.file_system,
                human(place.free)
            )
        }
        Err(error) => error.to_string(),
    };
    // What decides whether to run it comes first: the trials are hundreds of lines.
    let mut text = summary(&plan, &setup.matrix, setup.repeats, setup.seed);
    text += &format!(
        "server: {}\nscratch space: {}; {scratch}\n",
        setup.subject.shown(),
        human(plan.scratch)
    );
    text += &format!(
        "time: about {}\ntrials, in their order:\n",
        humantime::format_duration(whole_seconds(plan.estimate))
    );
    for (number, (repeat, cell)) in (1..).zip(&plan.trials) {
        text += &format!("{number} repeat={} {cell}\n", repeat + 1);
    }
    crate::output::print(text.as_bytes()).map_err(io::Error::other)?;
    Ok(ExitCode::from(if place.is_ok() {
        0
    } else {
        crate::output::EXIT_USAGE
    }))
}

fn summary(plan: &Plan, matrix: &Matrix, repeats: u32, seed: u64) -> String {
    format!(
        "{} cells, {repeats} {}, {} trials, seed {seed}\ncontent: {}, and {} to warm up\n",
        matrix.cells().len(),
        if repeats == 1 { "repeat" } else { "repeats" },
        plan.trials.len(),
        human(plan.content),
        human(plan.warm_up),
    )
}

/// A size for people: the largest unit of which there is one, with its decimals.
fn human(bytes: ByteSize) -> impl std::fmt::Display {
    HumanBytes(bytes.0)
}

fn whole_seconds(span: std::time::Duration) -> std::time::Duration {
    std::time::Duration::from_secs(span.as_secs())
}
