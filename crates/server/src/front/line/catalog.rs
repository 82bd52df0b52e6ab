//! The requests whose replies are small or made of names: LIST, LS, STAT, DELETE, RMDIR, HELLO, STATS.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use haul_store::{Detail, Digest, Listing, Meta, NodeKind, Page, Reader};
use haul_wire::reply::{self, Hello, HelloLimits};
use haul_wire::{Code, Name, Refusal, mode_text, time_text};
use tokio::time::{Instant, sleep};

use super::refusals::{Failure, from_store, key, short};
use super::{Broken, Line, RequestLog, Size, send};
use crate::Limits;
use crate::budget::{Budget, Permit};
use crate::connections::Waited;
use crate::ledger::ConnectionPhase;
use crate::stream::Stream;

/// A listing is sent in pieces of about this size. Whoever does not read holds one of them.
const LISTING_PIECE_BYTES: usize = 16 * 1024;

/// How often it is looked whether others wait for their listings.
const LISTING_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The verbs that HELLO offers.
const VERBS: [&str; 14] = [
    "LIST", "GET", "DOWNLOAD", "UPLOAD", "PUT", "POST", "DELETE", "HELLO", "LS", "STAT", "READ", "WRITE",
    "RMDIR", "STATS",
];

/// The options of WRITE that HELLO offers.
const WRITE_OPTIONS: [&str; 2] = ["modified", "mode"];

