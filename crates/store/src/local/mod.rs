//! Objects as files beneath one folder of the local disk.
//!
//! [`root`] resolves keys, [`walk`] where the kernel cannot; [`facts`] are what is known of a file, [`folder`] lists,
//! [`reader`] reads. A [`writer`] fills a file in [`flight`], [`publish`] makes it an object under a [`lock`], [`pace`] says
//! where writes run, and [`sweep`] removes what died on the way.

mod facts;
mod flight;
mod folder;
mod lock;
mod pace;
mod publish;
mod reader;
mod root;
mod sweep;
mod walk;
mod writer;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use rustix::fs::{FileType, fstatfs};

use self::facts::{Facts, digest_of_found, digest_of_open};
use self::flight::Hiding;
use self::publish::Target;
use self::reader::LocalReader;
use self::root::{Purpose, Root};
use self::writer::LocalWriter;
use crate::{Condition, Detail, Digest, Error, Key, Listing, Meta, Reader, Store, Writer};

/// When an upload counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once the file, its directory entry and the folders made for it are synced to disk: it outlives a power cut.
    Synced,
    /// Once the system has taken it: it outlives this process, but a power cut in the next half minute or so may lose it.
    Buffered,
}

/// Where the store's system calls run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// In place, always: for a thread that serves one connection. Needs no runtime.
    Inline,
    /// For a thread that serves many connections: in place what is in memory already and what is quick, everything that may
    /// wait for a disk on tokio's blocking pool. Needs a tokio runtime.
    Offload,
}

/// Objects as files beneath one folder. Clones share everything; several stores, in several processes, may share a folder.
#[derive(Debug, Clone)]
pub struct LocalStore {
    disk: Arc<Disk>,
}

/// What the parts of a local store share.
#[derive(Debug)]
struct Disk {
    root: Root,
    durability: Durability,
    blocking: Blocking,
    hiding: Hiding,
    /// The root's device if that is a file system without a disk, on which nothing waits.
    memory_device: Option<u64>,
}

impl LocalStore {
    /// A store of what lies beneath the folder at `root`, which may be a symbolic link. The folder stays the same one when it is
    /// renamed, and [`Error::Gone`] when it is removed, even if another one takes its name.
    ///
    /// # Errors
    /// When `root` is no folder or may not be entered.
    pub fn open(root: &Path, durability: Durability, blocking: Blocking) -> io::Result<Self> {
        Self::over(Root::open(root, None)?, durability, blocking, Hiding::here())
    }

    /// The same beneath a folder that is open already, for a process that is handed the root by another: by its path it
    /// might find another folder.
    ///
    /// # Errors
    /// When `root` is no folder or may not be entered.
    pub fn open_at(root: OwnedFd, durability: Durability, blocking: Blocking) -> io::Result<Self> {
        Self::over(Root::at(root, None)?, durability, blocking, Hiding::here())
    }

    /// Removes what uploads have left behind that were killed in flight, and returns how many files that were. Safe at any
    /// time, also while other servers use the same folder: uploads that still live are recognised by their locks.
    ///
    /// Blocks, in proportion to the number of entries in the root; where its permissions keep this process from writing there, to
    /// the number of all entries beneath it. A server that is not writable has no need to sweep.
    ///
    /// # Errors
    /// When the root, or another folder that has to be swept, cannot be read.
    pub fn sweep(&self) -> io::Result<usize> {
        sweep::sweep(&self.disk.root)
    }

    /// With what the system can do given.
    fn over(root: Root, durability: Durability, blocking: Blocking, hiding: Hiding) -> io::Result<Self> {
        let memory_device = memory_device(&root)?;
        let disk = Disk {
            root,
            durability,
            blocking,
            hiding,
            memory_device,
        };
        Ok(Self { disk: Arc::new(disk) })
    }
}

impl Store for LocalStore {
    fn list<'a>(&'a self, dir: Option<&'a Key>, detail: Detail) -> BoxFuture<'a, Result<Listing, Error>> {
        let dir = dir.cloned();
        self.disk
            .run(move |disk| folder::list(&disk.root, dir.as_ref(), detail))
            .boxed()
    }

