//! The names of a store in memory, and what each operation makes of them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use super::NAME_BYTES;
use super::content::ChunkedContent;
use super::quota::{Quota, Reservation};
use crate::listing::EntryFacts;
use crate::{
    Commit, Condition, Detail, Digest, Error, IfTaken, Key, Listing, ListingBuilder, Meta, NodeKind, Page,
    Parents,
};

#[derive(Debug)]
pub(super) struct Tree {
    objects: BTreeMap<Key, Named<Arc<Object>>>,
    /// With the time when each was made, for an object in it or by itself. A folder stays when its objects
    /// are removed.
    folders: BTreeMap<Key, Named<SystemTime>>,
    quota: Arc<Quota>,
    /// How many versions of objects there have been.
    versions: u64,
}

/// What a name stands for, and the memory that the name takes.
#[derive(Debug)]
struct Named<T> {
    is: T,
    room: Reservation,
}

/// One version of an object. It lives for as long as it is read.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) stored: Arc<Stored>,
    pub(super) meta: Meta,
}

/// Content, and the memory that it takes.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) content: ChunkedContent,
    pub(super) room: Reservation,
}

impl Tree {
    pub(super) fn new(quota: &Arc<Quota>) -> Self {
        Self {
            objects: BTreeMap::new(),
            folders: BTreeMap::new(),
            quota: Arc::clone(quota),
            versions: 0,
        }
    }

    pub(super) fn find(&self, key: &Key) -> Result<&Arc<Object>, Error> {
        match self.objects.get(key) {
            Some(object) => Ok(&object.is),
            None if self.is_folder(key) => Err(Error::IsAFolder),
            None => Err(Error::NotFound),
        }
    }

    pub(super) fn list(
        &self,
        folder: Option<&Key>,
        page: Page<'_>,
        detail: Detail,
    ) -> Result<Listing, Error> {
        match folder {
            Some(folder) if self.objects.contains_key(folder) || self.object_above(folder) => {
                return Err(Error::NotAFolder);
            }
            Some(folder) if !self.is_folder(folder) => return Err(Error::NotFound),
            _ => {}
        }
        // One entry more than the page has, so that the page knows whether it is the last.
        let enough = page.limit.get().saturating_add(1);
        let mut listing = ListingBuilder::new(page);
        for (name, made) in children(&self.folders, folder, page.after).take(enough) {
            let facts = match detail {
                Detail::Names => EntryFacts::kind_only(NodeKind::Folder),
                Detail::Full => EntryFacts {
                    kind: NodeKind::Folder,
                    size: 0,
                    modified: made.is.into(),
                },
            };
            listing.offer(name, Some(facts));
        }
        for (name, object) in children(&self.objects, folder, page.after).take(enough) {
            let facts = match detail {
                Detail::Names => EntryFacts::kind_only(NodeKind::File),
                Detail::Full => EntryFacts {
                    kind: NodeKind::File,
                    size: object.is.meta.size,
                    modified: object.is.meta.modified.into(),
                },
            };
            listing.offer(name, Some(facts));
        }
        Ok(listing.finish())
    }

    /// Refuses an object under `key` where there cannot be one.
    pub(super) fn admit(&self, key: &Key, condition: &Condition, parents: Parents) -> Result<(), Error> {
        if self.object_above(key) {
            return Err(Error::NotAFolder);
        }
        if self.is_folder(key) {
            return Err(Error::IsAFolder);
        }
        let present = self.objects.get(key).map(|object| object.is.meta.etag.as_str());
        crate::meta::admits(condition, present)?;
        match parents {
            Parents::Make => Ok(()),
            Parents::Require => self.require_parent(key),
        }
    }

    /// Puts an object in place, and the folders above it.
    pub(super) fn publish(
        &mut self,
        key: &Key,
        stored: Arc<Stored>,
        facts: Commit,
        now: SystemTime,
    ) -> Result<Meta, Error> {
        // Everything that can be refused comes first.
        let mut rooms = Vec::new();
        for folder in std::iter::successors(key.parent(), Key::parent) {
            if !self.is_folder(&folder) {
                rooms.push((folder, self.quota.reserve(NAME_BYTES)?));
            }
        }
        let (room, replaced) = match self.objects.remove(key) {
            Some(replaced) => (replaced.room, replaced.is.meta.mode),
            None => (self.quota.reserve(NAME_BYTES)?, None),
        };
        let made = rooms
            .into_iter()
            .map(|(folder, room)| (folder, Named { is: now, room }));
        self.folders.extend(made);
        self.versions += 1;
        let meta = Meta {
            size: stored.content.len(),
            modified: facts.modified.unwrap_or(now),
            etag: format!("v{:x}", self.versions),
            digest: facts.digest,
            mode: facts.mode.map(|mode| mode & 0o777).or(replaced),
        };
        let is = Arc::new(Object {
            stored,
            meta: meta.clone(),
        });
        self.objects.insert(key.clone(), Named { is, room });
        Ok(meta)
    }

    pub(super) fn remove(&mut self, key: &Key) -> Result<(), Error> {
        self.find(key)?;
        self.objects.remove(key);
        Ok(())
    }

