//! `haul ls`: lists a folder of the server, or one object.

use haul_client::{Client, DirEntry, EntryKind, Facts, Walk, WalkError, printable};
use indicatif::HumanBytes;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::console::{Console, json_line};
use super::operand::{RemoteOperand, is_an_object, join};
use super::record::Item;
use super::{CommandOutcome, RemoteOptions};

/// What can be typed after `haul ls`.
#[derive(Debug, clap::Args)]
pub(crate) struct LsArgs {
    /// A folder or an object on the server, or haul://HOST:PORT/FOLDER [default: the top folder]
    #[arg(value_name = "FOLDER", default_value = "", hide_default_value = true, value_hint = clap::ValueHint::Other)]
    folder: String,
    /// Show sizes and times of change too
    #[arg(short, long)]
    long: bool,
    /// Show hidden names too, those with a dot at the beginning
    #[arg(short, long)]
    all: bool,
    /// Show what is in the folders too
    #[arg(short, long, short_alias = 'R')]
    recursive: bool,
    /// With -l: sizes in bytes
    #[arg(short, long)]
    bytes: bool,
    /// With -l: times in UTC instead of local time
    #[arg(long)]
    utc: bool,
}

/// An entry, as `--json` prints it.
#[derive(Debug, Serialize)]
struct LsLine<'a> {
    name: &'a str,
    kind: EntryKind,
    /// `null` for a folder, and where the server does not tell.
    size: Option<u64>,
    modified: Option<&'a str>,
}

/// How entries are shown.
struct LsListing<'a> {
    console: &'a Console,
    args: LsArgs,
    json: bool,
    zone: TimeZone,
}

/// Columns of a size such as `1023.99 MiB`.
const HUMAN_COLUMNS: usize = 11;
/// Columns of a size in bytes: up to 999 TB.
const BYTES_COLUMNS: usize = 15;
/// Columns of a time such as `2026-11-24 17:02:01`; UTC has a Z behind it.
const TIME_COLUMNS: usize = 19;

/// Runs `haul ls`.
pub(crate) fn run(args: LsArgs, options: &RemoteOptions) -> CommandOutcome {
    let console = Console::new("ls", options);
    let remote = match RemoteOperand::parse_folder(&args.folder, &options.server) {
        Ok(remote) => remote,
        Err(sentence) => return console.usage(&args.folder, &sentence),
    };
    let zone = if args.utc {
        TimeZone::UTC
    } else {
        TimeZone::system()
    };
    let listing = LsListing {
        console: &console,
        args,
        json: options.json,
        zone,
    };
    listing.folder(&mut options.client(&remote.address), &remote)
}

