//! Every setting of `haul serve`, once: how it is typed, what help says of it, and what it changes.

use std::ffi::OsString;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, SocketAddr};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use haul_types::{ClosedList, Durability};

use super::Settings;
use super::values::{self, one};
use crate::logs::{LogFormat, LogLevel};
use crate::value_parsers::{parsed, suggesting};

/// A setting. In kebab-case its name is that of the flag: `max-upload` is `--max-upload`, `HAUL_MAX_UPLOAD`, and
/// `max-upload` or `max_upload` in a file.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(super) name: &'static str,
    form: Form,
    /// One or two sentences for the help, with the default.
    help: &'static str,
    /// Reads the values that one layer gave, at least one, and enters what they mean.
    pub(super) apply: fn(&mut Settings, &[&str]) -> Result<(), String>,
}

/// How a flag takes its value; the first text stands for the value in the help.
#[derive(Debug)]
enum Form {
    /// Any text.
    Text(&'static str),
    /// Any text; these are offered to a shell that completes it.
    Suggested(&'static str, &'static [&'static str]),
    /// The same, once or several times, or several values with commas.
    Several(&'static str, &'static [&'static str]),
    /// One of these words.
    Words(&'static str, fn() -> Vec<&'static str>),
    /// Yes or no; the flag alone is yes. It may have a letter.
    Switch(Option<char>),
    /// A text, on the command line only. The flag stands for another setting, which is not read then, and has a letter.
    InsteadOf(&'static str, &'static str, char),
}

/// The settings of the server.
pub(super) const SERVE: &[Setting] = &[
    Setting {
        name: "listen",
        form: Form::Several(
            "ADDR",
            &["127.0.0.1:46666", "127.0.0.1:0", "0.0.0.0:46666", "[::]:46666"],
        ),
        help: "Address to listen on, IP:PORT; give the flag again for a further one. Port 0 picks a free port \
               [default: 127.0.0.1:46666]",
        apply: |to, texts| {
            let addresses = texts.iter().map(|text| values::address(text));
            to.config.listen = addresses.collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        name: "port",
        form: Form::InsteadOf("PORT", "listen", 'p'),
        help: "Port to listen on, on this machine only: short for --listen 127.0.0.1:PORT",
        apply: |to, texts| {
            let mut port = 0;
            one(&mut port, texts, values::port)?;
            to.config.listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
            Ok(())
        },
    },
    Setting {
        name: "pool",
        form: Form::Suggested(
            "SPEC",
            &["tasks", "threads:50", "processes:50", "processes:2x2048"],
        ),
        help: "Pool of workers: threads:N, processes:N or tasks[:N], each with xC for C connections per worker \
               [default: tasks]",
        apply: |to, texts| one(&mut to.config.pool, texts, parsed),
    },
    Setting {
        name: "writable",
        form: Form::Switch(Some('w')),
        help: "Allow UPLOAD, DELETE and WRITE",
        apply: |to, texts| one(&mut to.config.writable, texts, values::truth),
    },
    Setting {
        name: "durability",
        form: Form::Words("WHEN", words::<Durability>),
        help: "When an upload counts as stored: synced to disk, or taken by the system [default: synced]",
        apply: |to, texts| one(&mut to.config.durability, texts, parsed),
    },
    Setting {
        name: "buffer",
        form: Form::Text("SIZE"),
        help: "Bytes moved at a time, for each busy connection [default: 96KiB]",
        apply: |to, texts| one(&mut to.config.limits.buffer_bytes, texts, values::buffer),
    },
    Setting {
        name: "max-upload",
        form: Form::Text("SIZE"),
        help: "Largest upload, in bytes of content, or `none` [default: none]",
        apply: |to, texts| {
            one(
                &mut to.config.limits.upload_bytes_max,
                texts,
                values::upload_limit,
            )
        },
    },
    Setting {
        name: "max-connections",
        form: Form::Text("COUNT"),
        help: "Connections served at once; further ones wait [default: 4096]",
        apply: |to, texts| one(&mut to.config.limits.connections_max, texts, values::connections),
    },
    Setting {
        name: "idle-timeout",
        form: Form::Text("TIME"),
        help: "Close a connection that is idle between requests for so long; after 1s where others wait [default: 60s]",
        apply: |to, texts| one(&mut to.config.limits.idle_timeout, texts, values::timeout),
    },
    Setting {
        name: "stall-timeout",
        form: Form::Text("TIME"),
        help: "Cut a peer that neither sends nor takes a byte in the middle of a transfer for so long [default: 60s]",
        apply: |to, texts| one(&mut to.config.limits.stall_timeout, texts, values::timeout),
    },
    Setting {
        name: "line-timeout",
        form: Form::Text("TIME"),
        help: "Cut a peer that needs longer for a request line [default: 30s]",
        apply: |to, texts| one(&mut to.config.limits.line_timeout, texts, values::timeout),
    },
    Setting {
        name: "grace",
        form: Form::Text("TIME"),
        help: "How long a drain (SIGTERM, SIGINT) lets transfers finish before it cuts them [default: 30s]",
        apply: |to, texts| one(&mut to.config.limits.grace, texts, values::time),
    },
    Setting {
        name: "unterminated-writes",
        form: Form::Switch(None),
        help: "UNSAFE: obey UPLOAD and DELETE without a line end after 1s of silence; a stalled sender looks the same, \
               so half a file may be stored",
        apply: |to, texts| one(&mut to.config.unterminated_writes, texts, values::truth),
    },
];

/// The settings of the log, which worker processes are given too.
pub(super) const LOG: &[Setting] = &[
    Setting {
        name: "log-format",
        form: Form::Words("FORMAT", words::<LogFormat>),
        help: "Form of the log lines on standard error [default: text]",
        apply: |to, texts| one(&mut to.log.format, texts, parsed),
    },
    Setting {
        name: "log-level",
        form: Form::Words("LEVEL", words::<LogLevel>),
        help: "Least important lines to log; access lines are `info` [default: info]",
        apply: |to, texts| one(&mut to.log.level, texts, parsed),
    },
];

fn words<T: ClosedList>() -> Vec<&'static str> {
    T::ALL.iter().map(|member| member.as_str()).collect()
}

impl Setting {
    /// Whether the environment and a file may give it.
    pub(super) fn is_layered(&self) -> bool {
        self.replaces().is_none()
    }

    /// Whether a text may hold several values, with commas between them.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.form, Form::Several(..))
    }

    /// The setting that is not read where this one is typed.
    pub(super) fn replaces(&self) -> Option<&'static str> {
        match self.form {
            Form::InsteadOf(_, setting, _) => Some(setting),
            _ => None,
        }
    }

    fn flag(&self) -> Arg {
        let flag = Arg::new(self.name).long(self.name).help(self.help);
        match self.form {
            Form::Text(value) => flag.value_name(value).value_hint(ValueHint::Other),
            Form::Suggested(value, offered) => suggested(flag.value_name(value), offered),
            Form::Several(value, offered) => {
                suggested(flag.value_name(value), offered).action(ArgAction::Append)
            }
            Form::Words(value, words) => flag
                .value_name(value)
                .value_parser(PossibleValuesParser::new(words())),
            Form::Switch(letter) => flag
                .value_name("BOOL")
                .short(letter)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true"),
            Form::InsteadOf(value, setting, letter) => flag
                .value_name(value)
                .short(letter)
                .conflicts_with(setting)
                .value_hint(ValueHint::Other),
        }
    }
}

fn suggested(flag: Arg, offered: &'static [&'static str]) -> Arg {
    flag.value_parser(suggesting::<String>(offered))
        .hide_possible_values(true)
}

/// A part of the table whose rows are flags of a subcommand.
pub(crate) trait SettingTable {
    /// The rows, in the order of the help.
    const ROWS: &'static [Setting];
}

/// The settings of the server.
#[derive(Debug)]
pub(crate) struct ServeTable;

/// The settings of the log.
#[derive(Debug)]
pub(crate) struct LogTable;

impl SettingTable for ServeTable {
    const ROWS: &'static [Setting] = SERVE;
}

impl SettingTable for LogTable {
    const ROWS: &'static [Setting] = LOG;
}

/// Flags of a table, as they were typed: the values of each that was given.
#[derive(Debug)]
pub(crate) struct TypedFlags<T> {
    pub(super) values: Vec<(&'static str, Vec<OsString>)>,
    table: PhantomData<T>,
}

impl<T: SettingTable> Args for TypedFlags<T> {
    fn augment_args(command: Command) -> Command {
        command.args(T::ROWS.iter().map(Setting::flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<T: SettingTable> FromArgMatches for TypedFlags<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |row: &Setting| {
            let values = matches.get_many::<String>(row.name)?;
            Some((row.name, values.map(OsString::from).collect()))
        };
        Ok(Self {
            values: T::ROWS.iter().filter_map(given).collect(),
            table: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
