//! The upper layer: the operations of a person, each over as many connections and tries as it takes.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::thread;
use std::time::Instant;

use haul_wire::reply::{Facts, Stats};
use serde::de::DeserializeOwned;

use crate::connection::Buffers;
use crate::extended::{Abilities, Greeting};
use crate::peer::Offers;
use crate::progress::Farthest;
use crate::spelling;
use crate::{
    Address, Backoff, Code, Connection, Dialect, DialectChoice, DirEntry, Error, Options, Peer, Progress,
};

/// A server that has never answered is tried for this part of the time: most likely it does not run.
const FIRST_CONTACT_PART: u32 = 10;

/// A client of one server. It does one thing at a time; for several at once, have several (see [`Client::with_peer`]).
///
/// Every operation takes a [`Progress`], which hears of waits and new tries; `&mut ()` hears nothing.
///
/// ```
/// use std::io::Cursor;
///
/// use haul_client::{Client, Existing, Options, PartFile, SendOptions};
///
/// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
/// # let address = server::holding(&[("notes.txt", "hello")]);
/// # let folder = tempfile::tempdir()?;
/// let mut client = Client::new(address, Options::default());
/// for entry in client.list("", &mut ())? {
///     println!("{} {:?}", entry.name, entry.size_bytes);
/// }
///
/// client.send("hello.txt", &mut Cursor::new("hello"), &SendOptions::default(), &mut ())?;
///
/// let place = folder.path().join("hello.txt");
/// let mut part = PartFile::new(&place, Existing::Replace, client.address(), "hello.txt")?;
/// let fetched = client.fetch("hello.txt", &mut part, &mut ())?;
/// part.publish()?;
/// assert!(fetched.verified.is_yes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Client {
    address: Address,
    options: Options,
    peer: Peer,
    idle: Option<Connection>,
    buffers: Option<Buffers>,
}

impl Client {
    /// A client that is not connected yet.
    pub fn new(address: Address, options: Options) -> Self {
        Self::with_peer(address, options, Peer::default())
    }

