//! The two ways in which a worker takes connections: one at a time, or many interleaved.

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::os::fd::AsFd as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::thread;

use tokio::io::Interest;
use tokio::net::{TcpListener as AsyncListener, TcpStream, UnixDatagram};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::connection;
use crate::context::WorkerContext;
use crate::ledger::WorkerState;
use crate::listener::{self, Acceptor};
use crate::stream::Stream;

/// Serves one connection after another on this thread until the drain. Only an error that no waiting mends
/// ends it earlier.
pub(crate) fn serve_one_at_a_time(worker: &WorkerContext, runtime: &Runtime) -> io::Result<()> {
    let context = &worker.context;
    let acceptor = Acceptor::new(
        Arc::clone(&worker.arrivals.listeners),
        worker.arrivals.queued.clone(),
        context.drain.wakeup(),
    )?;
    worker.slot.enter(WorkerState::Up);
    loop {
        match acceptor.accept(|| context.ledger.clients_queue()) {
            Ok(Some((stream, peer))) => serve_guarded(worker, runtime, stream, peer),
            Ok(None) => return Ok(()),
            Err(error) if listener::is_exhaustion(&error) => {
                worker.note_exhaustion(&error);
                thread::sleep(listener::PAUSE_WHEN_EXHAUSTED);
            }
            Err(error) => return Err(error),
        }
    }
}

/// A panic costs the connection in which it happens, no other.
fn serve_guarded(worker: &WorkerContext, runtime: &Runtime, stream: StdStream, peer: SocketAddr) {
    let served = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let stream = stream
                .set_nonblocking(true)
                .and_then(|()| TcpStream::from_std(stream));
            match stream {
                Ok(stream) => serve(stream, peer, worker).await,
                Err(error) => tracing::warn!(%peer, %error, "the connection cannot be served"),
            }
        });
    }));
    if served.is_err() {
        tracing::error!(%peer, worker = worker.slot.worker(), "a worker panicked; its connection is lost");
        worker.slot.count_restart();
        worker.slot.enter(WorkerState::Up);
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, worker: &WorkerContext) {
    connection::serve(Stream::Plain(stream), peer, &worker.context, &worker.slot).await;
}

/// Serves up to `connections` at once on the runtime that this is called in, until the drain; returns when
/// the last one has ended. Each connection is entered in the slot of the worker with the fewest.
pub(crate) async fn serve_interleaved(workers: &[WorkerContext], connections: usize) -> io::Result<()> {
    let entrance = Entrance::new(&workers[0])?;
    let tracker = TaskTracker::new();
    for worker in workers {
        worker.slot.enter(WorkerState::Up);
    }
    accept_interleaved(entrance, workers, connections, &tracker).await;
    tracker.close();
    tracker.wait().await;
    Ok(())
}

async fn accept_interleaved(
    mut entrance: Entrance<'_>,
    workers: &[WorkerContext],
    connections: usize,
    tracker: &TaskTracker,
) {
    let drain = &workers[0].context.drain;
    let room = Arc::new(Semaphore::new(connections));
    loop {
        // One place is taken before it is known whose client will have it, not one for each listener: a
        // listener without clients must not hold what the client of another needs.
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
                    serve(stream, peer, &worker).await;
                    drop(permit);
                });
            }
            Err(error) if listener::is_exhaustion(&error) => {
                workers[0].note_exhaustion(&error);
                tokio::time::sleep(listener::PAUSE_WHEN_EXHAUSTED).await;
            }
            Err(error) if listener::is_stopped(&error) => return drain.begun().await,
            // The client has gone again before it was accepted.
            Err(error) => tracing::debug!(%error, "a connection was lost before it was accepted"),
        }
    }
}

/// Where clients come in to a worker that interleaves them: from the listeners, and from the queue where some
/// wait there.
struct Entrance<'w> {
    worker: &'w WorkerContext,
    listeners: Vec<AsyncListener>,
    queued: UnixDatagram,
    /// Which listener comes first where several have a client.
    turn: usize,
}

impl<'w> Entrance<'w> {
    fn new(worker: &'w WorkerContext) -> io::Result<Self> {
        let listeners = worker.arrivals.listeners.iter();
        let listeners = listeners.map(|listener| AsyncListener::from_std(listener.try_clone()?));
        Ok(Self {
            worker,
            listeners: listeners.collect::<io::Result<_>>()?,
            // To tokio every Unix socket that keeps the bounds of messages is a datagram socket.
            queued: UnixDatagram::from_std(worker.arrivals.queued.as_fd().try_clone_to_owned()?.into())?,
            turn: 0,
        })
    }

    async fn next(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.turn += 1;
        while self.worker.context.ledger.clients_queue() {
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
        let receive = || self.worker.arrivals.queued.receive();
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

fn least_loaded(workers: &[WorkerContext]) -> &WorkerContext {
    workers
        .iter()
        .min_by_key(|worker| worker.slot.connections_open())
        .expect("a pool has a worker")
}
