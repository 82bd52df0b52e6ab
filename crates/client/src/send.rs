//! Sending an object: progress, conditions, and the doubt after a lost reply.

use std::io::{self, Read};
use std::time::Duration;

use blake3::Hasher;
use haul_wire::{Code, Condition, Digest};

use crate::extended::is_digest;
use crate::family::{self, Access};
use crate::feed::Feed;
use crate::spelling;
use crate::{
    Client, Dialect, Error, Held, Progress, SendOptions, Source, Target, Timings, Verified, Verify, fetch,
    kept,
};

/// The result of a send.
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

impl Client {
    /// Sends what `source` gives as an object of that name. In the extended dialect a condition can be set, and the
    /// server compares the content with our digest. If an interrupted try turns out to have been stored after all, the
    /// refusal that follows from that is taken for the success that it is. A time or mode that the server cannot keep
    /// is left out, and [`Sent`] says so.
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// use std::io::Cursor;
    ///
    /// use haul_client::{Condition, SendOptions};
    ///
    /// let options = SendOptions {
    ///     condition: Condition::Absent,
    ///     ..SendOptions::default()
    /// };
    /// let sent = client.send("new.txt", &mut Cursor::new("content"), &options, &mut ())?;
    /// assert!(sent.verified.is_yes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::list`], [`Error::Local`] from the source, [`Error::Unsupported`] for a condition in the classic dialect.
    pub fn send(
        &mut self,
        name: &str,
        source: &mut dyn Source,
        options: &SendOptions,
        progress: &mut dyn Progress,
    ) -> Result<Sent, Error> {
        let mut requests = 0;
        let sent = self.retrying(progress, |client, progress| match client.find_out(progress)? {
            Dialect::Classic if options.condition != Condition::Always => Err(Error::Unsupported(
                "this server speaks the classic verbs only, which know no conditions",
            )),
            Dialect::Classic => upload(client, name, source, options, progress),
            Dialect::Extended => write(client, name, source, options, progress, &mut requests),
        });
        match sent {
            // A reply may have been lost, and the object that is in the way may be the one we sent.
            Err(error)
                if requests > 1
                    && options.condition == Condition::Absent
                    && error.code() == Some(Code::Exists) =>
            {
                stored_already(self, name, source, progress)?.ok_or(error)
            }
            other => other,
        }
    }
}

fn upload(
    client: &mut Client,
    name: &str,
    source: &mut dyn Source,
    options: &SendOptions,
    progress: &mut dyn Progress,
) -> Result<Sent, Error> {
    let spelling = family::spell(client, name, Access::Change, progress)?;
    if client.peer_ref().is_ours() == Some(false) {
        kept::expect_kept(client, name, &spelling, progress)?;
    }
    let form = kept::upload_form(client, &spelling, source.length_bytes(), progress)?;
    let asks = client.options().verify == Verify::Ask;
    let mut digest = None;
    let (bytes, timings) = client.exchange(progress, |connection, progress| {
        let length = begin(source, progress)?;
        let mut counted = CountedSource::new(source, progress, asks);
        let bytes = connection.send_upload(name, &spelling, form, &mut counted, Some(length))?;
        digest = counted.digest();
        connection.await_answer(progress)?;
        let (timings, told) = connection.receive_named_done()?;
        spelling::check_name(told.as_deref(), name)?;
        connection.expect_no_more()?;
        Ok((bytes, timings))
    })?;
    if client.peer_ref().is_ours() != Some(true) {
        family::check_listed(client, name, &spelling, progress)?;
    }
    let verified = match digest {
        None => Verified::NotAsked,
        Some(digest) => {
            read_back(client, name, &digest, progress)?;
            Verified::Yes
        }
    };
    Ok(Sent {
        bytes,
        etag: None,
        verified,
        took_modified: options.modified.is_none(),
        took_mode: options.mode.is_none(),
        timings,
    })
}

/// Fetches what was stored, and compares it with what was sent.
fn read_back(
    client: &mut Client,
    name: &str,
    digest: &Digest,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let mut hash = HashTarget(Hasher::new());
    let fetched = fetch::get(client, name, &mut hash, &mut WaitsOnly(progress));
    fetched.map_err(|error| match error {
        // Said as it is, the upload would seem to have been refused.
        Error::Refused(_) | Error::Protocol(_) => Error::refused(
            Code::Internal,
            format!("the server answered OK, but what it stored cannot be read back and compared: {error}"),
        ),
        other => other,
    })?;
    if hash.0.finalize() == *digest {
        return Ok(());
    }
    Err(Error::Corrupt(
        "the server answered OK, but what it stored is not what was sent".to_owned(),
    ))
}

/// A target that keeps nothing but the hash.
struct HashTarget(Hasher);

impl Target for HashTarget {
    fn held(&self) -> Option<Held> {
        None
    }

    fn begin(&mut self, _offset: u64, _etag: Option<&str>) -> io::Result<()> {
        self.0.reset();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.update(bytes);
        Ok(())
    }

    fn replay(&mut self, _reader: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        Ok(false)
    }
}

/// Passes on that the server lets a request wait, but no content: reading back is no part of the transfer.
struct WaitsOnly<'a>(&'a mut dyn Progress);

impl Progress for WaitsOnly<'_> {
    fn waiting(&mut self, waited: Duration) {
        self.0.waiting(waited);
    }
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
        let mut counted = CountedSource::new(source, progress, false);
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
struct CountedSource<'a> {
    source: &'a mut dyn Source,
    progress: &'a mut dyn Progress,
    hasher: Option<Hasher>,
}

impl<'a> CountedSource<'a> {
    fn new(source: &'a mut dyn Source, progress: &'a mut dyn Progress, hashes: bool) -> Self {
        CountedSource {
            source,
            progress,
            hasher: hashes.then(Hasher::new),
        }
    }

    /// The digest of what was read, if it was hashed.
    fn digest(&self) -> Option<Digest> {
        self.hasher.as_ref().map(Hasher::finalize)
    }
}

impl Read for CountedSource<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.progress.moved(count as u64);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        Ok(count)
    }
}

impl Feed for CountedSource<'_> {
    fn waiting(&mut self, waited: Duration) {
        self.progress.waiting(waited);
    }
}
