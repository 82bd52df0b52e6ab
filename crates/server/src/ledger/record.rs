//! One record for each connection that a pool may serve, beside the counters: what the connection does at the
//! moment, for the queue, which sees those of all workers, and the queue's order to it. Only the worker that
//! serves the connection writes what it does, only the queue writes the order.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::layout::{RecordWords, load, store};
use super::memory::Memory;

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum ConnectionPhase {
    /// It has not said anything yet.
    Silent = 0,
    /// It is between two requests.
    Idle = 1,
    /// A request or its reply passes.
    Request = 2,
    /// The server works on a request, or the request awaits its turn; no byte is to pass.
    Work = 3,
    /// The rest of what was refused is read and discarded.
    Ending = 4,
}

/// Why a connection is asked to end, while clients wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Reason {
    /// It is idle.
    Idle = 1,
    /// It has had its turn.
    Turn = 2,
    /// Its address has more connections than that of a client that waits.
    Share = 3,
    /// It has been sending the rest of a refused request for too long.
    Discarding = 4,
    /// It moves fewer bytes than the minimum rate.
    Stalled = 5,
    /// Its address has more connections than that of a client that waits, and this one is slow.
    SlowShare = 6,
}

impl Reason {
    const ALL: [Self; 6] = [
        Self::Idle,
        Self::Turn,
        Self::Share,
        Self::Discarding,
        Self::Stalled,
        Self::SlowShare,
    ];

    /// Whether the connection is to end in the middle of a request too, not just between two.
    pub(crate) fn ends_requests(self) -> bool {
        matches!(self, Self::Discarding | Self::Stalled | Self::SlowShare)
    }

    /// As the log says it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "it was idle",
            Self::Turn => "it had been served for long enough",
            Self::Share => "its address had more connections than that of a waiting client",
            Self::Discarding => "it went on sending what had been refused",
            Self::Stalled => "it was below the minimum rate",
            Self::SlowShare => {
                "it was slow, and its address had more connections than that of a waiting client"
            }
        }
    }
}

/// The address of a peer, as far as it tells one host from another: all of an IPv4 address, and of an IPv6
/// address the 64 bits that one host is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HostAddress(u64);

/// IPv4 addresses lie where IPv6 has multicast addresses, which no peer has.
const IPV4: u64 = 0xffff_ffff_0000_0000;

impl From<IpAddr> for HostAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(address) => IPV4 | u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        })
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u32::try_from(self.0 ^ IPV4) {
            Ok(address) => Ipv4Addr::from_bits(address).fmt(f),
            Err(_) => write!(f, "{}/64", Ipv6Addr::from_bits(u128::from(self.0) << 64)),
        }
    }
}

/// The record of one connection.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionRecord {
    memory: Arc<Memory>,
    number: u32,
}

/// What a record said at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Another one for each connection that the record is taken for.
    pub(crate) generation: u64,
    pub(crate) address: HostAddress,
    pub(crate) worker: u32,
    pub(crate) phase: ConnectionPhase,
    /// Another one for each phase of the connection.
    pub(crate) phases: u64,
    pub(crate) moved_bytes: u64,
    /// Whether the peer has to do something before the connection can go on.
    pub(crate) waits_for_peer: bool,
}

impl ConnectionRecord {
    pub(super) fn new(memory: Arc<Memory>, number: u32) -> Self {
        Self { memory, number }
    }

    /// Takes the record for a connection.
    pub(crate) fn take(&self, address: HostAddress, worker: u32) {
        let words = self.words();
        for word in [&words.phase, &words.moved, &words.waiting, &words.order] {
            store(word, 0);
        }
        store(&words.address, address.0);
        store(&words.worker, worker.into());
        let generation = load(&words.generation);
        let next = (generation | 1) + if generation & 1 == 1 { 2 } else { 0 };
        words.generation.store(next, Ordering::Release);
    }

    /// The connection has ended, or its worker has died.
    pub(crate) fn give_back(&self) {
        let generation = &self.words().generation;
        generation.store(load(generation).next_multiple_of(2), Ordering::Release);
    }

    pub(crate) fn enter(&self, phase: ConnectionPhase) {
        let changes = (load(&self.words().phase) >> 8) + 1;
        store(&self.words().phase, changes << 8 | phase as u64);
    }

