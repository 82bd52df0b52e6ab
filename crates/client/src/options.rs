//! The choices of a caller: the dialect, the limits on waiting, how often to try again, how much to move at a time.

use std::time::{Duration, SystemTime};

use haul_types::{Condition, closed_list};

closed_list! {
    /// Which verbs a client is told to use.
    #[derive(Default)]
    pub DialectChoice, "a dialect" {
        /// Asks with `HELLO`, and uses the classic verbs if the server does not know it.
        #[default]
        Auto = "auto",
        /// `LIST`, `GET`, `UPLOAD`, `DELETE`: every server of the family knows them.
        Classic = "classic",
        /// `LS`, `STAT`, `READ`, `WRITE`, `STATS` (and `DELETE`): raw bytes, digests, conditions, resumption.
        Extended = "extended",
    }
}

/// How far the content of a transfer is compared between the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verify {
    /// Length, and BLAKE3 wherever the server knows the digest (some 0.2 s of processor time per GiB).
    #[default]
    Digest,
    /// As [`Verify::Digest`], and where the server does not know the digest it is asked to compute it. An upload in
    /// the classic dialect, which has no digests, is read back and compared.
    Ask,
    /// Length only.
    Length,
}

/// Whether the content of a transfer was compared between the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verified {
    /// It was compared, by its digest or byte by byte, and is equal.
    Yes,
    /// The server has no digest of the object. [`Verify::Ask`] makes it compute one.
    NoDigest,
    /// The comparison was left out: by [`Verify::Length`], or for an upload in the classic dialect, which only
    /// [`Verify::Ask`] reads back.
    NotAsked,
    /// There is nothing to compare with: the classic dialect has no digest of a download, the object changed before
    /// its digest was known, the server refused to compute it, or the target no longer has the beginning.
    NotPossible,
}

impl Verified {
    /// Whether the content was compared and is equal.
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

/// How a [`Client`](crate::Client) or a [`Connection`](crate::Connection) behaves.
///
/// ```
/// use std::time::Duration;
///
/// use haul_client::{DialectChoice, Options};
///
/// let options = Options {
///     dialect: DialectChoice::Classic,
///     retry_time: Duration::ZERO,
///     ..Options::default()
/// };
/// assert_eq!(options.timeout, Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The verbs to use. Default: [`DialectChoice::Auto`].
    pub dialect: DialectChoice,
    /// The longest wait for a connection, over all addresses of the host. Default: 10 s.
    pub connect_timeout: Duration,
    /// The longest silence of a server that has answered on this connection already. Default: 60 s.
    pub timeout: Duration,
    /// The longest wait for the first answer on a new connection: a server whose workers are all busy lets it wait in
    /// line. Default: 10 min; never less than `timeout`. [`Progress::waiting`](crate::Progress::waiting) says that the
    /// wait has begun.
    pub queue_timeout: Duration,
    /// The longest silence while the server does what takes longer for a larger object: it syncs an upload to its disk,
    /// or computes a digest that it was asked for. Default: 10 min; never less than `timeout`.
    pub work_timeout: Duration,
    /// How long an operation that gets no further is tried again after interruptions and failures to connect, counted
    /// from the first of them; a try that gets further than all before it starts the count again. Default: 30 s. A
    /// server that has never answered this client gets a tenth of it. Refusals and silence are never tried again.
    pub retry_time: Duration,
    /// The most tries after the first one that get no further. Default: as many as `retry_time` has room for.
    pub retries: Option<u32>,
    /// The pause before the first new try; each further one doubles it, up to 5 s, and a random part of up to half is
    /// taken off. Default: 200 ms.
    pub retry_pause: Duration,
    /// Bytes moved at a time. Default: 128 KiB, which stays in a second-level cache of 512 KiB
    /// together with what is decoded from it; at least 16 KiB are used. A connection holds two such buffers and a half.
    pub buffer_bytes: usize,
    /// How far content is compared. Default: [`Verify::Digest`].
    pub verify: Verify,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dialect: DialectChoice::Auto,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            queue_timeout: Duration::from_secs(600),
            work_timeout: Duration::from_secs(600),
            retry_time: Duration::from_secs(30),
            retries: None,
            retry_pause: Duration::from_millis(200),
            buffer_bytes: 128 * 1024,
            verify: Verify::Digest,
        }
    }
}

/// The condition and the attributes of an object that is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SendOptions {
    /// When it may be stored. Default: always.
    pub condition: Condition,
    /// When it was modified last. Default: the server's time of storing it.
    pub modified: Option<SystemTime>,
    /// Its permission bits, at most 0777. Default: what the server gives to new objects.
    pub mode: Option<u32>,
}
