//! What a worker is made of, whatever its kind, and the two ways to serve: one connection at a time, or many.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream as StdStream};
use std::ops::Range;
use std::os::fd::AsFd as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use haul_store::{Blocking, LocalStore, Store};
use tokio::io::Interest;
use tokio::net::{TcpListener as AsyncListener, TcpStream, UnixDatagram};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::budget::Budget;
use crate::buffers::Shelf;
use crate::connections::Connections;
use crate::drain::Drain;
use crate::ledger::{Ledger, Slot, State};
use crate::listener::{self, Acceptor};
use crate::log_limit::LogLimit;
use crate::processors::Processors;
use crate::queue::{Receiver, Wakeup};
use crate::{Config, Kind, Limits, connection};

/// Spare pairs of buffers that a worker with many connections keeps: enough for the busy ones of a moment.
const SPARE_BUFFERS_MAX: usize = 64;

/// What all workers of one process share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ledger: Ledger,
    pub(crate) listeners: Arc<[TcpListener]>,
    pub(crate) drain: Drain,
    pub(crate) shelf: Shelf,
    pub(crate) processors: Processors,
    pub(crate) connections: Arc<Connections>,
    /// Where clients come from that have waited in the queue.
    pub(crate) queued: Receiver,
    pub(crate) listings: Budget,
    pub(crate) digests: Budget,
    exhaustion: LogLimit,
}

/// What a process of workers is given.
#[derive(Debug)]
pub(crate) struct Handed {
    pub(crate) ledger: Ledger,
    pub(crate) listeners: Arc<[TcpListener]>,
    pub(crate) queued: Receiver,
    pub(crate) wakeup: Wakeup,
}

impl Shared {
    /// The store works as the pool's kind needs it. `records`: the numbers of the ledger's records that the connections of
    /// this process share out.
    pub(crate) fn new(
        config: Config,
        store: &LocalStore,
        handed: Handed,
        records: Range<u32>,
        drain: Drain,
    ) -> Self {
        let blocking = if config.serves_one_at_a_time() {
            Blocking::Inline
        } else {
            Blocking::Offload
        };
        let kept = match config.pool.kind {
            // A process has one worker, and this shelf is its own.
            Kind::Processes => config.pool.connections.get(),
            Kind::Threads | Kind::Tasks => config.pool.capacity(),
        };
        let shelf = Shelf::new(config.limits.buffer_bytes, SPARE_BUFFERS_MAX.min(kept as usize));
        let Handed {
            ledger,
            listeners,
            queued,
            wakeup,
        } = handed;
        let connections = Connections::new(ledger.clone(), records, wakeup);
        Self {
            config,
            store: Arc::new(store.with_blocking(blocking)),
            ledger,
            listeners,
            drain,
            shelf,
            processors: Processors::of_this_machine(),
            connections: Arc::new(connections),
            queued,
            listings: Budget::new(Limits::LISTINGS_MAX, Limits::LISTINGS_MAX / 2),
            digests: Budget::new(Limits::DIGESTS_MAX, Limits::DIGESTS_MAX / 2),
            exhaustion: LogLimit::default(),
        }
    }

    /// This process or the system has nothing left for another connection. That counts as a full pool, so that idle
    /// connections make room.
    fn note_exhaustion(&self, error: &io::Error) {
        self.ledger.note_exhaustion();
        if let Some(unlogged) = self.exhaustion.admits() {
            tracing::warn!(%error, unlogged, "no further connection can be accepted now; idle ones make room");
        }
    }
}

/// One worker: its slot in the ledger, and what it shares.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) slot: Slot,
}

impl Worker {
    pub(crate) fn new(shared: &Arc<Shared>, number: u32) -> Self {
        Self {
            shared: Arc::clone(shared),
            slot: shared.ledger.slot(number),
        }
    }
}

/// Serves one connection after another on this thread until the drain. Only an error that no waiting mends ends it
/// earlier.
pub(crate) fn serve_one_at_a_time(worker: &Worker, runtime: &Runtime) -> io::Result<()> {
    let shared = &worker.shared;
    let acceptor = Acceptor::new(
        Arc::clone(&shared.listeners),
        shared.queued.clone(),
        shared.drain.bell(),
    )?;
    worker.slot.enter(State::Up);
    loop {
        match acceptor.accept(|| shared.ledger.clients_queue()) {
            Ok(Some((stream, peer))) => serve_guarded(worker, runtime, stream, peer),
            Ok(None) => return Ok(()),
            Err(error) if listener::is_exhaustion(&error) => {
                shared.note_exhaustion(&error);
                thread::sleep(listener::PAUSE_WHEN_EXHAUSTED);
            }
            Err(error) => return Err(error),
        }
    }
}

