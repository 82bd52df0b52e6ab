//! A server without listener, pool and disk: everything that a connection needs, and a store in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use haul_store::{Blocking, Commit, CreateOptions, Detail, Error, Key, NodeKind, Page, Store, StoreSpec};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use super::hex_digest;
use super::talk::Talk;
use crate::Config;
use crate::connections::Connections;
use crate::context::Context;
use crate::drain::Drain;
use crate::ledger::{Ledger, Reason};
use crate::queue::QueueWakeup;

/// Connections at once.
const CONNECTIONS: u32 = 64;

/// Bytes that the store takes.
const STORE_BYTES: u64 = 1 << 30;

/// A server for connections of [`Talk`].
pub(super) struct Served {
    pub(super) runtime: Rc<Runtime>,
    pub(super) context: Arc<Context>,
    store: Arc<dyn Store>,
}

/// What must be the same again after an attack: objects, open connections, and requests in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) files: BTreeMap<String, String>,
    open: u64,
    in_progress: u64,
}

impl Served {
    pub(super) fn writable() -> Self {
        Self::with(|config| config.writable = true)
    }

    /// Read-only and with the default limits, unless told otherwise.
    pub(super) fn with(set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        set(&mut config);
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let memory = StoreSpec::Memory {
            bytes_max: STORE_BYTES,
        };
        let store = memory.open(Blocking::Inline).unwrap();
        let ledger = Ledger::create(config.pool.workers, CONNECTIONS, SystemTime::now()).unwrap();
        // No queue listens here.
        let wakeup = QueueWakeup::join(File::open("/dev/null").unwrap().into());
        let connections = Connections::new(ledger.clone(), 0..CONNECTIONS, wakeup);
        let drain = Drain::new().unwrap();
        let context = Context::new(config, Arc::clone(&store), ledger, connections, drain);
        Self {
            runtime: Rc::new(runtime),
            context: Arc::new(context),
            store,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.runtime.block_on(async { Instant::now() })
    }

    /// Lets time pass.
    pub(super) fn pass(&self, time: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// A new connection.
    pub(super) fn talk(&self) -> Talk {
        Talk::connect(self, SocketAddr::from(([127, 0, 0, 1], 40_000)))
    }

    /// Puts an object into the store behind the server's back.
    pub(super) fn place(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let key = key(name);
        self.runtime.block_on(async {
            let created = self.store.create(&key, CreateOptions::default());
            let mut writer = created.await.unwrap();
            writer.write(bytes.as_ref()).await.unwrap();
            writer.commit(Commit::default()).await.unwrap();
        });
    }

    /// Puts so many empty objects with long names into the root.
    pub(super) fn place_many(&self, count: usize) {
        for number in 0..count {
            self.place(&format!("{}-{number:05}", "n".repeat(40)), "");
        }
    }

    /// Orders every connection to end, as the queue does when clients wait.
    pub(super) fn order(&self, reason: Reason) {
        let connections: Vec<_> = self.context.ledger.connections().collect();
        for (number, snapshot) in connections {
            let record = self.context.ledger.record(number);
            record.set_order(snapshot.generation, Some(reason));
            self.context.connections.alarm(number);
        }
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        match self.runtime.block_on(self.store.stat(&key(name))) {
            Ok(_) => true,
            Err(Error::NotFound) => false,
            Err(error) => panic!("{name}: {error}"),
        }
    }

    pub(super) fn read(&self, name: &str) -> Vec<u8> {
        let key = key(name);
        self.runtime.block_on(async {
            let opened = self.store.open(&key).await;
            let mut reader = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
            let mut content = vec![0; usize::try_from(reader.meta().size).unwrap()];
            let mut filled = 0;
            while filled < content.len() {
                let read = reader.read_at(filled as u64, &mut content[filled..]).await;
                filled += read.unwrap();
            }
            content
        })
    }

    /// Every object with its digest, and the folders.
    pub(super) fn files(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut folders = vec![None];
        while let Some(folder) = folders.pop() {
            for (name, kind) in self.entries(folder.as_ref()) {
                match kind {
                    NodeKind::File => {
                        let digest = hex_digest(&self.read(&name));
                        found.insert(name, digest);
                    }
                    NodeKind::Folder => {
                        folders.push(Some(key(&name)));
                        found.insert(name, "folder".to_owned());
                    }
                }
            }
        }
        found
    }

    fn entries(&self, folder: Option<&Key>) -> Vec<(String, NodeKind)> {
        let listed = self.store.list(folder, Page::WHOLE, Detail::Names);
        let listing = self.runtime.block_on(listed).unwrap();
        let path = |name: &str| match folder {
            Some(folder) => format!("{}/{name}", folder.as_str()),
            None => name.to_owned(),
        };
        let entries = listing.iter().map(|entry| (path(entry.name), entry.kind));
        entries.collect()
    }

    /// Empties the store.
    pub(super) fn clear(&self) {
        // What lies in a folder comes behind it.
        for (name, digest) in self.files().into_iter().rev() {
            let key = key(&name);
            let removed = match digest.as_str() {
                "folder" => self.store.remove_dir(&key),
                _ => self.store.remove(&key),
            };
            self.runtime.block_on(removed).unwrap();
        }
    }

    pub(super) fn state(&self) -> State {
        State {
            files: self.files(),
            open: self.context.ledger.open(),
            in_progress: self.context.ledger.requests_in_progress(),
        }
    }

    /// Checks that everything is again as it was, once the connections that have ended are over.
    pub(super) fn expect_again(&self, before: &State) {
        assert_eq!(self.state(), *before, "something was left behind");
    }
}

fn key(name: &str) -> Key {
    name.parse().unwrap()
}
