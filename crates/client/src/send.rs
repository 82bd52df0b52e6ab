//! Sending an object: progress, conditions, and the doubt after a lost reply.

use std::io::{self, Read};

use blake3::Hasher;
use haul_wire::{Code, Condition};

use crate::{Body, Client, Error, Progress, Source, Timings, client::Spoken, extended::is_digest};

/// What a send did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Bytes of content.
    pub bytes: u64,
    /// The etag of what is stored now; unknown in the classic dialect.
    pub etag: Option<String>,
    /// Whether the server compared the content with our digest.
    pub verified: bool,
    /// When the last try passed its marks.
    pub timings: Timings,
}

/// See [`Client::send`].
pub(crate) fn send(
    client: &mut Client,
    name: &str,
    source: &mut dyn Source,
    condition: &Condition,
    progress: &mut dyn Progress,
) -> Result<Sent, Error> {
    let mut requests = 0;
    let sent = client.retrying(progress, |client, progress| match client.find_out()? {
        Spoken::Classic if *condition != Condition::Always => {
            Err(Error::Unsupported("sending under a condition"))
        }
        Spoken::Classic => upload(client, name, source, progress),
        Spoken::Extended => write(client, name, source, condition, progress, &mut requests),
    });
    match sent {
        // A reply may have been lost, and the object that is in the way may be the one we sent.
        Err(error)
            if requests > 1 && *condition == Condition::Absent && error.code() == Some(Code::Exists) =>
        {
            stored_already(client, name, source)?.ok_or(error)
        }
        other => other,
    }
}

fn upload(
    client: &mut Client,
    name: &str,
    source: &mut dyn Source,
    progress: &mut dyn Progress,
) -> Result<Sent, Error> {
    client.exchange(|connection| {
        let length = begin(source, progress)?;
        let transfer = connection.upload(name, &mut Counted { source, progress }, Some(length))?;
        Ok(Sent {
            bytes: transfer.bytes,
            etag: None,
            verified: false,
            timings: transfer.timings,
        })
    })
}

fn write(
    client: &mut Client,
    name: &str,
    source: &mut dyn Source,
    condition: &Condition,
    progress: &mut dyn Progress,
    requests: &mut u32,
) -> Result<Sent, Error> {
    client.exchange(|connection| {
        *requests += 1;
        let length_bytes = begin(source, progress)?;
        let mut counted = Counted { source, progress };
        let body = Body {
            source: &mut counted,
            length_bytes,
            digest: None,
        };
        let (written, transfer) = connection.write(name, body, condition.clone())?;
        Ok(Sent {
            bytes: length_bytes,
            etag: Some(written.etag),
            verified: true,
            timings: transfer.timings,
        })
    })
}

fn begin(source: &mut dyn Source, progress: &mut dyn Progress) -> Result<u64, Error> {
    source.rewind().map_err(Error::Local)?;
    progress.begin(0, Some(source.length_bytes()));
    Ok(source.length_bytes())
}

/// Whether the server's object of that name is what we sent.
fn stored_already(client: &mut Client, name: &str, source: &mut dyn Source) -> Result<Option<Sent>, Error> {
    let facts = client.stat_with_digest(name)?;
    let bytes = source.length_bytes();
    source.rewind().map_err(Error::Local)?;
    let mut hasher = Hasher::new();
    hasher.update_reader(source.take(bytes)).map_err(Error::Local)?;
    let digest = hasher.finalize();
    let is_ours = facts.size == bytes && facts.digest.is_some_and(|there| is_digest(&there, &digest));
    let timings = Timings::default();
    Ok(is_ours.then_some(Sent {
        bytes,
        etag: Some(facts.etag),
        verified: true,
        timings,
    }))
}

/// A source whose reading is the progress of its sending.
struct Counted<'a> {
    source: &'a mut dyn Source,
    progress: &'a mut dyn Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.progress.moved(count as u64);
        Ok(count)
    }
}
