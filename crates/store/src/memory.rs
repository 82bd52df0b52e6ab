//! A store in the memory of one process, for servers whose objects need not outlive them, and for tests. It
//! gives the same answers as the local one.

mod content;
mod quota;
mod tree;
mod writer;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use futures_util::future::{FutureExt, ready};

use self::quota::Quota;
use self::tree::{Object, Tree};
use self::writer::MemoryWriter;
use crate::{
    Answer, BoxFuture, Capabilities, CreateOptions, Detail, Digest, IfTaken, Key, Listing, Meta, Page,
    Reader, Store, Writer,
};

/// What a name counts for beside the content of its object: about what it takes in memory with its facts.
const NAME_BYTES: u64 = 512;

/// Objects in memory. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct MemoryStore {
    tree: Arc<Mutex<Tree>>,
    quota: Arc<Quota>,
}

impl MemoryStore {
    /// An empty store that refuses with [`Error::NoSpace`](crate::Error::NoSpace) once `bytes` are used up:
    /// by the content of objects, those in flight and versions that are still being read included, and by
    /// names, each of which counts for 512 bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let quota = Quota::new(bytes);
        Self {
            tree: Arc::new(Mutex::new(Tree::new(&quota))),
            quota,
        }
    }

    /// A panic while the lock was held can only have come from an allocation that failed, before anything was
    /// changed.
    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            processes: false,
            ..Capabilities::ALL
        }
    }

    fn list<'a>(&'a self, folder: Option<&'a Key>, page: Page<'a>, detail: Detail) -> Answer<'a, Listing> {
        ready(self.tree().list(folder, page, detail)).boxed()
    }

    fn stat<'a>(&'a self, key: &'a Key) -> Answer<'a, Meta> {
        ready(self.tree().find(key).map(|object| object.meta.clone())).boxed()
    }

    fn open<'a>(&'a self, key: &'a Key) -> Answer<'a, Box<dyn Reader>> {
        let object = self.tree().find(key).cloned();
        ready(object.map(|object| Box::new(MemoryReader(object)) as Box<dyn Reader>)).boxed()
    }

    fn create<'a>(&'a self, key: &'a Key, options: CreateOptions) -> Answer<'a, Box<dyn Writer>> {
        let writer = MemoryWriter::create(self, key, options);
        ready(writer.map(|writer| Box::new(writer) as Box<dyn Writer>)).boxed()
    }

    fn remove<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        ready(self.tree().remove(key)).boxed()
    }

    fn make_dir<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        ready(self.tree().make_dir(key, SystemTime::now())).boxed()
    }

    fn remove_dir<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        ready(self.tree().remove_dir(key)).boxed()
    }

    fn rename<'a>(&'a self, from: &'a Key, to: &'a Key, if_taken: IfTaken) -> Answer<'a, ()> {
        ready(self.tree().rename(from, to, if_taken)).boxed()
    }

    fn copy<'a>(&'a self, from: &'a Key, to: &'a Key, if_taken: IfTaken) -> Answer<'a, Meta> {
        ready(self.tree().copy(from, to, if_taken, SystemTime::now())).boxed()
    }

    fn set_modified<'a>(&'a self, key: &'a Key, modified: SystemTime) -> Answer<'a, Meta> {
        ready(self.tree().set_modified(key, modified)).boxed()
    }

    fn keep_digest<'a>(&'a self, key: &'a Key, etag: &'a str, digest: Digest) -> Answer<'a, Meta> {
        ready(self.tree().keep_digest(key, etag, digest)).boxed()
    }
}

#[derive(Debug)]
struct MemoryReader(Arc<Object>);

impl Reader for MemoryReader {
    fn meta(&self) -> &Meta {
        &self.0.meta
    }

    fn read_at<'a>(&'a mut self, offset: u64, buffer: &'a mut [u8]) -> BoxFuture<'a, std::io::Result<usize>> {
        let rest = self.0.stored.content.at(offset);
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        ready(Ok(length)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;
    use crate::contract::{StoreUnderTest, bytes, refused};
    use crate::{Commit, Condition, Error};

    fn subject(store: MemoryStore) -> StoreUnderTest {
        StoreUnderTest::ready(Arc::new(store))
    }

    contract! {
        in_memory => subject(MemoryStore::new(u64::MAX));
    }

    #[test]
    fn a_full_store_refuses_and_what_was_in_flight_frees_its_room() {
        let subject = subject(MemoryStore::new(100 + 2 * NAME_BYTES));
        subject.put("kept", &bytes(60, 1));
        subject.put("fits", &bytes(0, 1));
        refused!(subject.put_if("large", &bytes(41, 2), Condition::Always), NoSpace);
        refused!(subject.stat("large"), NotFound);
        subject.put("fits", &bytes(40, 3));
        refused!(subject.put_if("kept", &bytes(1, 4), Condition::Always), NoSpace);
        subject.remove("fits").unwrap();
        subject.put("kept", &bytes(40, 5));
        subject.put("fits", &bytes(60, 6));
    }

    #[test]
    fn names_and_folders_take_room_as_well_and_give_it_back() {
        let subject = subject(MemoryStore::new(3 * NAME_BYTES));
        subject.put("a/b/file", b"");
        refused!(subject.put_if("file", b"", Condition::Always), NoSpace);
        refused!(subject.make_dir("c"), NoSpace);
        subject.remove("a/b/file").unwrap();
        refused!(subject.put_if("x/file", b"", Condition::Always), NoSpace);
        assert_eq!(subject.names("").unwrap(), ["a"]);
        subject.remove_dir("a/b").unwrap();
        subject.put("a/file", b"");
        subject.put("file", b"");
    }

    #[test]
    fn a_version_that_is_still_read_takes_room_until_it_is_not() {
        let subject = subject(MemoryStore::new(100 + NAME_BYTES));
        subject.put("file", &bytes(60, 1));
        let reader = subject.open("file").unwrap();
        subject.remove("file").unwrap();
        refused!(subject.put_if("file", &bytes(60, 2), Condition::Always), NoSpace);
        drop(reader);
        subject.put("file", &bytes(60, 2));
    }

    #[test]
    fn a_size_that_cannot_fit_is_refused_at_once() {
        let subject = subject(MemoryStore::new(100));
        let options = |size| CreateOptions {
            size_hint: Some(size),
            ..CreateOptions::default()
        };
        refused!(subject.create_with("file", options(101)), NoSpace);
        assert!(subject.create_with("file", options(100)).is_ok());
    }

    #[test]
    fn a_writer_that_was_refused_room_cannot_be_committed() {
        let subject = subject(MemoryStore::new(10));
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
