//! The connections that this process serves, as the queue sees them: each says in its record what it does,
//! and ends when it is ordered to. Every wait for a peer goes through [`ServedConnection::wait`].

use std::future::poll_fn;
use std::net::SocketAddr;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::ledger::{ConnectionPhase, ConnectionRecord, HostAddress, Ledger, OpenConnection, Reason, Slot};
use crate::log_limit::LogLimit;
use crate::queue::QueueWakeup;

/// The records that the workers of this process share out among their connections.
#[derive(Debug)]
pub(crate) struct Connections {
    ledger: Ledger,
    /// The numbers of this process's records.
    records: Range<u32>,
    state: Mutex<RecordPool>,
    wakeup: QueueWakeup,
    ended: LogLimit,
}

#[derive(Debug, Default)]
struct RecordPool {
    spare: Vec<u32>,
    /// One for each record that was ever taken here.
    alarms: Vec<Arc<Notify>>,
}

impl Connections {
    pub(crate) fn new(ledger: Ledger, records: Range<u32>, wakeup: QueueWakeup) -> Self {
        Self {
            ledger,
            records,
            state: Mutex::default(),
            wakeup,
            ended: LogLimit::default(),
        }
    }

    /// Enters a connection, for as long as the guard lives.
    pub(crate) fn open(self: &Arc<Self>, slot: &Slot, peer: SocketAddr) -> ServedConnection {
        let (number, alarm) = self.take();
        let record = self.ledger.record(self.records.start + number);
        record.take(HostAddress::from(peer.ip()), slot.worker());
        let open = slot.connect();
        if self.ledger.takes_on_waking_queue() {
            self.wakeup.notify();
        }
        ServedConnection {
            connections: Arc::clone(self),
            number,
            record,
            alarm,
            peer,
            open: Some(open),
        }
    }

    /// Has a connection look for its order. `record` is a number of the ledger's.
    pub(crate) fn alarm(&self, record: u32) {
        let number = record.wrapping_sub(self.records.start) as usize;
        if let Some(alarm) = self.state().alarms.get(number) {
            alarm.notify_waiters();
        }
    }

    fn take(&self) -> (u32, Arc<Notify>) {
        let mut state = self.state();
        let number = state.spare.pop().unwrap_or_else(|| {
            state.alarms.push(Arc::default());
            u32::try_from(state.alarms.len() - 1).expect("a pool has no more connections than fit")
        });
        assert!(
            (number as usize) < self.records.len(),
            "a worker serves no more than its pool allows"
        );
        let alarm = Arc::clone(&state.alarms[number as usize]);
        (number, alarm)
    }

    fn state(&self) -> MutexGuard<'_, RecordPool> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is served; dropped at its end.
#[derive(Debug)]
pub(crate) struct ServedConnection {
    connections: Arc<Connections>,
    number: u32,
    record: ConnectionRecord,
    alarm: Arc<Notify>,
    peer: SocketAddr,
    /// Counts it as open. Taken at the drop, before the queue is woken.
    open: Option<OpenConnection>,
}

/// How a wait for the peer ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Waited<T> {
    Done(T),
    TimedOut,
    /// Clients wait, and this connection is to end for them.
    GiveWay,
}

impl ServedConnection {
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The peer's address, as far as it tells one host from another.
    pub(crate) fn host(&self) -> HostAddress {
        HostAddress::from(self.peer.ip())
    }

    /// Says what the connection does from now on.
    pub(crate) fn enter(&self, phase: ConnectionPhase) {
        if self.record.phase() != phase {
            self.record.enter(phase);
        }
    }

    /// Counts bytes that were received or sent.
    pub(crate) fn count_moved(&self, bytes: usize) {
        self.record.count_moved(bytes);
    }

    /// Whether the connection is to end now, in the phase that it is in.
    pub(crate) fn must_give_way(&self) -> bool {
        self.order().is_some()
    }

    /// The same for a caller that then ends it: the log says so.
    pub(crate) fn gives_way(&self) -> bool {
        let order = self.order();
        if let Some(reason) = order {
            self.log_end(reason);
        }
        order.is_some()
    }

    /// Waits for something that the peer has to do, for `limit` at the most and no longer than the queue
    /// allows. What is ready at once costs no look at a clock.
    pub(crate) async fn wait<T>(&self, limit: Duration, operation: impl Future<Output = T>) -> Waited<T> {
        let mut operation = pin!(operation);
        let at_once = poll_fn(|context| Poll::Ready(operation.as_mut().poll(context))).await;
        if let Poll::Ready(done) = at_once {
            return Waited::Done(done);
        }
        let _waiting = Waiting::begin(&self.record);
        tokio::select! {
            biased;
            done = operation => Waited::Done(done),
            () = self.ordered_to_give_way() => Waited::GiveWay,
            () = sleep(limit) => Waited::TimedOut,
        }
    }

