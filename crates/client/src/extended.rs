//! The extended verbs on a connection: raw bytes, digests, conditions, the ledger.

use std::{io::Read, time::Duration};

use blake3::Hasher;
use haul_wire::{
    Attributes, Condition, Digest, Request, encode,
    reply::{Entry, Facts, Hello, ReadHead, Stats, Written},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    Connection, Error, Transfer,
    connection::{Sink, read_piece, shrunk, travelling},
};

/// What a WRITE sends: the announced length, a reader that gives that much, and the digest if the caller knows it
/// already (then the content is not hashed on the way).
pub struct Body<'a> {
    /// Gives the content.
    pub source: &'a mut dyn Read,
    /// Bytes that `source` gives at least; what goes beyond is not sent.
    pub length_bytes: u64,
    /// BLAKE3 of the content, where it is known.
    pub digest: Option<Digest>,
}

#[derive(Deserialize)]
struct Entries {
    data: Vec<Entry>,
}

impl Connection {
    /// `HELLO`: what the server is. It is sent with an empty line after it, which some older servers wait for; a
    /// server that does not know it may stay silent, so the wait for a piece of the reply is `silence_max`.
    ///
    /// # Errors
    /// [`Error::Refused`] and [`Error::Protocol`] from a server that does not know it, [`Error::Interrupted`], [`Error::Timeout`].
    pub fn hello(&mut self, silence_max: Duration) -> Result<Hello, Error> {
        self.begin_request()?;
        self.wait_at_most(silence_max)?;
        let mut bytes = Vec::new();
        encode::extended(&mut bytes, &Request::Hello);
        self.send_request(&bytes)?;
        self.receive_fields()
    }

    /// `LS`: what is in a folder, the top one without `dir`.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Interrupted`], [`Error::Timeout`], [`Error::Protocol`].
    pub fn ls(&mut self, dir: Option<&str>) -> Result<Vec<Entry>, Error> {
        let dir = dir.map(travelling).transpose()?;
        let entries: Entries = self.ask(&Request::Ls { dir })?;
        Ok(entries.data)
    }

    /// `STAT`: an object's facts.
    ///
    /// # Errors
    /// As [`Connection::ls`].
    pub fn stat(&mut self, name: &str) -> Result<Facts, Error> {
        let name = travelling(name)?;
        self.ask(&Request::Stat { name, digest: false })
    }

    /// `STAT name digest`: an object's facts, for which the server reads the whole object if it does not know its
    /// digest. The wait for it is the work timeout.
    ///
    /// # Errors
    /// As [`Connection::ls`].
    pub fn stat_with_digest(&mut self, name: &str) -> Result<Facts, Error> {
        let name = travelling(name)?;
        self.begin_request()?;
        self.send_extended(&Request::Stat { name, digest: true })?;
        self.wait_at_most(self.work_timeout)?;
        self.receive_fields()
    }

    /// `STATS`: the ledger.
    ///
    /// # Errors
    /// As [`Connection::ls`].
    pub fn stats(&mut self) -> Result<Stats, Error> {
        self.ask(&Request::Stats)
    }

    /// `READ`: asks for an object from byte `offset` on, to its end or for `length` bytes, and receives what is said before the
    /// content. Exactly [`ReadHead::length`] bytes follow: take them with [`Connection::receive`], or drop the connection.
    ///
    /// # Errors
    /// As [`Connection::ls`]; [`Error::Protocol`] also if another range is answered than was asked for.
    pub fn read(&mut self, name: &str, offset: u64, length: Option<u64>) -> Result<ReadHead, Error> {
        let name = travelling(name)?;
        self.begin_request()?;
        self.send_extended(&Request::Read { name, offset, length })?;
        let head: ReadHead = self.receive_plain()?.into()?;
        let left = head.size.checked_sub(head.offset);
        let due = left.map(|left| length.map_or(left, |length| length.min(left)));
        if head.offset != offset || due != Some(head.length) {
            return Err(Error::Protocol(format!(
                "it sends bytes {}+{} of {}",
                head.offset, head.length, head.size
            )));
        }
        Ok(head)
    }

