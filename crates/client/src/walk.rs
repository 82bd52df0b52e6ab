//! Walking through the folders of a server, which is not trusted: however much it lists, the memory that this takes,
//! the depth and the number of entries are bounded.

use crate::{Client, DirEntry, EntryKind, Error, Progress};

/// How many folders deep a walk goes.
const DEPTH_MAX: usize = 256;

/// The most entries that a walk lists in all.
const ENTRIES_MAX: u64 = 10_000_000;

/// The most bytes of names of folders that wait to be listed.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// A walk through a folder and all those in it, one after another; see [`Walk::next`].
///
/// A server's names decide nothing here: an entry that is called `..`, or has a slash in its name, is reported as it
/// is listed and not walked into.
///
/// ```
/// use haul_client::{Client, Options, Walk};
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
/// # let address = server::holding(&[("notes.txt", "hello")]);
/// let mut client = Client::new(address, Options::default());
/// let mut walk = Walk::new("");
/// while let Some(folder) = walk.next(&mut client, &mut (), &mut |_| true) {
///     for entry in folder?.entries {
///         println!("{}", entry.name);
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Walk {
    /// Folders not listed yet, the next one last.
    waiting: Vec<PendingFolder>,
    waiting_bytes: usize,
    entries: u64,
    limits: WalkLimits,
}

/// A folder that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its name on the server.
    pub name: String,
    /// Its name beneath the folder where the walk began; empty for that one.
    pub beneath: String,
    /// Its entries.
    pub entries: Vec<DirEntry>,
}

/// A folder that could not be listed or not be walked into. The walk goes on with the next one, if there is any.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct WalkError {
    /// The folder's name on the server.
    pub name: String,
    /// Why.
    pub error: Error,
}

#[derive(Debug)]
struct PendingFolder {
    name: String,
    beneath: String,
    depth: usize,
}

#[derive(Debug, Clone, Copy)]
struct WalkLimits {
    depth: usize,
    entries: u64,
    waiting_bytes: usize,
}

impl Walk {
    /// A walk that begins at the folder `top`; the empty name is the top of the server.
    pub fn new(top: &str) -> Self {
        let top = PendingFolder {
            name: top.to_owned(),
            beneath: String::new(),
            depth: 0,
        };
        Self {
            waiting: vec![top],
            waiting_bytes: 0,
            entries: 0,
            limits: WalkLimits {
                depth: DEPTH_MAX,
                entries: ENTRIES_MAX,
                waiting_bytes: WAITING_BYTES_MAX,
            },
        }
    }

    /// Lists the next folder, each before those in it; `None` when there is none left. `enters` says of a folder that
    /// was listed whether to walk into it.
    ///
    /// # Errors
    /// As [`Client::list`], for one folder; [`Error::Protocol`] if the server lists more than can be true (256 folders
    /// deep, 10 million entries in all, names of 64 MiB that wait). After too many entries the walk is over.
    pub fn next(
        &mut self,
        client: &mut Client,
        progress: &mut dyn Progress,
        enters: &mut dyn FnMut(&DirEntry) -> bool,
    ) -> Option<Result<Folder, WalkError>> {
        let place = self.waiting.pop()?;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(place.bytes());
        let listed = client.list(&place.name, progress);
        let entries = match listed.and_then(|entries| self.enter(&place, entries, enters)) {
            Ok(entries) => entries,
            Err(error) => {
                let name = place.name;
                return Some(Err(WalkError { name, error }));
            }
        };
        let PendingFolder { name, beneath, .. } = place;
        Some(Ok(Folder {
            name,
            beneath,
            entries,
        }))
    }

    fn enter(
        &mut self,
        place: &PendingFolder,
        entries: Vec<DirEntry>,
        enters: &mut dyn FnMut(&DirEntry) -> bool,
    ) -> Result<Vec<DirEntry>, Error> {
        self.entries += entries.len() as u64;
        if self.entries > self.limits.entries {
            self.waiting.clear();
            return Err(too_much(&format!("more than {} entries", self.limits.entries)));
        }
        for entry in entries.iter().rev() {
            if entry.kind != EntryKind::Dir || !is_one_part(&entry.name) || !enters(entry) {
                continue;
            }
            if place.depth == self.limits.depth {
                return Err(too_much(&format!("folders more than {} deep", self.limits.depth)));
            }
            let inner = PendingFolder {
                name: join(&place.name, &entry.name),
                beneath: join(&place.beneath, &entry.name),
                depth: place.depth + 1,
            };
            self.waiting_bytes += inner.bytes();
            if self.waiting_bytes > self.limits.waiting_bytes {
                self.waiting.clear();
                return Err(too_much("more folders than there is memory for"));
            }
            self.waiting.push(inner);
        }
        Ok(entries)
    }
}

impl PendingFolder {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.beneath.len()
    }
}

fn too_much(what: &str) -> Error {
    Error::Protocol(format!("it lists {what}"))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// Whether a server's name for a folder is only that, so that walking down the folders comes to an end.
fn is_one_part(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains('/')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn folders(names: &[&str]) -> Vec<DirEntry> {
        names
            .iter()
            .map(|name| DirEntry {
                name: (*name).to_owned(),
                kind: EntryKind::Dir,
                size_bytes: None,
                modified: None,
            })
            .collect()
    }

    fn walk(limits: WalkLimits) -> Walk {
        Walk {
            limits,
            ..Walk::new("")
        }
    }

    const WIDE: WalkLimits = WalkLimits {
        depth: 3,
        entries: 5,
        waiting_bytes: 1000,
    };

    /// Enters the next folder as if the server listed `names` in it.
    fn step(walk: &mut Walk, names: &[&str]) -> Result<(), Error> {
        let place = walk.waiting.pop().unwrap();
        walk.enter(&place, folders(names), &mut |_| true).map(drop)
    }

    #[test]
    fn folders_are_walked_in_their_order_and_only_by_names_of_one_part() {
        let mut walk = walk(WIDE);
        step(&mut walk, &["a", "..", "b/c", "", "d"]).unwrap();
        let names: Vec<&str> = walk.waiting.iter().map(|place| place.name.as_str()).collect();
        assert_eq!(names, ["d", "a"]);
    }

    #[test]
    fn an_endless_depth_ends_with_an_error() {
        let mut walk = walk(WIDE);
        for _ in 0..3 {
            step(&mut walk, &["a"]).unwrap();
        }
        let error = step(&mut walk, &["a"]).unwrap_err();
        assert!(error.to_string().contains("3 deep"), "{error}");
    }

    #[test]
    fn endless_entries_end_the_walk_with_an_error() {
        let mut walk = walk(WIDE);
        step(&mut walk, &["a", "b", "c"]).unwrap();
        let error = step(&mut walk, &["a", "b", "c"]).unwrap_err();
        assert!(error.to_string().contains("5 entries"), "{error}");
        assert!(walk.waiting.is_empty());
    }

    #[test]
    fn folders_that_wait_take_bounded_memory() {
        let mut walk = walk(WalkLimits {
            entries: u64::MAX,
            ..WIDE
        });
        let names: Vec<String> = (0..100).map(|number| format!("folder {number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(step(&mut walk, &names).is_err());
        assert!(walk.waiting.is_empty());
    }
}
