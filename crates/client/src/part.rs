//! A download on its way into a file: a hidden part file beside the target, which becomes the target when it is whole
//! and which a later fetch continues if it is not.
//!
//! Beside the part lies a note that says of which object, server and version it is the beginning. The note is written
//! after the part was emptied and before its first byte, so a part never passes for one of another version, wherever
//! the process is killed. A lock on the part keeps a second download of the same file away.
//!
//! The folder may belong to everybody (`/tmp`). So neither file is opened through a link, and only a regular file of our
//! own, without a second name, is continued: whatever else stands there is refused.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use crate::{Address, Held, Target};

/// The treatment of a file that has the target's name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// The fetched file takes its place, in one step.
    #[default]
    Replace,
    /// It stays, and the fetch is refused.
    Keep,
}

/// The target of a fetch into a file. Received content stays for a later fetch unless [`PartFile::publish`] makes it
/// the file or [`PartFile::discard`] removes it; what cannot be continued is removed when this is dropped.
///
/// ```
/// use haul_client::{Client, Existing, Options, PartFile};
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
/// # let address = server::holding(&[("notes.txt", "hello")]);
/// # let folder = tempfile::tempdir()?;
/// let mut client = Client::new(address, Options::default());
/// let place = folder.path().join("notes.txt");
/// let mut part = PartFile::new(&place, Existing::Keep, client.address(), "notes.txt")?;
/// client.fetch("notes.txt", &mut part, &mut ())?;
/// assert!(!place.exists());
/// part.publish()?;
/// assert_eq!(std::fs::read(&place)?, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PartFile {
    target: PathBuf,
    part: PathBuf,
    note_path: PathBuf,
    origin: PartOrigin,
    existing: Existing,
    /// Open, and locked, once there is a part file that is ours.
    file: Option<File>,
    etag: Option<String>,
    bytes: u64,
}

/// The content of the note: the object whose beginning the part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    #[serde(flatten)]
    origin: PartOrigin,
    etag: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PartOrigin {
    server: String,
    name: String,
}

pub(crate) const PART_SUFFIX: &str = ".haul-part";
pub(crate) const NOTE_SUFFIX: &str = ".haul-part-of";
const FILE_NAME_BYTES_MAX: usize = 255;
const NOTE_BYTES_MAX: u64 = 64 * 1024;

impl PartFile {
    /// Prepares the fetch of object `name` from `address` into the file `target`, whose folder must exist. Nothing is
    /// created before the first byte is due.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the target is to be kept, [`io::ErrorKind::IsADirectory`] if it is a folder,
    /// [`io::ErrorKind::ResourceBusy`] if another download into it is under way, and what the system says.
    pub fn new(target: &Path, existing: Existing, address: &Address, name: &str) -> io::Result<Self> {
        let file_name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        match fs::symlink_metadata(target) {
            Ok(_) if existing == Existing::Keep => return Err(already_there()),
            Ok(metadata) if metadata.is_dir() => {
                let sentence = "there is a folder of that name here";
                return Err(io::Error::new(io::ErrorKind::IsADirectory, sentence));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut part = Self {
            part: target.with_file_name(hidden(file_name, PART_SUFFIX)),
            note_path: target.with_file_name(hidden(file_name, NOTE_SUFFIX)),
            target: target.to_owned(),
            origin: PartOrigin {
                server: address.to_string(),
                name: name.to_owned(),
            },
            existing,
            file: None,
            etag: None,
            bytes: 0,
        };
        part.take_up()?;
        Ok(part)
    }

    /// Gives the part the time and the permission bits (at most 0777) that the target is to have; `None` leaves them.
    ///
    /// # Errors
    /// The error of the system; the content is untouched.
    pub fn keep_facts(&self, modified: Option<SystemTime>, mode: Option<u32>) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        if let Some(mode) = mode {
            file.set_permissions(Permissions::from_mode(mode & 0o777))?;
        }
        modified.map_or(Ok(()), |modified| file.set_modified(modified))
    }

    /// Makes the part the target, in one step.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if a target that is to be kept has appeared meanwhile (then the part is
    /// removed), and what the system says.
    pub fn publish(mut self) -> io::Result<()> {
        // An object may itself be called like our part, and have been fetched into its place.
        if !self
            .file
            .as_ref()
            .is_some_and(|file| self.is_there(file).unwrap_or(false))
        {
            self.file = None;
            return Err(io::Error::other("another file took the place of its part file"));
        }
        let published = match self.existing {
            Existing::Replace => fs::rename(&self.part, &self.target),
            Existing::Keep => rename_if_absent(&self.part, &self.target),
        };
        match published {
            Ok(()) => self.file = None,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.remove();
                return Err(already_there());
            }
            Err(error) => return Err(error),
        }
        self.etag = None;
        remove_if_present(&self.note_path)
    }

    /// How much is kept for a later fetch to continue, in bytes: what a failed fetch leaves behind.
    pub fn kept_bytes(&self) -> u64 {
        self.held().map_or(0, |held| held.bytes)
    }

    /// Removes what was received, now or by an earlier fetch.
    pub fn discard(mut self) {
        self.remove();
    }

