//! The clients that the queue has accepted and no worker serves yet, in the order in which they came.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, getrlimit};

use crate::ledger::HostAddress;

/// Clients that wait here at the most; further ones stay in the backlog.
const CLIENTS_MAX: usize = 4096;

/// A client that waits.
#[derive(Debug)]
pub(super) struct WaitingClient {
    stream: TcpStream,
    address: HostAddress,
    since: Instant,
    /// Whether it has sent anything. A silent client takes no place from another.
    has_spoken: bool,
}

impl WaitingClient {
    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

/// All clients that wait.
#[derive(Debug)]
pub(super) struct WaitingRoom {
    clients: Vec<WaitingClient>,
    clients_max: usize,
    /// How long one that says nothing is kept.
    silent_max: Duration,
    /// The number of the last turn of each address that had one lately.
    last_turns: HashMap<HostAddress, u64>,
    turn: u64,
}

impl WaitingRoom {
    pub(super) fn new(silent_max: Duration) -> Self {
        // A quarter of what the process may open: the rest is for connections and files.
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let quarter = usize::try_from(descriptors / 4).unwrap_or(usize::MAX);
        Self {
            clients: Vec::new(),
            clients_max: CLIENTS_MAX.min(quarter),
            silent_max,
            last_turns: HashMap::new(),
            turn: 1,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    pub(super) fn has_spoken(&self) -> bool {
        self.clients.iter().any(|client| client.has_spoken)
    }

    /// The addresses of those that have said something, in order.
    pub(super) fn spoken_addresses(&self) -> Vec<HostAddress> {
        let spoken = self.clients.iter().filter(|client| client.has_spoken);
        spoken.map(|client| client.address).collect()
    }

    /// Accepts what waits in the backlog, as far as there is room.
    pub(super) fn accept(&mut self, listeners: &[TcpListener], now: Instant) {
        for listener in listeners {
            while self.clients.len() < self.clients_max {
                match listener.accept() {
                    Ok((stream, peer)) => self.clients.push(WaitingClient {
                        stream,
                        address: HostAddress::from(peer.ip()),
                        since: now,
                        has_spoken: false,
                    }),
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    // No further client is there, or nothing is left to accept them with: they wait where
                    // they are.
                    Err(_) => break,
                }
            }
        }
        self.refresh(now);
    }

    /// Notes who has said something, and forgets who has gone or has been silent for too long.
    pub(super) fn refresh(&mut self, now: Instant) {
        let flags = PollFlags::IN | PollFlags::RDHUP;
        let mut polled: Vec<PollFd<'_>> = self
            .clients
            .iter()
            .map(|client| PollFd::new(&client.stream, flags))
            .collect();
        let at_once = Timespec::default();
        if polled.is_empty() || !matches!(poll(&mut polled, Some(&at_once)), Ok(ready) if ready > 0) {
            return self.forget_silent(now);
        }
        let found: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
        let mut found = found.into_iter();
        self.clients.retain_mut(|client| {
            let events = found.next().unwrap_or(PollFlags::empty());
            client.has_spoken = client.has_spoken
                || events.contains(PollFlags::IN) && matches!(client.stream.peek(&mut [0]), Ok(1));
            let is_lost = events.intersects(PollFlags::ERR | PollFlags::HUP);
            let has_ended = events.contains(PollFlags::RDHUP);
            !is_lost && (client.has_spoken || !has_ended)
        });
        self.forget_silent(now);
    }

    fn forget_silent(&mut self, now: Instant) {
        let silent_max = self.silent_max;
        self.clients
            .retain(|client| client.has_spoken || now.saturating_duration_since(client.since) < silent_max);
    }

    /// Takes out who is next: see [`super::policy::next`]. Those that have said nothing come after all
    /// others.
    pub(super) fn take_next(&mut self, served: &[HostAddress]) -> Option<WaitingClient> {
        let has_spoken = self.has_spoken();
        let candidates: Vec<usize> = (0..self.clients.len())
            .filter(|&index| self.clients[index].has_spoken == has_spoken)
            .collect();
        let addresses: Vec<HostAddress> = candidates
            .iter()
            .map(|&index| self.clients[index].address)
            .collect();
        let last_turn = |address| self.last_turns.get(&address).copied().unwrap_or(0);
        let next = super::policy::next(served, &addresses, last_turn)?;
        let client = self.clients.remove(candidates[next]);
        self.turn += 1;
        self.last_turns.insert(client.address, self.turn);
        self.forget_turns();
        Some(client)
    }

    /// Forgets the turns of addresses that have left, once there are more of them than can be here.
    fn forget_turns(&mut self) {
        if self.last_turns.len() > 2 * CLIENTS_MAX {
            let clients = &self.clients;
            self.last_turns
                .retain(|&address, _| clients.iter().any(|client| client.address == address));
        }
    }

    /// The addresses that are served now have their turn.
    pub(super) fn note_served(&mut self, served: impl Iterator<Item = HostAddress>) {
        let turn = self.turn;
        self.last_turns.extend(served.map(|address| (address, turn)));
        self.forget_turns();
    }

    pub(super) fn put_back(&mut self, client: WaitingClient) {
        self.clients.insert(0, client);
    }

    /// Takes in, before all others, those that were handed over and that no worker had room for, in order.
    pub(super) fn put_back_all(&mut self, returned: Vec<(TcpStream, SocketAddr)>, now: Instant) {
        let clients = returned.into_iter().map(|(stream, peer)| WaitingClient {
            stream,
            address: HostAddress::from(peer.ip()),
            since: now,
            has_spoken: false,
        });
        self.clients.splice(0..0, clients);
    }
}
