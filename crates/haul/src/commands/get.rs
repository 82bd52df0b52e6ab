//! `haul get`: downloads objects and folders.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use haul_client::{
    Address, Client, Code, Error, Existing, Kind, Listed, PartFile, Progress, Spoken, Stream, Target, Verify,
    landing,
};

use super::{
    Globals, Outcome,
    batch::{self, Clients, Fleet, Queue},
    console::Console,
    operand::{Remote, join},
    record::{Moved, Record},
};

/// What can be typed after `haul get`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Objects: names on the server, or haul://HOST:PORT/NAME
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Download folders with all that is in them; `.` is everything, and a slash at the end means the folder's content
    #[arg(short, long)]
    recursive: bool,
    /// Transfers at a time
    #[arg(short, long, value_name = "COUNT", default_value_t = 4, value_parser = crate::cli::jobs)]
    jobs: u16,
    /// Where to: a file, a folder (one that exists, or with a slash at its end), or - for standard output
    #[arg(short, long, value_name = "FILE|DIR|-")]
    output: Option<PathBuf>,
    /// Keep files that are there already, and fail for them
    #[arg(long)]
    no_clobber: bool,
    /// Do not compare the content with the server's digest
    #[arg(long)]
    no_verify: bool,
}

impl Args {
    /// The arguments of `haul get NAME… -o -`.
    pub(crate) fn to_standard_output(names: Vec<String>) -> Args {
        Args {
            names,
            recursive: false,
            jobs: 1,
            output: Some("-".into()),
            no_clobber: false,
            no_verify: false,
        }
    }
}

/// Where everything goes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Each object into a file of its name in this folder.
    Folder(PathBuf),
    /// The one object into this file.
    File(PathBuf),
    /// Everything straight into this thing that is neither a file nor a folder (`/dev/null`, a pipe).
    Device(PathBuf),
    /// Everything to standard output, one after another.
    Output,
}

/// One object to fetch.
struct Job {
    address: Address,
    name: String,
    target: LocalTarget,
}

enum LocalTarget {
    /// A file at this name beneath the folder; the name comes from the server.
    Beneath {
        folder: PathBuf,
        name: String,
    },
    File(PathBuf),
    Device(PathBuf),
    Output,
}

/// What does not change from one transfer to the next.
struct Getting<'a> {
    console: &'a Console,
    place: Place,
    existing: Existing,
    json: bool,
}

/// Runs `haul get`.
pub(crate) fn run(args: Args, globals: &Globals) -> Outcome {
    let console = Console::new("get", globals);
    let Args {
        names,
        recursive,
        jobs,
        output,
        no_clobber,
        no_verify,
    } = args;
    let several = recursive || names.len() > 1;
    let place = Place::of(output.as_deref(), several);
    if let Some(sentence) = contradiction(&place, several, recursive, globals.json) {
        return console.usage("-o", sentence);
    }
    let mut remotes = Vec::new();
    for name in &names {
        match Remote::parse(name, &globals.server) {
            Ok(remote) => remotes.push(remote),
            Err(error) => return console.usage(name, &error.to_string()),
        }
    }
    let verify = if no_verify { Verify::Length } else { Verify::Digest };
    let fleet = Fleet::new(haul_client::Options {
        verify,
        ..globals.options()
    });
    let workers = if place == Place::Output {
        1
    } else {
        usize::from(jobs)
    };
    let existing = if no_clobber {
        Existing::Keep
    } else {
        Existing::Replace
    };
    let getting = Getting {
        console: &console,
        place,
        existing,
        json: globals.json,
    };
    batch::run(
        workers,
        &fleet,
        |queue| {
            if recursive {
                getting.find_trees(&fleet, &remotes, queue)
            } else {
                getting.find(&remotes, queue)
            }
        },
        |clients, job| getting.transfer(clients, &job),
    )
}

impl Place {
    fn of(output: Option<&Path>, several: bool) -> Place {
        let Some(output) = output else {
            return Place::Folder(PathBuf::from("."));
        };
        if output.as_os_str() == "-" {
            return Place::Output;
        }
        match fs::metadata(output) {
            Ok(metadata) if metadata.is_dir() => Place::Folder(output.to_owned()),
            Ok(metadata) if !metadata.is_file() => Place::Device(output.to_owned()),
            _ if several || output.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                Place::Folder(output.to_owned())
            }
            // A link to a file stays a link: the file that it means is what the download replaces.
            _ => Place::File(fs::canonicalize(output).unwrap_or_else(|_| output.to_owned())),
        }
    }
}

