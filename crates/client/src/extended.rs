//! The extended verbs on a connection: raw bytes, digests, conditions, the ledger.

use std::io::Read;

use blake3::Hasher;
use haul_wire::reply::{Facts, Hello, LsEntry, ReadHead, Stats, Written};
use haul_wire::{Attributes, Code, Condition, Digest, PROTOCOL_VERSION, Request, encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::connection::{Sink, wire_name};
use crate::feed::{Feed, Silent, read_piece, shrunk};
use crate::peer::Offers;
use crate::{Connection, Error, SendOptions, Transfer};

/// The body of a WRITE: the announced length, a reader that gives that much, and the digest if the caller knows it
/// already (then the content is not hashed on the way).
pub struct Body<'a> {
    /// Gives the content.
    pub source: &'a mut dyn Read,
    /// Bytes that `source` gives at least; what goes beyond is not sent.
    pub length_bytes: u64,
    /// BLAKE3 of the content, where it is known.
    pub digest: Option<Digest>,
}

/// The answer to HELLO.
pub(crate) enum Greeting {
    /// It is one of ours, or knows our verbs.
    Extended(Offers),
    /// It answered as a server of the family does that knows the classic verbs only.
    Classic,
}

/// The keys of a reply to HELLO that the client needs; servers may send more, or fewer.
#[derive(Deserialize)]
pub(crate) struct Abilities {
    #[serde(default)]
    protocol: u32,
    verbs: Vec<String>,
    #[serde(default)]
    write_options: Vec<String>,
}

impl Abilities {
    /// Whether the server knows the verbs without which the extended dialect is useless, and means by them what this
    /// client does. The classic verbs are the same in every version.
    fn is_extended(&self) -> bool {
        self.protocol <= PROTOCOL_VERSION && ["LS", "STAT", "READ", "WRITE"].iter().all(|word| self.has(word))
    }

    pub(crate) fn offers(&self) -> Offers {
        let takes = |option: &str| self.write_options.iter().any(|taken| taken == option);
        Offers {
            remove_dir: self.has("RMDIR"),
            modified: takes("modified"),
            mode: takes("mode"),
        }
    }

    fn has(&self, word: &str) -> bool {
        self.verbs.iter().any(|verb| verb.eq_ignore_ascii_case(word))
    }
}

#[derive(Deserialize)]
struct LsReply {
    data: Vec<LsEntry>,
}

impl Connection {
    /// `HELLO`: what the server is. It is sent with an empty line after it, which some older servers wait for.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// let hello = connection.hello()?;
    /// assert!(hello.verbs.iter().any(|verb| verb == "READ"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] and [`Error::Protocol`] from a server that does not know it, [`Error::Interrupted`],
    /// [`Error::Timeout`], [`Error::NoAnswer`].
    pub fn hello(&mut self) -> Result<Hello, Error> {
        self.ask_hello()?;
        self.receive_fields()
    }

    /// `LS`: what is in a folder, the top one without `dir`.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// assert_eq!(connection.ls(None)?[0].name, "notes.txt");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Interrupted`], [`Error::Timeout`], [`Error::NoAnswer`], [`Error::Protocol`].
    pub fn ls(&mut self, dir: Option<&str>) -> Result<Vec<LsEntry>, Error> {
        self.ask_ls(dir)?;
        self.receive_entries()
    }

    /// `STAT`: an object's facts.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// assert_eq!(connection.stat("notes.txt")?.size, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Connection::ls`].
    pub fn stat(&mut self, name: &str) -> Result<Facts, Error> {
        self.ask_stat(name, false)?;
        self.receive_fields()
    }

    /// `STAT name digest`: an object's facts, for which the server reads the whole object if it does not know its
    /// digest. The wait for it is the work timeout.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// assert!(connection.stat_with_digest("notes.txt")?.digest.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Connection::ls`].
    pub fn stat_with_digest(&mut self, name: &str) -> Result<Facts, Error> {
        self.ask_stat(name, true)?;
        self.receive_fields()
    }

