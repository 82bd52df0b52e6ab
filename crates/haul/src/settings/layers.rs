//! The three layers in one form: for each setting, the texts that were given for it.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

use super::table::{LOG, SERVE, Setting};
use super::{SettingError, Settings};

/// The folder that is served: the one setting that is no flag, and may be something else than UTF-8.
pub(super) const ROOT: &str = "root";

/// The name of every setting that the environment and a file may give.
fn names() -> impl Iterator<Item = &'static str> {
    let rows = SERVE.iter().chain(LOG).filter(|row| row.is_layered());
    std::iter::once(ROOT).chain(rows.map(|row| row.name))
}

/// Variables that are no settings of a file: the file itself, the client's server, and those of the tests.
const OTHER_VARIABLES: [&str; 4] = ["config", "server", "test-no-skip", "update-golden"];

/// Where a value was given, written the way a person would look for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingSource(String);

impl SettingSource {
    /// A flag, or the positional ROOT.
    pub(crate) fn flag(setting: &str) -> Self {
        Self(if setting == ROOT {
            "ROOT".to_owned()
        } else {
            format!("--{setting}")
        })
    }

    /// A variable of the environment.
    pub(crate) fn environment(setting: &str) -> Self {
        Self(variable(setting))
    }

    /// A key of a file, as it is spelled there.
    fn file(file: &str, key: &str) -> Self {
        Self(format!("{file}: {key}"))
    }
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The variables whose names begin with `HAUL_`. An empty one counts as not set.
#[derive(Debug, Default)]
pub(crate) struct Variables(BTreeMap<OsString, OsString>);

impl Variables {
    /// The variables of this process.
    pub(crate) fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// The variables that are set and mean nothing here.
    pub(crate) fn unknown(&self) -> Vec<String> {
        let known: Vec<String> = names().chain(OTHER_VARIABLES).map(variable).collect();
        let names = self.0.keys().map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| !known.contains(name)).collect()
    }

    /// What the variable of `setting` says.
    pub(crate) fn value(&self, setting: &str) -> Option<&OsStr> {
        let value = self.0.get(OsStr::new(&variable(setting)))?;
        (!value.is_empty()).then_some(value)
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        Self(
            variables
                .filter(|(name, _)| name.as_encoded_bytes().starts_with(b"HAUL_"))
                .collect(),
        )
    }
}

/// A configuration file: what errors call it, and its text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileText<'a> {
    /// The file's name as errors give it.
    pub(crate) name: &'a str,
    /// TOML.
    pub(crate) text: &'a str,
}

/// All layers together.
#[derive(Debug)]
pub(super) struct Layers<'a> {
    flags: BTreeMap<&'static str, Vec<OsString>>,
    environment: &'a Variables,
    file: BTreeMap<&'static str, (SettingSource, Vec<String>)>,
}

