//! The log: one line for each event on standard error, as text or as JSON.
//!
//! A line never exceeds what a pipe takes in one piece, and never holds a control character, so that neither another
//! process nor a name that a peer chose can break one in two. How lines are queued and written is in `queue`.

mod queue;

use std::fmt;
use std::io::{self, IsTerminal as _};

use anstyle::{AnsiColor, Style};
use haul_types::{closed_list, printable};
use serde::ser::{SerializeMap as _, Serializer as _};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

pub(crate) use queue::Guard;

/// Lines that may wait to be written in a process that serves alone or supervises.
pub(crate) const QUEUE_LINES: usize = 8192;
/// Lines that may wait to be written in a worker process: there may be a thousand of them.
pub(crate) const WORKER_QUEUE_LINES: usize = 1024;
/// Bytes of one field's text; the rest is cut, so that a line stays below [`queue::WRITE_BYTES_MAX`].
const FIELD_BYTES_MAX: usize = 1024;
/// What the server's access events are filed under.
const ACCESS: &str = "haul::access";

closed_list! {
    /// How a line is written.
    #[derive(Default)]
    pub(crate) LogFormat, "a log format" {
        /// `TIME LEVEL message key=value …`
        #[default]
        Text = "text",
        /// One JSON object.
        Json = "json",
    }
}

closed_list! {
    /// The least important lines that are written.
    #[derive(Default)]
    pub(crate) LogLevel, "a log level" {
        /// None.
        Off = "off",
        /// What failed.
        Error = "error",
        /// What a person should look at.
        Warn = "warn",
        /// What happened, access lines among it.
        #[default]
        Info = "info",
        /// What helps to find a fault.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::OFF,
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LogSettings {
    /// Text or JSON.
    pub(crate) format: LogFormat,
    /// The least important lines that are written.
    pub(crate) level: LogLevel,
}

/// Starts the log of this process. What is queued is written until the guard is dropped.
///
/// # Errors
/// Where no thread can be started.
pub(crate) fn start(settings: LogSettings, queue_lines: usize) -> io::Result<Guard> {
    let format = settings.format;
    let (queue, guard) = queue::start(queue_lines, io::stderr(), move |lost| loss(format, lost))?;
    let coloured =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from(settings.level))
        .event_format(LogLine { format, coloured })
        .with_writer(queue)
        .init();
    Ok(guard)
}

/// The line that says how many lines are missing.
fn loss(format: LogFormat, lines: u64) -> String {
    let message = "log lines were dropped: standard error is read too slowly".to_owned();
    let fields = Fields {
        message,
        others: vec![("lines", FieldValue::Unsigned(lines))],
    };
    let mut line = String::new();
    let composed = LogLine {
        format,
        coloured: false,
    }
    .compose(&mut line, &now(), Level::WARN, "haul", &fields);
    composed.expect("a String takes every text");
    line
}

/// Composes the line of an event.
struct LogLine {
    format: LogFormat,
    coloured: bool,
}

impl<S, N> FormatEvent<S, N> for LogLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        self.compose(&mut writer, &now(), *metadata.level(), metadata.target(), &fields)
    }
}

impl LogLine {
    fn compose(
        &self,
        to: &mut impl fmt::Write,
        time: &str,
        level: Level,
        target: &str,
        fields: &Fields,
    ) -> fmt::Result {
        match self.format {
            LogFormat::Text => self.text(to, time, level, target, fields),
            LogFormat::Json => json(to, time, level, target, fields),
        }
    }

    /// `TIME LEVEL access key=value …` for a request, `TIME LEVEL message key=value …` for all else.
    fn text(
        &self,
        to: &mut impl fmt::Write,
        time: &str,
        level: Level,
        target: &str,
        fields: &Fields,
    ) -> fmt::Result {
        let style = if self.coloured {
            level_style(level)
        } else {
            Style::new()
        };
        write!(to, "{time} {style}{level:>5}{style:#} ")?;
        to.write_str(if target == ACCESS {
            "access"
        } else {
            &fields.message
        })?;
        for (name, value) in &fields.others {
            write!(to, " {name}=")?;
            match value {
                FieldValue::Text(text) if needs_quotes(text) => {
                    write!(to, "\"{}\"", text.replace('"', "\\\""))?
                }
                FieldValue::Text(text) => to.write_str(text)?,
                FieldValue::Unsigned(number) => write!(to, "{number}")?,
                FieldValue::Signed(number) => write!(to, "{number}")?,
                FieldValue::Float(number) => write!(to, "{number}")?,
                FieldValue::Truth(truth) => write!(to, "{truth}")?,
            }
        }
        to.write_char('\n')
    }
}

/// `{"time":…,"level":…,"target":…,"message":…,…}`, the message only where there is one.
fn json(to: &mut impl fmt::Write, time: &str, level: Level, target: &str, fields: &Fields) -> fmt::Result {
    let mut line = Vec::with_capacity(256);
    let written = (|| {
        let mut serializer = serde_json::Serializer::new(&mut line);
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("time", time)?;
        object.serialize_entry("level", level.as_str())?;
        object.serialize_entry("target", target)?;
        if !fields.message.is_empty() {
            object.serialize_entry("message", &fields.message)?;
        }
        for (name, value) in &fields.others {
            object.serialize_entry(name, value)?;
        }
        object.end()
    })();
    written.map_err(|_: serde_json::Error| fmt::Error)?;
    to.write_str(std::str::from_utf8(&line).map_err(|_| fmt::Error)?)?;
    to.write_char('\n')
}

/// What an event says, in the order in which it says it.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, FieldValue)>,
}

/// One field's value; texts are cut and escaped already.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
enum FieldValue {
    Text(String),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Truth(bool),
}

impl Fields {
    fn text(&mut self, field: &Field, text: &str) {
        let text = single_line(text);
        match field.name() {
            "message" => self.message = text,
            name => self.others.push((name, FieldValue::Text(text))),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.others.push((field.name(), FieldValue::Unsigned(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.others.push((field.name(), FieldValue::Signed(value)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // Thousandths are plenty: the floats of a log are milliseconds.
        self.others
            .push((field.name(), FieldValue::Float((value * 1e3).round() / 1e3)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.others.push((field.name(), FieldValue::Truth(value)));
    }
}

/// The text with an end, and with backslashes and all that acts on a terminal escaped: nothing may forge a line or a field,
/// break a line in two or turn its direction.
fn single_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(FIELD_BYTES_MAX));
    for character in text.chars() {
        if line.len() >= FIELD_BYTES_MAX {
            line.push('…');
            break;
        }
        match character {
            '\\' => line.push_str("\\\\"),
            ' '..='~' => line.push(character),
            _ => line.push_str(&printable(character.encode_utf8(&mut [0; 4])).to_string()),
        }
    }
    line
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.contains(|character: char| character.is_whitespace() || "\"=\\".contains(character))
}

fn level_style(level: Level) -> Style {
    let colour = match level {
        Level::ERROR => AnsiColor::Red,
        Level::WARN => AnsiColor::Yellow,
        Level::INFO => AnsiColor::Green,
        Level::DEBUG | Level::TRACE => AnsiColor::Blue,
    };
    colour.on_default()
}

fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

#[cfg(test)]
mod tests;
