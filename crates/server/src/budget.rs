//! How many requests of an expensive kind run at once in one process, and how many of them for one address.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::ledger::HostAddress;

/// Permits for one kind of request.
#[derive(Debug)]
pub(crate) struct Budget {
    total_max: usize,
    each_max: usize,
    taken: Mutex<HashMap<HostAddress, usize>>,
    freed: Notify,
    waiting: AtomicUsize,
}

/// One permit; given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit<'b> {
    budget: &'b Budget,
    host: HostAddress,
}

impl Budget {
    /// `total_max` requests at once, of which one address has `each_max`.
    pub(crate) fn new(total_max: usize, each_max: usize) -> Self {
        Self {
            total_max,
            each_max,
            taken: Mutex::default(),
            freed: Notify::new(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Waits for a permit. The caller says for how long.
    pub(crate) async fn take(&self, host: HostAddress) -> Permit<'_> {
        let mut waiter = None;
        loop {
            let mut freed = pin!(self.freed.notified());
            // From here on no permit that is given back is missed.
            freed.as_mut().enable();
            if let Some(permit) = self.try_take(host) {
                return permit;
            }
            waiter.get_or_insert_with(|| Waiter::begin(&self.waiting));
            freed.await;
        }
    }

    /// Whether others wait for a permit.
    pub(crate) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    fn try_take(&self, host: HostAddress) -> Option<Permit<'_>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = taken.values().sum();
        let of_host = taken.get(&host).copied().unwrap_or(0);
        if total >= self.total_max || of_host >= self.each_max {
            return None;
        }
        taken.insert(host, of_host + 1);
        Some(Permit { budget: self, host })
    }
}

impl Permit<'_> {
    /// Whether others wait for one like it.
    pub(crate) fn is_wanted(&self) -> bool {
        self.budget.is_wanted()
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let mut taken = self.budget.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_host) = taken.get_mut(&self.host) {
            *of_host -= 1;
            if *of_host == 0 {
                taken.remove(&self.host);
            }
        }
        drop(taken);
        self.budget.freed.notify_waiters();
    }
}

/// Counts one that waits.
struct Waiter<'b>(&'b AtomicUsize);

impl<'b> Waiter<'b> {
    fn begin(waiting: &'b AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn host(number: u8) -> HostAddress {
        HostAddress::from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, number)))
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_leaves_some_to_the_others_and_who_waits_is_next() {
        let budget = Budget::new(3, 2);
        let (first, _second) = (budget.take(host(1)).await, budget.take(host(1)).await);
        let hour = Duration::from_secs(3600);
        assert!(timeout(hour, budget.take(host(1))).await.is_err());
        assert!(!first.is_wanted(), "no request waits any more");
        let _other = budget.take(host(2)).await;
        assert!(
            timeout(hour, budget.take(host(3))).await.is_err(),
            "all are taken"
        );
        let (third, ()) = tokio::join!(budget.take(host(3)), async {
            assert!(first.is_wanted());
            drop(first);
        });
        drop(third);
    }
}
