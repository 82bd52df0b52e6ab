//! The upper layer: the operations of a person, each over as many connections and tries as it takes.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    thread,
};

use haul_wire::{
    Condition,
    reply::{Entry, Facts, Hello, Kind, Stats},
};

use crate::{
    Address, Backoff, Code, Connection, Dialect, Error, Options, Progress, Source, Target,
    connection::Buffers,
    fetch::{self, Fetched},
    send::{self, Sent},
};

/// What is spoken with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// The classic verbs, on a new connection for each request, as the programs of the family do it.
    Classic,
    /// The extended verbs, on a connection that is used again.
    Extended,
}

/// One thing in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name within the folder that was listed.
    pub name: String,
    /// File or folder; the classic dialect lists files only.
    pub kind: Kind,
    /// Its size in bytes; unknown in the classic dialect.
    pub size_bytes: Option<u64>,
    /// When it was changed last (RFC 3339); unknown in the classic dialect.
    pub modified: Option<String>,
}

/// A client of one server. It does one thing at a time; for several at once, have several (see [`Client::speaking`]).
#[derive(Debug)]
pub struct Client {
    address: Address,
    options: Options,
    spoken: Option<Spoken>,
    idle: Option<Connection>,
    buffers: Option<Buffers>,
}

impl Client {
    /// A client that is not connected yet.
    pub fn new(address: Address, options: Options) -> Client {
        Client {
            address,
            options,
            spoken: None,
            idle: None,
            buffers: None,
        }
    }

    /// A client that knows already what the server speaks, as another client found out.
    pub fn speaking(address: Address, options: Options, spoken: Spoken) -> Client {
        Client {
            spoken: Some(spoken),
            ..Client::new(address, options)
        }
    }

    /// The server.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What is spoken with the server. Under [`Dialect::Auto`] the first call asks it.
    ///
    /// # Errors
    /// [`Error::Connect`]; a refusal if the server is ours and does not want to talk now.
    pub fn spoken(&mut self) -> Result<Spoken, Error> {
        self.retrying(&mut (), |client, _| client.find_out())
    }

    /// What is in a folder; the empty name is the top one, and the only one that the classic dialect knows.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Unsupported`], [`Error::Connect`], [`Error::Interrupted`], [`Error::Timeout`], [`Error::Protocol`].
    pub fn list(&mut self, dir: &str) -> Result<Vec<Listed>, Error> {
        self.retrying(&mut (), |client, _| match client.find_out()? {
            Spoken::Classic if !dir.is_empty() => Err(Error::Unsupported("listing a folder")),
            Spoken::Classic => {
                let names = client.exchange(Connection::list)?;
                Ok(names.into_iter().map(Listed::from_name).collect())
            }
            Spoken::Extended => {
                let entries =
                    client.exchange(|connection| connection.ls((!dir.is_empty()).then_some(dir)))?;
                Ok(entries.into_iter().map(Listed::from_entry).collect())
            }
        })
    }

