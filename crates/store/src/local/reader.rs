//! Reading an open object. A thread that serves many connections reads in place what is in memory already.
//! Reads that need the disk run on the blocking pool.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use rustix::io::{Errno, ReadWriteFlags, preadv2};

use super::{Blocking, spawn_blocking_io};
use crate::{Meta, Reader};

/// The most that one call on the blocking pool reads, which is also the memory that a reader keeps for such
/// calls.
const POOL_READ_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct LocalReader {
    file: Arc<File>,
    meta: Meta,
    site: ReadSite,
    /// The buffer of the last call on the pool, kept for the next.
    spare: Vec<u8>,
}

/// Where a reader's system calls run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadSite {
    /// In place, however long it takes.
    Inline,
    /// In place if no disk is needed, else on the pool.
    CacheFirst,
    /// On the pool, since the file system cannot say which reads need no disk.
    BlockingPool,
}

impl LocalReader {
    /// `in_memory` says that the file system is one that has no disk.
    pub(super) fn new(file: File, meta: Meta, blocking: Blocking, in_memory: bool) -> Self {
        let site = match blocking {
            Blocking::Offload if !in_memory => ReadSite::CacheFirst,
            _ => ReadSite::Inline,
        };
        Self {
            file: Arc::new(file),
            meta,
            site,
            spare: Vec::new(),
        }
    }

    /// Reads what is in memory; `None` where the pool has to be asked.
    fn read_cached(&mut self, offset: u64, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let mut buffers = [IoSliceMut::new(buffer)];
        match preadv2(&self.file, &mut buffers, offset, ReadWriteFlags::NOWAIT) {
            // Linux 5.9 and 5.10 also return 0 when they would have to wait (preadv2(2), BUGS).
            Ok(0) if offset < self.meta.size => None,
            Err(Errno::AGAIN | Errno::INTR) => None,
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                self.site = ReadSite::BlockingPool;
                None
            }
            read => Some(read.map_err(Into::into)),
        }
    }

    async fn read_on_pool(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = Arc::clone(&self.file);
        let mut own = std::mem::take(&mut self.spare);
        own.resize(buffer.len().min(POOL_READ_BYTES_MAX), 0);
        let (own, read) = spawn_blocking_io(move || {
            let read = read_here(&file, offset, &mut own);
            (own, read)
        })
        .await?;
        self.spare = own;
        let length = read?;
        buffer[..length].copy_from_slice(&self.spare[..length]);
        Ok(length)
    }
}

impl Reader for LocalReader {
    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        (self.site == ReadSite::Inline).then(|| self.file.as_fd())
    }

    fn read_at<'a>(&'a mut self, offset: u64, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<usize>> {
        async move {
            // The kernel counts offsets with a sign, and refuses a read beyond that where no file can reach.
            let end = offset.checked_add(buffer.len() as u64).map(i64::try_from);
            if buffer.is_empty() || !matches!(end, Some(Ok(_))) {
                return Ok(0);
            }
            if self.site == ReadSite::Inline {
                return read_here(&self.file, offset, buffer);
            }
            if self.site == ReadSite::CacheFirst
                && let Some(read) = self.read_cached(offset, buffer)
            {
                return read;
            }
            self.read_on_pool(offset, buffer).await
        }
        .boxed()
    }
}

fn read_here(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use rustix::fs::{Advice, fadvise};
    use tempfile::TempDir;

    use super::*;
    use crate::contract::{Executor, bytes};

    fn reader_of(folder: &TempDir, content: &[u8], in_memory: bool) -> LocalReader {
        std::fs::write(folder.path().join("file"), content).unwrap();
        let file = File::open(folder.path().join("file")).unwrap();
        let size = content.len() as u64;
        let meta = Meta {
            size,
            modified: SystemTime::UNIX_EPOCH,
            etag: String::new(),
            digest: None,
            mode: None,
        };
        LocalReader::new(file, meta, Blocking::Offload, in_memory)
    }

    fn whole(reader: &mut LocalReader, executor: Executor) -> Vec<u8> {
        let (mut content, mut chunk) = (Vec::new(), vec![0; 300_000]);
        loop {
            let length = executor
                .wait(reader.read_at(content.len() as u64, &mut chunk))
                .unwrap();
            if length == 0 {
                return content;
            }
            content.extend_from_slice(&chunk[..length]);
        }
    }

    #[test]
    fn what_the_cache_has_lost_comes_from_the_pool() {
        let (folder, content) = (TempDir::new().unwrap(), bytes(1_000_000, 1));
        let mut reader = reader_of(&folder, &content, false);
        reader.file.sync_all().unwrap();
        fadvise(&reader.file, 0, None, Advice::DontNeed).unwrap();
        assert!(whole(&mut reader, Executor::Tokio) == content);
    }

    #[test]
    fn a_file_system_that_cannot_tell_is_read_on_the_pool() {
        let (folder, content) = (TempDir::new().unwrap(), bytes(700_000, 2));
        let mut reader = reader_of(&folder, &content, false);
        reader.site = ReadSite::BlockingPool;
        assert!(whole(&mut reader, Executor::Tokio) == content);
        assert!(reader.spare.capacity() <= POOL_READ_BYTES_MAX);
    }

    #[test]
    fn a_file_system_in_memory_is_read_in_place() {
        let (folder, content) = (TempDir::new().unwrap(), bytes(700_000, 3));
        assert!(whole(&mut reader_of(&folder, &content, true), Executor::Ready) == content);
    }
}
