//! From a file in flight to an object: its facts, the conditions, and the one step that makes it visible.
//!
//! On a disk, the order of the calls keeps a power cut from breaking anything. A new object is synced,
//! linked, and synced once more for its count of links, without which some file systems would drop it. An
//! object that replaces another is linked to a reserved name, synced, and renamed. The folder is synced last.
//!
//! The conditions are checked and acted upon as one step among all workers of a server, under the lock of the
//! name ([`super::locks`]). Other servers and programs do not know of that lock; against them, `Absent` is
//! atomic all the same and `Matches` is not.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::{Access, AtFlags, StatxFlags, accessat, fsync, statx};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;

use super::Disk;
use super::displaced::Displaced;
use super::facts::{FileFacts, set_modified};
use super::locks::{LockMode, Ticket};
use super::medium::Care;
use super::note::{DigestNote, NoteState};
use super::owner::{Owner, keep_owner, set_mode};
use super::parent_dirs::{ParentDirs, nearest, parent};
use super::root::{OpenPurpose, Root, look_again};
use super::temp_file::{Hiding, NamedBy, PublishMode, TempFile};
use crate::{Commit, Condition, Error, Key, Meta, Parents};

/// How often a publication starts over because other programs change the name as fast as it looks.
const PUBLISH_TRIES_MAX: usize = 8;

/// The name that an upload is for, and its conditions.
#[derive(Debug, Clone)]
pub(super) struct UploadTarget {
    pub(super) key: Key,
    pub(super) condition: Condition,
    pub(super) parents: Parents,
}

/// How far a publication came.
#[derive(Debug)]
pub(super) enum PublishOutcome {
    Published(Meta),
    /// The lock of the name is taken, or the disk has to be waited for. Nothing is visible yet.
    WouldWait,
}

/// An upload whose content is complete, on its way to its name.
#[derive(Debug)]
pub(super) struct Publication {
    disk: Arc<Disk>,
    target: UploadTarget,
    temp: TempFile,
    care: Care,
    given: Commit,
    /// When the content was complete.
    sealed: SystemTime,
    ticket: Ticket,
    /// The place that the upload takes, as far as is known.
    place: Placement,
    /// The place that the file has been prepared for, if it has been.
    prepared: Option<Placement>,
    /// The note that is kept beside the content.
    note: Option<DigestNote>,
}

/// The place that an upload takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placement {
    /// A new name.
    New,
    /// The name of an object of this owner, which is replaced.
    Instead(Owner),
}

/// The object that has the name of an upload.
#[derive(Debug)]
pub(super) struct Present {
    /// While this is open, the system does not use the inode again. Without a journal, a power cut before the
    /// folder is synced brings back the entry, which must not lead to another file.
    _held: OwnedFd,
    facts: FileFacts,
    etag: Option<String>,
}

/// A file in flight, and the owner of the object that it will probably replace.
#[derive(Debug)]
pub(super) struct BegunUpload {
    pub(super) temp: TempFile,
    replaced: Option<Owner>,
}

impl Present {
    /// Whether this is the file of these facts, and not one that a link leads to.
    pub(super) fn is_file(&self, found: &FileFacts) -> bool {
        self.facts.is_same_file(found)
    }
}

impl BegunUpload {
    /// Forgets that owner: the file goes to another name than it was begun for.
    pub(super) fn forget_replaced(&mut self) {
        self.replaced = None;
    }
}

/// Opens a file in flight for `target`, after refusing what can be refused already. Makes no folders.
pub(super) fn begin(disk: &Disk, target: &UploadTarget) -> Result<BegunUpload, Error> {
    let present = present(&disk.root, &target.key, &target.condition)?;
    admit(target, present.as_ref())?;
    let replaced = present.map(|present| present.facts.owner);
    let folder = Arc::new(match target.parents {
        Parents::Make => nearest(&disk.root, target.key.parent())?,
        Parents::Require => parent(&disk.root, &target.key, OpenPurpose::FolderFacts)?,
    });
    if disk.hiding == Hiding::Unnamed
        && let Some(temp) = TempFile::unnamed(&folder)?
    {
        return Ok(BegunUpload { temp, replaced });
    }
    let top = disk.root.folder();
    let staging = if is_staging(top, &folder) { top } else { &folder };
    let temp = TempFile::named(staging)?;
    Ok(BegunUpload { temp, replaced })
}

