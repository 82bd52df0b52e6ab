//! `haul bench`: what was typed becomes a run of the lab, its results files, a table and an exit code. And the hidden
//! subcommands that are the clients of a trial and the reapers of a run.

mod args;
mod dry_run;
mod finish;
mod live;
mod settings;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use haul_lab::{Interrupt, LabError};
use jiff::Timestamp;
use signal_hook::consts::{SIGINT, SIGTERM};

pub(crate) use args::BenchArgs;
use live::RunProgress;
use settings::BenchSettings;

/// The run is invalid.
const EXIT_INVALID: u8 = 5;
/// The hidden subcommand that is a reaper; with the folder to remove, if it has one.
const REAPER: &str = "reaper";

/// Runs the lab.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let typed = std::env::args().skip(1).collect();
    let settings = settings::settings(args, typed, Timestamp::now())?;
    if args.dry_run {
        return Ok(dry_run::print(&settings)?);
    }
    measure(args, &settings)
}

/// Is clients of a trial.
pub(crate) fn work(job: &str) -> anyhow::Result<ExitCode> {
    haul_lab::work(job, io::stdin(), io::stdout())?;
    Ok(ExitCode::SUCCESS)
}

/// Is a reaper of a run, if that was typed. It does not pass the parser of the command line: what a reaper maps of the
/// program into its memory, it shares with our server, which then seems to need less.
pub(crate) fn as_reaper(typed: &[OsString]) -> Option<anyhow::Result<ExitCode>> {
    let folder = match typed {
        [word] if word == REAPER => None,
        [word, folder] if word == REAPER => Some(Path::new(folder)),
        _ => return None,
    };
    let reaped = haul_lab::reap(folder, io::stdin());
    Some(reaped.map(|()| ExitCode::SUCCESS).map_err(Into::into))
}

fn measure(args: &BenchArgs, settings: &BenchSettings) -> anyhow::Result<ExitCode> {
    let interrupt = Interrupt::default();
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, interrupt.flag()).context("signals cannot be received")?;
    }
    let live = RunProgress::new(args.output.quiet);
    let mut watch = |event: haul_lab::Event<'_>| live.show(&event);
    let run = match settings.journal.clone() {
        None => haul_lab::run(&settings.setup, &interrupt, &mut watch),
        Some(journal) => haul_lab::resume(&settings.setup, journal, &interrupt, &mut watch),
    };
    live.finish();
    let run = match run {
        Ok(run) => run,
        Err(error) => {
            crate::output::say(&error.to_string());
            return Ok(ExitCode::from(exit_code(&error)));
        }
    };
    finish::finish(&run, settings)
}

fn exit_code(error: &LabError) -> u8 {
    match error {
        LabError::Scratch(_) | LabError::Descriptors(_) | LabError::Taken(_) | LabError::Changed(_) => {
            crate::output::EXIT_USAGE
        }
        LabError::Interrupted | LabError::Subject(_) | LabError::Journal { .. } => EXIT_INVALID,
    }
}