    /// Returns once the connection is to end, in the phase that it is in.
    async fn ordered_to_give_way(&self) {
        loop {
            let mut alarm = pin!(self.alarm.notified());
            // From here on no alarm is missed.
            alarm.as_mut().enable();
            if let Some(reason) = self.order() {
                return self.log_end(reason);
            }
            alarm.await;
        }
    }

    fn order(&self) -> Option<Reason> {
        let is_between = || {
            matches!(
                self.record.phase(),
                ConnectionPhase::Silent | ConnectionPhase::Idle
            )
        };
        self.record
            .order()
            .filter(|reason| reason.ends_requests() || is_between())
    }

    fn log_end(&self, reason: Reason) {
        let (peer, reason_text) = (self.peer, reason.as_str());
        if reason == Reason::Idle {
            tracing::debug!(%peer, reason = reason_text, "a connection is ended, because clients wait");
        } else if let Some(unlogged) = self.connections.ended.admits() {
            tracing::warn!(%peer, reason = reason_text, unlogged, "a connection is ended, because clients wait");
        }
    }
}

impl Drop for ServedConnection {
    fn drop(&mut self) {
        self.record.give_back();
        drop(self.open.take());
        self.connections.state().spare.push(self.number);
        if self.connections.ledger.clients_queue() {
            self.connections.wakeup.notify();
        }
    }
}

/// Marks a connection as one that waits for its peer.
struct Waiting<'c>(&'c ConnectionRecord);

impl<'c> Waiting<'c> {
    fn begin(record: &'c ConnectionRecord) -> Self {
        record.set_waiting(true);
        Self(record)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set_waiting(false);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::time::SystemTime;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn connection() -> (Ledger, ServedConnection) {
        let ledger = Ledger::create(1, 1, SystemTime::now()).unwrap();
        let wakeup = QueueWakeup::join(std::fs::File::open("/dev/null").unwrap().into());
        let connections = Connections::new(ledger.clone(), 0..1, wakeup);
        let peer = SocketAddr::from(([127, 0, 0, 1], 7));
        let connection = Arc::new(connections).open(&ledger.slot(0), peer);
        (ledger, connection)
    }

    fn order(ledger: &Ledger, connection: &ServedConnection, reason: Reason) {
        let record = ledger.record(0);
        record.set_order(record.snapshot().unwrap().generation, Some(reason));
        connection.connections.alarm(0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_it_is_done_or_has_taken_too_long() {
        let (_, connection) = connection();
        assert_eq!(connection.wait(HOUR, ready(7)).await, Waited::Done(7));
        assert_eq!(connection.wait(HOUR, pending::<()>()).await, Waited::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn an_order_between_requests_does_not_end_a_request() {
        let (ledger, connection) = connection();
        connection.enter(ConnectionPhase::Request);
        let ordering = async {
            sleep(Duration::from_secs(1)).await;
            order(&ledger, &connection, Reason::Share);
            pending::<()>().await;
        };
        let waited = tokio::select! {
            waited = connection.wait(HOUR, pending::<()>()) => waited,
            () = ordering => unreachable!(),
        };
        assert_eq!(waited, Waited::TimedOut);
        connection.enter(ConnectionPhase::Idle);
        assert_eq!(connection.wait(HOUR, pending::<()>()).await, Waited::GiveWay);
        assert_eq!(
            connection.wait(HOUR, ready(7)).await,
            Waited::Done(7),
            "what is there at once is taken"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_ends_in_its_middle_when_it_is_ordered_to() {
        let (ledger, connection) = connection();
        connection.enter(ConnectionPhase::Request);
        let ordering = async {
            sleep(Duration::from_secs(1)).await;
            assert!(ledger.record(0).snapshot().unwrap().waits_for_peer);
            order(&ledger, &connection, Reason::SlowShare);
            pending::<()>().await;
        };
        let waited = tokio::select! {
            waited = connection.wait(HOUR, pending::<()>()) => waited,
            () = ordering => unreachable!(),
        };
        assert_eq!(waited, Waited::GiveWay);
        assert!(!ledger.record(0).snapshot().unwrap().waits_for_peer);
    }

    #[test]
    fn a_connection_that_ended_leaves_its_record_to_the_next() {
        let (ledger, first) = connection();
        assert_eq!((ledger.open(), ledger.connections().count()), (1, 1));
        let connections = Arc::clone(&first.connections);
        drop(first);
        assert_eq!((ledger.open(), ledger.connections().count()), (0, 0));
        let peer = SocketAddr::from(([127, 0, 0, 2], 7));
        let _next = connections.open(&ledger.slot(0), peer);
        assert_eq!(
            ledger.connections().next().unwrap().1.address,
            HostAddress::from(peer.ip())
        );
    }
}
