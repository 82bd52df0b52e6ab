//! What there is to download: the objects that were named, and with `-r` those in the folders that were named.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use haul_client::{Address, Client, DirEntry, EntryKind, Error, Folder, Walk, WalkError, landing};

use super::place::GetPlace;
use super::{GetJob, Getting, LocalTarget};
use crate::commands::CommandOutcome;
use crate::commands::batch::{ClientCache, JobQueue};
use crate::commands::existing::Known;
use crate::commands::operand::{RemoteOperand, is_an_object, join, local};
use crate::commands::record::Item;

/// The way through what was named.
struct Finding<'a> {
    getting: &'a Getting<'a>,
    queue: &'a JobQueue<GetJob>,
    /// The names that are taken here, where two operands could mean the same file. It costs a name for each file.
    taken: Option<HashSet<String>>,
    outcome: CommandOutcome,
}

impl Getting<'_> {
    /// Finds what all operands mean.
    pub(super) fn find_all(
        &self,
        cache: &ClientCache,
        remotes: &[RemoteOperand],
        queue: &JobQueue<GetJob>,
    ) -> CommandOutcome {
        let shares_a_folder = remotes.len() > 1 && matches!(self.place, GetPlace::Folder(_));
        let mut finding = Finding {
            getting: self,
            queue,
            taken: shares_a_folder.then(HashSet::new),
            outcome: CommandOutcome::Done,
        };
        if self.recursive {
            finding.trees(cache, remotes);
        } else {
            for remote in remotes {
                finding.object(remote);
            }
        }
        self.console.live().all_found();
        finding.outcome
    }

    /// A folder of the server is a folder here, also if nothing is in it.
    fn make_folder(&self, here: &str) -> Result<(), Error> {
        match &self.place {
            GetPlace::Folder(folder) if here.is_empty() => fs::create_dir_all(folder).map_err(Error::Local),
            GetPlace::Folder(folder) => {
                let inside = landing::beneath(folder, &join(here, "inside")).map_err(Error::Local)?;
                debug_assert!(inside.parent().is_some_and(Path::is_dir));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Finding<'_> {
    /// An operand that is an object.
    fn object(&mut self, remote: &RemoteOperand) {
        let name = remote.object();
        let base = name.rsplit('/').next().unwrap_or(name);
        if base.is_empty() {
            let sentence =
                "with a slash at its end it is a folder: leave the slash out, or add -r for what is in it";
            self.outcome = self.outcome.and(self.getting.console.usage(name, sentence));
            return;
        }
        self.push(&remote.address, name, base, None);
    }

    /// Operands that may be folders.
    fn trees(&mut self, cache: &ClientCache, remotes: &[RemoteOperand]) {
        let mut clients = cache.clients();
        for remote in remotes {
            if self.queue.is_lost() {
                self.leave(&remote.name);
                continue;
            }
            let console = self.getting.console;
            match clients.of(&remote.address, &mut console.patience(&remote.name)) {
                Ok(client) => self.tree(client, remote),
                Err(error) => self.failed(&remote.name, &error),
            }
        }
    }

    fn tree(&mut self, client: &mut Client, remote: &RemoteOperand) {
        let top = remote.folder();
        let name = top.rsplit('/').next().unwrap_or(top);
        let base = if remote.means_content() { "" } else { name };
        let mut walk = Walk::new(top);
        loop {
            if self.queue.is_lost() {
                return self.leave(&remote.name);
            }
            let mut patience = self.getting.console.patience(&remote.name);
            // Only what may be written here is walked into; the rest is said once, as an entry.
            let mut enters = |entry: &DirEntry| landing::relative_path(&entry.name).is_ok();
            match walk.next(client, &mut patience, &mut enters) {
                None => return,
                Some(Ok(folder)) => self.folder(client.address(), &folder, base),
                Some(Err(WalkError { name: folder, error })) => {
                    if folder == top && is_an_object(client, &error) {
                        return self.push(&remote.address, top, name, None);
                    }
                    let subject = if folder.is_empty() { "." } else { &folder };
                    self.failed(subject, &error);
                }
            }
        }
    }

    /// Makes a listed folder here and hands on its files.
    fn folder(&mut self, address: &Address, folder: &Folder, base: &str) {
        let here = match folder.beneath.as_str() {
            "" => base.to_owned(),
            beneath => join(base, beneath),
        };
        if let Err(error) = self.getting.make_folder(&here) {
            return self.failed(&folder.name, &error);
        }
        for entry in &folder.entries {
            self.entry(address, entry, &folder.name, &here);
        }
    }

    /// Deals with one entry of a folder, whose names on the server and here are given.
    fn entry(&mut self, address: &Address, entry: &DirEntry, folder: &str, here: &str) {
        let (name, here) = (join(folder, &entry.name), join(here, &entry.name));
        if let Err(cause) = safe(&entry.name, &here) {
            return self.failed(&name, &local(&cause.to_string()));
        }
        if entry.kind == EntryKind::Dir {
            return;
        }
        let known = match (entry.size_bytes, &entry.modified) {
            (Some(size_bytes), Some(modified)) => Some(Known {
                size_bytes,
                modified: modified.clone(),
            }),
            _ => None,
        };
        self.push(address, &name, &here, known);
    }

    fn push(&mut self, address: &Address, name: &str, here: &str, known: Option<Known>) {
        if let Some(taken) = &mut self.taken
            && !taken.insert(here.to_owned())
        {
            return self.failed(name, &local("another operand has the same file name"));
        }
        let target = match &self.getting.place {
            GetPlace::Folder(folder) => LocalTarget::Beneath {
                folder: folder.clone(),
                name: here.to_owned(),
            },
            GetPlace::File(path) => LocalTarget::File(path.clone()),
            GetPlace::Device(path) => LocalTarget::Device(path.clone()),
            GetPlace::Output => LocalTarget::Output,
        };
        let live = self.getting.console.live();
        live.found(known.as_ref().map(|known| known.size_bytes));
        self.queue.push(GetJob {
            address: address.clone(),
            name: name.to_owned(),
            target,
            known,
        });
    }

    fn failed(&mut self, name: &str, error: &Error) {
        let outcome = self.getting.console.failed(name, Item::object(name), error);
        if outcome == CommandOutcome::NotConnected {
            self.queue.lose();
        }
        self.outcome = self.outcome.and(outcome);
    }

    fn leave(&mut self, name: &str) {
        let outcome = self.getting.console.not_tried(Item::object(name));
        self.outcome = self.outcome.and(outcome);
    }
}

/// Whether the name of an entry is one part of a path that may be written here.
fn safe(entry: &str, here: &str) -> Result<(), landing::UnsafeName> {
    if landing::relative_path(entry)?.components().count() != 1 {
        return Err(landing::UnsafeName::LeadsOut);
    }
    landing::relative_path(here).map(drop)
}
