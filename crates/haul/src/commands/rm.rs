//! `haul rm`: removes objects, and with `-r` folders with what is in them.

use std::time::Instant;

use haul_client::{Client, EntryKind, Error, Walk, WalkError};

use super::batch::ClientCache;
use super::console::Console;
use super::operand::{RemoteOperand, is_an_object, join, local};
use super::record::{Item, Moved};
use super::{CommandOutcome, RemoteOptions};

/// What can be typed after `haul rm`.
#[derive(Debug, clap::Args)]
pub(crate) struct RmArgs {
    /// Objects: names on the server, or haul://HOST:PORT/NAME
    #[arg(required = true, value_name = "NAME", value_hint = clap::ValueHint::Other)]
    names: Vec<String>,
    /// Remove folders with all that is in them
    #[arg(short, long, short_alias = 'R')]
    recursive: bool,
}

/// What does not change from one object to the next.
struct Removing<'a> {
    console: &'a Console,
    recursive: bool,
    /// Whether the server is lost: nothing more is begun.
    is_lost: bool,
    outcome: CommandOutcome,
}

/// Runs `haul rm`.
pub(crate) fn run(args: RmArgs, options: &RemoteOptions) -> CommandOutcome {
    let console = Console::new("rm", options);
    let RmArgs { names, recursive } = args;
    let remotes = match RemoteOperand::parse_all(&names, &options.server) {
        Ok(remotes) => remotes,
        Err((name, sentence)) => return console.usage(&name, &sentence),
    };
    if let Some(top) = remotes.iter().find(|remote| remote.folder().is_empty()) {
        return console.usage(&top.name, "it is the top folder; name what to remove in it");
    }
    console.begin(recursive || remotes.len() > 1);
    let mut removing = Removing {
        console: &console,
        recursive,
        is_lost: false,
        outcome: CommandOutcome::Done,
    };
    let cache = ClientCache::new(options.client_options());
    let mut clients = cache.clients();
    for remote in &remotes {
        let name = remote.object();
        if removing.is_lost {
            removing.leave(name);
            continue;
        }
        match clients.of(&remote.address, &mut console.patience(name)) {
            Ok(client) => removing.operand(client, remote),
            Err(error) => removing.failed(name, &error),
        }
    }
    let outcome = removing.outcome;
    console.finish(outcome)
}

impl Removing<'_> {
    fn operand(&mut self, client: &mut Client, remote: &RemoteOperand) {
        // A slash at the end says that it is a folder: the name without it is no object that was asked for.
        if remote.name.ends_with('/') && !self.recursive {
            let sentence =
                "with a slash at its end it is a folder; add -r to remove it with all that is in it";
            return self.failed(remote.object(), &local(sentence));
        }
        if self.recursive {
            self.tree(client, remote);
        } else {
            self.object(client, remote.object());
        }
    }

    /// Removes what is in a folder while it is listed, and then the folders, the deepest first.
    fn tree(&mut self, client: &mut Client, remote: &RemoteOperand) {
        let top = remote.folder();
        let mut walk = Walk::new(top);
        // The names of all folders, each before those in it. The walk bounds what a server can list.
        let mut folders = Vec::new();
        loop {
            match walk.next(client, &mut self.console.patience(top), &mut |_| true) {
                None => break,
                Some(Err(WalkError { name, error })) if name == top && is_an_object(client, &error) => {
                    return self.object(client, remote.object());
                }
                Some(Err(WalkError { name, error })) => self.failed(&name, &error),
                Some(Ok(folder)) => {
                    for entry in folder
                        .entries
                        .iter()
                        .filter(|entry| entry.kind == EntryKind::File)
                    {
                        self.entry(client, &folder.name, &entry.name);
                    }
                    folders.push(folder.name);
                }
            }
            if self.is_lost {
                break;
            }
        }
        while let Some(folder) = folders.pop() {
            if self.is_lost {
                self.leave(&format!("{folder}/"));
            } else {
                let begun = Instant::now();
                let removed = client.remove_folder(&folder, &mut self.console.patience(&folder));
                self.end(&format!("{folder}/"), removed, begun);
            }
        }
    }

    /// A file of a listed folder. What a server calls it must not lead elsewhere.
    fn entry(&mut self, client: &mut Client, folder: &str, name: &str) {
        let whole = join(folder, name);
        if matches!(name, "" | "." | "..") || name.contains('/') {
            return self.failed(
                &whole,
                &local("the server lists a name that leads elsewhere; it is left alone"),
            );
        }
        self.object(client, &whole);
    }

    fn object(&mut self, client: &mut Client, name: &str) {
        if self.is_lost {
            return self.leave(name);
        }
        let begun = Instant::now();
        let removed = client.remove(name, &mut self.console.patience(name));
        self.end(name, removed, begun);
    }

    fn end(&mut self, name: &str, removed: Result<(), Error>, begun: Instant) {
        match removed {
            Ok(()) => {
                let outcome = self
                    .console
                    .done(Item::object(name), Moved::NOTHING, begun.elapsed());
                self.outcome = self.outcome.and(outcome);
            }
            Err(error) => self.failed(name, &error),
        }
    }

    fn failed(&mut self, name: &str, error: &Error) {
        self.is_lost |= matches!(error, Error::Connect { .. });
        let outcome = self.console.failed(name, Item::object(name), error);
        self.outcome = self.outcome.and(outcome);
    }

    fn leave(&mut self, name: &str) {
        let outcome = self.console.not_tried(Item::object(name));
        self.outcome = self.outcome.and(outcome);
    }
}
