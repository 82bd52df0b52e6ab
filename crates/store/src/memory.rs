//! A store that keeps everything in memory, for tests and for measuring without a disk. It gives the same answers as the
//! local one.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use futures_util::future::{BoxFuture, FutureExt, ready};

use crate::types::Stamp;
use crate::{Commit, Condition, Detail, Digest, Error, Key, Kind, Listing, Meta, Reader, Store, Writer};

/// Objects in memory. Clones share them.
#[derive(Debug, Clone)]
pub struct MemoryStore(Arc<Mutex<Shelf>>);

#[derive(Debug)]
struct Shelf {
    objects: BTreeMap<Key, Arc<Object>>,
    /// Made for the objects in them, and kept when those are removed, with the time when they were made.
    folders: BTreeMap<Key, SystemTime>,
    /// Bytes of all objects, those in flight included, but not replaced versions that a reader still holds.
    used: u64,
    capacity: u64,
    versions: u64,
}

#[derive(Debug)]
struct Object {
    content: Arc<Vec<u8>>,
    meta: Meta,
}

impl MemoryStore {
    /// An empty store that only the machine's memory limits.
    pub fn new() -> Self {
        Self::with_capacity(u64::MAX)
    }

    /// An empty store that refuses with [`Error::NoSpace`] once its objects, those in flight included, hold `bytes` bytes.
    pub fn with_capacity(bytes: u64) -> Self {
        let shelf = Shelf {
            objects: BTreeMap::new(),
            folders: BTreeMap::new(),
            used: 0,
            capacity: bytes,
            versions: 0,
        };
        Self(Arc::new(Mutex::new(shelf)))
    }

    /// A panic while the lock was held can only have come from an allocation that failed, before anything was changed.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Store for MemoryStore {
    fn list<'a>(&'a self, dir: Option<&'a Key>, detail: Detail) -> BoxFuture<'a, Result<Listing, Error>> {
        ready(self.shelf().list(dir, detail)).boxed()
    }

    fn stat<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Meta, Error>> {
        ready(self.shelf().find(key).map(|object| object.meta.clone())).boxed()
    }

    fn open<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Box<dyn Reader>, Error>> {
        let object = self.shelf().find(key).cloned();
        ready(object.map(|object| Box::new(MemoryReader(object)) as Box<dyn Reader>)).boxed()
    }

    fn create<'a>(
        &'a self,
        key: &'a Key,
        condition: Condition,
    ) -> BoxFuture<'a, Result<Box<dyn Writer>, Error>> {
        let admitted = self.shelf().admit(key, &condition);
        let writer = admitted.map(|()| {
            let (store, key) = (self.clone(), key.clone());
            Box::new(MemoryWriter {
                store,
                key,
                condition,
                content: Vec::new(),
                whole: true,
            }) as Box<dyn Writer>
        });
        ready(writer).boxed()
    }

    fn remove<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), Error>> {
        ready(self.shelf().remove(key)).boxed()
    }

    fn remove_dir<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), Error>> {
        ready(self.shelf().remove_dir(key)).boxed()
    }

    fn keep_digest<'a>(
        &'a self,
        key: &'a Key,
        etag: &'a str,
        digest: Digest,
    ) -> BoxFuture<'a, Result<Meta, Error>> {
        ready(self.shelf().keep_digest(key, etag, digest)).boxed()
    }
}

impl Shelf {
    fn find(&self, key: &Key) -> Result<&Arc<Object>, Error> {
        match self.objects.get(key) {
            Some(object) => Ok(object),
            None if self.is_folder(key) => Err(Error::IsAFolder),
            None => Err(Error::NotFound),
        }
    }

    fn is_folder(&self, key: &Key) -> bool {
        self.folders.contains_key(key)
    }

