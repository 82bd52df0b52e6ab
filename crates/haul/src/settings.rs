//! From what was said to what is meant: flags, environment and file become one typed configuration.
//!
//! [`resolve`] is a pure function of the three layers. A flag beats the environment, the environment beats the file,
//! the file beats the default; all three go through the same parsers, and an error names the layer that gave the
//! value.

mod layers;
mod table;
mod values;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Args, ValueHint};
use haul_client::{Address, AddressError, PORT_DEFAULT};
use haul_server::{Config, ServedRoot};

use crate::logs::LogSettings;

pub(crate) use layers::{FileText, Variables};
use layers::{Layers, SettingSource};
use table::ServeTable;
use table::{LOG, SERVE, Setting};
pub(crate) use table::{LogTable, TypedFlags};
pub(crate) use values::{time, timeout};

/// The flags of `serve`, as typed. Those of its settings stand in their table.
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "the comments are the help, whose brackets are no links"
)]
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Folder to serve, or memory:[SIZE] for an empty store in memory [default: the current folder]
    #[arg(value_name = "ROOT", value_hint = ValueHint::DirPath)]
    pub(crate) root: Option<PathBuf>,
    /// The settings of the server.
    #[command(flatten)]
    pub(crate) settings: TypedFlags<ServeTable>,
    /// TOML file with any of these settings [env: HAUL_CONFIG]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// How the log is written.
    #[command(flatten)]
    pub(crate) log: TypedFlags<LogTable>,
}

/// What `haul serve` is to do.
#[derive(Debug)]
pub(crate) struct Settings {
    /// For the server.
    pub(crate) config: Config,
    /// Where the root was set; for the error when it is no folder.
    pub(crate) root_source: SettingSource,
    /// For the log.
    pub(crate) log: LogSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            config: Config::default(),
            root_source: SettingSource::flag(layers::ROOT),
            log: LogSettings::default(),
        }
    }
}

/// A setting that cannot be used. The text begins with the layer and says what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SettingError {
    source: SettingSource,
    problem: String,
}

impl SettingError {
    /// What is wrong with a flag.
    pub(crate) fn flag(name: &str, problem: impl Into<String>) -> Self {
        Self::new(SettingSource::flag(name), problem)
    }

    /// What is wrong with a value that `source` gave.
    pub(crate) fn new(source: SettingSource, problem: impl Into<String>) -> Self {
        Self {
            source,
            problem: problem.into(),
        }
    }
}

impl std::fmt::Display for SettingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.source, self.problem)
    }
}

impl std::error::Error for SettingError {}

/// The file that is to be read for [`resolve`], if any: from `--config`, else from `HAUL_CONFIG`.
pub(crate) fn config_file(flags: &ServeArgs, environment: &Variables) -> Option<(PathBuf, SettingSource)> {
    let flag = flags
        .config
        .clone()
        .map(|path| (path, SettingSource::flag("config")));
    flag.or_else(|| {
        let variable = environment.value("config")?;
        Some((PathBuf::from(variable), SettingSource::environment("config")))
    })
}

/// The server that client subcommands talk to: from `--server`, else from `HAUL_SERVER`, else the default address.
pub(crate) fn server(flag: Option<&str>, environment: &Variables) -> Result<Address, SettingError> {
    let variable = environment
        .value("server")
        .map(|value| value.to_string_lossy().into_owned());
    let (text, source) = match (flag, variable) {
        (Some(text), _) => (text.to_owned(), SettingSource::flag("server")),
        (None, Some(text)) => (text, SettingSource::environment("server")),
        (None, None) => return Ok(Address::new("127.0.0.1", PORT_DEFAULT)),
    };
    text.parse()
        .map_err(|error: AddressError| SettingError::new(source, error.to_string()))
}

/// A flag that stood before a subcommand which has no such flag.
pub(crate) fn only_for_clients(flag: &str) -> SettingError {
    SettingError::new(
        SettingSource::flag(flag),
        "only ls, get, put, rm, stat and stats talk to a server; leave the flag out",
    )
}

/// Says on standard error which variables look like settings and are none.
pub(crate) fn warn_of_unknown(environment: &Variables) {
    for name in environment.unknown() {
        crate::output::say(&unknown_sentence(&name));
    }
}

/// What is said of a variable that looks like a setting and is none.
pub(crate) fn unknown_sentence(name: &str) -> String {
    format!("{name} is ignored: there is no such setting; `haul serve --help` shows those that there are")
}

/// The settings that result from the three layers.
pub(crate) fn resolve(
    flags: &ServeArgs,
    environment: &Variables,
    file: Option<FileText<'_>>,
) -> Result<Settings, SettingError> {
    let layers = Layers::new(flags.as_layer(), environment, file)?;
    let mut settings = Settings::default();
    if let Some((mut values, source)) = layers.find(layers::ROOT) {
        settings.config.root = served_root(&values.remove(0), &source)?;
        settings.root_source = source;
    }
    let typed = SERVE.iter().filter(|row| layers.is_typed(row.name));
    let replaced: Vec<_> = typed.filter_map(Setting::replaces).collect();
    for row in SERVE.iter().chain(LOG) {
        if !replaced.contains(&row.name) {
            layers.apply(row, &mut settings)?;
        }
    }
    Ok(settings)
}

fn served_root(text: &OsStr, source: &SettingSource) -> Result<ServedRoot, SettingError> {
    ServedRoot::parse(text).map_err(|error| SettingError::new(source.clone(), error.to_string()))
}

/// The log settings of a worker process, which has flags only.
pub(crate) fn resolve_log(flags: &TypedFlags<LogTable>) -> Result<LogSettings, SettingError> {
    let environment = Variables::default();
    let layers = Layers::new(flags.values.clone(), &environment, None)?;
    let mut settings = Settings::default();
    for row in LOG {
        layers.apply(row, &mut settings)?;
    }
    Ok(settings.log)
}

impl ServeArgs {
    /// For each setting that was typed, its values.
    fn as_layer(&self) -> Vec<(&'static str, Vec<OsString>)> {
        let root = self.root.as_ref().map(|root| (layers::ROOT, vec![root.into()]));
        let settings = self.settings.values.iter().chain(&self.log.values).cloned();
        root.into_iter().chain(settings).collect()
    }
}

#[cfg(test)]
mod tests;