fn contradiction(place: &Place, several: bool, recursive: bool, json: bool) -> Option<&'static str> {
    match place {
        Place::Output if recursive => Some("a folder cannot go to standard output"),
        Place::Output if json => Some("the content and --json cannot both go to standard output"),
        Place::Folder(folder) if several && folder.is_file() => {
            Some("it is a file; name a folder for several objects")
        }
        _ => None,
    }
}

impl Getting<'_> {
    /// The operands are objects.
    fn find(&self, remotes: &[Remote], queue: &Queue<'_, Job>) -> Outcome {
        let mut taken = HashSet::new();
        let mut total = Outcome::Done;
        for Remote { address, name } in remotes {
            let base = name.rsplit('/').next().unwrap_or(name);
            if base.is_empty() {
                return total.and(
                    self.console
                        .usage(name, "it names no object; add -r for a folder"),
                );
            }
            let twice = matches!(self.place, Place::Folder(_)) && !taken.insert(base);
            if twice {
                total = total.and(
                    self.console
                        .failed(name, &local("another operand has the same file name")),
                );
            } else if !self.push(queue, address, name, base) {
                break;
            }
        }
        total
    }

    /// The operands may be folders.
    fn find_trees(&self, fleet: &Fleet, remotes: &[Remote], queue: &Queue<'_, Job>) -> Outcome {
        let mut clients = fleet.clients();
        let mut total = Outcome::Done;
        for remote in remotes {
            let outcome = match clients.of(&remote.address) {
                Ok(client) => self.find_tree(client, remote, queue),
                Err(error) => self.console.failed(&remote.name, &error),
            };
            total = total.and(outcome);
        }
        total
    }

    fn find_tree(&self, client: &mut Client, remote: &Remote, queue: &Queue<'_, Job>) -> Outcome {
        let top = remote.folder();
        let base = top.rsplit('/').next().unwrap_or(top);
        match is_object(client, top) {
            Ok(true) => {
                self.push(queue, &remote.address, top, base);
                return Outcome::Done;
            }
            Ok(false) => {}
            Err(error) => return self.console.failed(&remote.name, &error),
        }
        let base = if remote.means_content() { "" } else { base };
        let mut total = Outcome::Done;
        // Folders not listed yet, as names on the server and here. A server cannot make it endless: names are limited.
        let mut folders = vec![(top.to_owned(), base.to_owned())];
        while let Some((folder, here)) = folders.pop() {
            let listed = client
                .list(&folder, &mut ())
                .map_err(|error| (folder.clone(), error));
            let found = listed.and_then(|entries| {
                self.make_folder(&here).map_err(|error| (folder.clone(), error))?;
                Ok(entries)
            });
            match found {
                Ok(entries) => {
                    for entry in entries {
                        total = total.and(self.enter(
                            client.address(),
                            &entry,
                            (&folder, &here),
                            &mut folders,
                            queue,
                        ));
                    }
                }
                Err((subject, error)) => total = total.and(self.console.failed(&subject, &error)),
            }
        }
        total
    }

    /// Deals with one entry of a folder, whose names on the server and here are given.
    fn enter(
        &self,
        address: &Address,
        entry: &Listed,
        (folder, here): (&str, &str),
        folders: &mut Vec<(String, String)>,
        queue: &Queue<'_, Job>,
    ) -> Outcome {
        let (name, here) = (join(folder, &entry.name), join(here, &entry.name));
        let is_one_part =
            landing::relative_path(&entry.name).is_ok_and(|path| path.components().count() == 1);
        if !is_one_part {
            let cause = landing::relative_path(&entry.name)
                .err()
                .unwrap_or(landing::UnsafeName::LeadsOut);
            return self.console.failed(&name, &local(&cause.to_string()));
        }
        if let Err(cause) = landing::relative_path(&here) {
            return self.console.failed(&name, &local(&cause.to_string()));
        }
        match entry.kind {
            Kind::Dir => folders.push((name, here)),
            Kind::File => {
                self.push(queue, address, &name, &here);
            }
        }
        Outcome::Done
    }

    /// A folder of the server is a folder here, also if nothing is in it.
    fn make_folder(&self, here: &str) -> Result<(), Error> {
        match &self.place {
            Place::Folder(folder) if here.is_empty() => fs::create_dir_all(folder).map_err(Error::Local),
            Place::Folder(folder) => {
                let inside = landing::beneath(folder, &join(here, "inside")).map_err(Error::Local)?;
                debug_assert!(inside.parent().is_some_and(Path::is_dir));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn push(&self, queue: &Queue<'_, Job>, address: &Address, name: &str, here: &str) -> bool {
        let target = match &self.place {
            Place::Folder(folder) => LocalTarget::Beneath {
                folder: folder.clone(),
                name: here.to_owned(),
            },
            Place::File(path) => LocalTarget::File(path.clone()),
            Place::Device(path) => LocalTarget::Device(path.clone()),
            Place::Output => LocalTarget::Output,
        };
        queue.push(Job {
            address: address.clone(),
            name: name.to_owned(),
            target,
        })
    }

    fn transfer(&self, clients: &mut Clients<'_>, job: &Job) -> Outcome {
        let begun = Instant::now();
        let mut bar = self.console.bar(&job.name);
        let result = self.fetch(clients, job, &mut bar);
        drop(bar);
        let mut outcome = Outcome::Done;
        if self.json {
            outcome = self
                .console
                .print_json(&Record::new("get", &job.name, &result, begun.elapsed()));
        }
        match result {
            Ok(_) => outcome,
            Err(error) => outcome.and(self.console.failed(&job.name, &error)),
        }
    }

    fn fetch(&self, clients: &mut Clients<'_>, job: &Job, bar: &mut dyn Progress) -> Result<Moved, Error> {
        let Job {
            address,
            name,
            target,
        } = job;
        // What is wrong on this side is said without asking the server.
        let path = match target {
            LocalTarget::Beneath { folder, name } => landing::beneath(folder, name).map_err(Error::Local)?,
            LocalTarget::File(path) => path.clone(),
            LocalTarget::Device(path) => {
                let device = OpenOptions::new().write(true).open(path).map_err(Error::Local)?;
                return fetch_into(clients.of(address)?, name, &mut Stream::new(device), bar);
            }
            LocalTarget::Output => {
                let output = standard_output().map_err(Error::Local)?;
                return fetch_into(clients.of(address)?, name, &mut Stream::new(output), bar);
            }
        };
        let mut part = PartFile::new(&path, self.existing, address, name).map_err(Error::Local)?;
        let moved = fetch_into(clients.of(address)?, name, &mut part, bar)?;
        part.publish().map_err(Error::Local)?;
        Ok(moved)
    }
}

fn fetch_into(
    client: &mut Client,
    name: &str,
    target: &mut dyn Target,
    bar: &mut dyn Progress,
) -> Result<Moved, Error> {
    let fetched = client.fetch(name, target, bar)?;
    let haul_client::Fetched {
        bytes,
        resumed_bytes,
        verified,
        ..
    } = fetched;
    let verified = verified.is_yes();
    Ok(Moved {
        bytes,
        resumed_bytes,
        verified,
    })
}

/// Whether a name is that of an object. The classic dialect knows no other folder than the top.
fn is_object(client: &mut Client, name: &str) -> Result<bool, Error> {
    if name.is_empty() {
        return Ok(false);
    }
    if client.spoken(&mut ())? == Spoken::Classic {
        return Ok(true);
    }
    match client.stat(name, &mut ()) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(Code::IsADirectory) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Standard output as a file: the standard library's own would search each piece for line ends.
fn standard_output() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

fn local(sentence: &str) -> Error {
    Error::Local(io::Error::new(io::ErrorKind::InvalidInput, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_follows_from_what_is_there_and_how_many_objects_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        let new_folder = PathBuf::from(format!("{}/", path("new").display()));
        let real = fs::canonicalize(path("file")).unwrap();
        for (output, several, place) in [
            (None, false, Place::Folder(".".into())),
            (Some(PathBuf::from("-")), false, Place::Output),
            (
                Some(folder.path().to_owned()),
                false,
                Place::Folder(folder.path().to_owned()),
            ),
            (Some(new_folder.clone()), false, Place::Folder(new_folder)),
            (Some(path("new")), false, Place::File(path("new"))),
            (Some(path("new")), true, Place::Folder(path("new"))),
            (Some(path("link")), false, Place::File(real)),
            (
                Some(PathBuf::from("/dev/null")),
                true,
                Place::Device("/dev/null".into()),
            ),
        ] {
            assert_eq!(Place::of(output.as_deref(), several), place, "{output:?}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let folder = || Place::Folder(file.path().to_owned());
        assert!(contradiction(&Place::Output, true, true, false).is_some());
        assert!(contradiction(&Place::Output, false, false, true).is_some());
        assert!(contradiction(&folder(), true, false, false).is_some());
        assert!(contradiction(&Place::Output, true, false, false).is_none());
    }
}
