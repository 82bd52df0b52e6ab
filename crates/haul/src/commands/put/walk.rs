//! What there is to upload: the files that were named, and with `-r` those in the folders that were named.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

use haul_client::Error;

use super::place::PutPlace;
use super::{Origin, PutJob, Putting};
use crate::commands::CommandOutcome;
use crate::commands::batch::JobQueue;
use crate::commands::operand::{join, local};
use crate::commands::record::Item;

/// The way through what was named.
struct PutWalk<'a> {
    putting: &'a Putting<'a>,
    queue: &'a JobQueue<PutJob>,
    /// The names that are taken on the server, where two operands could mean the same. It costs a name for each file.
    taken: Option<HashSet<String>>,
    empty_folders: u64,
    outcome: CommandOutcome,
}

impl Putting<'_> {
    /// Finds what all operands mean.
    pub(super) fn find_all(
        &self,
        operands: &[String],
        recursive: bool,
        queue: &JobQueue<PutJob>,
    ) -> CommandOutcome {
        let mut walk = PutWalk {
            putting: self,
            queue,
            taken: (operands.len() > 1).then(HashSet::new),
            empty_folders: 0,
            outcome: CommandOutcome::Done,
        };
        for operand in operands {
            walk.operand(operand, recursive);
        }
        self.console.live().all_found();
        walk.outcome
    }
}

impl PutWalk<'_> {
    fn operand(&mut self, operand: &str, recursive: bool) {
        if let ("-", PutPlace::Name(name)) = (operand, &self.putting.place) {
            let name = name.clone();
            return self.push(PutJob {
                origin: Origin::Input,
                name,
                size_bytes: None,
            });
        }
        let path = Path::new(operand);
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => return self.failed(path, &Error::Local(error)),
        };
        if metadata.is_dir() && !recursive {
            return self.failed(path, &local("it is a folder; add -r to upload what is in it"));
        }
        let base = path.file_name().and_then(|name| name.to_str());
        let is_content = metadata.is_dir() && means_content(operand);
        let name = match (&self.putting.place, base) {
            (PutPlace::Name(name), _) => name.clone(),
            (PutPlace::Folder(folder), _) if is_content => folder.clone(),
            (PutPlace::Folder(folder), Some(base)) => join(folder, base),
            (PutPlace::Folder(_), None) => return self.failed(path, &not_utf8()),
        };
        if !metadata.is_dir() {
            return self.push(PutJob::of_file(path, name, &metadata));
        }
        if !is_content && !self.takes(&format!("{name}/")) {
            return self.failed(path, &local(TWICE));
        }
        self.folder(path, &name);
        self.say_empty_folders(operand);
    }

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
            Ok(metadata) if metadata.is_file() => self.push(PutJob::of_file(&path, name, &metadata)),
            Ok(metadata) if metadata.is_dir() && is_link => {
                return self.left_out(&path, "a link to a folder is left out");
            }
            Ok(metadata) if metadata.is_dir() => return self.folder(&path, &name),
            Ok(_) => return self.left_out(&path, "left out: it is neither a file nor a folder"),
            Err(error) => self.failed(&path, &Error::Local(error)),
        }
        true
    }

    fn push(&mut self, job: PutJob) {
        if self.takes(&job.name) {
            self.putting.console.live().found(job.size_bytes);
            self.queue.push(job);
        } else {
            self.failed(Path::new(&job.subject()), &local(TWICE));
        }
    }

    /// Takes a name on the server; says whether it was free.
    fn takes(&mut self, name: &str) -> bool {
        self.taken
            .as_mut()
            .is_none_or(|taken| taken.insert(name.to_owned()))
    }

    fn left_out(&self, path: &Path, sentence: &str) -> bool {
        self.putting.console.notice(&path.to_string_lossy(), sentence);
        false
    }

    fn failed(&mut self, path: &Path, error: &Error) {
        let subject = path.to_string_lossy();
        let outcome = self.putting.console.failed(&subject, Item::file(&subject), error);
        self.outcome = self.outcome.and(outcome);
    }

    fn say_empty_folders(&mut self, operand: &str) {
        let sentence = match std::mem::take(&mut self.empty_folders) {
            0 => return,
            1 => "1 empty folder is left out: the server keeps files only".to_owned(),
            count => format!("{count} empty folders are left out: the server keeps files only"),
        };
        self.putting.console.notice(operand, &sentence);
    }
}

/// Why the second of two sources with one name is not sent.
const TWICE: &str =
    "another operand has the same name, and one would replace the other; send them one by one with --to";