impl LsListing<'_> {
    /// Lists a folder and, if that is wanted, those in it, each entry by its name beneath the first.
    fn folder(&self, client: &mut Client, remote: &RemoteOperand) -> CommandOutcome {
        let top = remote.folder();
        let mut total = CommandOutcome::Done;
        let mut walk = Walk::new(top);
        let mut enters = |entry: &DirEntry| self.args.recursive && self.shows(entry);
        let mut patience = self.console.patience(if top.is_empty() { "." } else { top });
        while let Some(listed) = walk.next(client, &mut patience, &mut enters) {
            let outcome = match listed {
                Ok(folder) => self.print(&folder.entries, &folder.beneath),
                Err(WalkError { name, error }) if name == top && is_an_object(client, &error) => {
                    self.object(client, remote)
                }
                Err(WalkError { name, error }) => {
                    let subject = if name.is_empty() { "." } else { &name };
                    self.console.failed(subject, Item::object(&name), &error)
                }
            };
            total = total.and(outcome);
        }
        total
    }

    /// Lists one object, under the name that was typed.
    fn object(&self, client: &mut Client, remote: &RemoteOperand) -> CommandOutcome {
        let name = remote.folder();
        match client.stat(name, &mut self.console.patience(name)) {
            Ok(Facts { size, modified, .. }) => {
                let entry = DirEntry {
                    name: name.to_owned(),
                    kind: EntryKind::File,
                    size_bytes: Some(size),
                    modified: Some(modified),
                };
                self.console.print(&self.line(&entry, name))
            }
            Err(error) => self.console.failed(name, Item::object(name), &error),
        }
    }

    fn shows(&self, entry: &DirEntry) -> bool {
        self.args.all || !entry.name.starts_with('.')
    }

    fn print(&self, entries: &[DirEntry], folder: &str) -> CommandOutcome {
        let shown = entries.iter().filter(|entry| self.shows(entry));
        let lines: Vec<String> = shown
            .map(|entry| self.line(entry, &join(folder, &entry.name)))
            .collect();
        if lines.is_empty() {
            CommandOutcome::Done
        } else {
            self.console.print(&lines.join("\n"))
        }
    }

    fn line(&self, entry: &DirEntry, name: &str) -> String {
        let is_file = entry.kind == EntryKind::File;
        let size = entry.size_bytes.filter(|_| is_file);
        let modified = entry.modified.as_deref();
        if self.json {
            return json_line(&LsLine {
                name,
                kind: entry.kind,
                size,
                modified,
            });
        }
        let slash = if is_file { "" } else { "/" };
        if !self.args.long {
            return format!("{}{slash}", printable(name));
        }
        let (size, columns) = match (size, self.args.bytes) {
            (None, true) => ("-".to_owned(), BYTES_COLUMNS),
            (None, false) => ("-".to_owned(), HUMAN_COLUMNS),
            (Some(size), true) => (size.to_string(), BYTES_COLUMNS),
            (Some(size), false) => (HumanBytes(size).to_string(), HUMAN_COLUMNS),
        };
        format!(
            "{size:>columns$}  {}  {}{slash}",
            self.time(modified),
            printable(name)
        )
    }

    /// A time to the second, always as wide; what is no time is shown as it came.
    fn time(&self, modified: Option<&str>) -> String {
        let (form, columns) = if self.args.utc {
            ("%Y-%m-%d %H:%M:%SZ", TIME_COLUMNS + 1)
        } else {
            ("%Y-%m-%d %H:%M:%S", TIME_COLUMNS)
        };
        let text = match modified.map(str::parse::<Timestamp>) {
            Some(Ok(time)) => time.to_zoned(self.zone.clone()).strftime(form).to_string(),
            Some(Err(_)) => printable(modified.unwrap_or_default()).to_string(),
            None => "-".to_owned(),
        };
        format!("{text:<columns$}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use haul_client::{Address, DialectChoice};

    use super::*;

    fn lines(bytes: bool, utc: bool) -> Vec<String> {
        let options = RemoteOptions {
            server: Address::new("h", 1),
            dialect: DialectChoice::Auto,
            timeout: Duration::from_secs(1),
            retry_for: Duration::ZERO,
            retries: None,
            json: false,
            quiet: true,
        };
        let console = Console::new("ls", &options);
        let zone = TimeZone::fixed(jiff::tz::offset(7));
        let listing = LsListing {
            console: &console,
            args: LsArgs {
                folder: String::new(),
                long: true,
                all: false,
                recursive: false,
                bytes,
                utc,
            },
            json: false,
            zone: if utc { TimeZone::UTC } else { zone },
        };
        let entry = |kind, size_bytes, modified: Option<&str>| DirEntry {
            name: "n".to_owned(),
            kind,
            size_bytes,
            modified: modified.map(str::to_owned),
        };
        [
            entry(
                EntryKind::File,
                Some(1_048_575),
                Some("2026-11-24T10:02:01.41135411Z"),
            ),
            entry(EntryKind::File, Some(7), Some("2026-11-24T23:00:00.4Z")),
            entry(EntryKind::Dir, Some(0), Some("1970-01-01T00:00:00Z")),
            entry(EntryKind::File, None, None),
        ]
        .iter()
        .map(|entry| listing.line(entry, "n"))
        .collect()
    }

    #[test]
    fn all_columns_line_up_whatever_the_sizes_and_times_are() {
        assert_eq!(
            lines(false, false),
            [
                "1024.00 KiB  2026-11-24 17:02:01  n",
                "        7 B  2026-11-25 06:00:00  n",
                "          -  1970-01-01 07:00:00  n/",
                "          -  -                    n",
            ]
        );
        assert_eq!(
            lines(true, true)[..2],
            [
                "        1048575  2026-11-24 10:02:01Z  n",
                "              7  2026-11-24 23:00:00Z  n",
            ]
        );
    }
}