    fn list(&self, dir: Option<&Key>, detail: Detail) -> Result<Listing, Error> {
        match dir {
            Some(dir) if self.objects.contains_key(dir) || self.object_above(dir) => {
                return Err(Error::NotAFolder);
            }
            Some(dir) if !self.is_folder(dir) => return Err(Error::NotFound),
            _ => {}
        }
        let mut listing = Listing::default();
        for (name, modified) in children(&self.folders, dir) {
            match detail {
                Detail::Names => listing.push(name, Kind::Folder, 0, Stamp::default()),
                Detail::Full => listing.push(name, Kind::Folder, 0, (*modified).into()),
            }
        }
        for (name, object) in children(&self.objects, dir) {
            match detail {
                Detail::Names => listing.push(name, Kind::File, 0, Stamp::default()),
                Detail::Full => listing.push(name, Kind::File, object.meta.size, object.meta.modified.into()),
            }
        }
        Ok(listing.sorted())
    }

    fn object_above(&self, key: &Key) -> bool {
        std::iter::successors(key.parent(), Key::parent).any(|folder| self.objects.contains_key(&folder))
    }

    fn admit(&self, key: &Key, condition: &Condition) -> Result<(), Error> {
        if self.object_above(key) {
            return Err(Error::NotAFolder);
        }
        if self.is_folder(key) {
            return Err(Error::IsAFolder);
        }
        condition.admits(self.objects.get(key).map(|object| object.meta.etag.as_str()))
    }

    fn remove(&mut self, key: &Key) -> Result<(), Error> {
        self.find(key)?;
        self.release(key);
        Ok(())
    }

    fn remove_dir(&mut self, key: &Key) -> Result<(), Error> {
        if self.objects.contains_key(key) {
            return Err(Error::NotAFolder);
        }
        if !self.is_folder(key) {
            return Err(Error::NotFound);
        }
        let is_empty = children(&self.folders, Some(key)).next().is_none()
            && children(&self.objects, Some(key)).next().is_none();
        if !is_empty {
            return Err(Error::NotEmpty);
        }
        self.folders.remove(key);
        Ok(())
    }

    fn keep_digest(&mut self, key: &Key, etag: &str, digest: Digest) -> Result<Meta, Error> {
        let object = self.find(key)?;
        if object.meta.etag != etag {
            return Err(Error::ConditionFailed);
        }
        let meta = Meta {
            digest: Some(digest),
            ..object.meta.clone()
        };
        let kept = Object {
            content: Arc::clone(&object.content),
            meta: meta.clone(),
        };
        self.objects.insert(key.clone(), Arc::new(kept));
        Ok(meta)
    }

    fn make_folders(&mut self, key: &Key, now: SystemTime) {
        for folder in std::iter::successors(key.parent(), Key::parent) {
            self.folders.entry(folder).or_insert(now);
        }
    }

    fn release(&mut self, key: &Key) {
        if let Some(object) = self.objects.remove(key) {
            self.used -= object.meta.size;
        }
    }
}

/// What lies directly in a folder, by its name there.
fn children<'a, T>(map: &'a BTreeMap<Key, T>, dir: Option<&Key>) -> impl Iterator<Item = (&'a str, &'a T)> {
    let prefix = dir.map_or_else(String::new, |dir| format!("{dir}/"));
    map.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
        .map_while(move |(key, value)| Some((key.as_str().strip_prefix(&prefix)?, value)))
        .filter(|(name, _)| !name.contains('/'))
}

#[derive(Debug)]
struct MemoryReader(Arc<Object>);

impl Reader for MemoryReader {
    fn meta(&self) -> &Meta {
        &self.0.meta
    }

    fn read_at<'a>(&'a mut self, offset: u64, buffer: &'a mut [u8]) -> BoxFuture<'a, std::io::Result<usize>> {
        let content = &self.0.content;
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|start| content.get(start..))
            .unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        ready(Ok(length)).boxed()
    }
}

struct MemoryWriter {
    store: MemoryStore,
    key: Key,
    condition: Condition,
    content: Vec<u8>,
    /// Whether every write was stored, so that the content may be published.
    whole: bool,
}