/// Whether a folder's content is meant rather than the folder: it ends with a slash, or has no name of its own.
fn means_content(operand: &str) -> bool {
    operand.ends_with(['/']) || matches!(operand.rsplit('/').next(), Some("." | ".."))
}

fn not_utf8() -> Error {
    local("its name is not UTF-8, so the server cannot have it")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::Mutex;
    use std::time::Duration;

    use haul_client::{Address, DialectChoice};

    use super::*;
    use crate::commands::RemoteOptions;
    use crate::commands::batch::{self, ClientCache};
    use crate::commands::console::Console;
    use crate::commands::existing::ExistingPolicy;

    fn options() -> RemoteOptions {
        let server = Address::new("default", 1);
        RemoteOptions {
            server,
            dialect: DialectChoice::Classic,
            timeout: Duration::from_secs(1),
            retry_for: Duration::ZERO,
            retries: None,
            json: false,
            quiet: true,
        }
    }

    /// The names under which an operand's files would be stored, sorted, and how finding them went.
    fn names(place: PutPlace, operand: &str, recursive: bool) -> (Vec<String>, CommandOutcome) {
        all_names(place, &[operand], recursive)
    }

    fn all_names(place: PutPlace, operands: &[&str], recursive: bool) -> (Vec<String>, CommandOutcome) {
        let console = Console::new("put", &options());
        let putting = Putting {
            console: &console,
            address: Address::new("h", 1),
            place,
            existing: ExistingPolicy::Replace,
            preserve: false,
            no_mode: crate::commands::transfer::OnceNotice::default(),
        };
        let operands: Vec<_> = operands.iter().map(|&operand| operand.to_owned()).collect();
        let names = Mutex::new(Vec::new());
        let outcome = batch::run(
            1,
            &ClientCache::new(options().client_options()),
            |queue| putting.find_all(&operands, recursive, queue),
            |_, job: PutJob| {
                names.lock().unwrap().push(job.name);
                CommandOutcome::Done
            },
            |_| CommandOutcome::Failed,
        );
        (names.into_inner().unwrap(), outcome)
    }

    #[test]
    fn of_two_sources_with_one_name_the_second_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for name in ["x/n", "y/n", "p1/s/a", "p2/s/b", "p2/n"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let top = || PutPlace::Folder(String::new());
        let found = |operands: &[String], recursive| {
            let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
            all_names(top(), &operands, recursive)
        };
        let once = |name: &str| (vec![name.to_owned()], CommandOutcome::Failed);
        assert_eq!(found(&[path("x/n"), path("y/n")], false), once("n"));
        assert_eq!(found(&[path("p1/s"), path("p2/s")], true), once("s/a"));
        let contents = [path("x") + "/", path("p1") + "/", path("p2") + "/"];
        let (names, outcome) = found(&contents, true);
        assert_eq!(
            (names, outcome),
            (
                ["n", "s/a", "s/b"].map(str::to_owned).to_vec(),
                CommandOutcome::Failed
            )
        );
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
        let top = || PutPlace::Folder(String::new());
        let content = [".hidden", "b c", "deep/er/ü", "link"];
        assert_eq!(
            names(top(), &format!("{operand}/"), true),
            (content.map(str::to_owned).to_vec(), CommandOutcome::Done)
        );
        let below = |folder: &str| content.map(|name| format!("{folder}/{name}")).to_vec();
        assert_eq!(names(top(), operand, true).0, below("photos"));
        assert_eq!(
            names(PutPlace::Folder("x".into()), operand, true).0,
            below("x/photos")
        );
        assert_eq!(
            names(PutPlace::Folder("x".into()), &format!("{operand}/."), true).0,
            below("x")
        );
        assert_eq!(names(top(), operand, false), (vec![], CommandOutcome::Failed));
    }

    #[test]
    fn a_file_is_stored_under_its_name_or_the_one_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, "a").unwrap();
        let operand = file.to_str().unwrap();
        assert_eq!(names(PutPlace::Folder("x/y".into()), operand, false).0, ["x/y/a"]);
        assert_eq!(names(PutPlace::Name("z".into()), operand, false).0, ["z"]);
        assert_eq!(names(PutPlace::Name("z".into()), "-", false).0, ["z"]);
        let nothing = folder.path().join("nothing");
        assert_eq!(
            names(PutPlace::Name("z".into()), nothing.to_str().unwrap(), false).1,
            CommandOutcome::Failed
        );
    }
}
