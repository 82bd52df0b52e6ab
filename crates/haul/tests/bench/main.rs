//! The stress lab end to end: the real binary, real processes, tiny volumes, and servers that behave badly.
//!
//! `ran` runs `haul bench` in a folder of its own and reads what it leaves; `mock` is a server of the family whose replies
//! the test holds back or breaks; `caught` finds a process in the middle of a transfer. Nothing here waits for time to pass, and no test says how fast anything has to be.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::thread;
use std::time::Duration;

mod caught;
mod mock;
#[path = "../serve/mount.rs"]
mod mount;
mod ran;

mod full;
mod interruptions;
mod killed;
mod phases;
mod reports;
mod scale;
mod servers;
mod usage;
mod whole;

/// How often a test looks for what it waits for before it gives up, and the pause between two looks: two minutes at
/// least, far more than anything ever needs. Looks are counted rather than time, which goes on while a test is held up.
const LOOKS_MAX: u32 = 24_000;
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until `probe` finds something.
#[track_caller]
fn expect_soon<T>(what: &str, probe: impl FnMut() -> Option<T>) -> T {
    soon(probe).unwrap_or_else(|| panic!("waited in vain until {what}"))
}

/// Waits until `probe` finds something; `None` if it never does.
fn soon<T>(mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..LOOKS_MAX {
        if let Some(found) = probe() {
            return Some(found);
        }
        thread::sleep(PAUSE);
    }
    None
}
