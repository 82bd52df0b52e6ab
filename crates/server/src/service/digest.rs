//! An object's digest where it is not known yet: the object is read through, and the digest is kept with it.

use std::ops::ControlFlow;

use blake3::Hasher;
use haul_store::{Key, Meta, Reader, Store};

use super::{OpError, Operation, Service, Working, store_error};
use crate::access::RequestLog;
use crate::budget::Permit;
use crate::buffers::PooledBuffers;
use crate::connections::ServedConnection;
use crate::drain::Drain;

/// An object that is being read through. The caller decides after each step whether its peer still wants the
/// digest.
#[derive(Debug)]
pub(crate) struct Digesting<'c> {
    key: Key,
    reader: Box<dyn Reader>,
    offset: u64,
    hasher: Hasher,
    buffers: PooledBuffers<'c>,
    store: &'c dyn Store,
    drain: &'c Drain,
    connection: &'c ServedConnection,
    _permit: Permit<'c>,
    _working: Working<'c>,
}

impl<'c> Service<'c> {
    /// Begins to read an object through.
    pub(crate) async fn digest(&self, log: &mut RequestLog, name: &str) -> Result<Digesting<'c>, OpError> {
        let key = self.enter(log, Operation::Stat, name)?;
        let permit = self.turn(&self.context.digests).await?;
        let opened = self.store().open(&key).await;
        Ok(Digesting {
            reader: opened.map_err(|error| store_error(error, log))?,
            key,
            offset: 0,
            hasher: Hasher::new(),
            buffers: self.buffers.take(),
            store: self.store(),
            drain: self.drain,
            connection: self.connection,
            _permit: permit,
            _working: Working::begin(self.connection),
        })
    }
}

impl Digesting<'_> {
    /// Reads one piece; breaks at the object's end.
    pub(crate) async fn step(&mut self, log: &RequestLog) -> Result<ControlFlow<()>, OpError> {
        let read = self.reader.read_at(self.offset, &mut self.buffers.content).await;
        let bytes = read.map_err(|error| store_error(error.into(), log))?;
        if bytes == 0 {
            return Ok(ControlFlow::Break(()));
        }
        self.hasher.update(&self.buffers.content[..bytes]);
        self.offset += bytes as u64;
        if self.drain.has_begun() {
            return Err(OpError::Draining);
        }
        if self.connection.gives_way() {
            return Err(OpError::GivesWay);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The facts of the version that was read, with its digest, which is kept with the object where that can
    /// be.
    pub(crate) async fn finish(self) -> Meta {
        let digest = self.hasher.finalize();
        let before = self.reader.meta().clone();
        let kept = self.store.keep_digest(&self.key, &before.etag, digest).await;
        Meta {
            digest: Some(digest),
            ..kept.unwrap_or(before)
        }
    }
}