impl<'a> Layers<'a> {
    /// Joins the layers. A file that is no TOML, or has a key that is no setting, is an error.
    pub(super) fn new(
        flags: Vec<(&'static str, Vec<OsString>)>,
        environment: &'a Variables,
        file: Option<FileText<'_>>,
    ) -> Result<Self, SettingError> {
        let flags = flags
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .collect();
        let file = file.map(parse_file).transpose()?.unwrap_or_default();
        Ok(Self {
            flags,
            environment,
            file,
        })
    }

    /// The values of the topmost layer that gives `setting` (at least one), and where that was.
    pub(super) fn find(&self, setting: &str) -> Option<(Vec<OsString>, SettingSource)> {
        if let Some(values) = self.flags.get(setting) {
            return Some((values.clone(), SettingSource::flag(setting)));
        }
        if let Some(value) = self.environment.value(setting) {
            return Some((vec![value.to_owned()], SettingSource::environment(setting)));
        }
        let (source, values) = self.file.get(setting)?;
        Some((values.iter().map(OsString::from).collect(), source.clone()))
    }

    /// Enters in `settings` what the topmost layer says of one of them, if any does.
    pub(super) fn apply(&self, row: &Setting, settings: &mut Settings) -> Result<(), SettingError> {
        let Some((values, source)) = self.find(row.name) else {
            return Ok(());
        };
        let wrong = |problem: String| SettingError::new(source.clone(), problem);
        let mut texts = Vec::with_capacity(values.len());
        for value in &values {
            let text = value
                .to_str()
                .ok_or_else(|| wrong("the value is not UTF-8".to_owned()))?;
            if row.is_list() {
                texts.extend(text.split(',').map(str::trim));
            } else {
                texts.push(text.trim());
            }
        }
        (row.apply)(settings, &texts).map_err(wrong)
    }

    /// Whether the setting was typed.
    pub(super) fn is_typed(&self, setting: &str) -> bool {
        self.flags.contains_key(setting)
    }
}

fn variable(setting: &str) -> String {
    format!("HAUL_{}", setting.replace('-', "_").to_ascii_uppercase())
}

fn parse_file(
    file: FileText<'_>,
) -> Result<BTreeMap<&'static str, (SettingSource, Vec<String>)>, SettingError> {
    let whole = |problem: String| SettingError::new(SettingSource(file.name.to_owned()), problem);
    let table = file
        .text
        .parse::<toml::Table>()
        .map_err(|error| whole(one_line(&error, file.text)))?;
    let mut settings = BTreeMap::new();
    for (key, value) in table {
        let source = SettingSource::file(file.name, &key);
        let Some(setting) = names().find(|setting| *setting == key.replace('_', "-")) else {
            let known: Vec<_> = names().collect();
            let problem = format!("there is no such setting; the settings are {}", known.join(", "));
            return Err(SettingError::new(source, problem));
        };
        let values = texts(setting, value).map_err(|problem| SettingError::new(source.clone(), problem))?;
        if settings.insert(setting, (source.clone(), values)).is_some() {
            return Err(SettingError::new(
                source,
                "the setting is given twice; remove one",
            ));
        }
    }
    Ok(settings)
}

/// Where the TOML is wrong, and what is wrong, without the picture of the line; with the cure where quotes are missing.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    let number = error
        .span()
        .map(|span| text[..span.start.min(text.len())].matches('\n').count());
    let message = error.message().replace('\n', "; ");
    let Some(number) = number else { return message };
    let cure = text
        .lines()
        .nth(number)
        .and_then(quoted)
        .map(|line| format!("; write {line}"));
    format!("line {}: {message}{}", number + 1, cure.unwrap_or_default())
}

/// The same line with its value in quotes, if that is a word without them.
fn quoted(line: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    let (key, value) = (key.trim(), value.split('#').next().unwrap_or_default().trim());
    let is_bare = value.starts_with(|first: char| first.is_alphanumeric() || "/.~".contains(first))
        && !value.contains(['"', '\'', ','])
        && !matches!(value, "true" | "false");
    is_bare.then(|| format!("{key} = \"{value}\""))
}

fn is_list(setting: &str) -> bool {
    SERVE.iter().any(|row| row.name == setting && row.is_list())
}

/// A TOML value as the texts that a flag would have.
fn texts(setting: &str, value: toml::Value) -> Result<Vec<String>, String> {
    match value {
        toml::Value::String(text) => Ok(vec![text]),
        toml::Value::Integer(number) => Ok(vec![number.to_string()]),
        toml::Value::Float(number) => Ok(vec![number.to_string()]),
        toml::Value::Boolean(truth) => Ok(vec![truth.to_string()]),
        toml::Value::Array(values) if is_list(setting) && !values.is_empty() => {
            let texts = values.into_iter().map(|value| match value {
                toml::Value::String(text) => Ok(text),
                _ => Err("write each address as a text, for example [\"127.0.0.1:46666\"]".to_owned()),
            });
            texts.collect()
        }
        _ => Err("write a text, a number, true or false".to_owned()),
    }
}
