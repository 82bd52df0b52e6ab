//! An object's content on its way in. It becomes visible as a whole or not at all.

use std::time::SystemTime;

use blake3::Hasher;
use haul_store::{Commit, CreateOptions, Meta, Writer};
use haul_types::{Condition, Digest};

use super::{OpError, Operation, Service, store_error};
use crate::access::RequestLog;

/// An object in flight. Dropped before it is committed, it never was.
#[derive(Debug)]
pub(crate) struct ObjectWriter {
    writer: Box<dyn Writer>,
    received: u64,
    bytes_max: Option<u64>,
    /// Computed while the bytes pass.
    hasher: Hasher,
}

/// What an object is to be committed with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WriteFacts {
    /// The digest that the content must have.
    pub(crate) digest: Option<Digest>,
    /// The modification time; `None` is the time of the commit.
    pub(crate) modified: Option<SystemTime>,
    /// The permission bits; `None` is what a new object has anyway.
    pub(crate) mode: Option<u32>,
}

impl Service<'_> {
    /// Opens an object for writing. `size`: the bytes that will come, where that is known.
    pub(crate) async fn write(
        &self,
        log: &mut RequestLog,
        name: &str,
        condition: Condition,
        size: Option<u64>,
    ) -> Result<ObjectWriter, OpError> {
        let key = self.enter(log, Operation::Write, name)?;
        let bytes_max = self.context.facts.upload_bytes_max;
        check_size(size.unwrap_or(0), bytes_max)?;
        let options = CreateOptions {
            size_hint: size,
            ..CreateOptions::with_condition(condition)
        };
        let created = self.store().create(&key, options).await;
        Ok(ObjectWriter {
            writer: created.map_err(|error| store_error(error, log))?,
            received: 0,
            bytes_max,
            hasher: Hasher::new(),
        })
    }

    /// Lets an object in flight have another name than it was opened for.
    pub(crate) fn rename_in_flight(
        &self,
        log: &mut RequestLog,
        object: &mut ObjectWriter,
        name: &str,
    ) -> Result<(), OpError> {
        let key = self.enter(log, Operation::Write, name)?;
        object.writer.publish_as(key);
        Ok(())
    }
}

impl ObjectWriter {
    /// Bytes that have been announced to [`ObjectWriter::receive`].
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Bytes have arrived that are to be written. To be called once for each, before or when they are
    /// written.
    pub(crate) fn receive(&mut self, bytes: usize) -> Result<(), OpError> {
        self.received += bytes as u64;
        check_size(self.received, self.bytes_max)
    }

    pub(crate) async fn write(&mut self, content: &[u8], log: &RequestLog) -> Result<(), OpError> {
        self.hasher.update(content);
        let written = self.writer.write(content).await;
        written.map_err(|error| store_error(error, log))
    }

    /// Publishes the object, if its digest is the declared one; returns its facts and its digest.
    pub(crate) async fn commit(self, facts: WriteFacts, log: &RequestLog) -> Result<(Meta, Digest), OpError> {
        let digest = self.hasher.finalize();
        if facts.digest.is_some_and(|declared| declared != digest) {
            self.abort().await;
            return Err(OpError::OtherDigest);
        }
        let commit = Commit {
            digest: Some(digest),
            modified: facts.modified,
            mode: facts.mode,
        };
        let committed = self.writer.commit(commit).await;
        let meta = committed.map_err(|error| store_error(error, log))?;
        Ok((meta, digest))
    }

    /// Gives the object up. What is left of it in spite of that is the store's to sweep.
    pub(crate) async fn abort(self) {
        if let Err(error) = self.writer.abort().await {
            tracing::debug!(%error, "an upload that was given up is swept later");
        }
    }
}

fn check_size(bytes: u64, bytes_max: Option<u64>) -> Result<(), OpError> {
    match bytes_max {
        Some(max) if bytes > max => Err(OpError::TooLarge(max)),
        _ => Ok(()),
    }
}