impl<S: Stream> Line<'_, S> {
    /// LIST: the names of the files in the root, hidden ones left out.
    pub(super) async fn list(&mut self, account: &mut RequestLog) -> Result<(), Failure> {
        let permit = self.turn(&self.worker.context.listings).await?;
        let listing = self
            .worker
            .context
            .store
            .list(None, Page::WHOLE, Detail::Names)
            .await;
        let listing = listing.map_err(|error| from_store(error, &root_name()))?;
        let shown = |kind, name: &str| kind == NodeKind::File && !name.starts_with('.');
        let names = listing
            .iter()
            .filter(|entry| shown(entry.kind, entry.name))
            .map(|entry| entry.name);
        self.send_list(names, &permit).await?;
        drop((listing, permit));
        self.send_last(0, 0, account).await
    }

    /// LS: a folder's entries with their facts, hidden ones too.
    pub(super) async fn list_folder(
        &mut self,
        folder: Option<Name>,
        account: &mut RequestLog,
    ) -> Result<(), Failure> {
        let permit = self.turn(&self.worker.context.listings).await?;
        let listing = self.folder(folder).await?;
        let entries = listing.iter().map(|entry| reply::LsEntry {
            name: entry.name.to_owned(),
            kind: match entry.kind {
                NodeKind::File => reply::EntryKind::File,
                NodeKind::Folder => reply::EntryKind::Dir,
            },
            size: entry.size,
            modified: rfc3339(entry.modified),
        });
        self.send_list(entries, &permit).await?;
        drop((listing, permit));
        self.send_last(0, 0, account).await
    }

    async fn folder(&self, folder: Option<Name>) -> Result<Listing, Refusal> {
        let store = &self.worker.context.store;
        match folder {
            None => store
                .list(None, Page::WHOLE, Detail::Full)
                .await
                .map_err(|error| from_store(error, &root_name())),
            Some(name) => {
                let key = key(&name)?;
                let listing = store.list(Some(&key), Page::WHOLE, Detail::Full).await;
                listing.map_err(|error| match error {
                    haul_store::Error::NotAFolder => Refusal::new(
                        Code::BadRequest,
                        format!("{} is a file, not a folder; STAT shows its facts", short(&name)),
                    ),
                    other => from_store(other, &name),
                })
            }
        }
    }

    /// Sends a listing but for its last piece, which stays in `out`: the listing itself is not needed for that any more.
    async fn send_list<T: serde::Serialize>(
        &mut self,
        items: impl Iterator<Item = T>,
        permit: &Permit<'_>,
    ) -> Result<(), Failure> {
        let mut list = reply::List::begin(&mut self.out);
        let (begun, mut sent) = (Instant::now(), 0);
        for item in items {
            list.item(&mut self.out, &item);
            if self.out.len() >= LISTING_PIECE_BYTES {
                sent += self.out.len() as u64;
                let due = begun + listing_time(sent);
                self.send_listing(permit, due).await?;
                self.out.clear();
            }
        }
        list.end(&mut self.out);
        Ok(())
    }

    /// Sends a piece of a listing. A peer that takes it slowly is given up once others wait for their listings.
    async fn send_listing(&mut self, permit: &Permit<'_>, due: Instant) -> Result<(), Broken> {
        let sending = self.sending;
        let sent = send(self.stream, &self.out, sending);
        let overdue = async {
            loop {
                sleep(LISTING_LOOK_INTERVAL).await;
                if Instant::now() >= due && permit.is_wanted() {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            sent = sent => sent,
            () = overdue => Err(Broken::Unfinished),
        }
    }

    /// Waits for the request's turn at something of which there is little.
    async fn turn<'b>(&self, budget: &'b Budget) -> Result<Permit<'b>, Refusal> {
        let connection = self.connection;
        connection.enter(ConnectionPhase::Work);
        let waited = connection
            .wait(Limits::TURN_WAIT, budget.take(connection.host()))
            .await;
        connection.enter(ConnectionPhase::Request);
        match waited {
            Waited::Done(permit) => Ok(permit),
            Waited::TimedOut | Waited::GiveWay => Err(busy()),
        }
    }

    /// STAT: one object's facts, and its digest if it is asked for or known.
    pub(super) async fn stat(
        &mut self,
        name: &Name,
        wants_digest: bool,
        account: &mut RequestLog,
    ) -> Result<(), Failure> {
        let key = key(name)?;
        let store = &self.worker.context.store;
        let meta = store.stat(&key).await.map_err(|error| from_store(error, name))?;
        let meta = if wants_digest && meta.digest.is_none() {
            self.digest(name).await?
        } else {
            meta
        };
        let facts = reply::Facts {
            name: name.as_str().to_owned(),
            size: meta.size,
            modified: rfc3339(meta.modified),
            mode: meta.mode.map(mode_text),
            etag: meta.etag,
            digest: meta.digest.map(|digest| digest.to_hex().to_string()),
        };
        reply::object(&mut self.out, &facts);
        self.send_last(0, 0, account).await
    }

    /// Reads an object through to learn its digest, and keeps that with it where it can be kept; the facts are those of the
    /// version that was read.
    async fn digest(&mut self, name: &Name) -> Result<Meta, Failure> {
        let key = key(name)?;
        let _permit = self.turn(&self.worker.context.digests).await?;
        let store = &self.worker.context.store;
        let opened = store.open(&key).await;
        let mut reader = opened.map_err(|error| from_store(error, name))?;
        self.connection.enter(ConnectionPhase::Work);
        let digest = self.read_through(&mut *reader, name).await;
        self.connection.enter(ConnectionPhase::Request);
        let digest = digest?;
        let before = reader.meta().clone();
        let kept = store.keep_digest(&key, &before.etag, digest).await;
        Ok(Meta {
            digest: Some(digest),
            ..kept.unwrap_or(before)
        })
    }

    async fn read_through(&mut self, reader: &mut dyn Reader, name: &Name) -> Result<Digest, Failure> {
        self.give_back_buffers();
        let mut buffers = self.worker.context.buffers.take();
        let mut hasher = blake3::Hasher::new();
        let mut offset = 0;
        let mut half_closed = None;
        loop {
            let read = reader.read_at(offset, &mut buffers.content).await;
            match read.map_err(|error| from_store(error.into(), name))? {
                0 => break,
                bytes => {
                    hasher.update(&buffers.content[..bytes]);
                    offset += bytes as u64;
                }
            }
            self.check_wanted(&mut half_closed).await?;
            // Nothing here waits for the peer; other connections of this worker want their turn.
            tokio::task::yield_now().await;
        }
        self.worker.context.buffers.put_back(buffers);
        Ok(hasher.finalize())
    }

    /// Whether an object is still to be read through: the peer is there, nobody else is served instead, and the server is
    /// not shutting down. `half_closed`: since when the peer sends no more.
    async fn check_wanted(&mut self, half_closed: &mut Option<Instant>) -> Result<(), Failure> {
        if self.worker.context.drain.has_begun() {
            let sentence = "the server is shutting down; ask again later";
            return Err(Failure::Last(Refusal::new(Code::Draining, sentence)));
        }
        if self.connection.gives_way() {
            return Err(Failure::Last(busy()));
        }
        if half_closed.is_some_and(|since| since.elapsed() >= Limits::DIGEST_WHEN_HALF_CLOSED) {
            return Err(Broken::Gone.into());
        }
        // What the peer has sent ahead stands in the way of a look at what follows.
        if half_closed.is_none() && self.input.is_empty() {
            let mut received = pin!(self.receive(Size::Small));
            match poll_fn(|context| Poll::Ready(received.as_mut().poll(context))).await {
                Poll::Ready(Ok(0)) => *half_closed = Some(Instant::now()),
                Poll::Ready(Err(_)) => return Err(Broken::Gone.into()),
                Poll::Ready(Ok(_)) | Poll::Pending => {}
            }
        }
        Ok(())
    }

    /// DELETE.
    pub(super) async fn delete(&mut self, name: &Name, account: &mut RequestLog) -> Result<(), Failure> {
        self.check_writable("DELETE")?;
        let key = key(name)?;
        let removed = self.worker.context.store.remove(&key).await;
        removed.map_err(|error| from_store(error, name))?;
        reply::done(
            &mut self.out,
            name.as_str(),
            &format!("{} has been deleted", short(name)),
        );
        self.send_last(0, 0, account).await
    }

    /// RMDIR: an empty folder goes.
    pub(super) async fn remove_folder(
        &mut self,
        name: &Name,
        account: &mut RequestLog,
    ) -> Result<(), Failure> {
        self.check_writable("RMDIR")?;
        let key = key(name)?;
        let removed = self.worker.context.store.remove_dir(&key).await;
        removed.map_err(|error| match error {
            haul_store::Error::NotAFolder => Refusal::new(
                Code::BadRequest,
                format!("{} is not a folder; DELETE removes a file", short(name)),
            ),
            other => from_store(other, name),
        })?;
        reply::done(
            &mut self.out,
            name.as_str(),
            &format!("the folder {} has been removed", short(name)),
        );
        self.send_last(0, 0, account).await
    }

    /// HELLO: what this server is, and its limits.
    pub(super) async fn hello(&mut self, account: &mut RequestLog) -> Result<(), Failure> {
        let config = &self.worker.context.config;
        let hello = Hello {
            server: concat!("haul/", env!("CARGO_PKG_VERSION")).to_owned(),
            verbs: VERBS.map(str::to_owned).to_vec(),
            pool: config.pool.to_string(),
            limits: HelloLimits {
                max_upload: config.limits.upload_bytes_max,
                max_name: u32::try_from(Name::BYTES_MAX).expect("4,096 fits"),
                max_connections: config.connections_served_max(),
                idle_timeout_seconds: config.limits.idle_timeout.as_secs(),
                stall_timeout_seconds: config.limits.stall_timeout.as_secs(),
            },
            write_options: WRITE_OPTIONS.map(str::to_owned).to_vec(),
        };
        reply::object(&mut self.out, &hello);
        self.send_last(0, 0, account).await
    }

    /// STATS: the ledger as it is now; this request is not in it yet.
    pub(super) async fn stats(&mut self, account: &mut RequestLog) -> Result<(), Failure> {
        let context = &self.worker.context;
        let mut stats = context
            .ledger
            .stats(context.config.pool.to_string(), SystemTime::now());
        if !self.connection.peer().ip().to_canonical().is_loopback() {
            // Process ids are of use on this machine only.
            stats.workers.iter_mut().for_each(|worker| worker.pid = None);
        }
        reply::object(&mut self.out, &stats);
        self.send_last(0, 0, account).await
    }

    /// Sends what is in `out` as the end of a reply, counted first.
    pub(super) async fn send_last(
        &mut self,
        bytes_in: u64,
        bytes_out: u64,
        account: &mut RequestLog,
    ) -> Result<(), Failure> {
        account.succeed(bytes_in, bytes_out);
        send(self.stream, &self.out, self.sending)
            .await
            .map_err(|broken| match broken {
                Broken::Stalled => Failure::Broken(Broken::Unfinished),
                other => Failure::Broken(other),
            })
    }

    /// Refuses what would change the store, unless that is allowed.
    pub(super) fn check_writable(&self, verb: &str) -> Result<(), Refusal> {
        if self.worker.context.config.writable {
            return Ok(());
        }
        let sentence =
            format!("{verb} is not allowed: this server is read-only; start it with --writable (-w)");
        Err(Refusal::new(Code::Forbidden, sentence))
    }
}

/// How long a listing of so many bytes may take while others wait for theirs.
fn listing_time(bytes: u64) -> Duration {
    Limits::LISTING_SENT_WITHIN + Duration::from_secs(bytes / Limits::LISTING_BYTES_PER_SECOND)
}

fn busy() -> Refusal {
    Refusal::new(
        Code::Busy,
        "too many requests of this kind are under way; ask again later",
    )
}

/// How sentences call the folder that is served.
fn root_name() -> Name {
    Name::new("the served folder").expect("a short text is a name")
}

fn rfc3339(time: SystemTime) -> String {
    // Times that cannot be written are far outside of what a file system stores.
    time_text(time).unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
}
