//! How much memory a store may take, and the parts of it that are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// The memory that a store may take.
#[derive(Debug)]
pub(super) struct Quota {
    free: AtomicU64,
}

/// A part of a [`Quota`]. Dropped, it is given back.
#[derive(Debug)]
pub(super) struct Reservation {
    quota: Arc<Quota>,
    bytes: u64,
}

impl Quota {
    pub(super) fn new(bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            free: AtomicU64::new(bytes),
        })
    }

    pub(super) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// Takes `bytes`, or [`Error::NoSpace`] where there are not so many.
    pub(super) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reservation, Error> {
        let mut reserved = Reservation {
            quota: Arc::clone(self),
            bytes: 0,
        };
        reserved.grow(bytes)?;
        Ok(reserved)
    }
}

impl Reservation {
    /// Takes further `bytes`.
    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), Error> {
        let taken = self
            .quota
            .free
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
                free.checked_sub(bytes)
            });
        taken.map_err(|_| Error::NoSpace)?;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.quota.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}
