//! How fast each served connection has been lately, from looks at its record. A pure state machine; the time
//! is an argument.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::policy::{Pace, Served};
use crate::Limits;
use crate::ledger::Snapshot;

/// What has been seen of the connections that are served.
#[derive(Debug, Default)]
pub(super) struct Observations {
    seen: HashMap<u32, Observation>,
    last: Option<Instant>,
}

/// What has been seen of one connection.
#[derive(Debug)]
struct Observation {
    generation: u64,
    since: Instant,
    phases: u64,
    phase_since: Instant,
    short: Window,
    long: Window,
    pace: Pace,
    is_logged: bool,
}

/// Bytes moved and time spent waiting for the peer since some moment.
#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    moved_bytes: u64,
    waited: Duration,
}

impl Observations {
    /// Looks at all connections; those that are gone are forgotten.
    pub(super) fn observe(
        &mut self,
        now: Instant,
        connections: impl Iterator<Item = (u32, Snapshot)>,
    ) -> Vec<Served> {
        let since_last = self.last.replace(now).map_or(Duration::ZERO, |last| now - last);
        let mut before = std::mem::take(&mut self.seen);
        connections
            .map(|(number, snapshot)| {
                let mut observation = before
                    .remove(&number)
                    .filter(|seen| seen.generation == snapshot.generation)
                    .unwrap_or_else(|| Observation::begin(now, &snapshot));
                observation.look(now, since_last, &snapshot);
                let served = observation.served(now, number, snapshot);
                self.seen.insert(number, observation);
                served
            })
            .collect()
    }

    /// Forgets everything: the pool is not full.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether it has not been logged yet that this connection holds a place for long.
    pub(super) fn is_first_log(&mut self, number: u32) -> bool {
        self.seen
            .get_mut(&number)
            .is_some_and(|seen| !std::mem::replace(&mut seen.is_logged, true))
    }
}

impl Observation {
    fn begin(now: Instant, snapshot: &Snapshot) -> Self {
        Self {
            generation: snapshot.generation,
            since: now,
            phases: snapshot.phases,
            phase_since: now,
            short: Window::begin(now, snapshot),
            long: Window::begin(now, snapshot),
            pace: Pace::Unknown,
            is_logged: false,
        }
    }

    fn look(&mut self, now: Instant, since_last: Duration, snapshot: &Snapshot) {
        if self.phases != snapshot.phases {
            *self = Self {
                since: self.since,
                is_logged: self.is_logged,
                ..Self::begin(now, snapshot)
            };
            return;
        }
        for window in [&mut self.short, &mut self.long] {
            if snapshot.waits_for_peer {
                window.waited += since_last;
            }
        }
        if now - self.short.since >= Limits::SLOW_WINDOW {
            self.pace = match self.short.is_below(Limits::SLOW_BYTES_PER_SECOND, now, snapshot) {
                true => Pace::Slow,
                false => Pace::Fast,
            };
            self.short = Window::begin(now, snapshot);
        }
        if now - self.long.since >= Limits::MINIMUM_RATE_WINDOW {
            if self
                .long
                .is_below(Limits::MINIMUM_BYTES_PER_SECOND, now, snapshot)
            {
                self.pace = Pace::Stalled;
            }
            self.long = Window::begin(now, snapshot);
        }
    }

    fn served(&self, now: Instant, number: u32, snapshot: Snapshot) -> Served {
        Served {
            number,
            generation: snapshot.generation,
            address: snapshot.address,
            worker: snapshot.worker,
            phase: snapshot.phase,
            in_phase: now - self.phase_since,
            for_long: now - self.since,
            pace: self.pace,
        }
    }
}

impl Window {
    fn begin(now: Instant, snapshot: &Snapshot) -> Self {
        Self {
            since: now,
            moved_bytes: snapshot.moved_bytes,
            waited: Duration::ZERO,
        }
    }

    /// Whether the peer was that slow. It was not, where the server was what took the time.
    fn is_below(&self, bytes_per_second: u64, now: Instant, snapshot: &Snapshot) -> bool {
        let age = now - self.since;
        let moved = snapshot.moved_bytes.saturating_sub(self.moved_bytes);
        let is_the_peers_time = self.waited * 2 >= age;
        is_the_peers_time && (moved as f64) < age.as_secs_f64() * bytes_per_second as f64
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::ledger::{ConnectionPhase, HostAddress};

    const LOOK: Duration = Duration::from_millis(250);

    /// One connection, looked at for so many seconds, with what it moves in each.
    fn pace(seconds: u32, moved_each_second: u64, waits_for_peer: bool) -> Pace {
        let mut observations = Observations::default();
        let began = Instant::now();
        let mut pace = Pace::Unknown;
        for look in 0..=seconds * 4 {
            let snapshot = Snapshot {
                generation: 1,
                address: HostAddress::from(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                worker: 0,
                phase: ConnectionPhase::Request,
                phases: 1,
                moved_bytes: u64::from(look) * moved_each_second / 4,
                waits_for_peer,
            };
            let served = observations.observe(began + look * LOOK, [(0, snapshot)].into_iter());
            pace = served[0].pace;
        }
        pace
    }

    #[test]
    fn a_connection_is_slow_after_a_second_and_below_the_minimum_after_ten() {
        assert_eq!(pace(0, 0, true), Pace::Unknown);
        assert_eq!(pace(1, 2_000_000, true), Pace::Fast);
        assert_eq!(pace(1, 2000, true), Pace::Slow);
        assert_eq!(pace(10, 2000, true), Pace::Slow);
        assert_eq!(pace(9, 1000, true), Pace::Slow);
        assert_eq!(pace(10, 1000, true), Pace::Stalled);
    }

    #[test]
    fn time_that_the_server_takes_makes_no_peer_slow() {
        assert_eq!(pace(10, 0, false), Pace::Fast);
    }

    #[test]
    fn a_new_request_and_a_new_connection_begin_anew() {
        let mut observations = Observations::default();
        let began = Instant::now();
        let mut look = |second: u32, generation, phases| {
            let snapshot = Snapshot {
                generation,
                address: HostAddress::from(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                worker: 0,
                phase: ConnectionPhase::Request,
                phases,
                moved_bytes: 0,
                waits_for_peer: true,
            };
            let now = began + Duration::from_secs(second.into());
            let served = observations.observe(now, [(7, snapshot)].into_iter());
            (served[0].pace, served[0].for_long, served[0].in_phase)
        };
        let second = Duration::from_secs(1);
        look(0, 1, 1);
        assert_eq!(look(1, 1, 1), (Pace::Slow, second, second));
        assert_eq!(look(2, 1, 2), (Pace::Unknown, second * 2, Duration::ZERO));
        assert_eq!(look(3, 3, 2), (Pace::Unknown, Duration::ZERO, Duration::ZERO));
    }
}
