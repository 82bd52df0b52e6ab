//! All that a front is given beside its stream. Nothing in it needs a listener, a disk or a worker process.

use std::time::Duration;

use tokio::time::Instant;

use crate::access::RequestLog;
use crate::buffers::BufferPool;
use crate::connections::{ServedConnection, Waited};
use crate::context::Context;
use crate::drain::Drain;
use crate::ledger::Slot;
use crate::service::{Identity, Service};
use crate::{Config, Limits};

/// One client's connection, as its front sees it.
#[derive(Debug)]
pub(crate) struct Session<'c> {
    /// What the connection does, and whether it is to end for others.
    pub(crate) connection: &'c ServedConnection,
    /// What can be asked for.
    pub(crate) service: Service<'c>,
    pub(crate) limits: &'c Limits,
    pub(crate) buffers: &'c BufferPool,
    pub(crate) idle: IdlePolicy<'c>,
    pub(crate) drain: &'c Drain,
    /// When the connection was accepted.
    pub(crate) begun: Instant,
    context: &'c Context,
    slot: &'c Slot,
}

impl<'c> Session<'c> {
    pub(crate) fn new(context: &'c Context, slot: &'c Slot, connection: &'c ServedConnection) -> Self {
        let drain = &context.drain;
        Self {
            connection,
            service: Service {
                context: &context.service,
                identity: Identity::Anonymous,
                connection,
                buffers: &context.buffers,
                drain,
            },
            limits: &context.config.limits,
            buffers: &context.buffers,
            idle: IdlePolicy {
                limit: context.config.limits.idle_timeout,
                connection,
                drain,
            },
            drain,
            begun: Instant::now(),
            context,
            slot,
        }
    }

    /// What the server was told, for what concerns one protocol only.
    pub(crate) fn config(&self) -> &'c Config {
        &self.context.config
    }

    /// Begins a request, whose first bytes are here, in the ledger.
    pub(crate) fn begin_request(&self) -> RequestLog {
        RequestLog::begin(self.slot, self.connection.peer())
    }

    /// Whether it pays now to have the kernel send a long part of a file by itself.
    pub(crate) fn favours_send_file(&self) -> bool {
        let in_progress = self.context.ledger.requests_in_progress();
        self.context.processors.favour_send_file(in_progress)
    }
}

/// How long a connection may be silent before a request and between two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdlePolicy<'c> {
    limit: Duration,
    connection: &'c ServedConnection,
    drain: &'c Drain,
}

impl IdlePolicy<'_> {
    /// Waits for what the peer sends next. The limit counts from `since`, the end of the last request. `None`
    /// when the connection is to end: it was idle for too long, others wait, or the server drains.
    pub(crate) async fn wait<T>(&self, since: Instant, arrival: impl Future<Output = T>) -> Option<T> {
        let left = self.limit.saturating_sub(since.elapsed());
        if left.is_zero() {
            return None;
        }
        let waited = tokio::select! {
            biased;
            waited = self.connection.wait(left, arrival) => waited,
            () = self.drain.begun() => return None,
        };
        match waited {
            Waited::Done(arrived) => Some(arrived),
            Waited::TimedOut | Waited::GiveWay => None,
        }
    }
}
