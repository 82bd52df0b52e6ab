//! Pools of workers: one `match` over the kinds, and one handle.
//!
//! Only plain data and descriptors cross this seam: what a process worker cannot be given, no worker is
//! given.

mod accept;
pub(crate) mod processes;
mod restart;
mod tasks;
mod threads;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use haul_store::Store;
use haul_types::PoolKind;

use crate::connections::Connections;
use crate::context::{Arrivals, Context};
use crate::drain::Drain;
use crate::ledger::Ledger;
use crate::queue::{Alarm, QueueWakeup, Receiver};
use crate::{Config, WorkerCommand, listener};

/// What a pool is started with.
#[derive(Debug)]
pub(crate) struct PoolPlan {
    pub(crate) config: Config,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) listeners: Arc<[TcpListener]>,
    pub(crate) ledger: Ledger,
    pub(crate) queued: Receiver,
    pub(crate) wakeup: QueueWakeup,
    pub(crate) worker_command: WorkerCommand,
}

/// A pool that serves.
#[derive(Debug)]
pub(crate) enum Pool {
    Threads(threads::Threads),
    Processes(processes::Supervisor),
    Tasks(tasks::Tasks),
}

impl Pool {
    /// Starts the workers. Must be called in a runtime, which then watches over them.
    pub(crate) fn start(plan: PoolPlan) -> io::Result<Self> {
        if plan.config.serves_one_at_a_time() {
            listener::defer_silent_connections(&plan.listeners, plan.config.limits.idle_timeout);
        }
        match plan.config.pool.kind {
            PoolKind::Threads => {
                let (context, arrivals) = share(plan)?;
                threads::Threads::start(&context, &arrivals).map(Self::Threads)
            }
            PoolKind::Tasks => {
                let (context, arrivals) = share(plan)?;
                tasks::Tasks::start(&context, &arrivals).map(Self::Tasks)
            }
            PoolKind::Processes => processes::Supervisor::start(plan).map(Self::Processes),
        }
    }

    /// How the queue tells a connection to look for its order.
    pub(crate) fn alarm(&self) -> Alarm {
        match self {
            Self::Threads(threads) => threads.alarm(),
            Self::Tasks(tasks) => tasks.alarm(),
            Self::Processes(supervisor) => supervisor.alarm(),
        }
    }

    /// Lets what is in flight finish, for `grace` at the most, then cuts it. Returns when the workers have
    /// ended.
    pub(crate) async fn drain(self, grace: Duration) {
        match self {
            Self::Threads(threads) => threads.drain(grace).await,
            Self::Processes(supervisor) => supervisor.drain(grace).await,
            Self::Tasks(tasks) => tasks.drain(grace).await,
        }
    }
}

/// What the threads of this process share.
fn share(plan: PoolPlan) -> io::Result<(Arc<Context>, Arc<Arrivals>)> {
    let records = 0..plan.config.connections_served_max();
    let connections = Connections::new(plan.ledger.clone(), records, plan.wakeup);
    let context = Context::new(plan.config, plan.store, plan.ledger, connections, Drain::new()?);
    let arrivals = Arrivals::new(plan.listeners, plan.queued);
    Ok((Arc::new(context), Arc::new(arrivals)))
}

/// The alarm where all connections are served by this process.
fn alarm_here(connections: &Arc<Connections>) -> Alarm {
    let connections = Arc::clone(connections);
    Box::new(move |_, record| connections.alarm(record))
}

/// How long after a cut the workers may take to end: nothing waits for a peer any more.
const CUT_GRACE: Duration = Duration::from_secs(2);

/// Begins a drain, waits for the end of the workers, cuts what is in flight when the grace is over.
async fn drain_workers(drain: &Drain, grace: Duration, ended: impl Future<Output = ()>) {
    drain.begin();
    tokio::pin!(ended);
    if tokio::time::timeout(grace, &mut ended).await.is_err() {
        tracing::warn!(?grace, "the grace is over; what is still in flight is cut");
        drain.cut();
        let _ = tokio::time::timeout(CUT_GRACE, ended).await;
    }
}
