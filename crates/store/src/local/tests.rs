//! The contract over every way in which the local store does its work, and what only a disk can get wrong.

mod changes;
mod escape;
mod in_flight;
mod order;
mod outside;
mod power;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use rustix::fs::CWD;

use super::root::Resolve;
use super::*;
use crate::RESERVED_PREFIX;
use crate::contract;
use crate::contract::{Executor, Inspector, StoreUnderTest};

/// One way in which the store can work.
#[derive(Debug, Clone, Copy)]
struct Manner {
    resolve: Resolve,
    hiding: Hiding,
    blocking: Blocking,
    durability: Durability,
    /// What the file system is taken to be on; what it is where that is `None`.
    medium: Option<Medium>,
}

const PLAIN: Manner = Manner {
    resolve: Resolve::Kernel,
    hiding: Hiding::Unnamed,
    blocking: Blocking::Inline,
    durability: Durability::Buffered,
    medium: None,
};
const WALK: Manner = Manner {
    resolve: Resolve::Walk,
    ..PLAIN
};
const NAMED: Manner = Manner {
    hiding: Hiding::Named,
    ..PLAIN
};
const WALK_NAMED: Manner = Manner {
    hiding: Hiding::Named,
    ..WALK
};

impl LocalStore {
    /// Another store of the same server, as another process of it has one.
    fn beside(&self) -> Self {
        let disk = Disk {
            root: Arc::clone(&self.disk.root),
            locks: Arc::clone(&self.disk.locks),
            settled: SyncedDirs::default(),
            whole: VerifiedObjects::default(),
            ..*self.disk
        };
        Self { disk: Arc::new(disk) }
    }

    fn swept(&self) -> usize {
        sweep::sweep(&self.disk.root).unwrap()
    }
}

impl Manner {
    const fn offload(self) -> Self {
        Self {
            blocking: Blocking::Offload,
            ..self
        }
    }

    const fn synced(self) -> Self {
        Self {
            durability: Durability::Synced,
            ..self
        }
    }

    const fn on(self, medium: Medium) -> Self {
        Self {
            medium: Some(medium),
            ..self
        }
    }

    fn open(self, root: &Path) -> LocalStore {
        self.open_with(root, Locks::create().unwrap())
    }

    fn open_with(self, root: &Path, locks: Locks) -> LocalStore {
        let root = Root::open(root, Some(self.resolve)).unwrap();
        let mut store = LocalStore::over(root, locks, self.durability, self.blocking, self.hiding).unwrap();
        if let Some(medium) = self.medium {
            Arc::get_mut(&mut store.disk).unwrap().medium = medium;
        }
        store
    }

    /// A subject over a folder that the test has made.
    fn over(self, root: &Path) -> StoreUnderTest {
        self.kept_by(
            root,
            Tree {
                root: root.to_owned(),
                _folder: None,
            },
        )
    }

    /// A subject over an empty folder of its own.
    fn subject(self) -> StoreUnderTest {
        let folder = TempDir::new().unwrap();
        let root = folder.path().to_owned();
        self.kept_by(
            &root,
            Tree {
                root: root.clone(),
                _folder: Some(folder),
            },
        )
    }

    fn kept_by(self, root: &Path, tree: Tree) -> StoreUnderTest {
        let executor = match self.blocking {
            Blocking::Inline => Executor::Ready,
            Blocking::Offload => Executor::Tokio,
        };
        StoreUnderTest {
            store: Arc::new(self.open(root)),
            executor,
            inspector: Box::new(tree),
        }
    }
}

/// A folder whose residue is files in flight.
struct Tree {
    root: PathBuf,
    _folder: Option<TempDir>,
}

impl Inspector for Tree {
    fn residue(&self) -> Vec<String> {
        reserved_beneath(&self.root)
    }
}

/// Tells a thread to stop, also when the test fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn reserved_beneath(root: &Path) -> Vec<String> {
    let mut reserved = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // Only the store can enter a path of 4,096 bytes.
        let Ok(entries) = fs::read_dir(folder) else {
            continue;
        };
        for entry in entries.map(Result::unwrap) {
            if entry.file_name().to_string_lossy().starts_with(RESERVED_PREFIX) {
                reserved.push(entry.path().display().to_string());
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    reserved
}

contract! {
    kernel_unnamed_inline => PLAIN.subject();
    kernel_unnamed_offload => PLAIN.offload().subject();
    kernel_named_inline => NAMED.subject();
    kernel_named_offload => NAMED.offload().subject();
    walk_unnamed_inline => WALK.subject();
    walk_unnamed_offload => WALK.offload().subject();
    walk_named_inline => WALK_NAMED.subject();
    walk_named_offload => WALK_NAMED.offload().subject();
    kernel_unnamed_inline_synced => PLAIN.synced().subject();
    kernel_unnamed_offload_synced => PLAIN.offload().synced().subject();
    walk_named_inline_synced => WALK_NAMED.synced().subject();
    walk_named_offload_synced => WALK_NAMED.offload().synced().subject();
    buffered_on_a_journal_inline => PLAIN.on(Medium::Journal).subject();
    buffered_on_a_journal_offload => PLAIN.on(Medium::Journal).offload().subject();
    buffered_on_an_unknown_disk => NAMED.on(Medium::Unknown).offload().subject();
    synced_on_a_journal => PLAIN.on(Medium::Journal).synced().subject();
    synced_on_a_bare_disk => PLAIN.on(Medium::Bare).synced().subject();
    buffered_on_a_bare_disk => NAMED.on(Medium::Bare).offload().subject();
    buffered_in_memory => PLAIN.on(Medium::Memory).offload().subject();
}

#[test]
fn this_machine_is_found_to_resolve_in_the_kernel_where_it_can() {
    let folder = TempDir::new().unwrap();
    let store = LocalStore::open(folder.path(), Durability::Buffered, Blocking::Inline).unwrap();
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC;
    let resolve = rustix::fs::ResolveFlags::BENEATH;
    let can = rustix::fs::openat2(CWD, ".", flags, rustix::fs::Mode::empty(), resolve).is_ok();
    assert!(format!("{store:?}").contains(if can { "resolve: Kernel" } else { "resolve: Walk" }));
}

#[test]
fn the_root_may_be_a_symbolic_link_and_must_be_a_folder() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("link")).unwrap();
    PLAIN.over(&folder.path().join("link")).put("file", b"1");
    assert_eq!(fs::read(folder.path().join("real/file")).unwrap(), b"1");
    for wrong in ["real/file", "nothing"] {
        let opened = LocalStore::open(&folder.path().join(wrong), Durability::Buffered, Blocking::Inline);
        assert!(opened.is_err(), "{wrong}");
    }
}
