//! Writing an object in flight, and landing it.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::{BoxFuture, FutureExt};

use super::flight::Flight;
use super::pace::Place;
use super::publish::{Outcome, Patience, Target, land, seal};
use super::{Blocking, Disk, Durability, hop};
use crate::{Digest, Error, Meta, Writer};

/// The most that is written at once, so that one decision about where to write is never about more, and a trip to the
/// blocking pool never holds more memory.
const PIECE_BYTES_MAX: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct LocalWriter {
    disk: Arc<Disk>,
    target: Target,
    flight: Flight,
    place: Place,
    /// Whether every write so far went to its end: neither refused nor abandoned half-way.
    whole: bool,
    /// What the last trip to the pool wrote from, kept for the next.
    spare: Vec<u8>,
}

impl LocalWriter {
    pub(super) fn new(disk: Arc<Disk>, target: Target, flight: Flight) -> Self {
        Self {
            disk,
            target,
            flight,
            place: Place::default(),
            whole: true,
            spare: Vec::new(),
        }
    }

    async fn append(&mut self, content: &[u8]) -> Result<(), Error> {
        let was_whole = std::mem::replace(&mut self.whole, false);
        for piece in content.chunks(PIECE_BYTES_MAX) {
            let (took, written) = match (self.disk.blocking, self.place) {
                (Blocking::Offload, Place::Pool) => self.write_on_pool(piece).await?,
                _ => write_timed(self.flight.file(), piece),
            };
            self.place = Place::after(took);
            written?;
        }
        self.whole = was_whole;
        Ok(())
    }

    async fn write_on_pool(&mut self, piece: &[u8]) -> io::Result<(Duration, io::Result<()>)> {
        let file = Arc::clone(self.flight.file());
        let mut own = std::mem::take(&mut self.spare);
        own.clear();
        own.extend_from_slice(piece);
        let (own, outcome) = hop(move || {
            let outcome = write_timed(&file, &own);
            (own, outcome)
        })
        .await?;
        self.spare = own;
        Ok(outcome)
    }

    /// In place, all of it.
    fn publish(mut self, digest: Option<Digest>) -> Result<Meta, Error> {
        seal(&self.disk, &self.flight, digest.as_ref(), SystemTime::now())?;
        self.land_patiently(digest)
    }

    fn land_patiently(&mut self, digest: Option<Digest>) -> Result<Meta, Error> {
        match land(&self.disk, &mut self.flight, &self.target, digest, Patience::Wait)? {
            Outcome::Published(meta) => Ok(meta),
            Outcome::Busy => Err(Error::Io(io::ErrorKind::TimedOut.into())),
        }
    }

    /// In place as long as nobody else holds the folder, which takes no longer than a write into memory.
    async fn publish_quickly(mut self, digest: Option<Digest>) -> Result<Meta, Error> {
        seal(&self.disk, &self.flight, digest.as_ref(), SystemTime::now())?;
        match land(
            &self.disk,
            &mut self.flight,
            &self.target,
            digest,
            Patience::Return,
        )? {
            Outcome::Published(meta) => Ok(meta),
            Outcome::Busy => hop(move || self.land_patiently(digest)).await?,
        }
    }
}

impl Writer for LocalWriter {
    fn write<'a>(&'a mut self, content: &'a [u8]) -> BoxFuture<'a, Result<(), Error>> {
        self.append(content).boxed()
    }

    fn commit(self: Box<Self>, digest: Option<Digest>) -> BoxFuture<'static, Result<Meta, Error>> {
        async move {
            if !self.whole {
                return Err(Error::Io(io::Error::other(
                    "an earlier write to this object failed",
                )));
            }
            match (self.disk.blocking, self.disk.durability) {
                (Blocking::Inline, _) => self.publish(digest),
                (Blocking::Offload, Durability::Buffered) => self.publish_quickly(digest).await,
                (Blocking::Offload, Durability::Synced) => hop(move || self.publish(digest)).await?,
            }
        }
        .boxed()
    }
}

fn write_timed(mut file: &File, content: &[u8]) -> (Duration, io::Result<()>) {
    let started = Instant::now();
    // Goes on after a short write and after an interruption.
    let written = file.write_all(content);
    (started.elapsed(), written)
}
