//! Counters in memory that worker processes share with their supervisor: one anonymous file, mapped by each.
//!
//! The first of this crate's two files with `unsafe`: the mapping is seen as structures of atomic words.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

use super::layout::{LedgerHead, RecordWords, SlotCounters};

/// The head, the workers' slots and the connections' records, all zero at first, that other processes can map
/// as well.
#[derive(Debug)]
pub(super) struct Memory {
    map: MmapRaw,
    file: File,
    workers: usize,
    records: usize,
}

impl Memory {
    pub(super) fn create(workers: u32, records: u32) -> io::Result<Self> {
        let file = memfd_create("haul-ledger", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, bytes(workers as usize, records as usize) as u64)?;
        Self::map(file, workers, records)
    }

    /// Maps what another process has created. A file that is too small is refused: reading beyond it would be
    /// fatal.
    pub(super) fn map(file: OwnedFd, workers: u32, records: u32) -> io::Result<Self> {
        let file = File::from(file);
        let (workers, records) = (workers as usize, records as usize);
        let bytes = bytes(workers, records);
        if file.metadata()?.len() < bytes as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the ledger's memory is too small",
            ));
        }
        let map = MmapOptions::new().len(bytes).map_raw(&file)?;
        Ok(Self {
            map,
            file,
            workers,
            records,
        })
    }

    pub(super) fn head(&self) -> &LedgerHead {
        // SAFETY: see `part`; the mapping begins with a `LedgerHead`.
        unsafe { &*self.map.as_ptr().cast::<LedgerHead>() }
    }

    pub(super) fn slots(&self) -> &[SlotCounters] {
        // SAFETY: `bytes` makes room for so many slots behind the head.
        unsafe { self.part(size_of::<LedgerHead>(), self.workers) }
    }

    pub(super) fn records(&self) -> &[RecordWords] {
        let slots = self.workers * size_of::<SlotCounters>();
        // SAFETY: `bytes` makes room for so many records behind the slots.
        unsafe { self.part(size_of::<LedgerHead>() + slots, self.records) }
    }

    /// `count` structures from the byte `offset` on.
    ///
    /// # Safety
    /// They must lie within the mapping, and `offset` must be a sum of sizes of structures of `layout`.
    unsafe fn part<T>(&self, offset: usize, count: usize) -> &[T] {
        // SAFETY: the caller says that they lie within the mapping, which is readable and writable and lives
        // as long as `self`. It begins on a page, and the size of each structure is a multiple of its
        // alignment of 64 bytes, so all are aligned. All zero is valid for each, as they consist of
        // `AtomicU64`; every process touches these bytes through atomics only, and the file is never
        // truncated after it was made.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(offset).cast::<T>(), count) }
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn bytes(workers: usize, records: usize) -> usize {
    size_of::<LedgerHead>() + workers * size_of::<SlotCounters>() + records * size_of::<RecordWords>()
}
