//! The supervisor's side: one task for each worker, which starts it, waits for its end, settles its counters,
//! and starts it again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use haul_store::Maintenance;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::control::{self, ControlMessage, WorkerInit};
use crate::ledger::{Slot, WorkerState};
use crate::pool::restart::RestartPolicy;
use crate::pool::{CUT_GRACE, PoolPlan};
use crate::queue::Alarm;

/// How long the end of the server waits for its last sweep; what is left is for the next start.
const LAST_SWEEP_MAX: Duration = Duration::from_secs(1);

/// The parent of process workers.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// The grace, once the drain has begun.
    draining: watch::Sender<Option<Duration>>,
    state: Arc<SupervisorState>,
    monitors: JoinSet<()>,
}

impl Supervisor {
    pub(in crate::pool) fn start(plan: PoolPlan) -> io::Result<Self> {
        let workers = plan.config.pool.workers;
        let sockets = (0..workers).map(|_| Mutex::new(None)).collect();
        let state = Arc::new(SupervisorState {
            plan,
            sweeping: tokio::sync::Mutex::default(),
            sweeps: AtomicUsize::new(0),
            sockets,
        });
        let (draining, watched) = watch::channel(None);
        let mut monitors = JoinSet::new();
        for number in 0..workers {
            let monitor = WorkerMonitor {
                state: Arc::clone(&state),
                number,
                slot: state.plan.ledger.slot(number),
                draining: watched.clone(),
            };
            monitors.spawn(monitor.run());
        }
        Ok(Self {
            draining,
            state,
            monitors,
        })
    }

    /// A worker that is not there has no connections either.
    pub(in crate::pool) fn alarm(&self) -> Alarm {
        let state = Arc::clone(&self.state);
        Box::new(move |worker, record| {
            if let Some(socket) = state
                .sockets
                .get(worker as usize)
                .and_then(|socket| locked(socket).clone())
            {
                // A worker that does not read its messages is one that does not serve either.
                let _ = control::send_at_once(&socket, &ControlMessage::Alarm(record));
            }
        })
    }

    pub(in crate::pool) async fn drain(mut self, grace: Duration) {
        // Every monitor holds a receiver until it ends; none is left only when all have ended.
        let _ = self.draining.send(Some(grace));
        while self.monitors.join_next().await.is_some() {}
    }
}

