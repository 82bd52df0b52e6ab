//! The worker's side: takes its orders from the socket on standard input, serves, and ends with its supervisor.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use super::control::{self, Message, Orders};
use crate::drain::Drain;
use crate::ledger::Ledger;
use crate::pool::threads;
use crate::server::ServeError;
use crate::worker::{Shared, Worker};

/// The exit status of a worker whose supervisor has gone.
const ORPHANED: i32 = 3;

/// Runs a worker process to its end: the other side of a pool of processes, to be called by the subcommand that
/// [`WorkerCommand`](crate::WorkerCommand) names, with the supervisor's socket on standard input.
///
/// # Errors
/// When standard input is not such a socket, or the store cannot be opened.
pub fn run_worker() -> Result<(), ServeError> {
    // Should the thread below ever be held up, the kernel still ends this process with its supervisor.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL)).map_err(io::Error::from)?;
    let socket = io::stdin().as_fd().try_clone_to_owned()?;
    let Some((Message::Orders(orders), descriptors)) = control::receive(&socket)? else {
        return Err(ServeError::NotAWorker);
    };
    let drain = Drain::new()?;
    let worker = join(*orders, descriptors, drain.clone())?;
    worker.slot.name_process(process::id());
    let runtime = threads::worker_runtime()?;
    hear_signals(&runtime.handle().clone(), drain.clone())?;
    thread::Builder::new().name("haul-control".to_owned()).spawn(move || obey(&socket, &drain))?;
    threads::run(&worker, runtime);
    Ok(())
}

fn join(orders: Orders, descriptors: Vec<OwnedFd>, drain: Drain) -> Result<Worker, ServeError> {
    let mut descriptors = descriptors.into_iter();
    let memory = descriptors.next().ok_or(ServeError::NotAWorker)?;
    let listeners: Arc<[TcpListener]> = descriptors.map(TcpListener::from).collect();
    let ledger = Ledger::join(memory, orders.config.pool.workers.get())?;
    let shared = Arc::new(Shared::open(orders.config, ledger, listeners, drain)?);
    Ok(Worker::new(&shared, orders.worker))
}

/// A terminal's Ctrl-C reaches the workers too, and is the supervisor's business: it has them drain. A SIGTERM to one
/// worker alone drains that one; the supervisor replaces it.
fn hear_signals(runtime: &Handle, drain: Drain) -> io::Result<()> {
    let _context = runtime.enter();
    // Registering is enough to keep it from ending the process.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    runtime.spawn(async move {
        loop {
            tokio::select! {
                _ = interrupted.recv() => {}
                _ = terminated.recv() => drain.begin(),
            }
        }
    });
    Ok(())
}

/// Does what the supervisor says, until it is gone.
fn obey(socket: &OwnedFd, drain: &Drain) {
    loop {
        match control::receive(socket) {
            Ok(Some((Message::Drain(grace), _))) => {
                drain.begin();
                cut_after(grace, drain.clone());
            }
            Ok(Some((Message::Orders(_), _))) => tracing::warn!("a second set of orders is ignored"),
            Ok(None) | Err(_) => process::exit(ORPHANED),
        }
    }
}

fn cut_after(grace: Duration, drain: Drain) {
    // Without a thread for it there is no cut from inside; the supervisor then ends this process by force.
    let _ = thread::Builder::new().name("haul-grace".to_owned()).spawn(move || {
        thread::sleep(grace);
        drain.cut();
    });
}
