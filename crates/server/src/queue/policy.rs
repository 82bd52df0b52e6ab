//! Who is served next, and which connections end to make room. Pure decisions about plain data.
//!
//! Clients of one address wait in order and disturb no connection that is above the minimum rate. Where
//! clients of several addresses want more than there is, the address with the fewest connections is next, and
//! one that has more than its share gives up an idle or slow one.

use std::collections::HashMap;
use std::time::Duration;

use crate::Limits;
use crate::ledger::{ConnectionPhase, HostAddress, Reason};

/// How fast a connection is, as far as that is its peer's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Not looked at for long enough.
    Unknown,
    Fast,
    /// Below [`Limits::SLOW_BYTES_PER_SECOND`].
    Slow,
    /// Below [`Limits::MINIMUM_BYTES_PER_SECOND`].
    Stalled,
}

/// A connection that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Served {
    /// The number of its record, and which of the connections that had it.
    pub(super) number: u32,
    pub(super) generation: u64,
    pub(super) address: HostAddress,
    pub(super) worker: u32,
    pub(super) phase: ConnectionPhase,
    /// How long it has been in that phase, and served at all, since the pool is full.
    pub(super) in_phase: Duration,
    pub(super) for_long: Duration,
    pub(super) pace: Pace,
}

/// Connections of each address.
type Counts = HashMap<HostAddress, usize>;

/// Which of the waiting clients is next: of the address with the fewest connections, and among several such
/// the one whose last turn, as `last_turn` numbers them, is longest ago, the client that has waited longest.
pub(super) fn next(
    served: &[HostAddress],
    waiting: &[HostAddress],
    last_turn: impl Fn(HostAddress) -> u64,
) -> Option<usize> {
    let counts = count(served.iter().copied());
    (0..waiting.len()).min_by_key(|&index| {
        let address = waiting[index];
        (counts.get(&address).copied().unwrap_or(0), last_turn(address))
    })
}

/// How many of the clients that were handed over, and that no worker has taken, are to wait in the queue
/// again: those for whom no place is left.
pub(super) fn surplus(capacity: u64, open: u64, untaken: u64) -> u64 {
    untaken.min((open + untaken).saturating_sub(capacity))
}

/// Why each connection is to end, if it is: one answer for each of `served`. A client waits; `waiting` are
/// the addresses that are known, in order. `silent_max` is how long a client that has said nothing is kept.
pub(super) fn orders(
    served: &[Served],
    waiting: &[HostAddress],
    silent_max: Duration,
) -> Vec<Option<Reason>> {
    let mut orders: Vec<Option<Reason>> = served
        .iter()
        .map(|connection| for_any_client(connection, silent_max))
        .collect();
    make_room(served, waiting, &mut orders);
    orders
}

/// Why a connection is to end, whichever client waits.
fn for_any_client(connection: &Served, silent_max: Duration) -> Option<Reason> {
    let Served {
        in_phase, for_long, ..
    } = *connection;
    match connection.phase {
        ConnectionPhase::Silent => (in_phase >= silent_max).then_some(Reason::Idle),
        ConnectionPhase::Idle if in_phase >= Limits::IDLE_WHILE_OTHERS_WAIT => Some(Reason::Idle),
        ConnectionPhase::Ending => {
            (in_phase >= Limits::DISCARDING_WHILE_OTHERS_WAIT).then_some(Reason::Discarding)
        }
        ConnectionPhase::Request if connection.pace == Pace::Stalled => Some(Reason::Stalled),
        // It ends between two requests, when it gets there.
        ConnectionPhase::Idle | ConnectionPhase::Request | ConnectionPhase::Work => {
            (for_long >= Limits::TURN_WHILE_OTHERS_WAIT).then_some(Reason::Turn)
        }
    }
}

/// For each waiting client whose address has fewer connections than another: one of the other's is to end.
fn make_room(served: &[Served], waiting: &[HostAddress], orders: &mut [Option<Reason>]) {
    let mut counts = count(served.iter().map(|connection| connection.address));
    let totals = count(
        served
            .iter()
            .map(|connection| connection.address)
            .chain(waiting.iter().copied()),
    );
    let mut left: Vec<HostAddress> = waiting.to_vec();
    let mut leaving = served
        .iter()
        .zip(&*orders)
        .filter(|(connection, order)| ends_now(connection, **order))
        .count();
    while let Some(index) = fewest(&counts, &left) {
        let newcomer = left.remove(index);
        if leaving > 0 {
            leaving -= 1;
            *counts.entry(newcomer).or_default() += 1;
            continue;
        }
        let of = |counts: &Counts, address| counts.get(&address).copied().unwrap_or(0);
        let has_more = |connection: &Served| {
            let (theirs, ours) = (of(&counts, connection.address), of(&counts, newcomer));
            theirs >= ours + 2
                || (theirs == ours + 1 && of(&totals, connection.address) > of(&totals, newcomer))
        };
        let givers =
            (0..served.len()).filter(|&at| !ends_now(&served[at], orders[at]) && has_more(&served[at]));
        let giver = givers
            .clone()
            .filter_map(|at| Some((willingness(&served[at])?, at)))
            .max_by_key(|&(willing, at)| (of(&counts, served[at].address), willing, served[at].in_phase));
        match giver {
            Some((_, at)) => {
                orders[at] = Some(share(&served[at]));
                *counts.entry(served[at].address).or_default() -= 1;
                *counts.entry(newcomer).or_default() += 1;
            }
            None => {
                // All of them are busy and fast: the first that ends a request makes room.
                let busy: Vec<usize> = givers.collect();
                for at in busy {
                    orders[at].get_or_insert(Reason::Share);
                }
                return;
            }
        }
    }
}

fn fewest(counts: &Counts, waiting: &[HostAddress]) -> Option<usize> {
    (0..waiting.len()).min_by_key(|&index| counts.get(&waiting[index]).copied().unwrap_or(0))
}

fn ends_now(connection: &Served, order: Option<Reason>) -> bool {
    let is_between = matches!(connection.phase, ConnectionPhase::Silent | ConnectionPhase::Idle);
    order.is_some_and(|reason| is_between || reason.ends_requests())
}

/// How little is lost when a connection ends now; `None` where too much is.
fn willingness(connection: &Served) -> Option<u8> {
    match (connection.phase, connection.pace) {
        (ConnectionPhase::Silent | ConnectionPhase::Idle, _) => Some(4),
        (ConnectionPhase::Ending, _) => Some(3),
        (ConnectionPhase::Work, _) => Some(2),
        (ConnectionPhase::Request, Pace::Stalled | Pace::Slow) => Some(1),
        (ConnectionPhase::Request, Pace::Unknown | Pace::Fast) => None,
    }
}

fn share(connection: &Served) -> Reason {
    match connection.phase {
        ConnectionPhase::Silent | ConnectionPhase::Idle => Reason::Share,
        ConnectionPhase::Ending => Reason::Discarding,
        ConnectionPhase::Request | ConnectionPhase::Work => Reason::SlowShare,
    }
}

fn count(addresses: impl Iterator<Item = HostAddress>) -> Counts {
    let mut counts = Counts::new();
    for address in addresses {
        *counts.entry(address).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests;
