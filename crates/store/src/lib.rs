//! Where objects live: a trait, the local disk, and the memory of one process.
//!
//! A [`Key`] is a parsed, safe name. A [`Store`] opens a [`Reader`] or a [`Writer`] for it; an object that is
//! written appears whole when its writer is committed, or never. The store knows no protocol: its errors are
//! its own, and the server translates them.
//!
//! ```
//! use haul_store::{Blocking, Commit, CreateOptions, Detail, IfTaken, Key, Page, StoreSpec};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = StoreSpec::Memory { bytes_max: 1 << 20 }.open(Blocking::Inline)?;
//! let (draft, letter): (Key, Key) = ("letters/draft".parse()?, "letters/2026".parse()?);
//!
//! let mut writer = store.create(&draft, CreateOptions::default()).await?;
//! writer.write(b"Dear reader").await?;
//! assert!(store.stat(&draft).await.is_err(), "nothing is visible before the commit");
//! writer.commit(Commit::default()).await?;
//!
//! store.rename(&draft, &letter, IfTaken::Refuse).await?;
//! let listing = store.list(draft.parent().as_ref(), Page::WHOLE, Detail::Full).await?;
//! let entries: Vec<_> = listing.iter().map(|entry| (entry.name, entry.size)).collect();
//! assert_eq!(entries, [("2026", 11)]);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod error;
mod key;
mod listing;
mod local;
mod memory;
mod meta;
mod options;
mod spec;
mod stamp;

use std::os::fd::BorrowedFd;
use std::time::SystemTime;

pub use error::Error;
pub use futures_util::future::BoxFuture;
use futures_util::future::{FutureExt, ready};
pub use haul_types::{Condition, Digest, Durability};
pub use key::{Key, KeyError, RESERVED_PREFIX};
pub use listing::{ListEntry, Listing, ListingBuilder, NodeKind};
pub use local::Blocking;
pub use meta::{Commit, Meta};
pub use options::{Capabilities, CreateOptions, Detail, IfTaken, Maintenance, Page, Parents};
pub use spec::StoreSpec;