impl Publication {
    /// `sealed` and `ticket` are the moment at which the content was complete.
    pub(super) fn new(
        disk: &Arc<Disk>,
        target: UploadTarget,
        begun: BegunUpload,
        given: Commit,
        (sealed, ticket): (SystemTime, Ticket),
    ) -> Result<Self, Error> {
        let BegunUpload { temp, replaced } = begun;
        Ok(Self {
            care: disk.care_for(temp.file())?,
            disk: Arc::clone(disk),
            target,
            temp,
            place: Placement::of(replaced, &given),
            given,
            sealed,
            ticket,
            prepared: None,
            note: None,
        })
    }

    /// Publishes the file under its key, in one step. If the folder cannot be synced afterwards, that is an
    /// error although the object is in place, because a power cut could take it away.
    pub(super) fn publish(&mut self, mode: LockMode) -> Result<PublishOutcome, Error> {
        let mut vanished = Error::NotFound;
        for _ in 0..PUBLISH_TRIES_MAX {
            match self.try_to_publish(mode) {
                Ok(Attempt::Done(outcome)) => return Ok(outcome),
                Ok(Attempt::Elsewhere(place)) => self.place = place,
                Err(error) if !matches!(error, Error::NotFound) && !error.is_stale() => return Err(error),
                Err(_) if self.disk.root.is_gone() => return Err(Error::Gone),
                Err(_) => vanished = Error::Io(Errno::NOENT.into()),
            }
        }
        Err(vanished)
    }

    fn try_to_publish(&mut self, mode: LockMode) -> Result<Attempt, Error> {
        if !self.is_prepared() {
            if mode == LockMode::Try && self.waits_for_disk() {
                return Ok(Attempt::Done(PublishOutcome::WouldWait));
            }
            self.prepare()?;
        }
        self.publish_locked(mode)
    }

    /// Makes the file ready to be published. Nothing of this is visible and no lock is held, so it may take
    /// long.
    pub(super) fn prepare(&mut self) -> Result<(), Error> {
        let file = Arc::clone(self.temp.file());
        let facts = FileFacts::of(&file)?;
        if self.prepared.is_none() {
            // Where that is refused, the system's own time has to do, and etags are weaker.
            let _etags_are_weaker = set_modified(&file, self.given.modified.unwrap_or(self.sealed));
        }
        let is_noted = self.keep_note()?;
        self.set_owner(facts.owner)?;
        if let Placement::Instead(_) = self.place {
            self.temp.reserve(self.disk.root.folder())?;
        }
        if self.waits_for_disk() || (self.care == Care::DigestNote && !is_noted) {
            retry_on_intr(|| fsync(&file))?;
        }
        self.prepared = Some(self.place);
        Ok(())
    }

    fn is_prepared(&self) -> bool {
        match (self.prepared, self.place) {
            (None, _) => false,
            (Some(_), Placement::New) => true,
            (Some(prepared), place) => prepared == place,
        }
    }

    /// Whether the content is synced before it can be seen.
    fn waits_for_disk(&self) -> bool {
        match self.care {
            Care::None => false,
            Care::DigestNote => {
                self.place != Placement::New || self.given.digest.is_none() || !self.can_be_noted_again()
            }
            Care::Content | Care::Full | Care::FullKeepingReplaced => true,
        }
    }

    /// Whether this server could write another note on the object once it is published. That takes the
    /// permission to write to it.
    fn can_be_noted_again(&self) -> bool {
        const OWNER_WRITES: u32 = 0o200;
        self.given.mode.is_none_or(|mode| mode & OWNER_WRITES != 0) || geteuid().is_root()
    }

