//! Which store a server has: plain data, so that it can be handed to a worker process, and the only way to
//! open one.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::local::LocalStore;
use crate::memory::MemoryStore;
use crate::{Blocking, Durability, Store};

/// The description of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreSpec {
    /// Objects as files beneath one folder of this machine. Several servers may share it: their uploads,
    /// changes and removals stay whole, and [`Condition::Absent`](crate::Condition::Absent) holds among them;
    /// [`Condition::Matches`](crate::Condition::Matches) is checked among the processes of one server only.
    Local {
        /// The folder, which may be a symbolic link. The store stays with it when it is renamed, and answers
        /// [`Error::Gone`](crate::Error::Gone) when it is removed, even if another folder takes its name.
        root: PathBuf,
        /// When an upload counts as stored.
        durability: Durability,
    },
    /// Objects in the memory of this process, empty at first and gone with it.
    Memory {
        /// How many bytes objects and their names may take, each name counted as 512.
        bytes_max: u64,
    },
}

impl StoreSpec {
    /// Opens the store, as the first process of a server.
    ///
    /// # Errors
    /// When the root is no folder or may not be entered.
    pub fn open(&self, blocking: Blocking) -> io::Result<Arc<dyn Store>> {
        Ok(match self {
            Self::Local { root, durability } => Arc::new(LocalStore::open(root, *durability, blocking)?),
            Self::Memory { bytes_max } => Arc::new(MemoryStore::new(*bytes_max)),
        })
    }

    /// Opens the same store in another process of the same server, which was handed the
    /// [`Store::descriptors`] of the first. By its path it might find another folder than the one that the
    /// server was started on.
    ///
    /// # Errors
    /// When the descriptors are not those of such a store, or no other process can have it.
    pub fn join(&self, descriptors: Vec<OwnedFd>, blocking: Blocking) -> io::Result<Arc<dyn Store>> {
        match self {
            Self::Local { durability, .. } => {
                let [root, locks] = <[OwnedFd; 2]>::try_from(descriptors)
                    .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
                let store = LocalStore::open_at(root, locks, *durability, blocking)?;
                Ok(Arc::new(store))
            }
            Self::Memory { .. } => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "a store in memory belongs to one process",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use futures_util::FutureExt;

    use super::*;
    use crate::{CreateOptions, Key};

    #[test]
    fn a_worker_process_joins_the_folder_that_was_opened_whatever_its_path_leads_to_now() {
        let ground = tempfile::TempDir::new().unwrap();
        let root = ground.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let spec = StoreSpec::Local {
            root: root.clone(),
            durability: Durability::Buffered,
        };
        let first = spec.open(Blocking::Inline).unwrap();
        std::fs::rename(&root, ground.path().join("moved")).unwrap();
        let handed = first.descriptors().into_iter();
        let handed = handed.map(|handed| handed.as_fd().try_clone_to_owned().unwrap());
        let other = spec.join(handed.collect(), Blocking::Inline).unwrap();
        let key: Key = "folder".parse().unwrap();
        other.make_dir(&key).now_or_never().unwrap().unwrap();
        assert!(ground.path().join("moved/folder").is_dir());
        assert!(spec.join(Vec::new(), Blocking::Inline).is_err());
    }

    #[test]
    fn a_store_in_memory_is_opened_empty_and_joined_by_nobody() {
        let spec = StoreSpec::Memory { bytes_max: 10 };
        let store = spec.open(Blocking::Inline).unwrap();
        let key: Key = "file".parse().unwrap();
        let options = CreateOptions {
            size_hint: Some(11),
            ..CreateOptions::default()
        };
        assert!(store.create(&key, options).now_or_never().unwrap().is_err());
        assert!(!store.capabilities().processes && store.descriptors().is_empty());
        assert!(spec.join(Vec::new(), Blocking::Inline).is_err());
    }
}
