//! Fetching an object: continuing what is held, verifying what arrived.

use std::time::SystemTime;

use blake3::Hasher;
use haul_wire::Digest;
use haul_wire::reply::ReadHead;

use crate::extended::is_digest;
use crate::family::{self, Access};
use crate::spelling;
use crate::{Client, Connection, Dialect, Error, Held, Progress, Target, Timings, Verified, Verify};

/// The result of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fetched {
    /// The object's size in bytes.
    pub bytes: u64,
    /// How many of them were here before, from an earlier try.
    pub resumed_bytes: u64,
    /// Whether the content was compared with the server's digest.
    pub verified: Verified,
    /// When the object was modified last, where the server says so.
    pub modified: Option<SystemTime>,
    /// The object's permission bits (at most 0777), where the server says so.
    pub mode: Option<u32>,
    /// When the last try passed its marks.
    pub timings: Timings,
}

impl Client {
    /// Fetches an object into `target`. In the extended dialect it continues what the target holds if the server
    /// still has that version, and compares the content with the server's digest where there is one; a continued
    /// download is compared in any case, as the server is asked for the digest then.
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// let mut content = Vec::new();
    /// let mut target = haul_client::StreamTarget::new(&mut content);
    /// let fetched = client.fetch("notes.txt", &mut target, &mut ())?;
    /// assert_eq!((fetched.bytes, content), (5, b"hello".to_vec()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::list`], [`Error::Corrupt`] (then the target has been emptied as far as it can be), [`Error::Local`].
    pub fn fetch(
        &mut self,
        name: &str,
        target: &mut dyn Target,
        progress: &mut dyn Progress,
    ) -> Result<Fetched, Error> {
        let mut hash = RunningHash::default();
        let fetched = self.retrying(progress, |client, progress| match client.find_out(progress)? {
            Dialect::Classic => get(client, name, target, progress),
            Dialect::Extended => read(client, name, target, &mut hash, progress),
        });
        let is_useless = |error: &Error| matches!(error, Error::Corrupt(_)) || error.is_not_found();
        if fetched.as_ref().is_err_and(is_useless) && target.held().is_some() {
            // A target that cannot start over keeps what it has: it has passed it on already.
            let _ = target.begin(0, None);
        }
        fetched
    }
}

/// Fetches an object in the classic dialect; no second try.
pub(crate) fn get(
    client: &mut Client,
    name: &str,
    target: &mut dyn Target,
    progress: &mut dyn Progress,
) -> Result<Fetched, Error> {
    let verify = client.options().verify;
    let spelling = family::spell(client, name, Access::Read, progress)?;
    let (fetched, told) = client.minding_line_ends(name, |client, ends| {
        client.exchange(progress, |connection, progress| {
            connection.ask_get_as(name, &spelling, ends)?;
            connection.await_answer(progress)?;
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
            let (transfer, told) = connection.receive_named_content(&mut sink)?;
            spelling::check_name(told.as_deref(), name)?;
            if !begun {
                target.begin(0, None).map_err(Error::Local)?;
            }
            let fetched = Fetched {
                bytes: transfer.bytes,
                resumed_bytes: 0,
                verified: if verify == Verify::Length {
                    Verified::NotAsked
                } else {
                    Verified::NotPossible
                },
                modified: None,
                mode: None,
                timings: transfer.timings,
            };
            Ok((fetched, told))
        })
    })?;
    family::check_content_is_of(client, name, &spelling, told.as_deref(), progress)?;
    Ok(fetched)
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
        let continued = client.exchange(progress, |connection, progress| {
            ReadTry {
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
    let fetched = client.exchange(progress, |connection, progress| {
        ReadTry {
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

/// The parts that one READ works with.
struct ReadTry<'a> {
    connection: &'a mut Connection,
    target: &'a mut dyn Target,
    hash: &'a mut RunningHash,
    progress: &'a mut dyn Progress,
    verify: Verify,
}

impl ReadTry<'_> {
    fn from(self, name: &str, held: Option<&Held>) -> Result<Continued, Error> {
        let ReadTry {
            connection,
            target,
            hash,
            progress,
            verify,
        } = self;
        let offset = held.map_or(0, |held| held.bytes);
        connection.ask_read(name, offset, None)?;
        connection.await_answer(progress)?;
        let head = match connection.receive_head(offset, None) {
            // It may be shorter than what is held, or be gone: asking from the beginning gives the true refusal.
            Err(Error::Refused(_)) if offset > 0 => return Ok(Continued::NotPossible),
            other => other?,
        };
        if held.is_some_and(|held| held.etag != head.etag) {
            return Ok(Continued::NotPossible);
        }
        target.begin(offset, Some(&head.etag)).map_err(Error::Local)?;
        progress.begin(offset, Some(head.size));
        // Content from an earlier fetch is compared in any case, also if the server has to read the object for that.
        let wanted = match verify {
            Verify::Length => false,
            Verify::Digest => head.digest.is_some() || offset > 0,
            Verify::Ask => true,
        };
        let can_hash = wanted && hash.go_to(offset, target)?;
        let transfer = connection.receive(head.length, &mut |piece| {
            target.write(piece)?;
            if can_hash {
                hash.update(piece);
            }
            progress.moved(piece.len() as u64);
            Ok(())
        })?;
        let verified = if can_hash {
            match compare(connection, name, &head, &hash.digest())? {
                DigestComparison::Other if hash.is_of_held => {
                    hash.forget();
                    return Ok(Continued::NotPossible);
                }
                DigestComparison::Other => {
                    return Err(Error::Corrupt("its digest is not the server's".to_owned()));
                }
                DigestComparison::Same => Verified::Yes,
                DigestComparison::Unknown => Verified::NotPossible,
            }
        } else {
            match verify {
                Verify::Length => Verified::NotAsked,
                _ if wanted => Verified::NotPossible,
                _ => Verified::NoDigest,
            }
        };
        let attributes = head.attributes();
        Ok(Continued::Whole(Fetched {
            bytes: head.size,
            resumed_bytes: offset,
            verified,
            modified: attributes.modified,
            mode: attributes.mode,
            timings: transfer.timings,
        }))
    }
}

/// The result of a comparison with the server's digest.
enum DigestComparison {
    Same,
    Other,
    /// The object has changed since, or the server does not tell.
    Unknown,
}

/// Compares a digest with that of the server, which is asked for it if the READ did not tell it.
fn compare(
    connection: &mut Connection,
    name: &str,
    head: &ReadHead,
    digest: &Digest,
) -> Result<DigestComparison, Error> {
    if let Some(told) = &head.digest {
        return Ok(if is_digest(told, digest) {
            DigestComparison::Same
        } else {
            DigestComparison::Other
        });
    }
    let facts = match connection.stat_with_digest(name) {
        Ok(facts) => facts,
        Err(Error::Refused(_)) => return Ok(DigestComparison::Unknown),
        Err(error) => return Err(error),
    };
    Ok(match facts.digest {
        // A server that keeps the digest may give the object another etag for it.
        Some(told) if is_digest(&told, digest) => DigestComparison::Same,
        Some(_) if facts.etag == head.etag => DigestComparison::Other,
        _ => DigestComparison::Unknown,
    })
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
        *self = Self::default();
    }
}
