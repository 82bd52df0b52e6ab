//! The peak memory of server and clients, sampled while a trial goes on.

use std::time::{Duration, Instant};

use haul_results::ByteSize;

use crate::process;

/// The shortest time between two looks at the memory.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// How many times longer than a look the time until the next one is, at least: a look keeps the processes that it looks at
/// from working, and may cost 2% of the time.
const PAUSE_FACTOR: u32 = 50;

/// Watches the memory of both sides.
#[derive(Debug)]
pub(crate) struct MemoryWatch {
    servers: Vec<u32>,
    clients: Vec<u32>,
    /// The most memory of each side that was seen; `None` if it could not be read.
    pub(crate) server_peak: Option<ByteSize>,
    pub(crate) client_peak: Option<ByteSize>,
    due: Instant,
}

impl MemoryWatch {
    pub(crate) fn new(servers: Vec<u32>, clients: Vec<u32>) -> Self {
        Self {
            servers,
            clients,
            server_peak: None,
            client_peak: None,
            due: Instant::now() + PAUSE_MIN,
        }
    }

    pub(crate) fn look_if_due(&mut self) {
        let begun = Instant::now();
        if begun >= self.due {
            self.look();
            self.due = Instant::now() + PAUSE_MIN.max(begun.elapsed() * PAUSE_FACTOR);
        }
    }

    pub(crate) fn look(&mut self) {
        self.server_peak = self.server_peak.max(process::memory(&self.servers));
        self.client_peak = self.client_peak.max(process::memory(&self.clients));
    }
}