    pub(crate) fn phase(&self) -> ConnectionPhase {
        match load(&self.words().phase) & 0xff {
            0 => ConnectionPhase::Silent,
            1 => ConnectionPhase::Idle,
            3 => ConnectionPhase::Work,
            4 => ConnectionPhase::Ending,
            _ => ConnectionPhase::Request,
        }
    }

    pub(crate) fn count_moved(&self, bytes: usize) {
        // Only this worker writes to it: adding needs no lock of the memory bus.
        let moved = &self.words().moved;
        store(moved, load(moved) + bytes as u64);
    }

    pub(crate) fn set_waiting(&self, waits: bool) {
        store(&self.words().waiting, waits.into());
    }

    /// The order to the connection that has the record now.
    pub(crate) fn order(&self) -> Option<Reason> {
        let order = self.words().order.load(Ordering::Acquire);
        let generation = load(&self.words().generation);
        let reason = Reason::ALL
            .into_iter()
            .find(|&reason| reason as u64 == order & 0xff);
        reason.filter(|_| order >> 8 == generation)
    }

    /// WorkerInit the connection of that generation to end, or takes the order back. Returns whether that is
    /// new.
    pub(crate) fn set_order(&self, generation: u64, reason: Option<Reason>) -> bool {
        let order = reason.map_or(0, |reason| generation << 8 | reason as u64);
        self.words().order.swap(order, Ordering::AcqRel) != order
    }

    /// What the connection does now; `None` where there is none.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        let words = self.words();
        let generation = words.generation.load(Ordering::Acquire);
        (generation & 1 == 1).then(|| Snapshot {
            generation,
            address: HostAddress(load(&words.address)),
            worker: u32::try_from(load(&words.worker)).unwrap_or_default(),
            phase: self.phase(),
            phases: load(&words.phase) >> 8,
            moved_bytes: load(&words.moved),
            waits_for_peer: load(&words.waiting) != 0,
        })
    }

    fn words(&self) -> &RecordWords {
        &self.memory.records()[self.number as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> ConnectionRecord {
        ConnectionRecord::new(Arc::new(Memory::create(1, 1).unwrap()), 0)
    }

    fn host(text: &str) -> HostAddress {
        HostAddress::from(text.parse::<IpAddr>().unwrap())
    }

    #[test]
    fn an_order_reaches_the_connection_that_it_is_for_and_no_later_one() {
        let record = record();
        assert_eq!(record.snapshot(), None);
        record.take(host("127.0.0.1"), 3);
        let first = record.snapshot().unwrap();
        assert!(record.set_order(first.generation, Some(Reason::Share)));
        assert!(
            !record.set_order(first.generation, Some(Reason::Share)),
            "it is not new"
        );
        assert_eq!(record.order(), Some(Reason::Share));
        record.give_back();
        assert_eq!(record.snapshot(), None);
        record.take(host("127.0.0.1"), 3);
        record.set_order(first.generation, Some(Reason::Share));
        assert_eq!(record.order(), None);
    }

    #[test]
    fn a_record_says_what_its_connection_does() {
        let record = record();
        record.take(host("127.0.0.2"), 3);
        record.enter(ConnectionPhase::Idle);
        record.enter(ConnectionPhase::Request);
        record.count_moved(7);
        record.set_waiting(true);
        let snapshot = record.snapshot().unwrap();
        assert_eq!((snapshot.phase, snapshot.phases), (ConnectionPhase::Request, 2));
        assert_eq!((snapshot.moved_bytes, snapshot.worker), (7, 3));
        assert!(snapshot.waits_for_peer);
        assert_eq!(snapshot.address, host("127.0.0.2"));
        // A worker that died has not given it back.
        record.take(host("127.0.0.1"), 0);
        let next = record.snapshot().unwrap();
        assert!(next.generation != snapshot.generation && next.moved_bytes == 0);
    }

    #[test]
    fn one_host_of_ipv6_has_many_addresses() {
        assert_eq!(host("2001:db8::1"), host("2001:db8::ffff:1"));
        assert_ne!(host("2001:db8::1"), host("2001:db8:0:1::1"));
        assert_ne!(host("127.0.0.1"), host("127.0.0.2"));
        assert_eq!(host("192.0.2.7").to_string(), "192.0.2.7");
        assert_eq!(host("2001:db8::1").to_string(), "2001:db8::/64");
    }
}
