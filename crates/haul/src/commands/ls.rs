//! `haul ls`: lists a folder of the server.

use haul_client::{Client, Kind, Listed, shown};
use serde::Serialize;

use super::{
    Globals, Outcome,
    console::Console,
    operand::{Remote, join},
};

/// What can be typed after `haul ls`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A folder on the server, or haul://HOST:PORT/FOLDER [default: the top one]
    #[arg(value_name = "DIR", default_value = "", hide_default_value = true)]
    dir: String,
    /// Show sizes in bytes and times of change too
    #[arg(short, long)]
    long: bool,
    /// Show hidden names too, those with a dot at the beginning
    #[arg(short, long)]
    all: bool,
    /// Show what is in the folders too
    #[arg(short, long)]
    recursive: bool,
}

/// An entry, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Line<'a> {
    name: &'a str,
    kind: Kind,
    size: Option<u64>,
    modified: Option<&'a str>,
}

/// What does not change from one folder to the next.
struct Listing<'a> {
    console: &'a Console,
    long: bool,
    all: bool,
    recursive: bool,
    json: bool,
}

/// Runs `haul ls`.
pub(crate) fn run(args: Args, globals: &Globals) -> Outcome {
    let console = Console::new("ls", globals);
    let Args {
        dir,
        long,
        all,
        recursive,
    } = args;
    let remote = match Remote::parse(&dir, &globals.server) {
        Ok(remote) => remote,
        Err(error) => return console.usage(&dir, &error.to_string()),
    };
    let listing = Listing {
        console: &console,
        long,
        all,
        recursive,
        json: globals.json,
    };
    listing.folder(&mut globals.client(&remote.address), remote.folder())
}

impl Listing<'_> {
    /// Lists a folder and, if that is wanted, those in it, each entry by its name beneath the first.
    fn folder(&self, client: &mut Client, top: &str) -> Outcome {
        let mut total = Outcome::Done;
        // Folders not listed yet, as names on the server and as they are shown, the next one last.
        let mut folders = vec![(top.to_owned(), String::new())];
        while let Some((folder, here)) = folders.pop() {
            let entries = match client.list(&folder, &mut ()) {
                Ok(entries) => entries,
                Err(error) => {
                    let subject = if folder.is_empty() { "." } else { &folder };
                    total = total.and(self.console.failed(subject, &error));
                    continue;
                }
            };
            let entries: Vec<Listed> = entries.into_iter().filter(|entry| self.shows(entry)).collect();
            total = total.and(self.print(&entries, &here));
            if self.recursive {
                let inner = entries
                    .iter()
                    .rev()
                    .filter(|entry| entry.kind == Kind::Dir && is_one_part(&entry.name));
                folders.extend(inner.map(|entry| (join(&folder, &entry.name), join(&here, &entry.name))));
            }
        }
        total
    }

    fn shows(&self, entry: &Listed) -> bool {
        self.all || !entry.name.starts_with('.')
    }

    fn print(&self, entries: &[Listed], folder: &str) -> Outcome {
        let widest = entries
            .iter()
            .map(|entry| size_column(entry).len())
            .max()
            .unwrap_or(0);
        let mut lines = Vec::with_capacity(entries.len());
        for entry in entries {
            let name = join(folder, &entry.name);
            if self.json {
                let Listed {
                    kind,
                    size_bytes: size,
                    modified,
                    ..
                } = entry;
                let line = Line {
                    name: &name,
                    kind: *kind,
                    size: *size,
                    modified: modified.as_deref(),
                };
                lines.push(serde_json::to_string(&line).expect("plain structures have a JSON form"));
            } else {
                lines.push(self.line(entry, &name, widest));
            }
        }
        if lines.is_empty() {
            Outcome::Done
        } else {
            self.console.print(&lines.join("\n"))
        }
    }

    fn line(&self, entry: &Listed, name: &str, widest: usize) -> String {
        let slash = if entry.kind == Kind::Dir { "/" } else { "" };
        if !self.long {
            return format!("{}{slash}", shown(name));
        }
        let modified = entry.modified.as_deref().unwrap_or("-");
        format!(
            "{:>widest$}  {}  {}{slash}",
            size_column(entry),
            shown(modified),
            shown(name)
        )
    }
}

fn size_column(entry: &Listed) -> String {
    match entry.size_bytes {
        Some(size) if entry.kind == Kind::File => size.to_string(),
        _ => "-".to_owned(),
    }
}

/// Whether a server's name for a folder is only that, so that walking down the folders comes to an end.
fn is_one_part(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains('/')
}
