//! Writing an object in flight, and publishing it.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::FutureExt;

use super::io_site::IoSite;
use super::locks::{LockMode, Ticket};
use super::publish::{BegunUpload, Publication, PublishOutcome, UploadTarget};
use super::{Blocking, Disk, Durability, spawn_blocking_io};
use crate::{Answer, Commit, Error, Key, Meta, Writer};

/// The most that is written at once. It bounds what one decision about where to write is for, and the memory
/// that a call on the blocking pool holds.
const PIECE_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct LocalWriter {
    disk: Arc<Disk>,
    target: UploadTarget,
    begun: BegunUpload,
    place: IoSite,
    /// Whether every write so far went to its end: neither refused nor abandoned half-way.
    whole: bool,
    /// The buffer of the last call on the pool, kept for the next.
    spare: Vec<u8>,
}

impl LocalWriter {
    pub(super) fn new(disk: Arc<Disk>, target: UploadTarget, begun: BegunUpload) -> Self {
        Self {
            disk,
            target,
            begun,
            place: IoSite::default(),
            whole: true,
            spare: Vec::new(),
        }
    }

    /// The file in flight, for content that does not come through [`Writer::write`].
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(self.begun.temp.file())
    }

    async fn append(&mut self, content: &[u8]) -> Result<(), Error> {
        let was_whole = std::mem::replace(&mut self.whole, false);
        for piece in content.chunks(PIECE_BYTES_MAX) {
            let (took, written) = match (self.disk.blocking, self.place) {
                (Blocking::Offload, IoSite::BlockingPool) => self.write_on_pool(piece).await?,
                _ => write_timed(self.begun.temp.file(), piece),
            };
            self.place = IoSite::after(took);
            written?;
        }
        self.whole = was_whole;
        Ok(())
    }

    async fn write_on_pool(&mut self, piece: &[u8]) -> io::Result<(Duration, io::Result<()>)> {
        let file = Arc::clone(self.begun.temp.file());
        let mut own = std::mem::take(&mut self.spare);
        own.clear();
        own.extend_from_slice(piece);
        let (own, outcome) = spawn_blocking_io(move || {
            let outcome = write_timed(&file, &own);
            (own, outcome)
        })
        .await?;
        self.spare = own;
        Ok(outcome)
    }

    /// Ends the upload: the content is complete.
    pub(super) fn seal(self, facts: Commit) -> Result<Publication, Error> {
        let sealed = (SystemTime::now(), Ticket::now());
        Publication::new(&self.disk, self.target, self.begun, facts, sealed)
    }
}

/// Publishes in place, however long it takes.
fn publish(mut publication: Publication) -> Result<Meta, Error> {
    match publication.publish(LockMode::Block)? {
        PublishOutcome::Published(meta) => Ok(meta),
        PublishOutcome::WouldWait => Err(Error::Busy),
    }
}

/// Publishes in place if there is nothing to wait for, which takes no longer than a write into memory, else
/// on the pool.
async fn publish_quickly(mut publication: Publication) -> Result<Meta, Error> {
    match publication.publish(LockMode::Try)? {
        PublishOutcome::Published(meta) => Ok(meta),
        PublishOutcome::WouldWait => spawn_blocking_io(move || publish(publication)).await?,
    }
}

impl Writer for LocalWriter {
    fn write<'a>(&'a mut self, content: &'a [u8]) -> Answer<'a, ()> {
        self.append(content).boxed()
    }

    fn publish_as(&mut self, key: Key) {
        self.target.key = key;
        self.begun.forget_replaced();
    }

    fn commit(self: Box<Self>, facts: Commit) -> Answer<'static, Meta> {
        async move {
            if !self.whole {
                return Err(Error::Io(io::Error::other(
                    "an earlier write to this object failed",
                )));
            }
            let (blocking, durability) = (self.disk.blocking, self.disk.durability);
            let publication = self.seal(facts)?;
            match (blocking, durability) {
                (Blocking::Inline, _) => publish(publication),
                (Blocking::Offload, Durability::Buffered) => publish_quickly(publication).await,
                (Blocking::Offload, Durability::Synced) => {
                    spawn_blocking_io(move || publish(publication)).await?
                }
            }
        }
        .boxed()
    }

    fn abort(self: Box<Self>) -> Answer<'static, ()> {
        let disk = Arc::clone(&self.disk);
        // Freeing the blocks of a large file may take long.
        let freed = move |_: &Arc<Disk>| {
            drop(self);
            Ok(())
        };
        async move { disk.run(freed).await }.boxed()
    }
}

fn write_timed(mut file: &File, content: &[u8]) -> (Duration, io::Result<()>) {
    let started = Instant::now();
    // This goes on after a short write and after an interruption.
    let written = file.write_all(content);
    (started.elapsed(), written)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tempfile::TempDir;

    use super::*;
    use crate::contract::{bytes, key};
    use crate::local::LocalStore;
    use crate::local::publish::begin;
    use crate::{Condition, Parents};

    fn writer_on_pool(root: &Path) -> Box<LocalWriter> {
        let store = LocalStore::open(root, Durability::Buffered, Blocking::Offload).unwrap();
        let target = UploadTarget {
            key: key("file"),
            condition: Condition::Always,
            parents: Parents::Make,
        };
        let begun = begin(&store.disk, &target).unwrap();
        let mut writer = LocalWriter::new(store.disk, target, begun);
        writer.place = IoSite::BlockingPool;
        Box::new(writer)
    }

    #[tokio::test]
    async fn content_written_on_the_pool_arrives_whole_and_in_order() {
        let (folder, content) = (TempDir::new().unwrap(), bytes(2_500_000, 1));
        let mut writer = writer_on_pool(folder.path());
        for chunk in content.chunks(1_200_000) {
            writer.place = IoSite::BlockingPool;
            writer.write(chunk).await.unwrap();
        }
        writer.commit(Commit::default()).await.unwrap();
        assert!(std::fs::read(folder.path().join("file")).unwrap() == content);
    }

    #[test]
    fn a_write_that_was_abandoned_half_way_cannot_be_committed() {
        let folder = TempDir::new().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            // The only thread of the pool is busy until it is told, so the write cannot begin before it is
            // abandoned.
            let (release, held) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || held.recv().is_err());
            let mut writer = writer_on_pool(folder.path());
            assert!(writer.write(&[1; 100]).now_or_never().is_none());
            drop(release);
            assert!(busy.await.unwrap());
            assert!(matches!(
                writer.commit(Commit::default()).await,
                Err(Error::Io(_))
            ));
        });
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