    fn stat<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Meta, Error>> {
        async move {
            let found = self.disk.find(key, Purpose::Facts).await?;
            let facts = Facts::of_object(&found)?;
            Ok(facts.meta(digest_of_found(&found, &facts)))
        }
        .boxed()
    }

    fn open<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Box<dyn Reader>, Error>> {
        async move {
            let file = self.disk.find(key, Purpose::Read).await?;
            let facts = Facts::of_object(&file)?;
            let meta = facts.meta(digest_of_open(&file, &facts));
            let in_memory = self.disk.memory_device == Some(facts.device);
            let reader = LocalReader::new(File::from(file), meta, self.disk.blocking, in_memory);
            Ok(Box::new(reader) as Box<dyn Reader>)
        }
        .boxed()
    }

    fn create<'a>(
        &'a self,
        key: &'a Key,
        condition: Condition,
    ) -> BoxFuture<'a, Result<Box<dyn Writer>, Error>> {
        let target = Target {
            key: key.clone(),
            condition,
        };
        let created = self.disk.run(move |disk| {
            let flight = publish::take_off(disk, &target)?;
            Ok(Box::new(LocalWriter::new(Arc::clone(disk), target, flight)) as Box<dyn Writer>)
        });
        created.boxed()
    }

    fn remove<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), Error>> {
        let key = key.clone();
        self.disk.run(move |disk| publish::remove(disk, &key)).boxed()
    }

    fn remove_dir<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), Error>> {
        let key = key.clone();
        self.disk.run(move |disk| publish::remove_dir(disk, &key)).boxed()
    }

    fn keep_digest<'a>(
        &'a self,
        key: &'a Key,
        etag: &'a str,
        digest: Digest,
    ) -> BoxFuture<'a, Result<Meta, Error>> {
        async move {
            let file = File::from(self.disk.find(key, Purpose::Read).await?);
            let facts = Facts::of_object(&file)?;
            if facts.etag() != etag {
                return Err(Error::ConditionFailed);
            }
            let kept = move |_: &Arc<Disk>| Ok(facts::keep_digest_of_open(&file, &facts, &digest)?);
            self.disk.run(kept).await
        }
        .boxed()
    }
}

impl Disk {
    /// Runs an operation where it may block.
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        operation: impl FnOnce(&Arc<Self>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        match self.blocking {
            Blocking::Inline => operation(self),
            Blocking::Offload => {
                let disk = Arc::clone(self);
                hop(move || operation(&disk)).await?
            }
        }
    }

    /// Opens an existing object; a parent that is no folder means that there is none.
    async fn find(self: &Arc<Self>, key: &Key, purpose: Purpose) -> Result<OwnedFd, Error> {
        let cached = match self.blocking {
            Blocking::Inline => Some(self.root.find(Some(key), purpose)),
            Blocking::Offload => self.root.find_cached(key, purpose),
        };
        let found = match cached {
            Some(found) => found,
            None => {
                let key = key.clone();
                self.run(move |disk| disk.root.find(Some(&key), purpose)).await
            }
        };
        found.map_err(|refusal| match refusal {
            Error::NotAFolder => Error::NotFound,
            other => other,
        })
    }
}

/// Runs a call on tokio's blocking pool. A panic there goes on here; that the runtime ends meanwhile is an error.
async fn hop<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    match tokio::task::spawn_blocking(call).await {
        Ok(done) => Ok(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(io::Error::other("the server is stopping")),
        },
    }
}

/// These do not say what `preadv2` could read without waiting, but then they never wait.
fn memory_device(root: &Root) -> io::Result<Option<u64>> {
    const TMPFS_MAGIC: u64 = 0x0102_1994;
    const RAMFS_MAGIC: u64 = 0x8584_58f6;
    let file_system = fstatfs(root)?;
    let facts = Facts::of(root)?;
    debug_assert_eq!(facts.kind, FileType::Directory, "a root was opened as a folder");
    #[allow(
        clippy::unnecessary_cast,
        reason = "the field's type differs between architectures"
    )]
    let magic = file_system.f_type as u64;
    Ok(matches!(magic & 0xffff_ffff, TMPFS_MAGIC | RAMFS_MAGIC).then_some(facts.device))
}
