//! A store under test, and how it is spoken to: every operation as one call that has ended when it returns.

use std::future::Future;
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use futures_util::FutureExt;

use crate::{
    Commit, Condition, CreateOptions, Detail, Error, IfTaken, Key, Meta, Page, Reader, Store, Writer,
};

/// One empty store to test, and how to wait for it.
pub struct StoreUnderTest {
    pub store: Arc<dyn Store>,
    pub executor: Executor,
    /// What must live as long as the store, such as its folder.
    pub inspector: Box<dyn Inspector>,
}

/// How a future is brought to its end.
#[derive(Debug, Clone, Copy)]
pub enum Executor {
    /// It has to be ready at once, without any runtime.
    Ready,
    /// On a runtime with one thread, as a worker has it.
    Tokio,
}

/// Looks at a store from behind.
pub trait Inspector: Sync {
    /// Names of everything that the store keeps anywhere but which no caller could have put there.
    fn residue(&self) -> Vec<String>;
}

impl Executor {
    pub fn wait<T>(self, future: impl Future<Output = T>) -> T {
        match self {
            Self::Ready => future
                .now_or_never()
                .expect("a store that works in place is ready at once"),
            Self::Tokio => runtime().block_on(future),
        }
    }

    /// Begins a future and gives it up where it waits first. Returns when all has ended that was begun on its
    /// behalf.
    pub fn give_up<T>(self, future: impl Future<Output = T>) {
        match self {
            Self::Ready => drop(future.now_or_never()),
            Self::Tokio => {
                let runtime = runtime();
                drop(runtime.block_on(async { future.now_or_never() }));
                // Waits for the threads on which something blocks.
                drop(runtime);
            }
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers needs nothing that could be missing")
}

impl StoreUnderTest {
    /// A store that works in place.
    pub fn ready(store: Arc<dyn Store>) -> Self {
        Self::new(store, Executor::Ready)
    }

    /// A store that waits, as a remote one does.
    pub fn tokio(store: Arc<dyn Store>) -> Self {
        Self::new(store, Executor::Tokio)
    }

    fn new(store: Arc<dyn Store>, executor: Executor) -> Self {
        Self {
            store,
            executor,
            inspector: Box::new(NoResidue),
        }
    }

    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.executor.wait(future)
    }

    pub fn create(&self, name: &str, condition: Condition) -> Result<Box<dyn Writer>, Error> {
        self.create_with(name, CreateOptions::with_condition(condition))
    }

    pub fn create_with(&self, name: &str, options: CreateOptions) -> Result<Box<dyn Writer>, Error> {
        self.wait(self.store.create(&key(name), options))
    }

    pub fn put_if(&self, name: &str, content: &[u8], condition: Condition) -> Result<Meta, Error> {
        let digest = Some(blake3::hash(content));
        let facts = Commit {
            digest,
            ..Commit::default()
        };
        self.put_with(name, content, condition, facts)
    }

    pub fn put_with(
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

    pub fn put(&self, name: &str, content: &[u8]) -> Meta {
        self.put_if(name, content, Condition::Always).unwrap()
    }

    pub fn open(&self, name: &str) -> Result<Box<dyn Reader>, Error> {
        self.wait(self.store.open(&key(name)))
    }

    pub fn rest(&self, reader: &mut dyn Reader, mut offset: u64) -> Vec<u8> {
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

    pub fn get(&self, name: &str) -> Result<Vec<u8>, Error> {
        let mut reader = self.open(name)?;
        Ok(self.rest(&mut *reader, 0))
    }

    pub fn stat(&self, name: &str) -> Result<Meta, Error> {
        self.wait(self.store.stat(&key(name)))
    }

    pub fn remove(&self, name: &str) -> Result<(), Error> {
        self.wait(self.store.remove(&key(name)))
    }

    pub fn make_dir(&self, name: &str) -> Result<(), Error> {
        self.wait(self.store.make_dir(&key(name)))
    }

    pub fn rename(&self, from: &str, to: &str, if_taken: IfTaken) -> Result<(), Error> {
        self.wait(self.store.rename(&key(from), &key(to), if_taken))
    }

    pub fn copy(&self, from: &str, to: &str, if_taken: IfTaken) -> Result<Meta, Error> {
        self.wait(self.store.copy(&key(from), &key(to), if_taken))
    }

    pub fn set_modified(&self, name: &str, modified: SystemTime) -> Result<Meta, Error> {
        self.wait(self.store.set_modified(&key(name), modified))
    }

    pub fn remove_dir(&self, name: &str) -> Result<(), Error> {
        self.wait(self.store.remove_dir(&key(name)))
    }

    pub fn names(&self, dir: &str) -> Result<Vec<String>, Error> {
        let dir = (!dir.is_empty()).then(|| key(dir));
        let listing = self.wait(self.store.list(dir.as_ref(), Page::WHOLE, Detail::Names))?;
        Ok(listing.iter().map(|entry| entry.name.to_owned()).collect())
    }

    /// Runs `actor` on several threads at once and gathers what each returns.
    pub fn together<T: Send>(
        &self,
        count: usize,
        actor: impl Fn(&StoreUnderTest, usize) -> T + Sync,
    ) -> Vec<T> {
        let start = std::sync::Barrier::new(count);
        let each = |index| {
            let own = Self::new(Arc::clone(&self.store), self.executor);
            start.wait();
            actor(&own, index)
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|index| scope.spawn(move || each(index))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }
}

/// For a store that can be looked at from the front only.
pub struct NoResidue;

impl Inspector for NoResidue {
    fn residue(&self) -> Vec<String> {
        Vec::new()
    }
}

pub fn key(name: &str) -> Key {
    name.parse().unwrap()
}

/// Bytes that repeat nowhere near, so that a piece in the wrong place is noticed.
pub fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut content = vec![0; length];
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
        .fill(&mut content);
    content
}
