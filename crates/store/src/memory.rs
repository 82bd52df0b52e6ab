//! A store that keeps everything in memory, for tests and for measuring without a disk. It gives the same answers as the
//! local one, with one difference that only `list` shows: folders are what the keys say, so an empty one does not exist.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use futures_util::future::{BoxFuture, FutureExt, ready};

use crate::types::Stamp;
use crate::{Condition, Detail, Digest, Error, Key, Kind, Listing, Meta, Reader, Store, Writer};

/// Objects in memory. Clones share them.
#[derive(Debug, Clone)]
pub struct MemoryStore(Arc<Mutex<Shelf>>);

#[derive(Debug)]
struct Shelf {
    objects: BTreeMap<Key, Arc<Object>>,
    /// Bytes of all objects, those in flight included, but not replaced versions that a reader still holds.
    used: u64,
    capacity: u64,
    versions: u64,
}

#[derive(Debug)]
struct Object {
    content: Vec<u8>,
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
        self.beneath(Some(key)).next().is_some()
    }

    /// Everything beneath a folder, at any depth, as the name from there on.
    fn beneath<'a>(&'a self, folder: Option<&Key>) -> impl Iterator<Item = (&'a str, &'a Arc<Object>)> {
        let prefix = folder.map_or_else(String::new, |folder| format!("{folder}/"));
        self.objects
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .map_while(move |(key, object)| Some((key.as_str().strip_prefix(&prefix)?, object)))
    }

    fn list(&self, dir: Option<&Key>, detail: Detail) -> Result<Listing, Error> {
        let mut listing = Listing::default();
        let mut folder = None;
        for (name, object) in self.beneath(dir) {
            match (name.split_once('/'), detail) {
                (Some((child, _)), _) if folder == Some(child) => {}
                (Some((child, _)), Detail::Names) => listing.push(child, Kind::Folder, 0, Stamp::default()),
                (Some((child, _)), Detail::Full) => {
                    listing.push(child, Kind::Folder, 0, object.meta.modified.into())
                }
                (None, Detail::Names) => listing.push(name, Kind::File, 0, Stamp::default()),
                (None, Detail::Full) => {
                    listing.push(name, Kind::File, object.meta.size, object.meta.modified.into())
                }
            }
            folder = name.split_once('/').map(|(child, _)| child);
        }
        match dir {
            Some(dir) if listing.is_empty() => {
                let is_object = self.objects.contains_key(dir) || self.object_above(dir);
                Err(if is_object {
                    Error::NotAFolder
                } else {
                    Error::NotFound
                })
            }
            _ => Ok(listing.sorted()),
        }
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

    fn release(&mut self, key: &Key) {
        if let Some(object) = self.objects.remove(key) {
            self.used -= object.meta.size;
        }
    }
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

    fn publish(mut self, digest: Option<Digest>) -> Result<Meta, Error> {
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
        shelf.versions += 1;
        let content = std::mem::take(&mut self.content);
        let meta = Meta {
            size: content.len() as u64,
            modified: SystemTime::now(),
            etag: format!("v{:x}", shelf.versions),
            digest,
        };
        shelf.release(&self.key);
        shelf.objects.insert(
            self.key.clone(),
            Arc::new(Object {
                content,
                meta: meta.clone(),
            }),
        );
        drop(shelf);
        Ok(meta)
    }
}

impl Writer for MemoryWriter {
    fn write<'a>(&'a mut self, content: &'a [u8]) -> BoxFuture<'a, Result<(), Error>> {
        ready(self.append(content)).boxed()
    }

    fn commit(self: Box<Self>, digest: Option<Digest>) -> BoxFuture<'static, Result<Meta, Error>> {
        ready(self.publish(digest)).boxed()
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
            subject.wait(writer.commit(None)).map_err(|_| Error::NoSpace),
            NoSpace
        );
        assert!(subject.names("").unwrap().is_empty());
    }
}
