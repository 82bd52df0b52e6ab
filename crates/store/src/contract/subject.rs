//! A store under test, and how it is spoken to: every operation as one call that has ended when it returns.

use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use futures_util::FutureExt;

use crate::{
    Commit, Condition, CreateOptions, Detail, Error, Existing, Key, Meta, Page, Reader, Store, Writer,
};

/// One empty store to test, and how to wait for it.
pub(crate) struct StoreUnderTest {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) executor: Executor,
    /// What must live as long as the store, such as its folder.
    pub(crate) inspector: Box<dyn Inspector>,
}

/// How a future is brought to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Executor {
    /// It has to be ready at once, without any runtime.
    Ready,
    /// On a runtime with one thread, as a worker has it.
    Tokio,
}

/// Looks at a store from behind.
pub(crate) trait Inspector: Sync {
    /// Names of everything that the store keeps anywhere but which no caller could have put there.
    fn residue(&self) -> Vec<String>;
}

impl Executor {
    pub(crate) fn wait<T>(self, future: impl Future<Output = T>) -> T {
        match self {
            Self::Ready => future
                .now_or_never()
                .expect("a store that works in place is ready at once"),
            Self::Tokio => tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime without drivers needs nothing that could be missing")
                .block_on(future),
        }
    }
}

impl StoreUnderTest {
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.executor.wait(future)
    }

    pub(crate) fn create(&self, name: &str, condition: Condition) -> Result<Box<dyn Writer>, Error> {
        self.create_with(name, CreateOptions::with_condition(condition))
    }

    pub(crate) fn create_with(&self, name: &str, options: CreateOptions) -> Result<Box<dyn Writer>, Error> {
        self.wait(self.store.create(&key(name), options))
    }

    pub(crate) fn put_if(&self, name: &str, content: &[u8], condition: Condition) -> Result<Meta, Error> {
        let digest = Some(blake3::hash(content));
        let facts = Commit {
            digest,
            ..Commit::default()
        };
        self.put_with(name, content, condition, facts)
    }

    pub(crate) fn put_with(
        &self,
        name: &str,
        content: &[u8],
        condition: Condition,
        facts: Commit,
    ) -> Result<Meta, Error> {
        let mut writer = self.create(name, condition)?;
        self.wait(async move {
            for chunk in content.chunks(100_000) {
                writer.write(chunk).await?;
            }
            writer.commit(facts).await
        })
    }

    pub(crate) fn put(&self, name: &str, content: &[u8]) -> Meta {
        self.put_if(name, content, Condition::Always).unwrap()
    }

    pub(crate) fn open(&self, name: &str) -> Result<Box<dyn Reader>, Error> {
        self.wait(self.store.open(&key(name)))
    }

    pub(crate) fn rest(&self, reader: &mut dyn Reader, mut offset: u64) -> Vec<u8> {
        self.wait(async move {
            let (mut content, mut chunk) = (Vec::new(), vec![0; 70_000]);
            loop {
                let length = reader.read_at(offset, &mut chunk).await.unwrap();
                if length == 0 {
                    return content;
                }
                content.extend_from_slice(&chunk[..length]);
                offset += length as u64;
            }
        })
    }

    pub(crate) fn get(&self, name: &str) -> Result<Vec<u8>, Error> {
        let mut reader = self.open(name)?;
        Ok(self.rest(&mut *reader, 0))
    }

    pub(crate) fn stat(&self, name: &str) -> Result<Meta, Error> {
        self.wait(self.store.stat(&key(name)))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        self.wait(self.store.remove(&key(name)))
    }

    pub(crate) fn make_dir(&self, name: &str) -> Result<(), Error> {
        self.wait(self.store.make_dir(&key(name)))
    }

    pub(crate) fn rename(&self, from: &str, to: &str, existing: Existing) -> Result<(), Error> {
        self.wait(self.store.rename(&key(from), &key(to), existing))
    }

    pub(crate) fn copy(&self, from: &str, to: &str, existing: Existing) -> Result<Meta, Error> {
        self.wait(self.store.copy(&key(from), &key(to), existing))
    }

    pub(crate) fn set_modified(&self, name: &str, modified: SystemTime) -> Result<Meta, Error> {
        self.wait(self.store.set_modified(&key(name), modified))
    }

    pub(crate) fn remove_dir(&self, name: &str) -> Result<(), Error> {
        self.wait(self.store.remove_dir(&key(name)))
    }

    pub(crate) fn names(&self, dir: &str) -> Result<Vec<String>, Error> {
        let dir = (!dir.is_empty()).then(|| key(dir));
        let listing = self.wait(self.store.list(dir.as_ref(), Page::WHOLE, Detail::Names))?;
        Ok(listing.iter().map(|entry| entry.name.to_owned()).collect())
    }

    /// Runs `actor` on several threads at once and gathers what each returns.
    pub(crate) fn together<T: Send>(
        &self,
        count: usize,
        actor: impl Fn(&StoreUnderTest, usize) -> T + Sync,
    ) -> Vec<T> {
        let start = std::sync::Barrier::new(count);
        let each = |index| {
            let own = StoreUnderTest {
                store: Arc::clone(&self.store),
                executor: self.executor,
                inspector: Box::new(Nothing),
            };
            start.wait();
            actor(&own, index)
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|index| scope.spawn(move || each(index))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

/// Keeps nothing.
pub(crate) struct Nothing;

impl Inspector for Nothing {
    fn residue(&self) -> Vec<String> {
        Vec::new()
    }
}

pub(crate) fn key(name: &str) -> Key {
    name.parse().unwrap()
}

/// Bytes that repeat nowhere near, so that a piece in the wrong place is noticed.
pub(crate) fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut content = vec![0; length];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut content);
    content
}
