//! A pool of tasks: one asynchronous runtime for all connections. Its workers are the runtime's threads; a connection
//! may move between them, and is entered in the slot that it was given when it was accepted.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::{alarm_here, drain_workers};
use crate::connections::Connections;
use crate::drain::Drain;
use crate::ledger::State;
use crate::queue::Alarm;
use crate::worker::{Shared, Worker, serve_interleaved};

/// The runtime, and the task on it that accepts and then waits for the last connection.
#[derive(Debug)]
pub(crate) struct Tasks {
    drain: Drain,
    connections: Arc<Connections>,
    runtime: Runtime,
    serving: JoinHandle<()>,
}

impl Tasks {
    pub(super) fn start(shared: &Arc<Shared>) -> io::Result<Self> {
        let threads = shared.config.pool.workers.get();
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads as usize)
            .thread_name("haul-worker")
            .enable_all()
            .build()?;
        let connections = shared.config.connections_served_max() as usize;
        let workers: Vec<Worker> = (0..threads).map(|number| Worker::new(shared, number)).collect();
        let serving = runtime.spawn(async move {
            if let Err(error) = serve_interleaved(&workers, connections).await {
                tracing::error!(%error, "the pool cannot go on");
            }
            for worker in &workers {
                worker.slot.enter(State::Ended);
            }
        });
        Ok(Self {
            drain: shared.drain.clone(),
            connections: Arc::clone(&shared.connections),
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
