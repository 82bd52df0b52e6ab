//! The store's contract, run over a store that does not live in the store's own crate: one that answers later, as a remote
//! store does, and that can do less than the others.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::SystemTime;

use haul_store::contract::StoreUnderTest;
use haul_store::{
    Answer, Blocking, Capabilities, Commit, CreateOptions, Detail, IfTaken, Key, Listing, Meta, Page, Reader,
    Store, StoreSpec, Writer,
};
use tokio::task::yield_now;

/// Another store, far away.
#[derive(Debug)]
struct Remote(Arc<dyn Store>);

impl Remote {
    fn empty() -> Self {
        let memory = StoreSpec::Memory { bytes_max: u64::MAX };
        Self(memory.open(Blocking::Inline).unwrap())
    }
}

/// An answer that takes its time to arrive.
fn later<'a, T: 'a>(answer: Answer<'a, T>) -> Answer<'a, T> {
    Box::pin(async move {
        yield_now().await;
        answer.await
    })
}

impl Store for Remote {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            rename: false,
            rename_folders: false,
            late_digests: false,
            ..self.0.capabilities()
        }
    }

    fn list<'a>(&'a self, folder: Option<&'a Key>, page: Page<'a>, detail: Detail) -> Answer<'a, Listing> {
        later(self.0.list(folder, page, detail))
    }

    fn stat<'a>(&'a self, key: &'a Key) -> Answer<'a, Meta> {
        later(self.0.stat(key))
    }

    fn open<'a>(&'a self, key: &'a Key) -> Answer<'a, Box<dyn Reader>> {
        later(self.0.open(key))
    }

    fn create<'a>(&'a self, key: &'a Key, options: CreateOptions) -> Answer<'a, Box<dyn Writer>> {
        Box::pin(async move {
            let writer = later(self.0.create(key, options)).await?;
            Ok(Box::new(RemoteWriter(writer)) as Box<dyn Writer>)
        })
    }

    fn remove<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        later(self.0.remove(key))
    }

    fn make_dir<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        later(self.0.make_dir(key))
    }

    fn remove_dir<'a>(&'a self, key: &'a Key) -> Answer<'a, ()> {
        later(self.0.remove_dir(key))
    }

    fn copy<'a>(&'a self, from: &'a Key, to: &'a Key, if_taken: IfTaken) -> Answer<'a, Meta> {
        later(self.0.copy(from, to, if_taken))
    }

    fn set_modified<'a>(&'a self, key: &'a Key, modified: SystemTime) -> Answer<'a, Meta> {
        later(self.0.set_modified(key, modified))
    }
}

#[derive(Debug)]
struct RemoteWriter(Box<dyn Writer>);

impl Writer for RemoteWriter {
    fn write<'a>(&'a mut self, content: &'a [u8]) -> Answer<'a, ()> {
        later(self.0.write(content))
    }

    fn publish_as(&mut self, key: Key) {
        self.0.publish_as(key);
    }

    fn commit(self: Box<Self>, facts: Commit) -> Answer<'static, Meta> {
        Box::pin(async move {
            yield_now().await;
            self.0.commit(facts).await
        })
    }

    fn abort(self: Box<Self>) -> Answer<'static, ()> {
        Box::pin(async move {
            yield_now().await;
            self.0.abort().await
        })
    }
}

haul_store::contract! {
    remote => StoreUnderTest::tokio(Arc::new(Remote::empty()));
}
