//! What a caller may choose: the dialect, the limits on waiting, how often to try again, how much to move at a time.

use std::{str::FromStr, time::Duration};

/// Which verbs a client uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// Asks with `HELLO`, and uses the classic verbs if the server does not know it.
    #[default]
    Auto,
    /// `LIST`, `GET`, `UPLOAD`, `DELETE`: every server of the family knows them.
    Classic,
    /// `LS`, `STAT`, `READ`, `WRITE`, `STATS` (and `DELETE`): raw bytes, digests, conditions, resumption.
    Extended,
}

/// A text that names no dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a dialect; write auto, classic or extended")]
pub struct DialectError(String);

impl FromStr for Dialect {
    type Err = DialectError;

    fn from_str(text: &str) -> Result<Dialect, DialectError> {
        match text {
            "auto" => Ok(Dialect::Auto),
            "classic" => Ok(Dialect::Classic),
            "extended" => Ok(Dialect::Extended),
            _ => Err(DialectError(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Dialect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Dialect::Auto => "auto",
            Dialect::Classic => "classic",
            Dialect::Extended => "extended",
        })
    }
}

/// Whether a fetch checks the content against the digest that the server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// Length, and BLAKE3 wherever the server knows the digest (some 0.2 s of processor time per GiB).
    #[default]
    Digest,
    /// Length only.
    Length,
}

/// How a [`Client`](crate::Client) or a [`Connection`](crate::Connection) behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The verbs to use. Default: [`Dialect::Auto`].
    pub dialect: Dialect,
    /// The longest wait for a connection, over all addresses of the host. Default: 10 s.
    pub connect_timeout: Duration,
    /// The longest wait without a single byte moving, either way, once connected. Default: 60 s.
    pub stall_timeout: Duration,
    /// The longest silence after `HELLO` before a server counts as one that does not know it. Default: 3 s. Only
    /// [`Dialect::Auto`] waits for it, and once per [`Client`](crate::Client). A server of ours whose pool is full
    /// stays silent as well; then the classic verbs are used, which work there too.
    pub hello_timeout: Duration,
    /// The longest silence while the server does what takes longer for a larger object: it syncs an upload to its disk,
    /// or computes a digest that it was asked for. Default: 10 min; never less than `stall_timeout`.
    pub work_timeout: Duration,
    /// How often an operation is tried again after a failure to connect or an interruption. Default: 3.
    /// Refusals are never tried again.
    pub retries: u32,
    /// The pause before the first new try; each further one doubles it, up to 5 s, and a random part of up to half is
    /// taken off. Default: 200 ms.
    pub retry_pause: Duration,
    /// Bytes moved at a time. Default: 128 KiB, which stays in a second-level cache of 512 KiB
    /// together with what is decoded from it; at least 16 KiB are used. A connection holds two such buffers and a half.
    pub buffer_bytes: usize,
    /// Whether fetched content is checked against the server's digest. Default: [`Verify::Digest`].
    pub verify: Verify,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            dialect: Dialect::Auto,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(60),
            hello_timeout: Duration::from_secs(3),
            work_timeout: Duration::from_secs(600),
            retries: 3,
            retry_pause: Duration::from_millis(200),
            buffer_bytes: 128 * 1024,
            verify: Verify::Digest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_read_as_it_is_shown() {
        for dialect in [Dialect::Auto, Dialect::Classic, Dialect::Extended] {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
        }
        assert!("Auto".parse::<Dialect>().is_err());
    }
}
