//! `haul put`: uploads files, folders and standard input.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use haul_client::{
    Address, AddressError, Client, Condition, Error, FileSource, Location, Progress, SendOptions, Source,
};

use super::{
    Globals, Outcome,
    batch::{self, Clients, Fleet, Queue},
    console::Console,
    operand::{Remote, join},
    record::{Moved, Record},
};

/// What can be typed after `haul put`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, or - for standard input (kept in an unnamed temporary file first); haul://HOST:PORT/NAME as the last one
    /// says where to
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Upload folders with all that is in them; a slash at the end means the folder's content
    #[arg(short, long)]
    recursive: bool,
    /// Transfers at a time
    #[arg(short, long, value_name = "COUNT", default_value_t = 4, value_parser = crate::cli::jobs)]
    jobs: u16,
    /// Where to: a name on the server; with a slash at its end, for several files or with -r, a folder
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// Keep objects that the server has already, and fail for them
    #[arg(long)]
    no_clobber: bool,
}

/// Where everything goes on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Each file under its name in this folder; the empty one is the top.
    Folder(String),
    /// The one file under this name.
    Name(String),
}

/// One file to send.
struct Job {
    origin: Origin,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    File(PathBuf),
    Input,
}

/// What does not change from one transfer to the next.
struct Putting<'a> {
    console: &'a Console,
    address: Address,
    place: Place,
    condition: Condition,
    json: bool,
}

/// Runs `haul put`.
pub(crate) fn run(args: Args, globals: &Globals) -> Outcome {
    let console = Console::new("put", globals);
    let Args {
        files,
        recursive,
        jobs,
        to,
        no_clobber,
    } = args;
    let (files, destination) = match destination(files, to, globals) {
        Ok(both) => both,
        Err((subject, sentence)) => return console.usage(&subject, &sentence),
    };
    let several = recursive || files.len() > 1;
    let Remote { address, .. } = destination.clone();
    let place = Place::of(&destination, several);
    if files.iter().any(|file| file == "-") && (several || matches!(place, Place::Folder(_))) {
        return console.usage(
            "-",
            "standard input goes alone and needs a name: haul put - --to NAME",
        );
    }
    let condition = if no_clobber {
        Condition::Absent
    } else {
        Condition::Always
    };
    let fleet = Fleet::new(globals.options());
    let putting = Putting {
        console: &console,
        address,
        place,
        condition,
        json: globals.json,
    };
    batch::run(
        usize::from(jobs),
        &fleet,
        |queue| {
            files
                .iter()
                .map(|file| putting.find(file, recursive, queue))
                .fold(Outcome::Done, Outcome::and)
        },
        |clients, job| putting.transfer(clients, &job),
    )
}

/// The files, and where to: `--to`, a URL as the last operand, or the top of the default server.
fn destination(
    mut files: Vec<String>,
    to: Option<String>,
    globals: &Globals,
) -> Result<(Vec<String>, Remote), (String, String)> {
    let last_is_url = files.last().is_some_and(|last| Location::is_meant_by(last));
    let to = match (to, last_is_url) {
        (Some(to), true) => {
            return Err((
                to,
                "say where to once: with --to or with the last operand".to_owned(),
            ));
        }
        (None, true) => files.pop(),
        (to, false) => to,
    };
    if files.is_empty() {
        return Err((
            "FILE".to_owned(),
            "name a file to upload before the place".to_owned(),
        ));
    }
    if let Some(url) = files.iter().find(|file| Location::is_meant_by(file)) {
        return Err((
            url.clone(),
            "a haul:// URL is a place to upload to, and stands at the end".to_owned(),
        ));
    }
    let remote = Remote::parse(to.as_deref().unwrap_or(""), &globals.server)
        .map_err(|error: AddressError| (to.unwrap_or_default(), error.to_string()))?;
    Ok((files, remote))
}

impl Place {
    fn of(destination: &Remote, several: bool) -> Place {
        if several || destination.means_content() {
            Place::Folder(destination.folder().to_owned())
        } else {
            Place::Name(destination.name.clone())
        }
    }
}

