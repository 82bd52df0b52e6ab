//! Where objects live: a trait, the local disk, and one in memory for tests.
//!
//! A [`Key`] is a parsed, safe name. A [`Store`] opens a [`Reader`] or a [`Writer`] for it; a writer is committed
//! or it never was. The store knows no protocol: its errors are its own, a front translates them.
#![forbid(unsafe_code)]

#[cfg(test)]
mod contract;
mod error;
mod key;
mod local;
mod memory;
mod types;

use std::os::fd::BorrowedFd;

pub use error::Error;
pub use futures_util::future::BoxFuture;
pub use key::{Key, KeyError, RESERVED_PREFIX};
pub use local::{Blocking, Durability, LocalStore};
pub use memory::MemoryStore;
pub use types::{Commit, Condition, Digest, Entry, Kind, Listing, Meta};

/// A place for objects. Every call may take long: a store may be remote.
pub trait Store: Send + Sync + std::fmt::Debug + 'static {
    /// The entries of a folder, sorted by name (bytewise), files in flight left out; the root where `dir` is `None`.
    fn list<'a>(&'a self, dir: Option<&'a Key>, detail: Detail) -> BoxFuture<'a, Result<Listing, Error>>;
    /// One object's facts.
    fn stat<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Meta, Error>>;
    /// Opens an object for reading. The reader keeps the version that it opened.
    fn open<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Box<dyn Reader>, Error>>;
    /// Opens an invisible writer. What can be refused already (a condition, a folder of that name) is refused here.
    fn create<'a>(
        &'a self,
        key: &'a Key,
        condition: Condition,
    ) -> BoxFuture<'a, Result<Box<dyn Writer>, Error>>;
    /// Removes an object.
    fn remove<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), Error>>;
    /// Removes a folder that is empty.
    fn remove_dir<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<(), Error>>;
    /// Keeps a digest that the caller computed with the object, if that still is the version `etag`;
    /// [`Error::ConditionFailed`] where it is not. A digest is a note about the content, so nothing else changes but the
    /// etag, which may. The facts that are returned are those afterwards, and have the digest only if it could be kept.
    fn keep_digest<'a>(
        &'a self,
        key: &'a Key,
        etag: &'a str,
        digest: Digest,
    ) -> BoxFuture<'a, Result<Meta, Error>>;
}

/// How much a listing says of each entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Name and kind only; sizes and times are zero. Cheap.
    Names,
    /// Size and time of modification as well.
    Full,
}

/// An object opened for reading.
pub trait Reader: Send + std::fmt::Debug {
    /// The facts of the version that is open.
    fn meta(&self) -> &Meta;
    /// Fills `buffer` from `offset` on; returns the bytes read, 0 at the end only. May be short.
    fn read_at<'a>(&'a mut self, offset: u64, buffer: &'a mut [u8]) -> BoxFuture<'a, std::io::Result<usize>>;
    /// A descriptor that the kernel can send content from at once, for callers that may wait for it. `None` where there is
    /// none, or where the caller must not wait for a disk.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// An object in flight. Dropped without [`Writer::commit`], it never was.
pub trait Writer: Send + std::fmt::Debug {
    /// Appends all of `content`.
    fn write<'a>(&'a mut self, content: &'a [u8]) -> BoxFuture<'a, Result<(), Error>>;
    /// Lets the commit publish the object under another key than it was created for; the condition is about that key then.
    /// The commit fails where the two lie on different file systems.
    fn rename(&mut self, key: Key);
    /// Publishes the object in one step (synced first where the store is durable), with the given facts, if the
    /// condition given to [`Store::create`] still holds.
    fn commit(self: Box<Self>, facts: Commit) -> BoxFuture<'static, Result<Meta, Error>>;
}
