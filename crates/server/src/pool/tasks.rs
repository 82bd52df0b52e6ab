//! A pool of tasks: one asynchronous runtime for all connections. Its workers are the runtime's threads; a
//! connection may move between them, and is entered in the slot that it was given when it was accepted.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::accept::serve_interleaved;
use super::{alarm_here, drain_workers};
use crate::connections::Connections;
use crate::context::{Arrivals, Context, WorkerContext};
use crate::drain::Drain;
use crate::ledger::WorkerState;
use crate::queue::Alarm;

/// The runtime, and the task on it that accepts and then waits for the last connection.
#[derive(Debug)]
pub(crate) struct Tasks {
    drain: Drain,
    connections: Arc<Connections>,
    runtime: Runtime,
    serving: JoinHandle<()>,
}

impl Tasks {
    pub(super) fn start(context: &Arc<Context>, arrivals: &Arc<Arrivals>) -> io::Result<Self> {
        let threads = context.config.pool.workers;
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads as usize)
            .thread_name("haul-worker")
            .enable_all()
            .build()?;
        let connections = context.config.connections_served_max() as usize;
        let workers: Vec<WorkerContext> = (0..threads)
            .map(|number| WorkerContext::new(context, arrivals, number))
            .collect();
        let serving = runtime.spawn(async move {
            if let Err(error) = serve_interleaved(&workers, connections).await {
                tracing::error!(%error, "the pool cannot go on");
            }
            for worker in &workers {
                worker.slot.enter(WorkerState::Ended);
            }
        });
        Ok(Self {
            drain: context.drain.clone(),
            connections: Arc::clone(&context.connections),
            runtime,
            serving,
        })
    }

    pub(super) fn alarm(&self) -> Alarm {
        alarm_here(&self.connections)
    }

    pub(super) async fn drain(self, grace: Duration) {
        let Self {
            drain,
            runtime,
            serving,
            ..
        } = self;
        drain_workers(&drain, grace, async {
            // A panic of the accepting task has been reported by the runtime.
            let _ = serving.await;
        })
        .await;
        runtime.shutdown_background();
    }
}