    /// Keeps the digest with the file; `false` where there is none, or it cannot be kept.
    fn keep_note(&mut self) -> Result<bool, Error> {
        let Some(digest) = self.given.digest else {
            return Ok(false);
        };
        let is_unsynced = self.care == Care::DigestNote && !self.waits_for_disk();
        let note = DigestNote {
            digest,
            at: self.given.modified.map(|_| self.sealed.into()),
            unsynced: is_unsynced.then(|| self.disk.locks.run()),
        };
        if self.note != Some(note)
            && note
                .keep(self.temp.file(), &FileFacts::of(self.temp.file())?)
                .is_ok()
        {
            self.note = Some(note);
        }
        Ok(self.note.is_some())
    }

    /// This comes after the note, which takes the permission to write.
    fn set_owner(&self, own: Owner) -> Result<(), Errno> {
        let file = self.temp.file();
        let kept = match self.place {
            Placement::New => None,
            Placement::Instead(owner) => Some(keep_owner(file, own, owner)),
        };
        match (self.given.mode, kept) {
            (Some(mode), _) | (None, Some(mode)) => set_mode(file, mode & 0o777),
            (None, None) => self.temp.usual_mode().map_or(Ok(()), |mode| set_mode(file, mode)),
        }
    }

    fn publish_locked(&mut self, mode: LockMode) -> Result<Attempt, Error> {
        let disk = Arc::clone(&self.disk);
        let parents = self.parents(&disk)?;
        let Some(turn) = disk.locks.lock(&self.target.key, mode)? else {
            return Ok(Attempt::Done(PublishOutcome::WouldWait));
        };
        if turn.is_overtaken(self.ticket)? {
            drop(turn);
            return self.count_as_overtaken(&parents).map(Attempt::Done);
        }
        let present = present(&disk.root, &self.target.key, &self.target.condition)?;
        admit(&self.target, present.as_ref())?;
        self.place = Placement::of(present.as_ref().map(|present| present.facts.owner), &self.given);
        if !self.is_prepared() {
            return Ok(Attempt::Elsewhere(self.place));
        }
        let displaced = if present.is_some() && self.care.syncs_freed() {
            Displaced::hold_by_name(disk.root.folder(), &parents.folder, self.target.key.file_name())
        } else {
            Displaced::default()
        };
        let named_by = self.take_place(&parents)?;
        turn.record(self.ticket)?;
        drop(turn);
        let meta = FileFacts::of(self.temp.file())?.meta(self.note.as_ref());
        if self.care.syncs_names() && named_by == NamedBy::Linked {
            retry_on_intr(|| fsync(self.temp.file()))?;
        }
        displaced.settle(&parents)?;
        // From here on the system may use the inode of the replaced object again.
        drop(present);
        parents.keep();
        Ok(Attempt::Done(PublishOutcome::Published(meta)))
    }

