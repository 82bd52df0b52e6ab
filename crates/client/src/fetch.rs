//! Fetching an object: continuing what is held, verifying what arrived.

use blake3::Hasher;
use haul_wire::Digest;

use crate::{
    Client, Connection, Error, Held, Progress, Target, Timings, Verify, client::Spoken, extended::is_digest,
};

/// What a fetch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// The object's size in bytes.
    pub bytes: u64,
    /// How many of them were here before, from an earlier try.
    pub resumed_bytes: u64,
    /// Whether the content was compared with the server's digest, and is equal.
    pub verified: bool,
    /// When the last try passed its marks.
    pub timings: Timings,
}

/// See [`Client::fetch`].
pub(crate) fn fetch(
    client: &mut Client,
    name: &str,
    target: &mut dyn Target,
    progress: &mut dyn Progress,
) -> Result<Fetched, Error> {
    let mut hash = RunningHash::default();
    let fetched = client.retrying(progress, |client, progress| match client.find_out()? {
        Spoken::Classic => get(client, name, target, progress),
        Spoken::Extended => read(client, name, target, &mut hash, progress),
    });
    let is_useless = |error: &Error| matches!(error, Error::Corrupt(_)) || error.is_not_found();
    if fetched.as_ref().is_err_and(is_useless) && target.held().is_some() {
        // A target that cannot start over keeps what it has: it has passed it on already.
        let _ = target.begin(0, None);
    }
    fetched
}

fn get(
    client: &mut Client,
    name: &str,
    target: &mut dyn Target,
    progress: &mut dyn Progress,
) -> Result<Fetched, Error> {
    client.exchange(|connection| {
        let mut begun = false;
        let mut sink = |piece: &[u8]| {
            if !begun {
                target.begin(0, None)?;
                progress.begin(0, None);
                begun = true;
            }
            progress.moved(piece.len() as u64);
            target.write(piece)
        };
        let transfer = connection.get(name, &mut sink)?;
        if !begun {
            target.begin(0, None).map_err(Error::Local)?;
        }
        let timings = transfer.timings;
        Ok(Fetched {
            bytes: transfer.bytes,
            resumed_bytes: 0,
            verified: false,
            timings,
        })
    })
}

fn read(
    client: &mut Client,
    name: &str,
    target: &mut dyn Target,
    hash: &mut RunningHash,
    progress: &mut dyn Progress,
) -> Result<Fetched, Error> {
    let verify = client.options().verify;
    if let Some(held) = target.held() {
        let continued = client.exchange(|connection| {
            Reading {
                connection,
                target,
                hash,
                progress,
                verify,
            }
            .from(name, Some(&held))
        })?;
        if let Continued::Whole(fetched) = continued {
            return Ok(fetched);
        }
    }
    let fetched = client.exchange(|connection| {
        Reading {
            connection,
            target,
            hash,
            progress,
            verify,
        }
        .from(name, None)
    })?;
    match fetched {
        Continued::Whole(fetched) => Ok(fetched),
        Continued::NotPossible => Err(Error::Corrupt("its digest is not the server's".to_owned())),
    }
}

/// How a fetch that continues an earlier one went.
enum Continued {
    Whole(Fetched),
    /// The server has another version by now, or what is held is not the beginning of this one.
    NotPossible,
}

/// What one READ needs at hand.
struct Reading<'a> {
    connection: &'a mut Connection,
    target: &'a mut dyn Target,
    hash: &'a mut RunningHash,
    progress: &'a mut dyn Progress,
    verify: Verify,
}

impl Reading<'_> {
    fn from(self, name: &str, held: Option<&Held>) -> Result<Continued, Error> {
        let Reading {
            connection,
            target,
            hash,
            progress,
            verify,
        } = self;
        let offset = held.map_or(0, |held| held.bytes);
        let head = match connection.read(name, offset, None) {
            // It may be shorter than what is held, or be gone: asking from the beginning gives the true refusal.
            Err(Error::Refused(_)) if offset > 0 => return Ok(Continued::NotPossible),
            other => other?,
        };
        if held.is_some_and(|held| held.etag != head.etag) {
            return Ok(Continued::NotPossible);
        }
        target.begin(offset, Some(&head.etag)).map_err(Error::Local)?;
        progress.begin(offset, Some(head.size));
        // What lay on a disk for a while is compared in any case, also if the server has to read the object for that.
        let wanted = verify == Verify::Digest && (head.digest.is_some() || offset > 0);
        let can_hash = wanted && hash.go_to(offset, target)?;
        let transfer = connection.receive(head.length, &mut |piece| {
            target.write(piece)?;
            if can_hash {
                hash.update(piece);
            }
            progress.moved(piece.len() as u64);
            Ok(())
        })?;
        let verified = match can_hash.then(|| hash.digest()) {
            None => false,
            Some(digest) => match expected(connection, name, &head.etag, head.digest)? {
                None => false,
                Some(expected) if is_digest(&expected, &digest) => true,
                Some(_) if hash.is_of_held => {
                    hash.forget();
                    return Ok(Continued::NotPossible);
                }
                Some(_) => return Err(Error::Corrupt("its digest is not the server's".to_owned())),
            },
        };
        let timings = transfer.timings;
        Ok(Continued::Whole(Fetched {
            bytes: head.size,
            resumed_bytes: offset,
            verified,
            timings,
        }))
    }
}

/// The digest that the content should have, asked for if the READ did not tell it; unknown if the object has changed
/// since, or the server does not tell.
fn expected(
    connection: &mut Connection,
    name: &str,
    etag: &str,
    told: Option<String>,
) -> Result<Option<String>, Error> {
    if told.is_some() {
        return Ok(told);
    }
    match connection.stat_with_digest(name) {
        Ok(facts) => Ok(facts.digest.filter(|_| facts.etag == etag)),
        Err(Error::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The hash of what a target has, kept from one try to the next.
#[derive(Default)]
struct RunningHash {
    hasher: Hasher,
    bytes: u64,
    /// Whether it began with what an earlier fetch had left.
    is_of_held: bool,
}

impl RunningHash {
    /// Makes this the hash of the first `offset` bytes, which the target has; `false` if that cannot be done.
    fn go_to(&mut self, offset: u64, target: &mut dyn Target) -> Result<bool, Error> {
        if offset > 0 && self.bytes == offset {
            return Ok(true);
        }
        self.forget();
        if offset == 0 {
            return Ok(true);
        }
        self.is_of_held = true;
        let replayed = target.replay(&mut |piece| self.update(piece));
        let whole = replayed.map_err(Error::Local)?;
        Ok(whole && self.bytes == offset)
    }

    fn update(&mut self, piece: &[u8]) {
        self.hasher.update(piece);
        self.bytes += piece.len() as u64;
    }

    fn digest(&self) -> Digest {
        self.hasher.finalize()
    }

    fn forget(&mut self) {
        *self = RunningHash::default();
    }
}
