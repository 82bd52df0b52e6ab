//! The server end to end: the real binary, real sockets, under every kind of pool, with clients that behave badly.
//!
//! `served` starts and inspects a server, `talk` speaks to it in raw bytes, `sockets` tells when they were
//! taken; `rows` is what has to come of a request; the other modules are the behaviours. Nothing here waits for time
//! to pass: a test waits for what it expects, up to [`DEADLINE`], and no test says how fast anything has to be.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "a test that fails shows what it was at")]

use std::thread;
use std::time::{Duration, Instant};

mod mount;
mod served;
mod sockets;
mod talk;

mod accounts;
mod attributes;
mod browsers;
mod budgets;
mod busy;
mod classic;
mod commands;
mod drains;
mod extended;
mod fairness;
mod folders;
mod hostile;
mod names;
mod pools;
mod rows;
mod storage;
mod supervision;
mod uploads;

/// How long anything may take before a test gives up: far more than it ever needs.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs each behaviour, a function of the pool's spec, as one test for each kind of pool.
macro_rules! under_every_pool {
    ($($behaviour:ident)*) => {$(
        mod $behaviour {
            #[test]
            fn threads() {
                super::$behaviour("threads:4");
            }
            #[test]
            fn processes() {
                super::$behaviour("processes:3");
            }
            #[test]
            fn tasks() {
                super::$behaviour("tasks");
            }
        }
    )*};
}
use under_every_pool;

/// Waits until `probe` finds something.
fn expect_soon<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(since.elapsed() < DEADLINE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Bytes that look random, always the same for the same seed.
fn content(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new()
        .update(seed.as_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn hex_digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