impl Putting<'_> {
    /// Finds what one operand means.
    fn find(&self, operand: &str, recursive: bool, queue: &Queue<'_, Job>) -> Outcome {
        if let ("-", Place::Name(name)) = (operand, &self.place) {
            queue.push(Job {
                origin: Origin::Input,
                name: name.clone(),
            });
            return Outcome::Done;
        }
        let path = Path::new(operand);
        let is_folder = match fs::metadata(path) {
            Ok(metadata) => metadata.is_dir(),
            Err(error) => return self.console.failed(operand, &Error::Local(error)),
        };
        if is_folder && !recursive {
            return self
                .console
                .failed(operand, &local("it is a folder; add -r to upload what is in it"));
        }
        let base = path.file_name().and_then(|name| name.to_str());
        let name = match (&self.place, base) {
            (Place::Name(name), _) => name.clone(),
            (Place::Folder(folder), _) if is_folder && means_content(operand) => folder.clone(),
            (Place::Folder(folder), Some(base)) => join(folder, base),
            (Place::Folder(_), None) => return self.console.failed(operand, &not_utf8()),
        };
        if !is_folder {
            queue.push(Job {
                origin: Origin::File(path.to_owned()),
                name,
            });
            return Outcome::Done;
        }
        let mut walk = Walk {
            putting: self,
            queue,
            empty_folders: 0,
            outcome: Outcome::Done,
        };
        walk.folder(path, &name);
        walk.report(operand)
    }

    fn transfer(&self, clients: &mut Clients<'_>, job: &Job) -> Outcome {
        let begun = Instant::now();
        let mut bar = self.console.bar(&job.name);
        let result = self.send(clients, job, &mut bar);
        drop(bar);
        let mut outcome = Outcome::Done;
        if self.json {
            outcome = self
                .console
                .print_json(&Record::new("put", &job.name, &result, begun.elapsed()));
        }
        match result {
            Ok(_) => outcome,
            Err(error) => outcome.and(self.console.failed(&job.subject(), &error)),
        }
    }

    fn send(&self, clients: &mut Clients<'_>, job: &Job, bar: &mut dyn Progress) -> Result<Moved, Error> {
        let mut source = match &job.origin {
            Origin::File(path) => FileSource::open(path),
            Origin::Input => standard_input(),
        }
        .map_err(Error::Local)?;
        let client: &mut Client = clients.of(&self.address)?;
        let source: &mut dyn Source = &mut source;
        let options = SendOptions {
            condition: self.condition.clone(),
            ..SendOptions::default()
        };
        let sent = client.send(&job.name, source, &options, bar)?;
        Ok(Moved {
            bytes: sent.bytes,
            resumed_bytes: 0,
            verified: sent.verified.is_yes(),
        })
    }
}

impl Job {
    fn subject(&self) -> String {
        match &self.origin {
            Origin::File(path) => path.to_string_lossy().into_owned(),
            Origin::Input => "-".to_owned(),
        }
    }
}

/// The way through a folder.
struct Walk<'a> {
    putting: &'a Putting<'a>,
    queue: &'a Queue<'a, Job>,
    empty_folders: u64,
    outcome: Outcome,
}

impl Walk<'_> {
    /// Finds the files of a folder and of those in it; says whether there was any.
    fn folder(&mut self, path: &Path, name: &str) -> bool {
        let mut entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => {
                self.failed(path, &Error::Local(error));
                return true;
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        let mut has_files = false;
        for entry in entries {
            has_files |= self.entry(&entry, name);
        }
        if !has_files {
            self.empty_folders += 1;
        }
        has_files
    }

    fn entry(&mut self, entry: &fs::DirEntry, folder: &str) -> bool {
        let path = entry.path();
        let Some(name) = entry.file_name().to_str().map(|name| join(folder, name)) else {
            self.failed(&path, &not_utf8());
            return true;
        };
        // A link counts as the file that it leads to. What leads to a folder is left out: it may lead in a circle.
        let (is_link, metadata) = (
            entry.file_type().is_ok_and(|kind| kind.is_symlink()),
            fs::metadata(&path),
        );
        match metadata {
            Ok(metadata) if metadata.is_file() => self.queue.push(Job {
                origin: Origin::File(path),
                name,
            }),
            Ok(metadata) if metadata.is_dir() && is_link => {
                self.left_out(&path, "a link to a folder is left out")
            }
            Ok(metadata) if metadata.is_dir() => self.folder(&path, &name),
            Ok(_) => self.left_out(&path, "left out: it is neither a file nor a folder"),
            Err(error) => {
                self.failed(&path, &Error::Local(error));
                true
            }
        }
    }

    fn left_out(&self, path: &Path, sentence: &str) -> bool {
        self.putting.console.notice(&path.to_string_lossy(), sentence);
        false
    }

    fn failed(&mut self, path: &Path, error: &Error) {
        self.outcome = self
            .outcome
            .and(self.putting.console.failed(&path.to_string_lossy(), error));
    }

    fn report(self, operand: &str) -> Outcome {
        let sentence = match self.empty_folders {
            0 => return self.outcome,
            1 => "1 empty folder is left out: the server keeps files only".to_owned(),
            count => format!("{count} empty folders are left out: the server keeps files only"),
        };
        self.putting.console.notice(operand, &sentence);
        self.outcome
    }
}

/// Whether a folder's content is meant rather than the folder: it ends with a slash, or has no name of its own.
fn means_content(operand: &str) -> bool {
    operand.ends_with(['/']) || matches!(operand.rsplit('/').next(), Some("." | ".."))
}

/// Standard input: from where it stands if it is a file, else all of it in a temporary file.
fn standard_input() -> io::Result<FileSource> {
    use std::os::fd::AsFd;
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    if input.metadata()?.is_file() {
        return FileSource::from_here(input);
    }
    FileSource::spooled(&mut input)
}

fn local(sentence: &str) -> Error {
    Error::Local(io::Error::new(io::ErrorKind::InvalidInput, sentence))
}