    fn parents<'a>(&self, disk: &'a Disk) -> Result<ParentDirs<'a>, Error> {
        let folder = self.target.key.parent();
        match ParentDirs::find(disk, folder.as_ref()) {
            // Without the folder there is no object, and no folder is made for an upload that will be
            // refused.
            Err(Error::NotFound) if matches!(self.target.condition, Condition::Matches(_)) => {
                Err(Error::ConditionFailed)
            }
            Err(Error::NotFound) => match self.target.parents {
                Parents::Make => ParentDirs::make(disk, folder.as_ref()),
                Parents::Require => Err(Error::NoParent),
            },
            found => found,
        }
    }

    fn take_place(&mut self, parents: &ParentDirs<'_>) -> Result<NamedBy, Error> {
        let name = self.target.key.file_name();
        let mode = match self.place {
            Placement::New => PublishMode::New,
            Placement::Instead(_) => PublishMode::Replace,
        };
        match self.temp.publish_as(&parents.folder, name, mode) {
            // A symbolic link that leads nowhere has the name, or another program was faster.
            Err(Errno::EXIST) if self.target.condition == Condition::Always => {
                self.temp.reserve(self.disk.root.folder())?;
                if self.care != Care::None {
                    retry_on_intr(|| fsync(self.temp.file()))?;
                }
                Ok(self
                    .temp
                    .publish_as(&parents.folder, name, PublishMode::Replace)?)
            }
            named_by => Ok(named_by?),
        }
    }

    /// A change of the same name that was asked for after this upload was complete has taken effect before
    /// it. So the upload counts as replaced, or removed, already. With a condition it is refused, since there
    /// was an object in between.
    fn count_as_overtaken(&self, parents: &ParentDirs<'_>) -> Result<PublishOutcome, Error> {
        match self.target.condition {
            Condition::Always => {}
            Condition::Absent => return Err(Error::Exists),
            Condition::Matches(_) => return Err(Error::ConditionFailed),
        }
        tracing::debug!(key = %self.target.key, "an upload was overtaken by a later change of its name");
        // Either the acknowledged object is on the disk, or the change that has overtaken it.
        if self.care.syncs_names() {
            if let Ok(newer) = self.disk.root.find(Some(&self.target.key), OpenPurpose::Read) {
                retry_on_intr(|| fsync(&newer))?;
            }
            parents.sync()?;
        }
        let facts = FileFacts::of(self.temp.file())?;
        Ok(PublishOutcome::Published(facts.meta(self.note.as_ref())))
    }
}

impl Drop for Publication {
    /// A file that was not published may have been synced with a reserved name. It leaves that name as an
    /// object leaves its own.
    fn drop(&mut self) {
        if self.care.syncs_freed() && self.temp.drop_name() {
            let _unless_the_disk_fails = fsync(self.temp.file());
        }
    }
}

/// How far one try came.
#[derive(Debug)]
enum Attempt {
    Done(PublishOutcome),
    /// The name is another place by now than the file was prepared for.
    Elsewhere(Placement),
}

impl Placement {
    /// `given` may have permissions of its own, which count more than those of the replaced object.
    fn of(replaced: Option<Owner>, given: &Commit) -> Self {
        replaced.map_or(Self::New, |owner| {
            Self::Instead(Owner {
                mode: given.mode.unwrap_or(owner.mode),
                ..owner
            })
        })
    }
}

/// The object that a name leads to, with its etag where the condition needs the etag.
pub(super) fn present(root: &Root, key: &Key, condition: &Condition) -> Result<Option<Present>, Error> {
    let found = look_again(|| {
        let found = root.find(Some(key), OpenPurpose::FileFacts)?;
        let facts = FileFacts::of_object(&found)?;
        let etag = matches!(condition, Condition::Matches(_))
            .then(|| facts.etag(NoteState::of_found(&found, &facts).note().as_ref()));
        Ok(Present {
            _held: found,
            facts,
            etag,
        })
    });
    match found {
        Ok(present) => Ok(Some(present)),
        Err(Error::NotFound) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

fn admit(target: &UploadTarget, present: Option<&Present>) -> Result<(), Error> {
    let etag = present.map(|present| present.etag.as_deref().unwrap_or_default());
    crate::meta::admits(&target.condition, etag)
}

/// Whether `top` can be the staging folder of a file for `folder`: a file can only be renamed within one
/// mount, and the server must have the permission to write there.
fn is_staging(top: &OwnedFd, folder: &OwnedFd) -> bool {
    let mount = |folder: &OwnedFd| {
        let facts = statx(folder, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
        Some((facts.stx_dev_major, facts.stx_dev_minor, facts.stx_mnt_id))
    };
    may_write(top).is_ok() && mount(top) == mount(folder)
}

/// Whether this process may make entries in a folder, or why not.
pub(super) fn may_write(folder: impl AsFd) -> Result<(), Errno> {
    accessat(folder, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
}
