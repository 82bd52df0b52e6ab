//! Objects as files beneath one folder of the local disk.
//!
//! [`root`] resolves keys, and [`walk`] does where the kernel cannot. [`facts`] is what the system knows of a
//! file, [`note`] what the store keeps beside it. [`object`] opens, [`reader`] reads, [`list`] lists. A
//! [`writer`] fills a [`temp_file`] and [`publish`] makes it an object; [`remove`], [`rename`] and [`copy`]
//! change names, under the [`locks`] of these names. [`parent_dirs`] makes and syncs folders, [`owner`] keeps
//! permissions, [`displaced`] holds an object that leaves its name. [`medium`] says what each kind of disk
//! needs, [`io_site`] where writes run, and [`sweep`] removes files whose upload died.

mod copy;
mod displaced;
mod facts;
mod io_site;
mod list;
mod locks;
mod medium;
mod note;
mod object;
mod owner;
mod parent_dirs;
mod publish;
mod reader;
mod remove;
mod rename;
mod root;
mod sweep;
mod temp_file;
mod walk;
mod writer;

#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::FutureExt;
use rustix::io::{Errno, retry_on_intr};

use self::facts::FileFacts;
use self::locks::Locks;
use self::medium::{Care, Medium};
use self::object::VerifiedObjects;
use self::parent_dirs::SyncedDirs;
use self::publish::UploadTarget;
use self::root::{OpenPurpose, Root};
use self::temp_file::Hiding;
use self::writer::LocalWriter;
use crate::{
    Answer, Capabilities, CreateOptions, Detail, Digest, Durability, Error, IfTaken, Key, Listing,
    Maintenance, Meta, Page, Reader, Store, Writer,
};

/// Where the store's system calls run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// In place, always: for a thread that serves one connection. Needs no runtime.
    Inline,
    /// For a thread that serves many connections: in place what is in memory already and what is quick,
    /// everything that may wait for a disk on tokio's blocking pool. Needs a tokio runtime.
    Offload,
}

/// Objects as files beneath one folder. Clones share everything; another process of the same server is handed
/// the [`descriptors`](Store::descriptors) of the first store, which carry its root and its locks.
#[derive(Debug, Clone)]
pub(crate) struct LocalStore {
    disk: Arc<Disk>,
}

/// What the parts of a local store share.
#[derive(Debug)]
struct Disk {
    root: Arc<Root>,
    locks: Arc<Locks>,
    durability: Durability,
    blocking: Blocking,
    hiding: Hiding,
    /// The file system of the root.
    medium: Medium,
    device: u64,
    settled: SyncedDirs,
    whole: VerifiedObjects,
}

impl LocalStore {
    /// A store of what lies beneath the folder at `root`, which may be a symbolic link, and the first one of
    /// a server. The folder stays the same one when it is renamed, and [`Error::Gone`] when it is removed,
    /// even if another one takes its name.
    ///
    /// # Errors
    /// When `root` is no folder or may not be entered.
    pub(crate) fn open(root: &Path, durability: Durability, blocking: Blocking) -> io::Result<Self> {
        Self::over(
            Root::open(root, None)?,
            Locks::create()?,
            durability,
            blocking,
            Hiding::here(),
        )
    }

    /// The same store in another process of the same server, which was handed the two
    /// [`descriptors`](Store::descriptors): by its path it might find another folder, and it would not know
    /// of the locks.
    ///
    /// # Errors
    /// When the descriptors are not those of a store.
    pub(crate) fn open_at(
        root: OwnedFd,
        locks: OwnedFd,
        durability: Durability,
        blocking: Blocking,
    ) -> io::Result<Self> {
        Self::over(
            Root::at(root, None)?,
            Locks::join(locks)?,
            durability,
            blocking,
            Hiding::here(),
        )
    }

    /// Opens the store with the given abilities of the system.
    fn over(
        root: Root,
        locks: Locks,
        durability: Durability,
        blocking: Blocking,
        hiding: Hiding,
    ) -> io::Result<Self> {
        let disk = Disk {
            medium: Medium::of(&root)?,
            device: FileFacts::of(&root)?.device,
            root: Arc::new(root),
            locks: Arc::new(locks),
            durability,
            blocking,
            hiding,
            settled: SyncedDirs::default(),
            whole: VerifiedObjects::default(),
        };
        Ok(Self { disk: Arc::new(disk) })
    }
}

