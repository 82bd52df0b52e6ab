//! From what was said to what is meant: flags, environment and file become one typed configuration.
//!
//! [`resolve`] is a pure function of the three layers. A flag beats the environment, the environment beats the file,
//! the file beats the default; all three go through the same parsers, and an error names the layer that gave the
//! value.

mod layers;
mod values;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use haul_client::{Address, AddressError, PORT_DEFAULT};
use haul_server::{Config, Limits, ServedRoot};
use tracing::level_filters::LevelFilter;

use crate::cli::{LogArgs, ServeArgs};
use crate::logs::Format;

pub(crate) use layers::{Environment, FileText};
use layers::{Layers, Source};
pub(crate) use values::{time, timeout};

/// What `haul serve` is to do.
#[derive(Debug)]
pub(crate) struct Settings {
    /// For the server.
    pub(crate) config: Config,
    /// Where the root was set; for the error when it is no folder.
    pub(crate) root_source: Source,
    /// For the log.
    pub(crate) log: LogSettings,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogSettings {
    /// Text or JSON.
    pub(crate) format: Format,
    /// The least important lines that are written.
    pub(crate) level: LevelFilter,
}

/// A setting that cannot be used. The text begins with the layer and says what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SettingError {
    source: Source,
    problem: String,
}

impl SettingError {
    /// What is wrong with a value that `source` gave.
    pub(crate) fn new(source: Source, problem: impl Into<String>) -> Self {
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
pub(crate) fn config_file(flags: &ServeArgs, environment: &Environment) -> Option<(PathBuf, Source)> {
    let flag = flags.config.clone().map(|path| (path, Source::flag("config")));
    flag.or_else(|| {
        let variable = environment.value("config")?;
        Some((PathBuf::from(variable), Source::environment("config")))
    })
}

/// The server that client subcommands talk to: from `--server`, else from `HAUL_SERVER`, else the default address.
pub(crate) fn server(flag: Option<&str>, environment: &Environment) -> Result<Address, SettingError> {
    let variable = environment
        .value("server")
        .map(|value| value.to_string_lossy().into_owned());
    let (text, source) = match (flag, variable) {
        (Some(text), _) => (text.to_owned(), Source::flag("server")),
        (None, Some(text)) => (text, Source::environment("server")),
        (None, None) => return Ok(Address::new("127.0.0.1", PORT_DEFAULT)),
    };
    text.parse()
        .map_err(|error: AddressError| SettingError::new(source, error.to_string()))
}

/// A flag that stood before a subcommand which has no such flag.
pub(crate) fn only_for_clients(flag: &str) -> SettingError {
    SettingError::new(
        Source::flag(flag),
        "only ls, get, put, rm, stat and stats talk to a server; leave the flag out",
    )
}

/// Says on standard error which variables look like settings and are none.
pub(crate) fn warn_of_unknown(environment: &Environment) {
    for name in environment.unknown() {
        // There is nowhere left to say that standard error is closed.
        writeln!(std::io::stderr(), "haul: {}", unknown_sentence(&name)).ok();
    }
}

/// What is said of a variable that looks like a setting and is none.
pub(crate) fn unknown_sentence(name: &str) -> String {
    format!("{name} is ignored: there is no such setting; `haul serve --help` shows those that there are")
}

/// The settings that result from the three layers.
pub(crate) fn resolve(
    flags: &ServeArgs,
    environment: &Environment,
    file: Option<FileText<'_>>,
) -> Result<Settings, SettingError> {
    let layers = Layers::new(flags.said(), environment, file)?;
    let default = Config::default();
    let (root, root_source) = match layers.find("root") {
        Some((mut values, source)) => (served_root(&values.remove(0), &source)?, source),
        None => (default.root, Source::flag("root")),
    };
    let config = Config {
        root,
        listen: listen(flags, &layers)?.unwrap_or(default.listen),
        pool: layers.one("pool", values::pool)?.unwrap_or(default.pool),
        writable: layers.one("writable", values::truth)?.unwrap_or(default.writable),
        durability: layers
            .one("durability", values::durability)?
            .unwrap_or(default.durability),
        limits: limits(&layers, &default.limits)?,
        unterminated_writes: layers
            .one("unterminated-writes", values::truth)?
            .unwrap_or(default.unterminated_writes),
    };
    Ok(Settings {
        config,
        root_source,
        log: log(&layers)?,
    })
}

fn served_root(text: &OsStr, source: &Source) -> Result<ServedRoot, SettingError> {
    ServedRoot::parse(text).map_err(|error| SettingError::new(source.clone(), error.to_string()))
}

/// The log settings of a worker process, which has flags only.
pub(crate) fn resolve_log(flags: &LogArgs) -> Result<LogSettings, SettingError> {
    let environment = Environment::default();
    log(&Layers::new(flags.said(), &environment, None)?)
}

/// The addresses of `--port` or else of the layers; `None` where nothing gives one.
fn listen(flags: &ServeArgs, layers: &Layers<'_>) -> Result<Option<Vec<SocketAddr>>, SettingError> {
    let Some(text) = &flags.port else {
        return layers.all("listen", values::address);
    };
    let port = values::port(text).map_err(|problem| SettingError::new(Source::flag("port"), problem))?;
    Ok(Some(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))]))
}