    /// A client that shares with others what they learn about the server.
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// let mut other = Client::with_peer(client.address().clone(), Options::default(), client.peer());
    /// client.list("", &mut ())?;
    /// assert!(other.peer().has_answered());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_peer(address: Address, options: Options, peer: Peer) -> Self {
        Self {
            address,
            options,
            peer,
            idle: None,
            buffers: None,
        }
    }

    /// The server.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The knowledge about the server so far, to be shared with further clients of it.
    pub fn peer(&self) -> Peer {
        self.peer.clone()
    }

    /// The dialect that the server speaks. Under [`DialectChoice::Auto`] the first call asks it.
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// assert_eq!(client.dialect(&mut ())?, haul_client::Dialect::Extended);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::NoAnswer`], [`Error::Protocol`] from what is no server of the family; a refusal if
    /// the server is ours and does not want to talk now.
    pub fn dialect(&mut self, progress: &mut dyn Progress) -> Result<Dialect, Error> {
        self.retrying(progress, Self::find_out)
    }

    /// The entries of a folder; the empty name is the top one, and the only one that the classic dialect knows.
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// let entries = client.list("", &mut ())?;
    /// assert_eq!(entries[0].name, "notes.txt");
    /// assert_eq!(entries[0].size_bytes, Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unsupported`], [`Error::Connect`], [`Error::Interrupted`], [`Error::Timeout`],
    /// [`Error::NoAnswer`], [`Error::Protocol`].
    pub fn list(&mut self, dir: &str, progress: &mut dyn Progress) -> Result<Vec<DirEntry>, Error> {
        self.retrying(progress, |client, progress| match client.find_out(progress)? {
            Dialect::Classic if !dir.is_empty() => Err(Error::Unsupported(
                "this server speaks the classic verbs only, which list no folder but the top one",
            )),
            Dialect::Classic => {
                let names = client.request(progress, Connection::ask_list, Connection::receive_names)?;
                Ok(names.into_iter().map(DirEntry::from_name).collect())
            }
            Dialect::Extended => {
                let dir = (!dir.is_empty()).then_some(dir);
                let entries = client.request(
                    progress,
                    |connection| connection.ask_ls(dir),
                    Connection::receive_entries,
                )?;
                Ok(entries.into_iter().map(DirEntry::from_entry).collect())
            }
        })
    }

    /// An object's facts; the digest is there if the server knows it.
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// assert_eq!(client.stat("notes.txt", &mut ())?.size, 5);
    /// assert!(client.stat("nothing.txt", &mut ()).unwrap_err().is_not_found());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::list`].
    pub fn stat(&mut self, name: &str, progress: &mut dyn Progress) -> Result<Facts, Error> {
        self.ask(
            "this server speaks the classic verbs only, which tell no facts of an object",
            progress,
            |connection| connection.ask_stat(name, false),
        )
    }

    /// An object's facts with its digest, for which the server may have to read it.
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// let facts = client.stat_with_digest("notes.txt", &mut ())?;
    /// assert_eq!(facts.digest, Some(blake3::hash(b"hello").to_string()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::list`].
    pub fn stat_with_digest(&mut self, name: &str, progress: &mut dyn Progress) -> Result<Facts, Error> {
        self.ask(
            "this server speaks the classic verbs only, which know no digests",
            progress,
            |connection| connection.ask_stat(name, true),
        )
    }

    /// The server's ledger.
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// for worker in client.stats(&mut ())?.workers {
    ///     println!("{} {}", worker.worker, worker.state);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::list`].
    pub fn stats(&mut self, progress: &mut dyn Progress) -> Result<Stats, Error> {
        self.ask(
            "this server speaks the classic verbs only, and keeps no ledger that they could show",
            progress,
            Connection::ask_stats,
        )
    }

    pub(crate) fn peer_ref(&self) -> &Peer {
        &self.peer
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Repeats an attempt that fails in passing, with pauses between, for as long as [`Options::retry_time`] says.
    pub(crate) fn retrying<T>(
        &mut self,
        progress: &mut dyn Progress,
        mut attempt: impl FnMut(&mut Self, &mut dyn Progress) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut watched = Farthest::new(progress);
        let mut failing: Option<(Instant, Backoff)> = None;
        loop {
            let error = match attempt(self, &mut watched) {
                Err(error) if error.is_transient() => error,
                done => return done,
            };
            let got_further = watched.take_got_further();
            if matches!(error, Error::Timeout(_)) && !got_further {
                return Err(error);
            }
            let (since, backoff) = match failing.take() {
                Some(failing) if !got_further => failing,
                _ => (Instant::now(), self.backoff()),
            };
            let (since, backoff) = failing.insert((since, backoff));
            let Some(pause) = backoff.after_failure(since.elapsed(), random()) else {
                return Err(error);
            };
            watched.retrying(&error, pause);
            thread::sleep(pause);
        }
    }

    /// Sends a request on the connection that is open, or else on a new one, waits in the queue if the server lets it wait,
    /// and receives the answer.
    pub(crate) fn request<T>(
        &mut self,
        progress: &mut dyn Progress,
        mut ask: impl FnMut(&mut Connection) -> Result<(), Error>,
        mut receive: impl FnMut(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.exchange(progress, |connection, progress| {
            ask(connection)?;
            connection.await_answer(progress)?;
            receive(connection)
        })
    }

    /// Makes a request on the connection that is open, or else on a new one. A server closes connections that are
    /// idle; if the open one turns out to be closed before a byte of the reply, it is replaced once without a word.
    pub(crate) fn exchange<T>(
        &mut self,
        progress: &mut dyn Progress,
        mut request: impl FnMut(&mut Connection, &mut dyn Progress) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(mut connection) = self.idle.take().filter(Connection::is_idle) {
            let result = request(&mut connection, progress);
            let was_closed = matches!(result, Err(Error::Interrupted(_))) && !connection.reply_begun();
            self.put_by(connection);
            if !was_closed {
                return result;
            }
        }
        let mut connection = self.open()?;
        let result = request(&mut connection, progress);
        self.put_by(connection);
        match result {
            Err(error) if self.is_at_wrong_server(&error) => Err(Error::Unsupported(
                "this server does not know the verb; it may speak the classic ones only (--dialect)",
            )),
            other => other,
        }
    }

    /// Makes a classic request that names an object; `ends` says whether line ends follow it. A server that takes them for
    /// a part of the name shows that in its refusal, and gets the bare request from then on.
    pub(crate) fn minding_line_ends<T>(
        &mut self,
        name: &str,
        mut request: impl FnMut(&mut Self, bool) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.peer.keeps_line_ends() {
            return request(self, false);
        }
        match request(self, true) {
            Err(Error::Refused(refusal)) if spelling::shows_line_end(&refusal.sentence, name) => {
                self.peer.note_kept_line_ends();
                request(self, false)
            }
            other => other,
        }
    }

    /// The dialect that the server speaks; the server is asked if need be, and no second try is made.
    pub(crate) fn find_out(&mut self, progress: &mut dyn Progress) -> Result<Dialect, Error> {
        let dialect = match (self.peer.dialect(), self.options.dialect) {
            (Some(dialect), _) => dialect,
            (None, DialectChoice::Classic) => Dialect::Classic,
            (None, DialectChoice::Extended) => Dialect::Extended,
            (None, DialectChoice::Auto) => self.say_hello(progress)?,
        };
        self.peer.note_dialect(dialect);
        Ok(dialect)
    }

    /// The abilities of the server. With [`DialectChoice::Extended`] it was not asked before.
    pub(crate) fn offers(&mut self, progress: &mut dyn Progress) -> Result<Offers, Error> {
        if let Some(offers) = self.peer.offers() {
            return Ok(offers);
        }
        let abilities: Abilities =
            self.request(progress, Connection::ask_hello, Connection::receive_fields)?;
        self.peer.note_offers(abilities.offers());
        Ok(abilities.offers())
    }

    /// Asks what the server speaks. It is the answer that decides: a server that is silent is busy.
    fn say_hello(&mut self, progress: &mut dyn Progress) -> Result<Dialect, Error> {
        // A server that stops closes its connections too; only one that does it again closes because of the question.
        for is_last in [false, true] {
            let mut connection = self.open()?;
            let answer = connection
                .ask_hello()
                .and_then(|()| connection.await_answer(progress))
                .and_then(|()| connection.receive_greeting());
            let is_closed = matches!(answer, Err(Error::Interrupted(_))) && !connection.reply_begun();
            if let Ok(Greeting::Extended(offers)) = answer {
                self.peer.note_dialect(Dialect::Extended);
                self.peer.note_offers(offers);
            }
            self.put_by(connection);
            match answer {
                Ok(Greeting::Extended(_)) => {
                    self.peer.note_ours(true);
                    return Ok(Dialect::Extended);
                }
                Ok(Greeting::Classic) => break,
                Err(Error::Protocol(cause)) => {
                    return Err(Error::Protocol(format!("{cause}; is this a haul server?")));
                }
                Err(error) if !is_closed => return Err(error),
                Err(_) if is_last => break,
                Err(_) => {}
            }
        }
        self.peer.note_ours(false);
        Ok(Dialect::Classic)
    }

    fn ask<T: DeserializeOwned>(
        &mut self,
        unsupported: &'static str,
        progress: &mut dyn Progress,
        mut ask: impl FnMut(&mut Connection) -> Result<(), Error>,
    ) -> Result<T, Error> {
        self.retrying(progress, |client, progress| match client.find_out(progress)? {
            Dialect::Classic => Err(Error::Unsupported(unsupported)),
            Dialect::Extended => client.request(progress, &mut ask, Connection::receive_fields),
        })
    }

    fn backoff(&self) -> Backoff {
        let Options {
            retry_time,
            retries,
            retry_pause,
            ..
        } = self.options;
        let time = if self.peer.has_answered() {
            retry_time
        } else {
            retry_time / FIRST_CONTACT_PART
        };
        Backoff::new(time, retries, retry_pause)
    }

    fn open(&mut self) -> Result<Connection, Error> {
        let buffers = self
            .buffers
            .take()
            .unwrap_or_else(|| Buffers::new(self.options.buffer_bytes));
        Connection::open_with(&self.address, &self.options, buffers)
    }

    /// Whether extended verbs were insisted on where they are not known.
    fn is_at_wrong_server(&self, error: &Error) -> bool {
        self.peer.dialect() == Some(Dialect::Extended) && error.code() == Some(Code::UnknownVerb)
    }

    /// Keeps a connection if it can be used again, or else its buffers.
    fn put_by(&mut self, connection: Connection) {
        if connection.is_served() {
            self.peer.note_answer();
        }
        if self.peer.dialect() == Some(Dialect::Extended) && connection.is_idle() {
            self.idle = Some(connection);
        } else {
            self.buffers = Some(connection.into_buffers());
        }
    }
}

/// A random number out of the keys that the standard library draws for its hash tables.
fn random() -> u32 {
    (RandomState::new().build_hasher().finish() >> 32) as u32
}
