//! Copying an object, by the kernel where it can: some file systems share the blocks then.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::fs::copy_file_range;
use rustix::io::Errno;

use super::Disk;
use super::facts::FileFacts;
use super::publish::{UploadTarget, begin};
use super::writer::LocalWriter;
use crate::{Commit, Error, IfTaken, Key, Meta, Parents, Writer};

/// How much is copied at a time. A copy that is given up goes on for at most so much, and holds a thread
/// meanwhile.
const STEP_BYTES: usize = 32 * 1024 * 1024;
/// The size of the buffer where the kernel cannot copy and the content passes through this process.
const PIECE_BYTES: usize = 256 * 1024;

impl Disk {
    pub(super) async fn copy(
        self: &Arc<Self>,
        from: &Key,
        to: &Key,
        if_taken: IfTaken,
    ) -> Result<Meta, Error> {
        let opened = self.open_whole(from).await?;
        if from == to {
            return Err(Error::IntoItself);
        }
        let target = UploadTarget {
            key: to.clone(),
            condition: if_taken.condition(),
            parents: Parents::Require,
        };
        let writer = self.run(move |disk| {
            let begun = begin(disk, &target)?;
            Ok(LocalWriter::new(Arc::clone(disk), target, begun))
        });
        let writer = Box::new(writer.await?);
        self.copy_content(Arc::new(opened.file), &opened.facts, writer.file())
            .await?;
        let facts = Commit {
            digest: opened.kept.note().map(|note| note.digest),
            modified: None,
            mode: Some(opened.facts.owner.mode),
        };
        writer.commit(facts).await
    }

    /// Copies the content of an object of these facts, step by step.
    async fn copy_content(
        self: &Arc<Self>,
        source: Arc<File>,
        facts: &FileFacts,
        copy: Arc<File>,
    ) -> Result<(), Error> {
        let mut offset = 0;
        while offset < facts.size {
            let (from, to) = (Arc::clone(&source), Arc::clone(&copy));
            let left = usize::try_from(facts.size - offset).unwrap_or(usize::MAX);
            let step = move |_: &Arc<Self>| Ok(copy_step(&from, &to, offset, left.min(STEP_BYTES))?);
            match self.run(step).await? {
                0 => return Err(Error::Busy),
                copied => offset += copied as u64,
            }
        }
        let now = FileFacts::of(&*source)?;
        if (now.size, now.modified) == (facts.size, facts.modified) {
            return Ok(());
        }
        // Another program writes to the object, so the copy may be a mixture of two versions.
        Err(Error::Busy)
    }
}

/// Copies up to `bytes` from `offset` on; 0 where the object has become shorter.
fn copy_step(source: &File, copy: &File, offset: u64, bytes: usize) -> io::Result<usize> {
    let mut from = offset;
    match copy_file_range(source, Some(&mut from), copy, None, bytes) {
        // These errors come from a file system that cannot copy, or not to the other file system.
        Ok(0) | Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
            copy_through_here(source, copy, offset, bytes)
        }
        copied => Ok(copied?),
    }
}

fn copy_through_here(source: &File, mut copy: &File, offset: u64, bytes: usize) -> io::Result<usize> {
    let mut piece = vec![0; bytes.min(PIECE_BYTES)];
    let mut copied = 0;
    while copied < bytes {
        let wanted = piece.len().min(bytes - copied);
        match source.read_at(&mut piece[..wanted], offset + copied as u64) {
            Ok(0) => break,
            Ok(read) => {
                copy.write_all(&piece[..read])?;
                copied += read;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::contract::bytes;

    #[test]
    fn what_the_kernel_does_not_copy_passes_through_this_process() {
        let content = bytes(1_000_000, 1);
        let [source, copy] = [(); 2].map(|()| tempfile::tempfile().unwrap());
        source.write_all_at(&content, 0).unwrap();
        let mut offset = 0;
        while offset < content.len() {
            let left = content.len() - offset;
            offset += copy_through_here(&source, &copy, offset as u64, left.min(300_000)).unwrap();
        }
        assert_eq!(copy_through_here(&source, &copy, offset as u64, 1).unwrap(), 0);
        let mut copied = vec![0; content.len() + 1];
        assert_eq!(copy.read_at(&mut copied, 0).unwrap(), content.len());
        assert!(copied[..content.len()] == content);
        assert!(FileFacts::of(copy.as_fd()).is_ok());
    }
}