/// The answer of a store, which may take long: a store may be remote.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// A place for objects.
///
/// An operation that is refused, or whose future is dropped before it has ended, leaves nothing behind; a
/// dropped one may have taken effect all the same. What a store cannot do it says in its [`Capabilities`].
pub trait Store: Send + Sync + std::fmt::Debug + 'static {
    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// A page of the entries of a folder, sorted by name (bytewise), objects in flight left out; of the root
    /// where `folder` is `None`.
    fn list<'a>(&'a self, folder: Option<&'a Key>, page: Page<'a>, detail: Detail) -> Answer<'a, Listing>;

    /// One object's facts.
    fn stat<'a>(&'a self, key: &'a Key) -> Answer<'a, Meta>;

    /// Opens an object for reading. The reader keeps the version that it opened.
    fn open<'a>(&'a self, key: &'a Key) -> Answer<'a, Box<dyn Reader>>;

    /// Opens a writer for an object that is invisible until it is committed. What can be refused already (a
    /// condition, a folder of that name, a size that does not fit) is refused here.
    fn create<'a>(&'a self, key: &'a Key, options: CreateOptions) -> Answer<'a, Box<dyn Writer>>;

    /// Removes an object.
    fn remove<'a>(&'a self, key: &'a Key) -> Answer<'a, ()>;

    /// Makes one folder. [`Error::Exists`] where an object or a folder has the name, [`Error::NoParent`]
    /// where the folder that it would lie in is missing.
    #[allow(unused_variables, reason = "the default refuses whatever it is asked")]
    fn make_dir<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        ready(Err(Error::Unsupported)).boxed()
    }

    /// Removes a folder that is empty.
    #[allow(unused_variables, reason = "the default refuses whatever it is asked")]
    fn remove_dir<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        ready(Err(Error::Unsupported)).boxed()
    }

    /// Gives an object, or a folder with all that is in it, another name, in one step: at every moment it has
    /// one of the two names, and where another object had the new name already, that name leads to one of the
    /// two objects. Digest, times and permissions stay as they are; the etag may change.
    ///
    /// Only an object takes the place of an object, and only a folder that of an empty folder. The folder of
    /// the new name must exist ([`Error::NoParent`]), and no folder can be moved into itself
    /// ([`Error::IntoItself`]).
    #[allow(unused_variables, reason = "the default refuses whatever it is asked")]
    fn rename<'a>(&'a self, from: &'a Key, to: &'a Key, if_taken: IfTaken) -> Answer<'a, ()> {
        ready(Err(Error::Unsupported)).boxed()
    }

    /// Stores the content of an object under a second name as well, with its digest and its permissions and a
    /// modification time of its own; the copy appears whole. The folder of the new name must exist
    /// ([`Error::NoParent`]), and two names of one object are refused with [`Error::IntoItself`].
    #[allow(unused_variables, reason = "the default refuses whatever it is asked")]
    fn copy<'a>(&'a self, from: &'a Key, to: &'a Key, if_taken: IfTaken) -> Answer<'a, Meta> {
        ready(Err(Error::Unsupported)).boxed()
    }

    /// Sets the modification time of an object. Its digest stays, its etag may change.
    #[allow(unused_variables, reason = "the default refuses whatever it is asked")]
    fn set_modified<'a>(&'a self, key: &'a Key, modified: SystemTime) -> Answer<'a, Meta> {
        ready(Err(Error::Unsupported)).boxed()
    }

    /// Keeps a digest that the caller computed with the object, if that still is the version `etag`;
    /// [`Error::ConditionFailed`] where it is not. A digest is a note about the content, so nothing else
    /// changes but the etag, which may. The facts that are returned are those afterwards, and have the digest
    /// only if it could be kept.
    #[allow(unused_variables, reason = "the default keeps no digest")]
    fn keep_digest<'a>(&'a self, key: &'a Key, etag: &'a str, digest: Digest) -> Answer<'a, Meta> {
        let looked = self.stat(key);
        async move {
            let meta = looked.await?;
            if meta.etag == etag {
                Ok(meta)
            } else {
                Err(Error::ConditionFailed)
            }
        }
        .boxed()
    }

    /// Removes what uploads have left behind whose writers died in flight. Safe at any time, also while other
    /// servers use the same storage: an upload that still lives keeps what it has. May take long, and a
    /// server that never writes has no need of it.
    fn maintain(&self) -> Answer<'_, Maintenance> {
        ready(Ok(Maintenance::default())).boxed()
    }

    /// What another process of the same server needs, beside the store's description, to open the same store.
    /// None where the description is enough; `capabilities().processes` says whether it can be opened by
    /// others at all.
    fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        Vec::new()
    }
}

/// An object opened for reading.
pub trait Reader: Send + std::fmt::Debug {
    /// The facts of the version that is open.
    fn meta(&self) -> &Meta;
    /// Fills `buffer` from `offset` on; returns the bytes read, 0 at the end only. May be short.
    fn read_at<'a>(&'a mut self, offset: u64, buffer: &'a mut [u8]) -> BoxFuture<'a, std::io::Result<usize>>;
    /// A descriptor that the kernel can send content from at once, for callers that may wait for it. `None`
    /// where there is none, or where the caller must not wait for a disk.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// An object in flight: invisible, and never there unless it is committed.
///
/// A writer that is dropped is aborted as well, but its end is not waited for: a store on this machine
/// removes the content at once, on the thread that drops the writer, and a remote store leaves it to
/// [`Store::maintain`].
pub trait Writer: Send + std::fmt::Debug {
    /// Appends all of `content`. After an error, or a future that was dropped before its end, the writer can
    /// only be aborted.
    fn write<'a>(&'a mut self, content: &'a [u8]) -> Answer<'a, ()>;
    /// Lets the commit publish the object under another key than it was created for; the condition is about
    /// that key then. The commit fails where the two lie on different file systems.
    fn publish_as(&mut self, key: Key);
    /// Publishes the object in one step (synced first where the store is durable), with the given facts, if
    /// the condition given to [`Store::create`] still holds.
    fn commit(self: Box<Self>, facts: Commit) -> Answer<'static, Meta>;
    /// Gives the object up and returns when nothing of it is left.
    fn abort(self: Box<Self>) -> Answer<'static, ()>;
}
