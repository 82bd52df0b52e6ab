//! The command line of haul: what was typed becomes a configuration, the configuration a call, and its outcome an
//! exit code.

mod bench;
mod cli;
mod commands;
mod logs;
mod papers;
mod report;
mod serve;
mod settings;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};
use settings::SettingError;

/// What was typed, or set, cannot be used.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(warden) = bench::as_warden(&typed) {
        return ended(warden);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return bench::exit_of_parser(&error).unwrap_or_else(|| error.exit()),
    };
    ended(run(cli.command))
}

fn ended(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        // There is nowhere left to say that standard error is closed.
        writeln!(io::stderr(), "haul: {error:#}").ok();
        if error.is::<SettingError>() {
            ExitCode::from(EXIT_USAGE)
        } else {
            ExitCode::FAILURE
        }
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(flags) => serve::run(&flags),
        Command::Worker(flags) => serve::run_worker(&flags),
        Command::Bench(args) => bench::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Compare(args) => report::compare(&args),
        Command::ClientWorker { job } => bench::work(&job),
        Command::Completions { shell } => print(&papers::completions(shell)),
        Command::Man { subcommand } => print(&papers::manual(subcommand.as_deref())?),
        Command::Ls(remote) => Ok(commands::ls::run(remote.own, &remote.shared.globals()?).into()),
        Command::Get(remote) => Ok(commands::get::run(remote.own, &remote.shared.globals()?).into()),
        Command::Put(remote) => Ok(commands::put::run(remote.own, &remote.shared.globals()?).into()),
        Command::Rm(remote) => Ok(commands::rm::run(remote.own, &remote.shared.globals()?).into()),
        Command::Stat(remote) => Ok(commands::stat::run(remote.own, &remote.shared.globals()?).into()),
        Command::Stats(remote) => Ok(commands::stats::run(remote.own, &remote.shared.globals()?).into()),
    }
}

/// Prints all of `text`. A reader that has seen enough (`haul man | head`) is no failure.
fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

impl cli::RemoteArgs {
    fn globals(self) -> Result<commands::Globals, SettingError> {
        let environment = settings::Environment::of_process();
        let server = settings::server(self.server.as_deref(), &environment)?;
        let dialect = self
            .dialect
            .parse()
            .expect("the parser of the command line takes only dialects");
        let Self {
            retries, json, quiet, ..
        } = self;
        Ok(commands::Globals {
            server,
            dialect,
            retries,
            json,
            quiet,
        })
    }
}
