//! Several transfers at a time: a producer finds them, workers do them, and the first failure to connect ends it all.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use haul_client::{Address, Client, Error, Options, Spoken};

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
    spoken: Mutex<HashMap<Address, Spoken>>,
}

impl Fleet {
    pub(super) fn new(options: Options) -> Fleet {
        Fleet {
            options,
            spoken: Mutex::default(),
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
        let mut spoken = self.spoken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(spoken) = spoken.get(address) {
            return Ok(Client::speaking(address.clone(), self.options.clone(), *spoken));
        }
        let mut client = Client::new(address.clone(), self.options.clone());
        spoken.insert(address.clone(), client.spoken()?);
        Ok(client)
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