    /// An object's facts; the digest is there if the server knows it.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub fn stat(&mut self, name: &str) -> Result<Facts, Error> {
        self.ask("asking for facts", |connection| connection.stat(name))
    }

    /// An object's facts with its digest, for which the server may have to read it.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub fn stat_with_digest(&mut self, name: &str) -> Result<Facts, Error> {
        self.ask("asking for a digest", |connection| {
            connection.stat_with_digest(name)
        })
    }

    /// The server's ledger.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub fn stats(&mut self) -> Result<Stats, Error> {
        self.ask("asking for the ledger", Connection::stats)
    }

    /// Fetches an object into `target`. In the extended dialect it continues what the target holds if the server
    /// still has that version, and compares the content with the server's digest where there is one; a continued
    /// download is compared in any case, as the server is asked for the digest then.
    ///
    /// # Errors
    /// As [`Client::list`], [`Error::Corrupt`] (then the target has been emptied as far as it can be), [`Error::Local`].
    pub fn fetch(
        &mut self,
        name: &str,
        target: &mut dyn Target,
        progress: &mut dyn Progress,
    ) -> Result<Fetched, Error> {
        fetch::fetch(self, name, target, progress)
    }

    /// Sends what `source` gives as an object of that name. In the extended dialect a condition can be set, and the
    /// server compares the content with our digest. If an interrupted try turns out to have been stored after all, the
    /// refusal that follows from that is taken for the success that it is.
    ///
    /// # Errors
    /// As [`Client::list`], [`Error::Local`] from the source, [`Error::Unsupported`] for a condition in the classic dialect.
    pub fn send(
        &mut self,
        name: &str,
        source: &mut dyn Source,
        condition: &Condition,
        progress: &mut dyn Progress,
    ) -> Result<Sent, Error> {
        send::send(self, name, source, condition, progress)
    }

    /// Removes an object. If an interrupted try is followed by the refusal that there is no such object, it is gone, and that is success.
    ///
    /// # Errors
    /// As [`Client::list`].
    pub fn remove(&mut self, name: &str) -> Result<(), Error> {
        let mut requests = 0;
        let removed = self.retrying(&mut (), |client, _| {
            client.find_out()?;
            client.exchange(|connection| {
                requests += 1;
                connection.delete(name)
            })
        });
        match removed {
            Err(error) if error.is_not_found() && requests > 1 => Ok(()),
            other => other,
        }
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Repeats an attempt that fails in passing, with pauses between.
    pub(crate) fn retrying<T>(
        &mut self,
        progress: &mut dyn Progress,
        mut attempt: impl FnMut(&mut Client, &mut dyn Progress) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut backoff = Backoff::new(self.options.retries, self.options.retry_pause);
        loop {
            let error = match attempt(self, progress) {
                Err(error) if error.is_transient() => error,
                done => return done,
            };
            let Some(pause) = backoff.after_failure(random()) else {
                return Err(error);
            };
            progress.retrying(&error, pause);
            thread::sleep(pause);
        }
    }

    /// Makes a request on the connection that is open, or else on a new one. A server closes connections that are
    /// idle; if the open one turns out to be closed before a byte of the reply, it is replaced once without a word.
    pub(crate) fn exchange<T>(
        &mut self,
        mut request: impl FnMut(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(mut connection) = self.idle.take().filter(Connection::is_idle) {
            let result = request(&mut connection);
            let was_closed = matches!(result, Err(Error::Interrupted(_))) && !connection.reply_begun();
            self.put_by(connection);
            if !was_closed {
                return result;
            }
        }
        let mut connection = self.open()?;
        let result = request(&mut connection);
        self.put_by(connection);
        match result {
            Err(error) if self.is_at_wrong_server(&error) => Err(Error::Unsupported("this request")),
            other => other,
        }
    }

    /// What is spoken, asking the server if need be; no second try.
    pub(crate) fn find_out(&mut self) -> Result<Spoken, Error> {
        let spoken = match (self.spoken, self.options.dialect) {
            (Some(spoken), _) => spoken,
            (None, Dialect::Classic) => Spoken::Classic,
            (None, Dialect::Extended) => Spoken::Extended,
            (None, Dialect::Auto) => self.say_hello()?,
        };
        self.spoken = Some(spoken);
        Ok(spoken)
    }

    fn say_hello(&mut self) -> Result<Spoken, Error> {
        let mut connection = self.open()?;
        match connection.hello(self.options.hello_timeout) {
            Ok(hello) if speaks_extended(&hello) => {
                self.spoken = Some(Spoken::Extended);
                self.put_by(connection);
                Ok(Spoken::Extended)
            }
            Err(error) if matches!(error.code(), Some(Code::Busy | Code::Draining)) => Err(error),
            Ok(_) | Err(_) => {
                self.buffers = Some(connection.into_buffers());
                Ok(Spoken::Classic)
            }
        }
    }

    fn ask<T>(
        &mut self,
        what: &'static str,
        mut request: impl FnMut(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.retrying(&mut (), |client, _| match client.find_out()? {
            Spoken::Classic => Err(Error::Unsupported(what)),
            Spoken::Extended => client.exchange(&mut request),
        })
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
        self.spoken == Some(Spoken::Extended) && error.code() == Some(Code::UnknownVerb)
    }

    /// Keeps a connection if it can be used again, or else its buffers.
    fn put_by(&mut self, connection: Connection) {
        if self.spoken == Some(Spoken::Extended) && connection.is_idle() {
            self.idle = Some(connection);
        } else {
            self.buffers = Some(connection.into_buffers());
        }
    }
}

impl Listed {
    fn from_name(name: String) -> Listed {
        Listed {
            name,
            kind: Kind::File,
            size_bytes: None,
            modified: None,
        }
    }

    fn from_entry(entry: Entry) -> Listed {
        let Entry {
            name,
            kind,
            size,
            modified,
        } = entry;
        Listed {
            name,
            kind,
            size_bytes: Some(size),
            modified: Some(modified),
        }
    }
}

fn speaks_extended(hello: &Hello) -> bool {
    ["LS", "STAT", "READ", "WRITE"]
        .iter()
        .all(|needed| hello.verbs.iter().any(|verb| verb.eq_ignore_ascii_case(needed)))
}

/// A random number out of the keys that the standard library draws for its hash tables.
fn random() -> u32 {
    (RandomState::new().build_hasher().finish() >> 32) as u32
}
