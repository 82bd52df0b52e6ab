//! Several transfers at a time: a producer finds them, workers do them, and after a failure to connect the rest is left.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use haul_client::{Address, Client, Error, Options, Peer, Progress};

use super::CommandOutcome;

/// Transfers found but not begun, at most. The more of them are known, the sooner the sum of all is; it bounds memory
/// however large a tree is (a waiting transfer costs its names, some 200 bytes, so this is some 13 MB).
const QUEUE_MAX: usize = 65_536;

/// The transfers that a producer finds.
pub(super) struct JobQueue<J> {
    state: Mutex<BatchState<J>>,
    changed: Condvar,
    lost: AtomicBool,
}

struct BatchState<J> {
    jobs: VecDeque<J>,
    is_closed: bool,
}

impl<J> JobQueue<J> {
    fn new() -> JobQueue<J> {
        Self {
            state: Mutex::new(BatchState {
                jobs: VecDeque::new(),
                is_closed: false,
            }),
            changed: Condvar::new(),
            lost: AtomicBool::new(false),
        }
    }

    /// Adds one; waits while there are too many.
    pub(super) fn push(&self, job: J) {
        let mut state = self
            .changed
            .wait_while(self.state(), |state| state.jobs.len() >= QUEUE_MAX)
            .unwrap_or_else(PoisonError::into_inner);
        state.jobs.push_back(job);
        self.changed.notify_all();
    }

    /// Whether the server is lost, so that there is no use in asking it for more.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// The server is lost: nothing more is begun.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    fn next(&self) -> Option<J> {
        let mut state = self
            .changed
            .wait_while(self.state(), |state| state.jobs.is_empty() && !state.is_closed)
            .unwrap_or_else(PoisonError::into_inner);
        let job = state.jobs.pop_front();
        self.changed.notify_all();
        job
    }

    fn state(&self) -> MutexGuard<'_, BatchState<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the queue even if finding panics; otherwise the workers would never end.
struct Closing<'a, J>(&'a JobQueue<J>);

impl<J> Drop for Closing<'_, J> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The clients of one worker: one for each server.
pub(super) struct CachedClients<'a> {
    cache: &'a ClientCache,
    clients: HashMap<Address, Client>,
}

/// What all workers know of the servers.
pub(super) struct ClientCache {
    options: Options,
    known: Mutex<HashMap<Address, Result<Peer, Unreachable>>>,
}

/// Why there was no connection, for further jobs that need the same one.
#[derive(Clone)]
struct Unreachable {
    kind: io::ErrorKind,
    sentence: String,
}

impl ClientCache {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            known: Mutex::default(),
        }
    }

    pub(super) fn clients(&self) -> CachedClients<'_> {
        CachedClients {
            cache: self,
            clients: HashMap::new(),
        }
    }

    /// A client that knows what the server speaks: the first one asks, and the others wait for what it learns.
    fn client(&self, address: &Address, progress: &mut dyn Progress) -> Result<Client, Error> {
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
        match client.dialect(progress) {
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

impl CachedClients<'_> {
    /// The client of a server.
    pub(super) fn of(
        &mut self,
        address: &Address,
        progress: &mut dyn Progress,
    ) -> Result<&mut Client, Error> {
        if !self.clients.contains_key(address) {
            let client = self.cache.client(address, progress)?;
            self.clients.insert(address.clone(), client);
        }
        Ok(self.clients.get_mut(address).expect("it was inserted above"))
    }
}

/// Does what `produce` finds, `workers` (at least one) at a time, and gives the outcome of it all. `produce` runs
/// beside them and says itself how finding went. After a failure to connect nothing more is begun: what is found then, or
/// was before, is given to `leave`.
pub(super) fn run<J: Send>(
    workers: usize,
    cache: &ClientCache,
    produce: impl FnOnce(&JobQueue<J>) -> CommandOutcome,
    transfer: impl Fn(&mut CachedClients<'_>, J) -> CommandOutcome + Sync,
    leave: impl Fn(J) -> CommandOutcome + Sync,
) -> CommandOutcome {
    let queue = JobQueue::new();
    let work = || {
        let mut clients = cache.clients();
        let mut total = CommandOutcome::Done;
        while let Some(job) = queue.next() {
            if queue.is_lost() {
                total = total.and(leave(job));
                continue;
            }
            let outcome = transfer(&mut clients, job);
            if outcome == CommandOutcome::NotConnected {
                queue.lose();
            }
            total = total.and(outcome);
        }
        total
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers.max(1)).map(|_| scope.spawn(work)).collect();
        let closing = Closing(&queue);
        let found = produce(&queue);
        drop(closing);
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or(CommandOutcome::Failed))
            .fold(found, CommandOutcome::and)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn cache() -> ClientCache {
        ClientCache::new(Options::default())
    }

    #[test]
    fn everything_that_is_found_is_done_once() {
        let sum = AtomicUsize::new(0);
        let outcome = run(
            3,
            &cache(),
            |queue| {
                (1..=1000).for_each(|job| queue.push(job));
                CommandOutcome::Done
            },
            |_, job| {
                sum.fetch_add(job, Ordering::Relaxed);
                CommandOutcome::Done
            },
            |_| CommandOutcome::Failed,
        );
        assert_eq!((sum.into_inner(), outcome), (500_500, CommandOutcome::Done));
    }

    #[test]
    fn nothing_is_begun_after_a_failure_to_connect_and_everything_left_is_named() {
        let (begun, left) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let outcome = run(
            1,
            &cache(),
            |queue| {
                // The queue holds fewer than these, so some are found after the failure.
                (0..QUEUE_MAX + 1000).for_each(|job| queue.push(job));
                CommandOutcome::Done
            },
            |_, _| {
                begun.fetch_add(1, Ordering::Relaxed);
                CommandOutcome::NotConnected
            },
            |_| {
                left.fetch_add(1, Ordering::Relaxed);
                CommandOutcome::Done
            },
        );
        assert_eq!(
            (begun.into_inner(), left.into_inner(), outcome),
            (1, QUEUE_MAX + 999, CommandOutcome::NotConnected)
        );
    }

    #[test]
    fn the_outcome_tells_of_failures_in_finding_and_in_doing() {
        let outcome = run(
            2,
            &cache(),
            |queue| {
                queue.push(());
                CommandOutcome::NotFound
            },
            |_, ()| CommandOutcome::Failed,
            |()| CommandOutcome::Done,
        );
        assert_eq!(outcome, CommandOutcome::Failed);
    }
}