impl Store for LocalStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }

    fn list<'a>(&'a self, folder: Option<&'a Key>, page: Page<'a>, detail: Detail) -> Answer<'a, Listing> {
        let (folder, after) = (folder.cloned(), page.after.map(str::to_owned));
        let listed = self.disk.run(move |disk| {
            let page = Page {
                after: after.as_deref(),
                ..page
            };
            list::list(&disk.root, folder.as_ref(), page, detail)
        });
        listed.boxed()
    }

    fn stat<'a>(&'a self, key: &'a Key) -> Answer<'a, Meta> {
        self.disk.stat(key).boxed()
    }

    fn open<'a>(&'a self, key: &'a Key) -> Answer<'a, Box<dyn Reader>> {
        let opened = async move { Ok(Box::new(self.disk.open(key).await?) as Box<dyn Reader>) };
        opened.boxed()
    }

    fn create<'a>(&'a self, key: &'a Key, options: CreateOptions) -> Answer<'a, Box<dyn Writer>> {
        let target = UploadTarget {
            key: key.clone(),
            condition: options.condition,
            parents: options.parents,
        };
        let created = self.disk.run(move |disk| {
            let begun = publish::begin(disk, &target)?;
            Ok(Box::new(LocalWriter::new(Arc::clone(disk), target, begun)) as Box<dyn Writer>)
        });
        created.boxed()
    }

    fn remove<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        let key = key.clone();
        self.disk.run(move |disk| remove::remove(disk, &key)).boxed()
    }

    fn make_dir<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        let key = key.clone();
        self.disk
            .run(move |disk| parent_dirs::make_dir(disk, &key))
            .boxed()
    }

    fn remove_dir<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        let key = key.clone();
        self.disk.run(move |disk| remove::remove_dir(disk, &key)).boxed()
    }

    fn rename<'a>(&'a self, from: &'a Key, to: &'a Key, if_taken: IfTaken) -> Answer<'a, ()> {
        let (from, to) = (from.clone(), to.clone());
        let renamed = self
            .disk
            .run(move |disk| rename::rename(disk, &from, &to, if_taken));
        renamed.boxed()
    }

    fn copy<'a>(&'a self, from: &'a Key, to: &'a Key, if_taken: IfTaken) -> Answer<'a, Meta> {
        self.disk.copy(from, to, if_taken).boxed()
    }

    fn set_modified<'a>(&'a self, key: &'a Key, modified: SystemTime) -> Answer<'a, Meta> {
        self.disk.set_modified(key, modified).boxed()
    }

    fn keep_digest<'a>(&'a self, key: &'a Key, etag: &'a str, digest: Digest) -> Answer<'a, Meta> {
        self.disk.keep_digest(key, etag, digest).boxed()
    }

    /// Takes time in proportion to the number of entries in the root; where its permissions keep this process
    /// from writing there, to the number of all entries beneath it.
    fn maintain(&self) -> Answer<'_, Maintenance> {
        let swept = self.disk.run(|disk| {
            let swept = sweep::sweep(&disk.root)?;
            Ok(Maintenance { swept })
        });
        swept.boxed()
    }

    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        vec![self.disk.root.as_fd(), self.disk.locks.as_fd()]
    }
}

impl Disk {
    /// Runs an operation where it may block: in place, or on the blocking pool.
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        operation: impl FnOnce(&Arc<Self>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        match self.blocking {
            Blocking::Inline => operation(self),
            Blocking::Offload => {
                let disk = Arc::clone(self);
                spawn_blocking_io(move || operation(&disk)).await?
            }
        }
    }

    /// The care that an upload takes on the file system of `file`.
    fn care_for(&self, file: impl AsFd) -> Result<Care, Errno> {
        let medium = if FileFacts::of(&file)?.device == self.device {
            self.medium
        } else {
            Medium::of(file)?
        };
        Ok(Care::of(self.durability, medium))
    }

    /// A file system without a disk does not say what `preadv2` could read without waiting, but it never
    /// waits.
    fn is_in_memory(&self, facts: &FileFacts) -> bool {
        self.medium == Medium::Memory && facts.device == self.device
    }

    /// Opens an existing object. Where a parent is no folder, there is no object.
    async fn find(self: &Arc<Self>, key: &Key, purpose: OpenPurpose) -> Result<OwnedFd, Error> {
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

/// Runs a call on tokio's blocking pool. A panic there continues here. If the runtime ends meanwhile, that is
/// an error.
async fn spawn_blocking_io<T: Send + 'static>(call: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    match tokio::task::spawn_blocking(call).await {
        Ok(done) => Ok(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(io::Error::other("the server is stopping")),
        },
    }
}

/// A path to the file of a descriptor.
fn descriptor_path(file: impl AsFd) -> String {
    format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())
}

fn random() -> Result<u128, Errno> {
    let mut random = [0; 16];
    retry_on_intr(|| rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty()))?;
    Ok(u128::from_ne_bytes(random))
}
