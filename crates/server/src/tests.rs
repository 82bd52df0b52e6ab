//! Conversations with the line front: over a connection in memory, with the store in memory and a clock that
//! stands still unless everybody waits for it. No process, no port, no sleep; a minute's silence takes no
//! time.
//!
//! `served` is a server without a listener, `talk` speaks to it in raw bytes, `rows` says what has to come of
//! a request; the other modules are the behaviours. What only the binary, its pools, its sockets or its disk
//! show is tested in `crates/haul/tests/serve`.

mod served;
mod talk;

mod browsers;
mod classic;
mod endings;
mod extended;
mod hostile;
mod limits;
mod names;
mod rows;
mod uploads;

/// Bytes that look random, always the same for the same seed.
fn content(seed: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut hasher = blake3::Hasher::new();
    hasher.update(seed.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn hex_digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
