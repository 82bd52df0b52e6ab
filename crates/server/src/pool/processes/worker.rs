//! The worker's side: takes what it is to be from the socket on standard input, serves, and ends with its supervisor.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::Arc;
use std::thread;

use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::control::{self, ControlMessage, WorkerInit};
use crate::ServeError;
use crate::connections::Connections;
use crate::context::{Arrivals, Context, WorkerContext};
use crate::drain::Drain;
use crate::ledger::Ledger;
use crate::pool::threads;
use crate::queue::{QueueWakeup, Receiver};

/// The exit status of a worker whose supervisor has gone.
const ORPHANED: i32 = 3;

/// Runs a worker process to its end: the other side of a pool of processes, to be called by the subcommand
/// that [`WorkerCommand`](crate::WorkerCommand) names, with the supervisor's socket on standard input.
///
/// # Errors
/// When standard input is not such a socket, or the store cannot be opened.
pub fn run_worker() -> Result<(), ServeError> {
    // Should the thread below ever be held up, the kernel still ends this process with its supervisor.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(io::Error::from)?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let Some((ControlMessage::Init(init), descriptors)) = control::receive(&socket)? else {
        return Err(ServeError::NotAWorker);
    };
    let drain = Drain::new()?;
    let worker = join(*init, descriptors, drain.clone())?;
    worker.slot.name_process(process::id());
    let runtime = threads::worker_runtime()?;
    let control = Control::new(socket, drain, Arc::clone(&worker.context.connections))?;
    thread::Builder::new()
        .name("haul-control".to_owned())
        .spawn(move || control.run())?;
    threads::run(&worker, runtime);
    Ok(())
}

fn join(init: WorkerInit, descriptors: Vec<OwnedFd>, drain: Drain) -> Result<WorkerContext, ServeError> {
    let mut descriptors = descriptors.into_iter();
    let mut next = || descriptors.next().ok_or(ServeError::NotAWorker);
    let (memory, queued, wakeup) = (next()?, next()?, next()?);
    let of_store = (0..init.store_descriptors).map(|_| next());
    let of_store = of_store.collect::<Result<Vec<_>, _>>()?;
    let config = init.config;
    let ledger = Ledger::join(memory, config.pool.workers, config.connections_served_max())?;
    // By its path a worker might find another folder than the one that the server was started on.
    let store = config.store().join(of_store, config.blocking())?;
    let records = config.records_of(init.worker);
    let connections = Connections::new(ledger.clone(), records, QueueWakeup::join(wakeup));
    let context = Arc::new(Context::new(config, store, ledger, connections, drain));
    let listeners = descriptors.map(TcpListener::from).collect();
    let arrivals = Arc::new(Arrivals::new(listeners, Receiver::join(queued)));
    Ok(WorkerContext::new(&context, &arrivals, init.worker))
}

/// The thread of a worker that listens to its supervisor and to signals, whatever the worker itself is busy
/// with.
struct Control {
    runtime: Runtime,
    socket: UnixDatagram,
    interrupted: Signal,
    terminated: Signal,
    drain: Drain,
    connections: Arc<Connections>,
}

impl Control {
    fn new(socket: OwnedFd, drain: Drain, connections: Arc<Connections>) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&socket, true)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let context = runtime.enter();
        // To tokio every Unix socket that keeps the bounds of messages is a datagram socket.
        let socket = UnixDatagram::from_std(socket.into())?;
        let interrupted = signal(SignalKind::interrupt())?;
        let terminated = signal(SignalKind::terminate())?;
        drop(context);
        Ok(Self {
            runtime,
            socket,
            interrupted,
            terminated,
            drain,
            connections,
        })
    }

    /// A terminal's Ctrl-C reaches the workers too, and is the supervisor's business: it has them drain. A
    /// SIGTERM to one worker alone drains that one; the supervisor replaces it.
    fn run(self) {
        let Self {
            runtime,
            socket,
            mut interrupted,
            mut terminated,
            drain,
            connections,
        } = self;
        runtime.block_on(async {
            loop {
                tokio::select! {
                    message = recv(&socket) => handle(message.as_ref(), &drain, &connections),
                    _ = interrupted.recv() => {}
                    _ = terminated.recv() => drain.begin(),
                }
            }
        });
    }
}

/// The supervisor's next message; `None` when it is gone.
async fn recv(socket: &UnixDatagram) -> Option<ControlMessage> {
    let received = socket
        .async_io(Interest::READABLE, || control::receive(socket))
        .await;
    received.ok().flatten().map(|(message, _)| message)
}

fn handle(message: Option<&ControlMessage>, drain: &Drain, connections: &Connections) {
    match message {
        Some(&ControlMessage::Alarm(record)) => connections.alarm(record),
        Some(&ControlMessage::Drain(grace)) => {
            drain.begin();
            let drain = drain.clone();
            tokio::spawn(async move {
                tokio::time::sleep(grace).await;
                drain.cut();
            });
        }
        Some(ControlMessage::Init(_)) => tracing::warn!("a second set of init is ignored"),
        None => process::exit(ORPHANED),
    }
}