    /// Opens a part that an earlier fetch left, if it is the beginning of this very object.
    fn take_up(&mut self) -> io::Result<()> {
        let Some(note) = read_note(&self.note_path)?.filter(|note| note.origin == self.origin) else {
            return Ok(());
        };
        match self.open_locked(open_own) {
            Ok(file) => {
                self.bytes = file.metadata()?.len();
                self.etag = Some(note.etag);
                self.file = Some(file);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Opens the part file and locks it. Between the two, another process that held the lock may have published the file: then it
    /// is no longer the part, and must not be touched.
    fn open_locked(&self, open: impl Fn(&Path) -> io::Result<File>) -> io::Result<File> {
        const TRIES: u32 = 16;
        for _ in 0..TRIES {
            let file = open(&self.part)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(busy()),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            if self.is_there(&file)? {
                return Ok(file);
            }
        }
        Err(busy())
    }

    /// Whether an open file is the one that has the part's name.
    fn is_there(&self, file: &File) -> io::Result<bool> {
        let (ours, there) = (file.metadata()?, fs::symlink_metadata(&self.part));
        Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())))
    }

    fn start_over(&mut self, etag: Option<&str>) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(self.open_locked(open_own_or_create)?);
        }
        self.open_file()?.set_len(0)?;
        self.bytes = 0;
        self.etag = None;
        match etag {
            Some(etag) => {
                let note = Note {
                    origin: self.origin.clone(),
                    etag: etag.to_owned(),
                };
                write_note(&self.note_path, &serde_json::to_vec(&note)?)?;
                self.etag = Some(note.etag);
                Ok(())
            }
            None => remove_if_present(&self.note_path),
        }
    }

    fn open_file(&mut self) -> io::Result<&mut File> {
        self.file
            .as_mut()
            .ok_or_else(|| io::Error::other("the part file is not open"))
    }

    fn remove(&mut self) {
        if self.file.take().is_some() {
            let _ = fs::remove_file(&self.part);
            let _ = fs::remove_file(&self.note_path);
        }
        self.etag = None;
    }
}

impl Target for PartFile {
    fn held(&self) -> Option<Held> {
        let etag = self.etag.clone()?;
        (self.bytes > 0).then_some(Held {
            bytes: self.bytes,
            etag,
        })
    }

    fn begin(&mut self, offset: u64, etag: Option<&str>) -> io::Result<()> {
        if offset == 0 {
            self.start_over(etag)?;
        }
        self.open_file()?.seek(SeekFrom::Start(offset))?;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.open_file()?.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn replay(&mut self, reader: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let held_bytes = self.bytes;
        let file = self.open_file()?;
        let mut buffer = vec![0; 256 * 1024];
        let mut position = 0;
        while position < held_bytes {
            let count = file.read_at(&mut buffer, position)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            reader(&buffer[..count]);
            position += count as u64;
        }
        Ok(true)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if self.held().is_none() {
            self.remove();
        }
    }
}

/// `.NAME` and a suffix, short enough for a file's name: a name that is too long is replaced by its digest.
fn hidden(file_name: &OsStr, suffix: &str) -> OsString {
    let mut hidden = OsString::from(".");
    if 1 + file_name.len() + suffix.len() <= FILE_NAME_BYTES_MAX {
        hidden.push(file_name);
    } else {
        hidden.push(blake3::hash(file_name.as_bytes()).to_hex().as_str());
    }
    hidden.push(suffix);
    hidden
}

/// Opens a file that this user made here. Anything else is refused, without waiting: a FIFO would never open.
fn open_own(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
        // A link, a folder, a socket.
        Err(_) => return Err(not_ours(path)),
        Ok(file) => file,
    };
    let metadata = file.metadata()?;
    let is_ours = metadata.is_file() && metadata.uid() == geteuid().as_raw() && metadata.nlink() <= 1;
    if is_ours { Ok(file) } else { Err(not_ours(path)) }
}

fn open_own_or_create(path: &Path) -> io::Result<File> {
    match create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_own(path),
        other => other,
    }
}

/// Creates a file where there is nothing yet, not even a link that leads nowhere.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
}

/// The note, if there is one that can be understood.
fn read_note(path: &Path) -> io::Result<Option<Note>> {
    let file = match open_own(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut text = Vec::new();
    file.take(NOTE_BYTES_MAX).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text).ok())
}

/// Writes the note beside its place and moves it there: a link in its place is replaced, not followed.
fn write_note(path: &Path, text: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .prefix(".haul-note-")
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn not_ours(path: &Path) -> io::Error {
    let sentence = format!(
        "{} is in the way: it is no regular file of this user alone; remove it or download to another folder",
        haul_types::printable(&path.to_string_lossy())
    );
    io::Error::new(io::ErrorKind::InvalidInput, sentence)
}

/// File systems that cannot rename without replacing can make a second link, which never replaces.
fn rename_if_absent(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        other => other,
    }
}

fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn already_there() -> io::Error {
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        "the file is there already and was to be kept",
    )
}

fn busy() -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        "another download into this file is under way",
    )
}
