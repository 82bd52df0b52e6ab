//! Several transfers at a time: a producer finds them, workers do them, and the first failure to connect ends it all.

use std::{
    collections::HashMap,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use haul_client::{Address, Client, Error, Options, Peer};

use super::Outcome;

/// Transfers found but not begun, at most. It bounds memory however large a tree is; a waiting transfer costs its names.
const QUEUE_MAX: usize = 256;

/// Takes the transfers that a producer finds; `false` says that no more are wanted.
pub(super) struct Queue<'a, J> {
    sender: SyncSender<J>,
    lost: &'a AtomicBool,
}

impl<J> Queue<'_, J> {
    pub(super) fn push(&self, job: J) -> bool {
        !self.lost.load(Ordering::Relaxed) && self.sender.send(job).is_ok()
    }
}

/// The clients of one worker: one for each server.
pub(super) struct Clients<'a> {
    fleet: &'a Fleet,
    clients: HashMap<Address, Client>,
}

/// What all workers know of the servers.
pub(super) struct Fleet {
    options: Options,
    known: Mutex<HashMap<Address, Result<Peer, Unreachable>>>,
}

/// Why there was no connection, for those who need the same one.
#[derive(Clone)]
struct Unreachable {
    kind: io::ErrorKind,
    sentence: String,
}

impl Fleet {
    pub(super) fn new(options: Options) -> Fleet {
        Fleet {
            options,
            known: Mutex::default(),
        }
    }

    pub(super) fn clients(&self) -> Clients<'_> {
        Clients {
            fleet: self,
            clients: HashMap::new(),
        }
    }

    /// A client that knows what the server speaks: the first one asks, and the others wait for what it learns.
    fn client(&self, address: &Address) -> Result<Client, Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(address) {
            Some(Ok(peer)) => {
                return Ok(Client::with_peer(
                    address.clone(),
                    self.options.clone(),
                    peer.clone(),
                ));
            }
            Some(Err(Unreachable { kind, sentence })) => {
                let cause = io::Error::new(*kind, sentence.clone());
                return Err(Error::Connect {
                    address: address.clone(),
                    cause,
                });
            }
            None => {}
        }
        let mut client = Client::new(address.clone(), self.options.clone());
        match client.spoken(&mut ()) {
            Ok(_) => {
                known.insert(address.clone(), Ok(client.peer()));
                Ok(client)
            }
            Err(Error::Connect { address, cause }) => {
                let unreachable = Unreachable {
                    kind: cause.kind(),
                    sentence: cause.to_string(),
                };
                known.insert(address.clone(), Err(unreachable));
                Err(Error::Connect { address, cause })
            }
            Err(error) => Err(error),
        }
    }
}

impl Clients<'_> {
    /// The client of a server.
    pub(super) fn of(&mut self, address: &Address) -> Result<&mut Client, Error> {
        if !self.clients.contains_key(address) {
            let client = self.fleet.client(address)?;
            self.clients.insert(address.clone(), client);
        }
        Ok(self.clients.get_mut(address).expect("it was inserted above"))
    }
}

/// Does what `produce` finds, `workers` (at least one) at a time, and gives the outcome of it all. `produce` runs
/// beside them and says itself how finding went. After a failure to connect nothing more is begun.
pub(super) fn run<J: Send>(
    workers: usize,
    fleet: &Fleet,
    produce: impl FnOnce(&Queue<'_, J>) -> Outcome,
    transfer: impl Fn(&mut Clients<'_>, J) -> Outcome + Sync,
) -> Outcome {
    let (sender, receiver) = sync_channel(QUEUE_MAX);
    let receiver = Mutex::new(receiver);
    let lost = AtomicBool::new(false);
    let work = || {
        let mut clients = fleet.clients();
        let mut total = Outcome::Done;
        while let Some(job) = next(&receiver) {
            if lost.load(Ordering::Relaxed) {
                continue;
            }
            let outcome = transfer(&mut clients, job);
            if outcome == Outcome::NotConnected {
                lost.store(true, Ordering::Relaxed);
            }
            total = total.and(outcome);
        }
        total
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers.max(1)).map(|_| scope.spawn(work)).collect();
        let queue = Queue { sender, lost: &lost };
        let found = produce(&queue);
        drop(queue);
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or(Outcome::Failed))
            .fold(found, Outcome::and)
    })
}

fn next<J>(receiver: &Mutex<Receiver<J>>) -> Option<J> {
    receiver
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .recv()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn fleet() -> Fleet {
        Fleet::new(Options::default())
    }

    #[test]
    fn everything_that_is_found_is_done_once() {
        let sum = AtomicUsize::new(0);
        let outcome = run(
            3,
            &fleet(),
            |queue| {
                assert!((1..=1000).all(|job| queue.push(job)));
                Outcome::Done
            },
            |_, job| {
                sum.fetch_add(job, Ordering::Relaxed);
                Outcome::Done
            },
        );
        assert_eq!((sum.into_inner(), outcome), (500_500, Outcome::Done));
    }

    #[test]
    fn nothing_is_begun_after_a_failure_to_connect() {
        let begun = AtomicUsize::new(0);
        let outcome = run(
            1,
            &fleet(),
            |queue| {
                // The queue holds fewer than these, so the failure is known before the last of them.
                assert!(!(0..2 * QUEUE_MAX).all(|job| queue.push(job)));
                Outcome::Done
            },
            |_, _| {
                begun.fetch_add(1, Ordering::Relaxed);
                Outcome::NotConnected
            },
        );
        assert_eq!((begun.into_inner(), outcome), (1, Outcome::NotConnected));
    }

    #[test]
    fn the_outcome_tells_of_failures_in_finding_and_in_doing() {
        let outcome = run(
            2,
            &fleet(),
            |queue| {
                queue.push(());
                Outcome::NotFound
            },
            |_, ()| Outcome::Failed,
        );
        assert_eq!(outcome, Outcome::Failed);
    }
}
