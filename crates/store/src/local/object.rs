//! Looking at objects and opening them.
//!
//! An object is found first without being opened, and opened only when it is known to be a regular file:
//! opening a pipe would release a program that waits at its other end, and opening a device may act. An
//! upload that was not synced, and which a power cut may have damaged, is compared with its digest before it
//! is served.

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{CWD, Mode, OFlags, fsync, openat};
use rustix::io::{Errno, retry_on_intr};

use super::facts::{FileFacts, set_modified};
use super::locks::LockMode;
use super::note::{DigestNote, NoteState};
use super::reader::LocalReader;
use super::root::{OpenPurpose, look_again};
use super::temp_file::Hiding;
use super::{Disk, descriptor_path};
use crate::{Digest, Error, Key, Meta};

/// The longest wait for another program that has a lease on a file and was asked by the kernel to give it up.
const LEASE_WAIT_MAX: Duration = Duration::from_secs(10);
/// The pause between two tries to open such a file.
const LEASE_PAUSE: Duration = Duration::from_millis(10);

/// How much is read at a time when content is compared with its digest.
const PIECE_BYTES: usize = 256 * 1024;
/// How many objects each part remembers as whole, about 100 bytes each. Then all are forgotten, and compared
/// again when they are next read.
const WHOLE_MAX: usize = 256;

/// The objects whose content this process has compared with their digests, but could not note as synced.
/// There are as many parts as objects can be compared at a time. A part is locked during a comparison, so
/// that many requests for one object wait for one comparison.
#[derive(Debug, Default)]
pub(super) struct VerifiedObjects([Mutex<HashSet<(u64, String)>>; 16]);

impl VerifiedObjects {
    fn part(&self, facts: &FileFacts) -> MutexGuard<'_, HashSet<(u64, String)>> {
        let part = facts.modified.nanoseconds as usize % self.0.len();
        self.0[part].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An object that is open for reading, and what is known of it.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) facts: FileFacts,
    pub(super) kept: NoteState,
}

impl Disk {
    /// The facts of one object. Its content is not read: a digest that is not known to hold is left out.
    pub(super) async fn stat(self: &Arc<Self>, key: &Key) -> Result<Meta, Error> {
        let found = self.find_object(key).await?;
        let (file, facts) = found;
        match NoteState::of_found(&file, &facts) {
            NoteState::Torn => Err(Error::Torn),
            NoteState::Nothing => Ok(facts.meta(None)),
            NoteState::DigestNote(note) => Ok(Meta {
                digest: self.trusts(&note).then_some(note.digest),
                ..facts.meta(Some(&note))
            }),
        }
    }

    /// Opens an object for reading.
    pub(super) async fn open(self: &Arc<Self>, key: &Key) -> Result<LocalReader, Error> {
        let opened = self.open_whole(key).await?;
        let meta = opened.facts.meta(opened.kept.note().as_ref());
        let in_memory = self.is_in_memory(&opened.facts);
        Ok(LocalReader::new(opened.file, meta, self.blocking, in_memory))
    }

    /// Opens an object whose content is what was uploaded.
    pub(super) async fn open_whole(self: &Arc<Self>, key: &Key) -> Result<Opened, Error> {
        let opened = self.open_object(key).await?;
        match opened.kept {
            NoteState::Torn => Err(Error::Torn),
            NoteState::DigestNote(note) if !self.trusts(&note) => {
                self.run(move |disk| disk.verified(opened, note)).await
            }
            _ => Ok(opened),
        }
    }

    /// Sets the modification time of an object. Its note holds for the time that is written there, so it is
    /// written anew; should that fail, the digest is lost and nothing else.
    pub(super) async fn set_modified(
        self: &Arc<Self>,
        key: &Key,
        modified: SystemTime,
    ) -> Result<Meta, Error> {
        let Opened { file, kept, .. } = self.open_whole(key).await?;
        let key = key.clone();
        self.run(move |disk| {
            let care = disk.care_for(&file)?;
            let note = kept.note();
            if note.is_some_and(|note| note.unsynced.is_some()) {
                // Between the two steps the note does not hold, and could not warn of content that is not on
                // the disk.
                retry_on_intr(|| fsync(&file))?;
            }
            let turn = disk.locks.lock(&key, LockMode::Block)?.ok_or(Error::Busy)?;
            set_modified(&file, modified)?;
            if let Some(note) = note {
                let at = Some(SystemTime::now().into());
                let note = DigestNote {
                    at,
                    unsynced: None,
                    ..note
                };
                let _absent_digests_are_legal = note.keep(&file, &FileFacts::of(&file)?);
            }
            drop(turn);
            if care.syncs_names() {
                retry_on_intr(|| fsync(&file))?;
            }
            let facts = FileFacts::of(&file)?;
            Ok(facts.meta(NoteState::of_open(&file, &facts).note().as_ref()))
        })
        .await
    }

