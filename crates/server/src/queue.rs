//! The queue: while the pool is full, waiting clients are accepted here, so that it is known who they are.
//!
//! As long as a worker is free, workers accept from the listeners themselves and the queue does nothing. When
//! the pool is full and clients wait, the queue takes them over, decides who is next and which connection
//! ends so that a waiting client can be served (`policy`), and hands a client to the next worker that is free
//! (`handoff`). It looks a few times a second at what each connection does (`pace`), so that a request costs
//! nothing more.

mod handoff;
mod pace;
mod policy;
mod waiting;
mod wakeup;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use haul_types::PoolKind;
use tokio::time::timeout;

pub(crate) use handoff::{Handoff, Receiver};
pub(crate) use wakeup::{QueueWakeup, QueueWakeups};

use crate::ledger::{HostAddress, Ledger, Reason};
use crate::log_limit::LogLimit;
use crate::{Config, Limits, listener};
use pace::Observations;
use policy::Served;
use waiting::WaitingRoom;

/// How often the queue looks while there is any connection, and while clients wait.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
const LOOK_INTERVAL_WAITING: Duration = Duration::from_millis(50);

/// How long exhaustion counts after it was met: workers try again sooner.
const EXHAUSTION_LASTS: Duration = Duration::from_millis(500);

/// Tells the worker process or thread that serves a connection to look for its order: worker and number of
/// the record.
pub(crate) type Alarm = Box<dyn Fn(u32, u32) + Send + Sync>;

/// What the queue needs of the server.
pub(crate) struct Queue {
    config: Config,
    listeners: Arc<[TcpListener]>,
    ledger: Ledger,
    handoff: Arc<Handoff>,
    wakeups: QueueWakeups,
    alarm: Alarm,
    waiting: WaitingRoom,
    observations: Observations,
    /// Whether clients waited in the backlog at the last look.
    waited_before: bool,
    /// Whether connections have been ordered to end.
    has_ordered: bool,
    /// Until when the pool counts as full, because a worker had no descriptor or memory for another
    /// connection.
    exhausted_until: Option<Instant>,
    held: LogLimit,
}

impl Queue {
    pub(crate) fn new(
        config: Config,
        listeners: Arc<[TcpListener]>,
        ledger: Ledger,
        handoff: Arc<Handoff>,
        wakeups: QueueWakeups,
        alarm: Alarm,
    ) -> Self {
        let waiting = WaitingRoom::new(config.limits.idle_timeout);
        Self {
            config,
            listeners,
            ledger,
            handoff,
            wakeups,
            alarm,
            waiting,
            observations: Observations::default(),
            waited_before: false,
            has_ordered: false,
            exhausted_until: None,
            held: LogLimit::default(),
        }
    }

    /// Runs until it is aborted.
    pub(crate) async fn run(mut self) {
        loop {
            if let Err(error) = self.sleep().await {
                return tracing::error!(%error, "waiting clients are served in order only");
            }
            self.look(Instant::now());
        }
    }

    /// Sleeps until the next look is due.
    async fn sleep(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() && self.ledger.open() == 0 {
            self.ledger.set_queue_sleeps(true);
            // A connection that came before the line above has not woken the queue.
            if self.ledger.open() == 0 {
                self.wakeups.next().await?;
            }
            self.ledger.set_queue_sleeps(false);
            return Ok(());
        }
        let is_waited = self.waited_before || !self.waiting.is_empty();
        let interval = if is_waited {
            LOOK_INTERVAL_WAITING
        } else {
            LOOK_INTERVAL
        };
        timeout(interval, self.wakeups.next()).await.unwrap_or(Ok(()))
    }

    fn look(&mut self, now: Instant) {
        if self.ledger.takes_note_of_exhaustion() {
            self.exhausted_until = Some(now + EXHAUSTION_LASTS);
        }
        self.exhausted_until = self.exhausted_until.filter(|&until| now < until);
        self.take_back(now);
        self.waiting.refresh(now);
        self.hand_over();
        if self.room() > 0 {
            self.observations.clear();
            self.withdraw_orders();
            self.waited_before = false;
            return self.announce();
        }
        let served = self.observations.observe(now, self.ledger.connections());
        self.waiting
            .note_served(served.iter().map(|connection| connection.address));
        let clients_wait = listener::clients_wait(&self.listeners);
        if clients_wait && (self.waited_before || !self.waiting.is_empty()) {
            // From here on workers that become free take their next client from the queue, not a later one.
            self.ledger.set_clients_queue(true);
            self.waiting.accept(&self.listeners, now);
        }
        self.waited_before = clients_wait;
        let any_waits = self.waiting.has_spoken() || clients_wait;
        self.order(&served, any_waits);
        self.hand_over();
        self.announce();
    }

    /// Takes back the clients that were handed over for places which others have taken. A worker that has
    /// taken a client counts it a moment later: until then its place looks free. No connection would be ended
    /// for a client that is left there.
    fn take_back(&mut self, now: Instant) {
        let surplus = policy::surplus(self.capacity(), self.ledger.open(), self.handoff.untaken());
        let returned = (0..surplus).map_while(|_| self.handoff.take_back()).collect();
        self.waiting.put_back_all(returned, now);
    }

