//! The buffers that bytes move through: made once, used again, never zeroed twice.

use std::sync::{Mutex, PoisonError};

/// Room behind the moved bytes for the end of a reply, so that it needs no write of its own.
const SLACK_BYTES: usize = 64;

/// Two buffers for one connection that is moving bytes.
#[derive(Debug)]
pub(crate) struct Buffers {
    /// Bytes as they are on the wire: `--buffer` of them, and a little slack behind.
    pub(crate) wire: Box<[u8]>,
    /// The content that base64 of `--buffer` bytes stands for: three quarters of it.
    pub(crate) content: Box<[u8]>,
}

impl Buffers {
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
    spare: Mutex<Vec<Buffers>>,
}

impl BufferPool {
    /// `bytes`: the size of a wire buffer. `kept_max`: how many unused pairs are kept; further ones are freed.
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

    pub(crate) fn take(&self) -> Buffers {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_else(|| Buffers::new(self.bytes))
    }

    pub(crate) fn put_back(&self, buffers: Buffers) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < self.kept_max {
            spare.push(buffers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again_and_no_more_are_kept_than_allowed() {
        let buffers = BufferPool::new(4096, 1);
        let (first, second) = (buffers.take(), buffers.take());
        let address = first.wire.as_ptr();
        buffers.put_back(first);
        buffers.put_back(second);
        assert_eq!(buffers.take().wire.as_ptr(), address);
        assert!(buffers.spare.lock().unwrap().is_empty());
    }
}