    /// Receives the content that follows a [`Connection::read`], of `length_bytes` bytes. The pieces are as large as
    /// they arrive, at most the buffer, and are not copied.
    ///
    /// # Errors
    /// [`Error::Interrupted`], [`Error::Timeout`], [`Error::Local`] from `sink`.
    pub fn receive(&mut self, length_bytes: u64, sink: &mut Sink<'_>) -> Result<Transfer, Error> {
        let mut left = length_bytes;
        while left > 0 {
            if self.pending.is_empty() && self.fill()? == 0 {
                return Err(Error::closed());
            }
            let count = usize::try_from(left).map_or(self.pending.len(), |left| left.min(self.pending.len()));
            let piece = self.pending.start..self.pending.start + count;
            self.pending.start = piece.end;
            left -= count as u64;
            sink(&self.buffers.received[piece]).map_err(Error::Local)?;
        }
        Ok(Transfer {
            bytes: length_bytes,
            timings: self.end_request(),
        })
    }

    /// `WRITE`: stores an object if `condition` holds. The content is sent from the buffer that it was read into, and
    /// hashed there; length and digest in the reply are checked.
    ///
    /// # Errors
    /// As [`Connection::ls`], [`Error::Local`] from the source, [`Error::Corrupt`] if the server stored something else. A
    /// refusal that comes in the middle ends the sending.
    pub fn write(
        &mut self,
        name: &str,
        mut body: Body<'_>,
        condition: Condition,
    ) -> Result<(Written, Transfer), Error> {
        let name = travelling(name)?;
        self.begin_request()?;
        let length = body.length_bytes;
        let mut head = Vec::new();
        encode::extended(
            &mut head,
            &Request::Write {
                name,
                length,
                condition,
                attributes: Attributes::default(),
            },
        );
        let digest = self.send_raw(&head, &mut body)?;
        self.wait_at_most(self.work_timeout)?;
        let written: Written = self.receive_plain()?.into()?;
        let timings = self.end_request();
        if written.size != length || !is_digest(&written.digest, &digest) {
            return Err(Error::Corrupt(
                "the server stored other content than was sent".to_owned(),
            ));
        }
        Ok((
            written,
            Transfer {
                bytes: length,
                timings,
            },
        ))
    }

    fn send_raw(&mut self, head: &[u8], body: &mut Body<'_>) -> Result<Digest, Error> {
        let chunk_bytes = self.buffers.chunk_bytes();
        let mut hasher = Hasher::new();
        let mut filled = self.stage_head(head)?;
        let mut sent = 0;
        loop {
            let left = body.length_bytes - sent;
            let room = &mut self.buffers.outgoing[filled..filled + chunk_bytes];
            let count = if left == 0 {
                0
            } else {
                read_piece(body.source, room, Some(left))?
            };
            if count == 0 && left > 0 {
                return Err(shrunk(sent, body.length_bytes));
            }
            if body.digest.is_none() {
                hasher.update(&room[..count]);
            }
            filled += count;
            sent += count as u64;
            if sent < body.length_bytes {
                self.send_piece(0..filled)?;
                filled = 0;
                continue;
            }
            let digest = body.digest.unwrap_or_else(|| hasher.finalize());
            let end = format!("{}\r\n", digest.to_hex());
            self.buffers.outgoing[filled..filled + end.len()].copy_from_slice(end.as_bytes());
            self.send_piece(0..filled + end.len())?;
            return Ok(digest);
        }
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, Error> {
        self.begin_request()?;
        self.send_extended(request)?;
        self.receive_fields()
    }

    fn send_extended(&mut self, request: &Request) -> Result<(), Error> {
        let mut bytes = Vec::new();
        encode::extended(&mut bytes, request);
        self.send_request(&bytes)
    }

    fn receive_fields<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let fields = self.receive_plain()?.into()?;
        self.end_request();
        Ok(fields)
    }
}

/// Whether a digest as the wire spells it is this one.
pub(crate) fn is_digest(spelled: &str, digest: &Digest) -> bool {
    Digest::from_hex(spelled).is_ok_and(|other| other == *digest)
}
