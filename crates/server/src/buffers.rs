//! The buffers that bytes move through: made once, used again, never zeroed twice.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Room behind the moved bytes for the end of a reply, so that it needs no write of its own.
const SLACK_BYTES: usize = 64;

/// Two buffers for one connection that is moving bytes.
#[derive(Debug, Default)]
pub(crate) struct BufferPair {
    /// Bytes as they are on the wire: `--buffer` of them, and a little slack behind.
    pub(crate) wire: Box<[u8]>,
    /// The content that base64 of `--buffer` bytes stands for: three quarters of it.
    pub(crate) content: Box<[u8]>,
}

impl BufferPair {
    fn new(bytes: usize) -> Self {
        let zeroed = |length| vec![0; length].into_boxed_slice();
        Self {
            wire: zeroed(bytes + SLACK_BYTES),
            content: zeroed(bytes / 4 * 3),
        }
    }
}

/// The buffers that no connection of this worker uses at the moment.
#[derive(Debug)]
pub(crate) struct BufferPool {
    bytes: usize,
    kept_max: usize,
    spare: Mutex<Vec<BufferPair>>,
}

/// Buffers of a pool, which return to it when they are dropped.
#[derive(Debug)]
pub(crate) struct PooledBuffers<'p> {
    pool: &'p BufferPool,
    pair: BufferPair,
}

impl BufferPool {
    /// `bytes`: the size of a wire buffer. `kept_max`: how many unused pairs are kept; further ones are
    /// freed.
    pub(crate) fn new(bytes: usize, kept_max: usize) -> Self {
        Self {
            bytes,
            kept_max,
            spare: Mutex::default(),
        }
    }

    /// Bytes that are moved at a time.
    pub(crate) fn piece_bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn take(&self) -> PooledBuffers<'_> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        PooledBuffers {
            pool: self,
            pair: spare.unwrap_or_else(|| BufferPair::new(self.bytes)),
        }
    }
}

impl Deref for PooledBuffers<'_> {
    type Target = BufferPair;

    fn deref(&self) -> &BufferPair {
        &self.pair
    }
}

impl DerefMut for PooledBuffers<'_> {
    fn deref_mut(&mut self) -> &mut BufferPair {
        &mut self.pair
    }
}

impl Drop for PooledBuffers<'_> {
    fn drop(&mut self) {
        let mut spare = self.pool.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < self.pool.kept_max {
            spare.push(std::mem::take(&mut self.pair));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again_and_no_more_are_kept_than_allowed() {
        let pool = BufferPool::new(4096, 1);
        let (first, second) = (pool.take(), pool.take());
        let address = first.wire.as_ptr();
        drop(first);
        drop(second);
        assert_eq!(pool.take().wire.as_ptr(), address);
        assert_eq!(pool.spare.lock().unwrap().len(), 1, "it has returned again");
    }
}