/// A panic costs the connection in which it happens, no other.
fn serve_guarded(worker: &Worker, runtime: &Runtime, stream: StdStream, peer: SocketAddr) {
    let served = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            match stream {
                Ok(stream) => connection::serve(stream, peer, worker).await,
                Err(error) => tracing::warn!(%peer, %error, "the connection cannot be served"),
            }
        });
    }));
    if served.is_err() {
        tracing::error!(%peer, worker = worker.slot.worker(), "a worker panicked; its connection is lost");
        worker.slot.count_restart();
        worker.slot.enter(State::Up);
    }
}

/// Serves up to `connections` at once on the runtime that this is called in, until the drain; returns when the last
/// one has ended. Each connection is entered in the slot of the worker with the fewest.
pub(crate) async fn serve_interleaved(workers: &[Worker], connections: usize) -> io::Result<()> {
    let entrance = Entrance::new(&workers[0].shared)?;
    let tracker = TaskTracker::new();
    for worker in workers {
        worker.slot.enter(State::Up);
    }
    accept_interleaved(entrance, workers, connections, &tracker).await;
    tracker.close();
    tracker.wait().await;
    Ok(())
}

async fn accept_interleaved(
    mut entrance: Entrance<'_>,
    workers: &[Worker],
    connections: usize,
    tracker: &TaskTracker,
) {
    let drain = &workers[0].shared.drain;
    let room = Arc::new(Semaphore::new(connections));
    loop {
        // One place is taken before it is known whose client will have it, not one for each listener: where nobody
        // waits must not be held what the client of another listener needs.
        let accepted = async {
            let permit = Arc::clone(&room)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            (permit, entrance.next().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = drain.begun() => return,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let worker = least_loaded(workers).clone();
                tracker.spawn(async move {
                    connection::serve(stream, peer, &worker).await;
                    drop(permit);
                });
            }
            Err(error) if listener::is_exhaustion(&error) => {
                workers[0].shared.note_exhaustion(&error);
                tokio::time::sleep(listener::PAUSE_WHEN_EXHAUSTED).await;
            }
            Err(error) if listener::is_stopped(&error) => return drain.begun().await,
            // The client has gone again before it was accepted.
            Err(error) => tracing::debug!(%error, "a connection was lost before it was accepted"),
        }
    }
}

/// Where clients come in to a worker that interleaves them: from the listeners, and from the queue where some wait there.
struct Entrance<'w> {
    shared: &'w Shared,
    listeners: Vec<AsyncListener>,
    queued: UnixDatagram,
    /// Which listener comes first where several have a client.
    turn: usize,
}

impl<'w> Entrance<'w> {
    fn new(shared: &'w Shared) -> io::Result<Self> {
        let listeners = shared.listeners.iter();
        let listeners = listeners.map(|listener| AsyncListener::from_std(listener.try_clone()?));
        Ok(Self {
            shared,
            listeners: listeners.collect::<io::Result<_>>()?,
            // To tokio every Unix socket that keeps the bounds of messages is a datagram socket.
            queued: UnixDatagram::from_std(shared.queued.as_fd().try_clone_to_owned()?.into())?,
            turn: 0,
        })
    }

    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.turn += 1;
        while self.shared.ledger.clients_queue() {
            // Looked at again from time to time: the last one in the queue may go to another worker, or away.
            if let Ok(received) = timeout(listener::QUEUE_RECHECK, self.accept_queued()).await {
                return received;
            }
        }
        tokio::select! {
            biased;
            received = self.accept_queued() => received,
            accepted = self.accept_listened() => accepted,
        }
    }

    async fn accept_queued(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let receive = || self.shared.queued.receive();
        let (stream, peer) = self.queued.async_io(Interest::READABLE, receive).await?;
        stream.set_nonblocking(true)?;
        Ok((TcpStream::from_std(stream)?, peer))
    }

    async fn accept_listened(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (before, first) = self.listeners.split_at(self.turn % self.listeners.len());
        poll_fn(|context| {
            let mut accepted = first
                .iter()
                .chain(before)
                .map(|listener| listener.poll_accept(context));
            accepted.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }
}

fn least_loaded(workers: &[Worker]) -> &Worker {
    workers
        .iter()
        .min_by_key(|worker| worker.slot.connections_open())
        .expect("a pool has a worker")
}