    /// Hands as many clients over as there are free places.
    fn hand_over(&mut self) {
        while self.room() > 0 && !self.waiting.is_empty() {
            let served = self.served_addresses();
            let Some(client) = self.waiting.take_next(&served) else {
                return;
            };
            if let Err(error) = self.handoff.send(client.stream()) {
                tracing::debug!(%error, "a client cannot be handed over now");
                return self.waiting.put_back(client);
            }
        }
    }

    fn served_addresses(&self) -> Vec<HostAddress> {
        self.ledger
            .connections()
            .map(|(_, connection)| connection.address)
            .collect()
    }

    /// Places that are free and that no client has been handed over for.
    fn room(&self) -> u64 {
        if self.exhausted_until.is_some() {
            return 0;
        }
        self.capacity()
            .saturating_sub(self.ledger.open() + self.handoff.untaken())
    }

    /// Places of all workers that are up.
    fn capacity(&self) -> u64 {
        match self.config.pool.kind {
            PoolKind::Tasks => u64::from(self.config.connections_served_max()),
            PoolKind::Threads | PoolKind::Processes => {
                let up = self.ledger.slots().filter(|slot| slot.is_up()).count() as u64;
                up * u64::from(self.config.connections_per_worker())
            }
        }
    }

    /// Tells workers whether the next client is to be taken from the queue.
    fn announce(&self) {
        let queue = !self.waiting.is_empty();
        if self.ledger.clients_queue() != queue {
            self.ledger.set_clients_queue(queue);
        }
    }

    fn order(&mut self, served: &[Served], any_waits: bool) {
        if !any_waits {
            return self.withdraw_orders();
        }
        self.has_ordered = true;
        self.log_holders(served);
        let silent_max = match self.config.serves_one_at_a_time() {
            true => Limits::SILENT_WHILE_OTHERS_WAIT,
            false => Limits::IDLE_WHILE_OTHERS_WAIT,
        };
        let orders = policy::orders(served, &self.waiting.spoken_addresses(), silent_max);
        for (connection, reason) in served.iter().zip(orders) {
            self.give_order(connection, reason);
        }
    }

    fn give_order(&self, connection: &Served, reason: Option<Reason>) {
        let record = self.ledger.record(connection.number);
        if record.set_order(connection.generation, reason) && reason.is_some() {
            (self.alarm)(connection.worker, connection.number);
        }
    }

    /// No client waits any more.
    fn withdraw_orders(&mut self) {
        if std::mem::take(&mut self.has_ordered) {
            for (number, connection) in self.ledger.connections() {
                self.ledger.record(number).set_order(connection.generation, None);
            }
        }
    }

    /// A line for each connection that holds its place for long while others wait.
    fn log_holders(&mut self, served: &[Served]) {
        for connection in served {
            let is_new = connection.for_long >= Limits::HOLD_LOGGED_AFTER
                && self.observations.is_first_log(connection.number);
            if let Some(unlogged) = is_new.then(|| self.held.admits()).flatten() {
                tracing::warn!(
                    address = %connection.address,
                    worker = connection.worker,
                    seconds = connection.for_long.as_secs(),
                    unlogged,
                    "a connection has been served for long while clients wait"
                );
            }
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.ledger.set_clients_queue(false);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::{SocketAddr, TcpStream};
    use std::time::SystemTime;

    use super::*;
    use crate::ledger::WorkerState;

    #[tokio::test]
    async fn a_client_whose_place_another_has_taken_waits_in_the_queue_again() {
        let listener = listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let ledger = Ledger::create(1, 1, SystemTime::now()).unwrap();
        ledger.slot(0).enter(WorkerState::Up);
        let handoff = Arc::new(Handoff::new().unwrap());
        let config = Config {
            pool: "threads:1".parse().unwrap(),
            ..Config::default()
        };
        let (_wakeup, wakeups) = QueueWakeup::new().unwrap();
        let alarm: Alarm = Box::new(|_, _| ());
        let listeners = Arc::new([listener]);
        let mut queue = Queue::new(
            config,
            listeners,
            ledger.clone(),
            Arc::clone(&handoff),
            wakeups,
            alarm,
        );

        let apart = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(apart.local_addr().unwrap()).unwrap();
        client.write_all(b"LIST\r\n").unwrap();
        handoff.send(&apart.accept().unwrap().0).unwrap();
        queue.look(Instant::now());
        assert_eq!(handoff.untaken(), 1, "a place is free for it");

        let other = ledger.slot(0).connect();
        queue.look(Instant::now());
        assert_eq!((handoff.untaken(), queue.waiting.is_empty()), (0, false));
        assert!(ledger.clients_queue());

        drop(other);
        queue.look(Instant::now());
        assert_eq!((handoff.untaken(), queue.waiting.is_empty()), (1, true));
    }
}