    /// Keeps a digest that the caller has computed from the version `etag`.
    pub(super) async fn keep_digest(
        self: &Arc<Self>,
        key: &Key,
        etag: &str,
        digest: Digest,
    ) -> Result<Meta, Error> {
        let opened = self.open_object(key).await?;
        if opened.facts.etag(opened.kept.note().as_ref()) != etag {
            return Err(Error::ConditionFailed);
        }
        self.run(move |_| {
            let Opened { file, facts, kept } = opened;
            let note = DigestNote {
                digest,
                at: kept.note().and_then(|note| note.at),
                unsynced: None,
            };
            // The content is synced first, since the note says that it was. The facts are the earlier ones,
            // so that the digest does not hold where the content has changed meanwhile.
            if retry_on_intr(|| fsync(&file)).is_ok() {
                let _absent_digests_are_legal = note.keep(&file, &facts);
            }
            let facts = FileFacts::of(&file)?;
            Ok(facts.meta(NoteState::of_open(&file, &facts).note().as_ref()))
        })
        .await
    }

    /// Whether the content of an object is known to be that of its note.
    fn trusts(&self, note: &DigestNote) -> bool {
        note.unsynced.is_none_or(|run| run == self.locks.run())
    }

    /// Finds an existing object without opening it. Where a parent is no folder, there is no object.
    async fn find_object(self: &Arc<Self>, key: &Key) -> Result<(OwnedFd, FileFacts), Error> {
        let first = self.find(key, OpenPurpose::FileFacts).await?;
        match FileFacts::of_object(&first) {
            Err(error) if error.is_stale() => {}
            facts => return Ok((first, facts?)),
        }
        let key = key.clone();
        self.run(move |disk| {
            look_again(|| {
                let found = disk.root.find(Some(&key), OpenPurpose::FileFacts)?;
                let facts = FileFacts::of_object(&found)?;
                Ok((found, facts))
            })
        })
        .await
    }

    async fn open_object(self: &Arc<Self>, key: &Key) -> Result<Opened, Error> {
        let (file, facts) = match self.hiding {
            Hiding::Unnamed => {
                let (found, facts) = self.find_object(key).await?;
                (self.reopen(found).await?, facts)
            }
            // Without /proc an object can be opened by its name only.
            Hiding::Named => {
                let file = self.find(key, OpenPurpose::Read).await?;
                let facts = FileFacts::of_object(&file)?;
                (file, facts)
            }
        };
        let kept = NoteState::of_open(&file, &facts);
        Ok(Opened {
            file: file.into(),
            facts,
            kept,
        })
    }

    async fn reopen(self: &Arc<Self>, found: OwnedFd) -> Result<OwnedFd, Error> {
        match reopen(&found) {
            Err(Errno::AGAIN) => self.run(move |_| wait_for_lease(&found)).await,
            opened => Ok(opened?),
        }
    }

    /// Compares an object with its digest, once, and notes that the object is whole.
    fn verified(&self, opened: Opened, note: DigestNote) -> Result<Opened, Error> {
        let Opened { file, facts, .. } = opened;
        let mut whole = self.whole.part(&facts);
        // Another request may have done this meanwhile; the note has changed then.
        let facts = FileFacts::of(&file)?;
        let kept = NoteState::of_open(&file, &facts);
        let known = (facts.device, facts.etag(Some(&note)));
        if kept != NoteState::DigestNote(note) || whole.contains(&known) {
            return Ok(Opened { file, facts, kept });
        }
        let is_whole = digest_of(&file, facts.size)? == note.digest;
        let seen = FileFacts::of(&file)?;
        if seen != facts {
            // Another program writes to the file.
            return Ok(Opened {
                file,
                facts: seen,
                kept: NoteState::Nothing,
            });
        }
        if !is_whole {
            return Err(Error::Torn);
        }
        let note = DigestNote {
            unsynced: None,
            ..note
        };
        // The content is synced first, so that the note is true.
        if retry_on_intr(|| fsync(&file)).is_ok() && note.keep(&file, &facts).is_ok() {
            let facts = FileFacts::of(&file)?;
            let kept = NoteState::of_open(&file, &facts);
            return Ok(Opened { file, facts, kept });
        }
        if whole.len() >= WHOLE_MAX {
            whole.clear();
        }
        whole.insert(known);
        Ok(Opened { file, facts, kept })
    }
}

fn reopen(found: &OwnedFd) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    retry_on_intr(|| openat(CWD, descriptor_path(found), flags, Mode::empty()))
}

fn wait_for_lease(found: &OwnedFd) -> Result<OwnedFd, Error> {
    let started = Instant::now();
    loop {
        match reopen(found) {
            Err(Errno::AGAIN) if started.elapsed() < LEASE_WAIT_MAX => thread::sleep(LEASE_PAUSE),
            opened => return Ok(opened?),
        }
    }
}

fn digest_of(file: &File, size: u64) -> Result<Digest, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut offset = 0;
    while offset < size {
        match file.read_at(&mut piece, offset) {
            Ok(0) => break,
            Ok(length) => {
                hasher.update(&piece[..length]);
                offset += length as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(hasher.finalize())
}