    /// `STATS`: the ledger.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// assert_eq!(connection.stats()?.pool, "threads");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Connection::ls`].
    pub fn stats(&mut self) -> Result<Stats, Error> {
        self.ask(&Request::Stats)?;
        self.receive_fields()
    }

    /// `READ`: asks for an object from byte `offset` on, to its end or for `length` bytes, and receives what is said before the
    /// content. Exactly [`ReadHead::length`] bytes follow: take them with [`Connection::receive`], or drop the connection.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// let head = connection.read("notes.txt", 1, Some(3))?;
    /// let mut content = Vec::new();
    /// connection.receive(head.length, &mut |piece| {
    ///     content.extend_from_slice(piece);
    ///     Ok(())
    /// })?;
    /// assert_eq!(content, b"ell");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Connection::ls`]; [`Error::Protocol`] also if another range is answered than was asked for.
    pub fn read(&mut self, name: &str, offset: u64, length: Option<u64>) -> Result<ReadHead, Error> {
        self.ask_read(name, offset, length)?;
        self.receive_head(offset, length)
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
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// use haul_client::{Body, Condition};
    ///
    /// let body = Body {
    ///     source: &mut "content".as_bytes(),
    ///     length_bytes: 7,
    ///     digest: None,
    /// };
    /// let (written, _) = connection.write("new.txt", body, Condition::Absent)?;
    /// assert_eq!(written.size, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Connection::ls`], [`Error::Local`] from the source, [`Error::Corrupt`] if the server stored something else. A
    /// refusal that comes in the middle ends the sending.
    pub fn write(
        &mut self,
        name: &str,
        body: Body<'_>,
        condition: Condition,
    ) -> Result<(Written, Transfer), Error> {
        let options = SendOptions {
            condition,
            ..SendOptions::default()
        };
        let Body {
            source,
            length_bytes: length,
            digest,
        } = body;
        let digest = self.send_write(name, &mut Silent(source), length, digest, &options)?;
        self.receive_written(length, &digest)
    }

    pub(crate) fn ask_hello(&mut self) -> Result<(), Error> {
        self.ask(&Request::Hello)
    }

    /// Receives the reply to HELLO, whatever it is.
    ///
    /// # Errors
    /// A refusal with a code: the server is one of ours and does not want to talk now. [`Error::Protocol`] from what
    /// is no server of the family.
    pub(crate) fn receive_greeting(&mut self) -> Result<Greeting, Error> {
        let reply = self.decode_reply(&mut |_| Ok(()))?;
        self.end_request();
        let has_code = reply.fields.contains_key("code");
        match reply.refusal() {
            Some(refusal) if has_code && !matches!(refusal.code, Code::UnknownVerb | Code::BadRequest) => {
                Err(Error::Refused(refusal))
            }
            Some(_) => Ok(Greeting::Classic),
            None => Ok(match reply.into::<Abilities>() {
                Ok(abilities) if abilities.is_extended() => Greeting::Extended(abilities.offers()),
                _ => Greeting::Classic,
            }),
        }
    }

    pub(crate) fn ask_ls(&mut self, dir: Option<&str>) -> Result<(), Error> {
        let dir = dir.map(wire_name).transpose()?;
        self.ask(&Request::Ls { dir })
    }

    pub(crate) fn receive_entries(&mut self) -> Result<Vec<LsEntry>, Error> {
        let entries: LsReply = self.receive_fields()?;
        Ok(entries.data)
    }

    /// With `digest` the server may be silent for as long as it reads the object.
    pub(crate) fn ask_stat(&mut self, name: &str, digest: bool) -> Result<(), Error> {
        let name = wire_name(name)?;
        self.ask(&Request::Stat { name, digest })?;
        if digest {
            self.allow_work();
        }
        Ok(())
    }

    pub(crate) fn ask_stats(&mut self) -> Result<(), Error> {
        self.ask(&Request::Stats)
    }

    pub(crate) fn ask_remove_dir(&mut self, name: &str) -> Result<(), Error> {
        let dir = wire_name(name)?;
        self.ask(&Request::RemoveDir { dir })
    }

    pub(crate) fn ask_read(&mut self, name: &str, offset: u64, length: Option<u64>) -> Result<(), Error> {
        let name = wire_name(name)?;
        self.ask(&Request::Read { name, offset, length })
    }

    /// Receives what is said before the content of a READ, which was asked for from `offset` on.
    pub(crate) fn receive_head(&mut self, offset: u64, length: Option<u64>) -> Result<ReadHead, Error> {
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

    /// Sends a WRITE with all its content, and gives the digest of it.
    pub(crate) fn send_write(
        &mut self,
        name: &str,
        feed: &mut dyn Feed,
        length: u64,
        digest: Option<Digest>,
        options: &SendOptions,
    ) -> Result<Digest, Error> {
        let name = wire_name(name)?;
        self.begin_request();
        let mut head = Vec::new();
        let condition = options.condition.clone();
        encode::extended(
            &mut head,
            &Request::Write {
                name,
                length,
                condition,
                attributes: Attributes {
                    modified: options.modified,
                    mode: options.mode,
                },
            },
        );
        let digest = self.send_raw(&head, feed, length, digest)?;
        self.allow_work();
        Ok(digest)
    }

    /// Receives the reply to a WRITE of so many bytes with that digest.
    pub(crate) fn receive_written(
        &mut self,
        length: u64,
        digest: &Digest,
    ) -> Result<(Written, Transfer), Error> {
        let written: Written = self.receive_plain()?.into()?;
        let timings = self.end_request();
        if written.size != length || !is_digest(&written.digest, digest) {
            return Err(Error::Corrupt(
                "the server stored other content than was sent".to_owned(),
            ));
        }
        let bytes = length;
        Ok((written, Transfer { bytes, timings }))
    }

    fn send_raw(
        &mut self,
        head: &[u8],
        feed: &mut dyn Feed,
        length_bytes: u64,
        digest: Option<Digest>,
    ) -> Result<Digest, Error> {
        let chunk_bytes = self.buffers.chunk_bytes();
        let mut hasher = Hasher::new();
        let mut filled = self.stage_head(head)?;
        let mut sent = 0;
        loop {
            let left = length_bytes - sent;
            let room = &mut self.buffers.outgoing[filled..filled + chunk_bytes];
            let count = if left == 0 {
                0
            } else {
                read_piece(feed, room, Some(left))?
            };
            if count == 0 && left > 0 {
                return Err(shrunk(sent, length_bytes));
            }
            if digest.is_none() {
                hasher.update(&room[..count]);
            }
            filled += count;
            sent += count as u64;
            if sent < length_bytes {
                self.send_piece(0..filled, feed)?;
                filled = 0;
                continue;
            }
            let digest = digest.unwrap_or_else(|| hasher.finalize());
            let end = format!("{}\r\n", digest.to_hex());
            self.buffers.outgoing[filled..filled + end.len()].copy_from_slice(end.as_bytes());
            self.send_piece(0..filled + end.len(), feed)?;
            return Ok(digest);
        }
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Result<(), Error> {
        self.begin_request();
        let mut bytes = Vec::new();
        encode::extended(&mut bytes, request);
        self.send_request(&bytes)
    }

    pub(crate) fn receive_fields<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        let fields = self.receive_plain()?.into()?;
        self.end_request();
        Ok(fields)
    }
}

/// Whether a digest as the wire spells it is this one.
pub(crate) fn is_digest(spelled: &str, digest: &Digest) -> bool {
    Digest::from_hex(spelled).is_ok_and(|other| other == *digest)
}
