//! The command line of haul: what was typed becomes a configuration, the configuration a call, and its outcome an
//! exit code.

mod bench;
mod cli;
mod commands;
mod completions;
mod help;
mod logs;
mod manpages;
mod output;
mod report;
mod serve;
mod settings;
mod usage;
mod value_parsers;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use cli::{Cli, Command, RemoteCommand};
use output::{EXIT_USAGE, print, say};
use settings::SettingError;

fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    if let Some(reaper) = bench::as_reaper(typed.get(1..).unwrap_or_default()) {
        return ended(reaper);
    }
    match cli::parse(&typed) {
        Ok(cli) => ended(run(cli)),
        Err(error) => not_parsed(&error, &typed),
    }
}

/// Help and version go to standard output and are no failure; what cannot be parsed is said like everything else.
fn not_parsed(error: &clap::Error, typed: &[OsString]) -> ExitCode {
    if !error.use_stderr() || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        error.exit();
    }
    say(&usage::sentence(error, typed));
    ExitCode::from(EXIT_USAGE)
}

fn ended(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        say(&format!("{error:#}"));
        if error.is::<SettingError>() {
            ExitCode::from(EXIT_USAGE)
        } else {
            ExitCode::FAILURE
        }
    })
}

fn run(Cli { server, command }: Cli) -> anyhow::Result<ExitCode> {
    let early = server.as_deref();
    match command {
        Command::Ls(RemoteCommand { own, shared }) => {
            Ok(commands::ls::run(own, &shared.options(early)?).into())
        }
        Command::Get(RemoteCommand { own, shared }) => {
            Ok(commands::get::run(&own, &shared.options(early)?).into())
        }
        Command::Cat(RemoteCommand { own, shared }) => {
            Ok(commands::cat::run(own, &shared.options(early)?).into())
        }
        Command::Put(RemoteCommand { own, shared }) => {
            Ok(commands::put::run(own, &shared.options(early)?).into())
        }
        Command::Rm(RemoteCommand { own, shared }) => {
            Ok(commands::rm::run(own, &shared.options(early)?).into())
        }
        Command::Stat(RemoteCommand { own, shared }) => {
            Ok(commands::stat::run(own, &shared.options(early)?).into())
        }
        Command::Stats(RemoteCommand { own, shared }) => {
            Ok(commands::stats::run(own, &shared.options(early)?).into())
        }
        _ if early.is_some() => Err(settings::only_for_clients("server").into()),
        Command::Serve(flags) => serve::run(&flags),
        Command::Worker(flags) => serve::run_worker(&flags),
        Command::Bench(args) => bench::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Compare(args) => report::compare(&args),
        Command::ClientWorker { job } => bench::work(&job),
        Command::Completions { shell } => print(&completions::script(shell)),
        Command::Man { subcommand, out } => manual(subcommand.as_deref(), out.as_deref()),
    }
}

fn manual(subcommand: Option<&str>, out: Option<&Path>) -> anyhow::Result<ExitCode> {
    let pages = manpages::pages(subcommand)?;
    match out {
        Some(folder) => manpages::write(&pages, folder).map(|()| ExitCode::SUCCESS),
        None => print(&pages.into_iter().flat_map(|page| page.text).collect::<Vec<u8>>()),
    }
}

impl cli::RemoteArgs {
    /// What the flags mean, with a `--server` that stood before the subcommand. One behind it is nearer, and wins.
    fn options(self, early_server: Option<&str>) -> Result<commands::RemoteOptions, SettingError> {
        let environment = settings::Variables::of_process();
        let Self {
            server,
            dialect,
            timeout,
            retry_for,
            retries,
            json,
            quiet,
        } = self;
        if !quiet {
            settings::warn_of_unknown(&environment);
        }
        Ok(commands::RemoteOptions {
            server: settings::server(server.as_deref().or(early_server), &environment)?,
            dialect,
            timeout,
            retry_for,
            retries,
            json,
            quiet,
        })
    }
}
