//! Writing an object into memory.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::{FutureExt, ready};

use super::MemoryStore;
use super::content::ChunkedContent;
use super::tree::Stored;
use crate::{Answer, Commit, CreateOptions, Error, Key, Meta, Writer};

pub(super) struct MemoryWriter {
    store: MemoryStore,
    key: Key,
    options: CreateOptions,
    stored: Stored,
    /// Whether every write was stored, so that the content may be published.
    is_whole: bool,
}

impl MemoryWriter {
    pub(super) fn create(store: &MemoryStore, key: &Key, options: CreateOptions) -> Result<Self, Error> {
        store.tree().admit(key, &options.condition, options.parents)?;
        if options.size_hint.is_some_and(|size| size > store.quota.free()) {
            return Err(Error::NoSpace);
        }
        let stored = Stored {
            content: ChunkedContent::default(),
            room: store.quota.reserve(0)?,
        };
        Ok(Self {
            store: store.clone(),
            key: key.clone(),
            options,
            stored,
            is_whole: true,
        })
    }

    fn append(&mut self, content: &[u8]) -> Result<(), Error> {
        let grown = self.stored.room.grow(content.len() as u64);
        self.is_whole &= grown.is_ok();
        grown?;
        self.stored.content.append(content);
        Ok(())
    }

    fn publish(mut self, facts: Commit) -> Result<Meta, Error> {
        if !self.is_whole {
            return Err(Error::Io(std::io::Error::other(
                "an earlier write to this object failed",
            )));
        }
        self.stored.content.shrink();
        let mut tree = self.store.tree();
        tree.admit(&self.key, &self.options.condition, self.options.parents)?;
        tree.publish(&self.key, Arc::new(self.stored), facts, SystemTime::now())
    }
}

impl Writer for MemoryWriter {
    fn write<'a>(&'a mut self, content: &'a [u8]) -> Answer<'a, ()> {
        ready(self.append(content)).boxed()
    }

    fn publish_as(&mut self, key: Key) {
        self.key = key;
    }

    fn commit(self: Box<Self>, facts: Commit) -> Answer<'static, Meta> {
        ready(self.publish(facts)).boxed()
    }

    fn abort(self: Box<Self>) -> Answer<'static, ()> {
        drop(self);
        ready(Ok(())).boxed()
    }
}

impl std::fmt::Debug for MemoryWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryWriter")
            .field("key", &self.key)
            .field("bytes", &self.stored.content.len())
            .finish()
    }
}