impl MemoryWriter {
    fn append(&mut self, content: &[u8]) -> Result<(), Error> {
        let mut shelf = self.store.shelf();
        let room = shelf.capacity - shelf.used;
        if content.len() as u64 > room {
            self.whole = false;
            return Err(Error::NoSpace);
        }
        shelf.used += content.len() as u64;
        drop(shelf);
        self.content.extend_from_slice(content);
        Ok(())
    }

    fn publish(mut self, facts: Commit) -> Result<Meta, Error> {
        if !self.whole {
            return Err(Error::Io(std::io::Error::other(
                "an earlier write to this object failed",
            )));
        }
        let store = self.store.clone();
        let mut shelf = store.shelf();
        if let Err(refusal) = shelf.admit(&self.key, &self.condition) {
            // The writer gives its bytes back when it is dropped, and that takes the lock.
            drop(shelf);
            return Err(refusal);
        }
        let now = SystemTime::now();
        let replaced = shelf.objects.get(&self.key).and_then(|object| object.meta.mode);
        shelf.versions += 1;
        let content = std::mem::take(&mut self.content);
        let meta = Meta {
            size: content.len() as u64,
            modified: facts.modified.unwrap_or(now),
            etag: format!("v{:x}", shelf.versions),
            digest: facts.digest,
            mode: facts.mode.map(|mode| mode & 0o777).or(replaced),
        };
        shelf.make_folders(&self.key, now);
        shelf.release(&self.key);
        let object = Object {
            content: Arc::new(content),
            meta: meta.clone(),
        };
        shelf.objects.insert(self.key.clone(), Arc::new(object));
        drop(shelf);
        Ok(meta)
    }
}

impl Writer for MemoryWriter {
    fn write<'a>(&'a mut self, content: &'a [u8]) -> BoxFuture<'a, Result<(), Error>> {
        ready(self.append(content)).boxed()
    }

    fn rename(&mut self, key: Key) {
        self.key = key;
    }

    fn commit(self: Box<Self>, facts: Commit) -> BoxFuture<'static, Result<Meta, Error>> {
        ready(self.publish(facts)).boxed()
    }
}

impl Drop for MemoryWriter {
    fn drop(&mut self) {
        if !self.content.is_empty() {
            self.store.shelf().used -= self.content.len() as u64;
        }
    }
}

impl std::fmt::Debug for MemoryWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryWriter")
            .field("key", &self.key)
            .field("bytes", &self.content.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Driver, Nothing, Subject, bytes, contract, refused};

    fn subject(store: MemoryStore) -> Subject {
        Subject {
            store: Arc::new(store),
            driver: Driver::Ready,
            keeper: Box::new(Nothing),
        }
    }

    contract! {
        in_memory => subject(MemoryStore::new());
    }

    #[test]
    fn a_full_store_refuses_and_what_was_in_flight_frees_its_room() {
        let subject = subject(MemoryStore::with_capacity(100));
        subject.put("kept", &bytes(60, 1));
        refused!(subject.put_if("large", &bytes(41, 2), Condition::Always), NoSpace);
        refused!(subject.stat("large"), NotFound);
        subject.put("fits", &bytes(40, 3));
        refused!(subject.put_if("kept", &bytes(1, 4), Condition::Always), NoSpace);
        subject.remove("fits").unwrap();
        subject.put("kept", &bytes(40, 5));
        subject.put("fits", &bytes(60, 6));
    }

    #[test]
    fn a_writer_that_was_refused_room_cannot_be_committed() {
        let subject = subject(MemoryStore::with_capacity(10));
        let mut writer = subject.create("file", Condition::Always).unwrap();
        subject.wait(writer.write(&[0; 8])).unwrap();
        refused!(subject.wait(writer.write(&[0; 8])), NoSpace);
        refused!(
            subject
                .wait(writer.commit(Commit::default()))
                .map_err(|_| Error::NoSpace),
            NoSpace
        );
        assert!(subject.names("").unwrap().is_empty());
    }
}