fn limits(layers: &Layers<'_>, default: &Limits) -> Result<Limits, SettingError> {
    Ok(Limits {
        buffer_bytes: layers
            .one("buffer", values::buffer)?
            .unwrap_or(default.buffer_bytes),
        upload_bytes_max: layers
            .one("max-upload", values::upload_limit)?
            .unwrap_or(default.upload_bytes_max),
        connections_max: layers
            .one("max-connections", values::connections)?
            .unwrap_or(default.connections_max),
        idle_timeout: layers
            .one("idle-timeout", timeout)?
            .unwrap_or(default.idle_timeout),
        stall_timeout: layers
            .one("stall-timeout", timeout)?
            .unwrap_or(default.stall_timeout),
        line_timeout: layers
            .one("line-timeout", timeout)?
            .unwrap_or(default.line_timeout),
        grace: layers.one("grace", values::grace)?.unwrap_or(default.grace),
    })
}

fn log(layers: &Layers<'_>) -> Result<LogSettings, SettingError> {
    Ok(LogSettings {
        format: layers
            .one("log-format", values::log_format)?
            .unwrap_or(Format::Text),
        level: layers
            .one("log-level", values::log_level)?
            .unwrap_or(LevelFilter::INFO),
    })
}

/// Flags as a layer: for each setting that was typed, its values.
type Said = Vec<(&'static str, Vec<OsString>)>;

impl ServeArgs {
    fn said(&self) -> Said {
        let listen = self.listen.iter().map(OsString::from).collect::<Vec<_>>();
        let mut said = vec![("root", one(self.root.as_ref())), ("listen", listen)];
        let texts = [
            ("pool", &self.pool),
            ("writable", &self.writable),
            ("durability", &self.durability),
            ("buffer", &self.buffer),
            ("max-upload", &self.max_upload),
            ("max-connections", &self.max_connections),
            ("idle-timeout", &self.idle_timeout),
            ("stall-timeout", &self.stall_timeout),
            ("line-timeout", &self.line_timeout),
            ("grace", &self.grace),
            ("unterminated-writes", &self.unterminated_writes),
        ];
        said.extend(texts.map(|(setting, text)| (setting, one(text.as_ref()))));
        said.extend(self.log.said());
        said
    }
}

impl LogArgs {
    fn said(&self) -> Said {
        vec![
            ("log-format", one(self.log_format.as_ref())),
            ("log-level", one(self.log_level.as_ref())),
        ]
    }
}

fn one<T: AsRef<OsStr>>(typed: Option<&T>) -> Vec<OsString> {
    typed.map(|value| value.as_ref().to_owned()).into_iter().collect()
}

#[cfg(test)]
mod tests;
