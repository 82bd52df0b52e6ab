//! Sending an object: progress, conditions, and the doubt after a lost reply.

use std::{
    io::{self, Read},
    time::{Duration, SystemTime},
};

use blake3::Hasher;
use haul_wire::{Code, Condition};

use crate::{
    Client, Error, Progress, Source, Spoken, Timings, Verified, connection::Feed, extended::is_digest,
};

/// What is said of an object beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SendOptions {
    /// When it may be stored. Default: always.
    pub condition: Condition,
    /// When it was modified last. Default: the server's time of storing it.
    pub modified: Option<SystemTime>,
    /// Its permission bits, at most 0777. Default: what the server gives to new objects.
    pub mode: Option<u32>,
}

/// What a send did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Bytes of content.
    pub bytes: u64,
    /// The etag of what is stored now; unknown in the classic dialect.
    pub etag: Option<String>,
    /// Whether what is stored was compared with what was sent: by the server with our digest, or read back.
    pub verified: Verified,
    /// Whether the server took [`SendOptions::modified`]; `false` if it was given and the server knows no such option.
    pub took_modified: bool,
    /// The same for [`SendOptions::mode`].
    pub took_mode: bool,
    /// When the last try passed its marks.
    pub timings: Timings,
}

/// See [`Client::send`].
pub(crate) fn send(
    client: &mut Client,
    name: &str,
    source: &mut dyn Source,
    options: &SendOptions,
    progress: &mut dyn Progress,
) -> Result<Sent, Error> {
    let mut requests = 0;
    let sent = client.retrying(progress, |client, progress| match client.find_out(progress)? {
        Spoken::Classic if options.condition != Condition::Always => Err(Error::Unsupported(
            "this server speaks the classic verbs only, which know no conditions",
        )),
        Spoken::Classic => upload(client, name, source, options, progress),
        Spoken::Extended => write(client, name, source, options, progress, &mut requests),
    });
    match sent {
        // A reply may have been lost, and the object that is in the way may be the one we sent.
        Err(error)
            if requests > 1
                && options.condition == Condition::Absent
                && error.code() == Some(Code::Exists) =>
        {
            stored_already(client, name, source, progress)?.ok_or(error)
        }
        other => other,
    }
}

fn upload(
    client: &mut Client,
    name: &str,
    source: &mut dyn Source,
    options: &SendOptions,
    progress: &mut dyn Progress,
) -> Result<Sent, Error> {
    client.exchange(progress, |connection, progress| {
        let length = begin(source, progress)?;
        let mut counted = Counted { source, progress };
        let bytes = connection.send_upload(name, &mut counted, Some(length))?;
        connection.await_answer(progress)?;
        Ok(Sent {
            bytes,
            etag: None,
            verified: Verified::NotAsked,
            took_modified: options.modified.is_none(),
            took_mode: options.mode.is_none(),
            timings: connection.receive_done()?,
        })
    })
}

fn write(
    client: &mut Client,
    name: &str,
    source: &mut dyn Source,
    options: &SendOptions,
    progress: &mut dyn Progress,
    requests: &mut u32,
) -> Result<Sent, Error> {
    let mut taken = options.clone();
    if options.modified.is_some() || options.mode.is_some() {
        let offers = client.offers(progress)?;
        taken.modified = options.modified.filter(|_| offers.modified);
        taken.mode = options.mode.filter(|_| offers.mode);
    }
    client.exchange(progress, |connection, progress| {
        *requests += 1;
        let length_bytes = begin(source, progress)?;
        let mut counted = Counted { source, progress };
        let digest = connection.send_write(name, &mut counted, length_bytes, None, &taken)?;
        connection.await_answer(progress)?;
        let (written, transfer) = connection.receive_written(length_bytes, &digest)?;
        Ok(Sent {
            bytes: length_bytes,
            etag: Some(written.etag),
            verified: Verified::Yes,
            took_modified: taken.modified == options.modified,
            took_mode: taken.mode == options.mode,
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
fn stored_already(
    client: &mut Client,
    name: &str,
    source: &mut dyn Source,
    progress: &mut dyn Progress,
) -> Result<Option<Sent>, Error> {
    let facts = client.stat_with_digest(name, progress)?;
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
        verified: Verified::Yes,
        took_modified: true,
        took_mode: true,
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

impl Feed for Counted<'_> {
    fn waiting(&mut self, waited: Duration) {
        self.progress.waiting(waited);
    }
}