    pub(super) fn make_dir(&mut self, key: &Key, now: SystemTime) -> Result<(), Error> {
        if self.is_folder(key) || self.objects.contains_key(key) {
            return Err(Error::Exists);
        }
        self.require_parent(key)?;
        let room = self.quota.reserve(NAME_BYTES)?;
        self.folders.insert(key.clone(), Named { is: now, room });
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, key: &Key) -> Result<(), Error> {
        if self.objects.contains_key(key) {
            return Err(Error::NotAFolder);
        }
        if !self.is_folder(key) {
            return Err(Error::NotFound);
        }
        if !self.is_empty(key) {
            return Err(Error::NotEmpty);
        }
        self.folders.remove(key);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Key, to: &Key, if_taken: IfTaken) -> Result<(), Error> {
        let is_folder = self.is_folder(from);
        if !is_folder {
            self.find(from)?;
        }
        if is_folder && to.is_beneath(from) {
            return Err(Error::IntoItself);
        }
        self.require_parent(to)?;
        let is_taken = self.is_folder(to) || self.objects.contains_key(to);
        if is_taken && if_taken == IfTaken::Refuse {
            return Err(Error::Exists);
        }
        if from == to {
            return Ok(());
        }
        if is_folder {
            self.rename_folder(from, to)
        } else {
            self.rename_object(from, to)
        }
    }

    fn rename_object(&mut self, from: &Key, to: &Key) -> Result<(), Error> {
        if self.is_folder(to) {
            return Err(Error::IsAFolder);
        }
        if let Some(object) = self.objects.remove(from) {
            self.objects.insert(to.clone(), object);
        }
        Ok(())
    }

    fn rename_folder(&mut self, from: &Key, to: &Key) -> Result<(), Error> {
        if self.objects.contains_key(to) {
            return Err(Error::NotAFolder);
        }
        if self.is_folder(to) && !self.is_empty(to) {
            return Err(Error::NotEmpty);
        }
        let folders = moved(&self.folders, from, to)?;
        let objects = moved(&self.objects, from, to)?;
        for (old, new) in folders {
            if let Some(folder) = self.folders.remove(&old) {
                self.folders.insert(new, folder);
            }
        }
        for (old, new) in objects {
            if let Some(object) = self.objects.remove(&old) {
                self.objects.insert(new, object);
            }
        }
        Ok(())
    }

    pub(super) fn copy(
        &mut self,
        from: &Key,
        to: &Key,
        if_taken: IfTaken,
        now: SystemTime,
    ) -> Result<Meta, Error> {
        let object = Arc::clone(self.find(from)?);
        if from == to {
            return Err(Error::IntoItself);
        }
        self.admit(to, &if_taken.condition(), Parents::Require)?;
        let facts = Commit {
            digest: object.meta.digest,
            modified: None,
            mode: object.meta.mode,
        };
        self.publish(to, Arc::clone(&object.stored), facts, now)
    }

    pub(super) fn set_modified(&mut self, key: &Key, modified: SystemTime) -> Result<Meta, Error> {
        let meta = self.find(key)?.meta.clone();
        self.set_meta(key, Meta { modified, ..meta })
    }

    pub(super) fn keep_digest(&mut self, key: &Key, etag: &str, digest: Digest) -> Result<Meta, Error> {
        let meta = self.find(key)?.meta.clone();
        if meta.etag != etag {
            return Err(Error::ConditionFailed);
        }
        let digest = Some(digest);
        self.set_meta(key, Meta { digest, ..meta })
    }

    /// Gives an object other facts. A reader that is open keeps the old ones.
    fn set_meta(&mut self, key: &Key, meta: Meta) -> Result<Meta, Error> {
        let object = self.objects.get_mut(key).ok_or(Error::NotFound)?;
        object.is = Arc::new(Object {
            stored: Arc::clone(&object.is.stored),
            meta: meta.clone(),
        });
        Ok(meta)
    }

    fn is_folder(&self, key: &Key) -> bool {
        self.folders.contains_key(key)
    }

    fn is_empty(&self, folder: &Key) -> bool {
        children(&self.folders, Some(folder), None).next().is_none()
            && children(&self.objects, Some(folder), None).next().is_none()
    }

    fn object_above(&self, key: &Key) -> bool {
        std::iter::successors(key.parent(), Key::parent).any(|folder| self.objects.contains_key(&folder))
    }

    fn require_parent(&self, key: &Key) -> Result<(), Error> {
        if self.object_above(key) {
            return Err(Error::NotAFolder);
        }
        match key.parent() {
            Some(parent) if !self.is_folder(&parent) => Err(Error::NoParent),
            _ => Ok(()),
        }
    }
}

/// What lies directly in a folder, by its name there, from behind a name on.
fn children<'a, T>(
    map: &'a BTreeMap<Key, T>,
    folder: Option<&Key>,
    after: Option<&str>,
) -> impl Iterator<Item = (&'a str, &'a T)> {
    let prefix = folder.map_or_else(String::new, |folder| format!("{folder}/"));
    let start = prefix.clone() + after.unwrap_or_default();
    map.range::<str, _>((Bound::Excluded(start.as_str()), Bound::Unbounded))
        .map_while(move |(key, value)| Some((key.as_str().strip_prefix(&prefix)?, value)))
        .filter(|(name, _)| !name.contains('/'))
}

/// The old and the new key of a folder and of everything beneath it that is in `map`. Some may be too long
/// then.
fn moved<T>(map: &BTreeMap<Key, T>, from: &Key, to: &Key) -> Result<Vec<(Key, Key)>, Error> {
    map.range::<str, _>((Bound::Included(from.as_str()), Bound::Unbounded))
        .map_while(|(key, _)| Some((key, key.as_str().strip_prefix(from.as_str())?)))
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with('/'))
        .map(|(key, rest)| {
            let new = format!("{to}{rest}").parse();
            Ok((key.clone(), new.map_err(|_| Error::Forbidden)?))
        })
        .collect()
}
