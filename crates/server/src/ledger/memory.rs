//! Counters in memory that worker processes share with their supervisor: one anonymous file, mapped by each.
//!
//! The first of this crate's two files with `unsafe`: the mapping is handed out as atomic words.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU64;

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

/// A fixed number of atomic words, all zero at first, that other processes can map as well.
#[derive(Debug)]
pub(super) struct Memory {
    map: MmapRaw,
    file: File,
    words: usize,
}

impl Memory {
    pub(super) fn create(words: usize) -> io::Result<Self> {
        let file = memfd_create("haul-ledger", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, (words * size_of::<AtomicU64>()) as u64)?;
        Self::map(file, words)
    }

    /// Maps what another process has created. A file that is too small is refused: reading beyond it would be fatal.
    pub(super) fn map(file: OwnedFd, words: usize) -> io::Result<Self> {
        let file = File::from(file);
        let bytes = words * size_of::<AtomicU64>();
        if file.metadata()?.len() < bytes as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the ledger's memory is too small",
            ));
        }
        let map = MmapOptions::new().len(bytes).map_raw(&file)?;
        Ok(Self { map, file, words })
    }

    pub(super) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is page-aligned, `words * 8` bytes long, readable and writable, and lives as long as
        // `self`; all zero is a valid `AtomicU64`; every process touches these bytes through atomics only, and the
        // file is never truncated after it was made.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast::<AtomicU64>(), self.words) }
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
