//! `haul serve` and the worker processes that it starts.

mod greeting;
mod interfaces;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use haul_server::{ServedRoot, Server, StartError, WorkerCommand};

use haul_types::PoolKind;

use crate::logs::{self, LogSettings};
use crate::settings::{self, FileText, LogTable, ServeArgs, SettingError, Settings, TypedFlags, Variables};

/// Serves until a signal ends it and its transfers are drained.
pub(crate) fn run(flags: &ServeArgs) -> anyhow::Result<ExitCode> {
    let environment = Variables::of_process();
    let settings = read_settings(flags, &environment)?;
    check_root(&settings)?;
    let _log = logs::start(settings.log, logs::QUEUE_LINES).context("cannot start the log")?;
    for name in environment.unknown() {
        tracing::warn!("{}", settings::unknown_sentence(&name));
    }
    let config = settings.config.clone();
    let server = Server::bind(settings.config).map_err(|error| not_started(&error))?;
    // Nobody may be waiting for the lines: a closed standard output is no reason not to serve.
    announce(&server).ok();
    greeting::log(&config, &server.addresses());
    server
        .run(worker_command(settings.log))
        .context("the server failed")?;
    Ok(ExitCode::SUCCESS)
}

/// Serves what the supervisor hands over.
pub(crate) fn run_worker(flags: &TypedFlags<LogTable>) -> anyhow::Result<ExitCode> {
    let log = settings::resolve_log(flags)?;
    let _log = logs::start(log, logs::WORKER_QUEUE_LINES).context("cannot start the log")?;
    haul_server::run_worker().context("the worker failed")?;
    Ok(ExitCode::SUCCESS)
}

fn announce(server: &Server) -> io::Result<()> {
    let mut lines = String::new();
    for address in server.addresses() {
        lines.push_str(&format!("listening on haul://{address}\n"));
    }
    let mut out = io::stdout().lock();
    out.write_all(lines.as_bytes())?;
    out.flush()
}

/// Why there is no server, with what helps where the address is the reason.
fn not_started(error: &StartError) -> anyhow::Error {
    let cure = match error {
        StartError::Listen { error, .. } => match error.kind() {
            io::ErrorKind::AddrInUse => {
                "; another program has this port: choose another with -p PORT, or a free one with --listen 127.0.0.1:0"
            }
            io::ErrorKind::AddrNotAvailable => {
                "; this machine has no such address: --listen 0.0.0.0:PORT takes all it has"
            }
            io::ErrorKind::PermissionDenied => "; ports below 1024 are for root: choose another with -p PORT",
            _ => "",
        },
        _ => "",
    };
    anyhow::anyhow!("cannot start: {error}{cure}")
}

fn read_settings(flags: &ServeArgs, environment: &Variables) -> Result<Settings, SettingError> {
    let Some((path, source)) = settings::config_file(flags, environment) else {
        return settings::resolve(flags, environment, None);
    };
    let text = std::fs::read_to_string(&path)
        .map_err(|error| SettingError::new(source, format!("cannot read `{}`: {error}", path.display())))?;
    let name = path.display().to_string();
    settings::resolve(
        flags,
        environment,
        Some(FileText {
            name: &name,
            text: &text,
        }),
    )
}

fn check_root(settings: &Settings) -> Result<(), SettingError> {
    let wrong = |problem| SettingError::new(settings.root_source.clone(), problem);
    let root = match &settings.config.root {
        ServedRoot::Folder(root) => root,
        ServedRoot::Memory(_) if settings.config.pool.kind == PoolKind::Processes => {
            return Err(wrong(
                StartError::NotShared {
                    root: settings.config.root.clone(),
                }
                .to_string(),
            ));
        }
        ServedRoot::Memory(_) => return Ok(()),
    };
    match std::fs::metadata(root) {
        Ok(facts) if facts.is_dir() => Ok(()),
        Ok(_) => Err(wrong(format!(
            "`{}` is not a folder; name the folder to serve",
            root.display()
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(wrong(format!(
            "`{}` does not exist; create it (mkdir {}) or name another folder",
            root.display(),
            root.display()
        ))),
        Err(error) => Err(wrong(format!("cannot open `{}`: {error}", root.display()))),
    }
}

/// The same binary, even where its file was replaced since.
fn worker_command(log: LogSettings) -> WorkerCommand {
    let words = [
        "worker",
        "--log-format",
        log.format.as_str(),
        "--log-level",
        log.level.as_str(),
    ];
    WorkerCommand {
        program: PathBuf::from("/proc/self/exe"),
        arguments: words.map(OsString::from).to_vec(),
    }
}