fn not_utf8() -> Error {
    local("its name is not UTF-8, so the server cannot have it")
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, sync::Mutex};

    use haul_client::Dialect;

    use std::time::Duration;

    use super::*;

    fn globals() -> Globals {
        let server = Address::new("default", 1);
        Globals {
            server,
            dialect: Dialect::Classic,
            timeout: Duration::from_secs(1),
            retry_for: Duration::ZERO,
            retries: None,
            json: false,
            quiet: true,
        }
    }

    fn place(files: &[&str], to: Option<&str>, recursive: bool) -> (Vec<String>, Address, Place) {
        let files = files.iter().map(|&file| file.to_owned()).collect();
        let (files, remote) = destination(files, to.map(str::to_owned), &globals()).unwrap();
        let place = Place::of(&remote, recursive || files.len() > 1);
        (files, remote.address, place)
    }

    /// The names under which an operand's files would be stored, sorted, and how finding them went.
    fn names(place: Place, operand: &str, recursive: bool) -> (Vec<String>, Outcome) {
        let console = Console::new("put", &globals());
        let condition = Condition::Always;
        let putting = Putting {
            console: &console,
            address: Address::new("h", 1),
            place,
            condition,
            json: false,
        };
        let names = Mutex::new(Vec::new());
        let outcome = batch::run(
            1,
            &Fleet::new(globals().options()),
            |queue| putting.find(operand, recursive, queue),
            |_, job: Job| {
                names.lock().unwrap().push(job.name);
                Outcome::Done
            },
        );
        (names.into_inner().unwrap(), outcome)
    }

    #[test]
    fn the_place_is_a_name_for_one_file_and_a_folder_for_several() {
        let top = || Place::Folder(String::new());
        assert_eq!(place(&["a"], None, false).2, top());
        assert_eq!(place(&["a"], Some("b"), false).2, Place::Name("b".into()));
        assert_eq!(place(&["a"], Some("b/"), false).2, Place::Folder("b".into()));
        assert_eq!(place(&["a", "b"], Some("c"), false).2, Place::Folder("c".into()));
        assert_eq!(place(&["a"], Some("c"), true).2, Place::Folder("c".into()));
        assert_eq!(place(&["a"], Some("."), false).2, top());
    }

    #[test]
    fn a_url_says_the_place_as_the_last_operand_or_as_to() {
        let expected = (
            vec!["a".to_owned()],
            Address::new("h", 2),
            Place::Name("b c".into()),
        );
        assert_eq!(place(&["a", "haul://h:2/b%20c"], None, false), expected);
        assert_eq!(place(&["a"], Some("haul://h:2/b%20c"), false), expected);
    }

    #[test]
    fn a_place_without_a_file_or_said_twice_is_refused() {
        let refused = |files: &[&str], to: Option<&str>| {
            let files = files.iter().map(|&file| file.to_owned()).collect();
            destination(files, to.map(str::to_owned), &globals()).is_err()
        };
        assert!(refused(&["haul://h/b"], None));
        assert!(refused(&["a", "haul://h/b"], Some("c")));
        assert!(refused(&["haul://h/a", "b"], None));
        assert!(refused(&["a", "haul://h:0/b"], None));
    }

    #[test]
    fn a_folder_is_stored_under_its_name_and_its_content_without() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos");
        fs::create_dir_all(photos.join("deep/er")).unwrap();
        fs::create_dir_all(photos.join("empty/too")).unwrap();
        for name in ["b c", ".hidden", "deep/er/ü"] {
            fs::write(photos.join(name), name).unwrap();
        }
        symlink("b c", photos.join("link")).unwrap();
        symlink("..", photos.join("circle")).unwrap();
        let operand = photos.to_str().unwrap();
        let top = || Place::Folder(String::new());
        let content = [".hidden", "b c", "deep/er/ü", "link"];
        assert_eq!(
            names(top(), &format!("{operand}/"), true),
            (content.map(str::to_owned).to_vec(), Outcome::Done)
        );
        let below = |folder: &str| content.map(|name| format!("{folder}/{name}")).to_vec();
        assert_eq!(names(top(), operand, true).0, below("photos"));
        assert_eq!(
            names(Place::Folder("x".into()), operand, true).0,
            below("x/photos")
        );
        assert_eq!(
            names(Place::Folder("x".into()), &format!("{operand}/."), true).0,
            below("x")
        );
        assert_eq!(names(top(), operand, false), (vec![], Outcome::Failed));
    }

    #[test]
    fn a_file_is_stored_under_its_name_or_the_one_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "a").unwrap();
        let operand = file.to_str().unwrap();
        assert_eq!(names(Place::Folder("x/y".into()), operand, false).0, ["x/y/a"]);
        assert_eq!(names(Place::Name("z".into()), operand, false).0, ["z"]);
        assert_eq!(names(Place::Name("z".into()), "-", false).0, ["z"]);
        let nothing = folder.path().join("nothing");
        assert_eq!(
            names(Place::Name("z".into()), nothing.to_str().unwrap(), false).1,
            Outcome::Failed
        );
    }
}