/// What the monitors share.
#[derive(Debug)]
struct SupervisorState {
    plan: PoolPlan,
    /// One sweep at a time.
    sweeping: tokio::sync::Mutex<()>,
    /// Sweeps that run or wait.
    sweeps: AtomicUsize,
    /// The socket to each worker while that lives.
    sockets: Vec<Mutex<Option<Arc<OwnedFd>>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps one worker alive.
struct WorkerMonitor {
    state: Arc<SupervisorState>,
    number: u32,
    slot: Slot,
    draining: watch::Receiver<Option<Duration>>,
}

impl WorkerMonitor {
    async fn run(mut self) {
        let mut restart = RestartPolicy::default();
        loop {
            let started = Instant::now();
            match self.start_worker() {
                Ok((child, socket)) => {
                    let socket = Arc::new(socket);
                    *locked(&self.state.sockets[self.number as usize]) = Some(Arc::clone(&socket));
                    if self.watch(child, &socket).await {
                        self.slot.enter(WorkerState::Ended);
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(worker = self.number, %error, "a worker cannot be started");
                    self.slot.count_restart();
                }
            }
            let pause = restart.died(started.elapsed());
            tracing::info!(worker = self.number, ?pause, "the worker will be replaced");
            tokio::select! {
                () = sleep(pause) => {}
                _ = self.draining.wait_for(Option::is_some) => {
                    self.slot.enter(WorkerState::Ended);
                    return;
                }
            }
        }
    }

    fn start_worker(&self) -> io::Result<(Child, OwnedFd)> {
        let plan = &self.state.plan;
        let (ours, theirs) = control::pair()?;
        self.slot.enter(WorkerState::Starting);
        let child = Command::new(&plan.worker_command.program)
            .arg0("haul")
            .args(&plan.worker_command.arguments)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.slot.name_process(child.id().unwrap_or_default());
        let of_store = plan.store.descriptors();
        let init = WorkerInit {
            worker: self.number,
            store_descriptors: of_store.len(),
            config: plan.config.clone(),
        };
        let own = [plan.ledger.descriptor(), plan.queued.as_fd(), plan.wakeup.as_fd()];
        let listeners = plan.listeners.iter().map(AsFd::as_fd);
        let descriptors: Vec<BorrowedFd<'_>> = own.into_iter().chain(of_store).chain(listeners).collect();
        control::send(&ours, &ControlMessage::Init(Box::new(init)), &descriptors)?;
        Ok((child, ours))
    }

    /// Waits for a worker's end; `true` when it ended because the server drains.
    async fn watch(&mut self, mut child: Child, socket: &OwnedFd) -> bool {
        let process = child.id();
        let (status, drained) = tokio::select! {
            status = child.wait() => (status, false),
            grace = drain_ordered(&mut self.draining) => (end(&mut child, socket, grace).await, true),
        };
        // The dead worker's connections, locks and unnamed files are gone with it; its counters and names are
        // not.
        *locked(&self.state.sockets[self.number as usize]) = None;
        self.slot.settle_dead();
        for record in self.state.plan.config.records_of(self.number) {
            self.state.plan.ledger.record(record).give_back();
        }
        self.sweep(drained).await;
        if drained {
            return true;
        }
        self.slot.count_restart();
        let ended = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::error!(
            worker = self.number,
            process,
            ended,
            "a worker died; its connections are lost"
        );
        false
    }

    /// Sweeps up after a worker, beside everything else; waited for only at the end of the server, and not
    /// for long.
    async fn sweep(&self, is_last: bool) {
        if !self.state.plan.config.writable {
            return;
        }
        let sweeping = tokio::spawn(sweep(Arc::clone(&self.state), self.number));
        if is_last {
            let _ = timeout(LAST_SWEEP_MAX, sweeping).await;
        }
    }
}

/// Runs one sweep. A sweep that waits already does for every worker that has died by then.
async fn sweep(state: Arc<SupervisorState>, worker: u32) {
    const RUNS_AND_WAITS: usize = 2;
    if state.sweeps.fetch_add(1, Ordering::Relaxed) < RUNS_AND_WAITS {
        let _one = state.sweeping.lock().await;
        match state.plan.store.maintain().await {
            Ok(Maintenance { swept: 0 }) => {}
            Ok(Maintenance { swept }) => tracing::info!(worker, swept, "files in flight were swept"),
            Err(error) => tracing::warn!(%error, "files in flight cannot be swept"),
        }
    }
    state.sweeps.fetch_sub(1, Ordering::Relaxed);
}

async fn drain_ordered(draining: &mut watch::Receiver<Option<Duration>>) -> Duration {
    match draining.wait_for(Option::is_some).await {
        Ok(grace) => grace.unwrap_or_default(),
        // The supervisor itself was dropped: nothing is left to wait for.
        Err(_) => Duration::ZERO,
    }
}

/// Has a worker drain, and ends it by force when it takes longer than it was given.
async fn end(child: &mut Child, socket: &OwnedFd, grace: Duration) -> io::Result<ExitStatus> {
    // A worker that has just died cannot be told; it is waited for all the same.
    let _ = control::send(socket, &ControlMessage::Drain(grace), &[]);
    if let Ok(status) = timeout(grace + CUT_GRACE, child.wait()).await {
        return status;
    }
    tracing::warn!(process = child.id(), "a worker did not end in time and is killed");
    child.kill().await?;
    child.wait().await
}
