//! The stress lab end to end: the real binary, real processes, tiny volumes, and servers that behave badly.
//!
//! `ran` runs `haul bench` in a folder of its own and reads what it leaves; `mock` is a server of the family whose replies
//! the test holds back or breaks. Nothing here waits for time to pass, and no test says how fast anything has to be.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::thread;
use std::time::{Duration, Instant};

mod mock;
mod ran;

mod interruptions;
mod servers;
mod usage;
mod whole;

/// How long anything may take before a test gives up: far more than it ever needs.
const DEADLINE: Duration = Duration::from_secs(120);

/// Waits until `probe` finds something.
fn expect_soon<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(since.elapsed() < DEADLINE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
