//! A pool of threads. Each has a current-thread runtime of its own, on which the one connection driver runs.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::accept::{serve_interleaved, serve_one_at_a_time};
use super::{alarm_here, drain_workers};
use crate::connections::Connections;
use crate::context::{Arrivals, Context, WorkerContext};
use crate::drain::Drain;
use crate::ledger::WorkerState;
use crate::queue::Alarm;

/// The threads of a pool.
#[derive(Debug)]
pub(crate) struct Threads {
    drain: Drain,
    connections: Arc<Connections>,
    /// Closed when the last thread has ended: each holds a sender.
    ended: mpsc::Receiver<()>,
}

impl Threads {
    pub(super) fn start(context: &Arc<Context>, arrivals: &Arc<Arrivals>) -> io::Result<Self> {
        let (alive, ended) = mpsc::channel(1);
        for number in 0..context.config.pool.workers {
            let worker = WorkerContext::new(context, arrivals, number);
            let runtime = worker_runtime()?;
            let alive = alive.clone();
            thread::Builder::new()
                .name(format!("haul-worker-{number}"))
                .spawn(move || {
                    run(&worker, runtime);
                    drop(alive);
                })?;
        }
        Ok(Self {
            drain: context.drain.clone(),
            connections: Arc::clone(&context.connections),
            ended,
        })
    }

    pub(super) fn alarm(&self) -> Alarm {
        alarm_here(&self.connections)
    }

    pub(super) async fn drain(mut self, grace: Duration) {
        let Self { drain, ended, .. } = &mut self;
        drain_workers(drain, grace, async {
            // Nothing is ever sent: this returns when the last sender is gone.
            let _ = ended.recv().await;
        })
        .await;
    }
}

/// The runtime of a worker that has a thread to itself.
pub(super) fn worker_runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Serves until the drain, one connection at a time or interleaved, as the pool's spec says.
pub(super) fn run(worker: &WorkerContext, runtime: Runtime) {
    let config = &worker.context.config;
    let served = if config.serves_one_at_a_time() {
        serve_one_at_a_time(worker, &runtime)
    } else {
        let connections = config.connections_per_worker() as usize;
        runtime.block_on(serve_interleaved(std::slice::from_ref(worker), connections))
    };
    if let Err(error) = served {
        tracing::error!(%error, worker = worker.slot.worker(), "the worker cannot go on");
    }
    worker.slot.enter(WorkerState::Ended);
    // Nothing waits for what still runs on the blocking pool.
    runtime.shutdown_background();
}
