//! The requests whose replies are small or made of names: LIST, LS, STAT, DELETE, RMDIR, HELLO, STATS.

use std::time::SystemTime;

use haul_store::{Detail, Kind, Listing, Meta};
use haul_wire::reply::{self, Hello, HelloLimits};
use haul_wire::{Code, Name, Refusal, mode_text, time_text};
use tokio::io::{AsyncRead, AsyncWrite};

use super::refusals::{Failure, from_store, key, short};
use super::{Account, Broken, Line, send};

/// A listing is sent in pieces of about this size.
const LISTING_PIECE_BYTES: usize = 64 * 1024;

/// The verbs that HELLO offers.
const VERBS: [&str; 14] = [
    "LIST", "GET", "DOWNLOAD", "UPLOAD", "PUT", "POST", "DELETE", "HELLO", "LS", "STAT", "READ", "WRITE",
    "RMDIR", "STATS",
];

/// The options of WRITE that HELLO offers.
const WRITE_OPTIONS: [&str; 2] = ["modified", "mode"];

impl<S: AsyncRead + AsyncWrite + Unpin> Line<'_, S> {
    /// LIST: the names of the files in the root, hidden ones left out.
    pub(super) async fn list(&mut self, account: &mut Account) -> Result<(), Failure> {
        let listing = self.worker.shared.store.list(None, Detail::Names).await;
        let listing = listing.map_err(|error| from_store(error, &root_name()))?;
        let shown = |kind, name: &str| kind == Kind::File && !name.starts_with('.');
        let names = listing
            .iter()
            .filter(|entry| shown(entry.kind, entry.name))
            .map(|entry| entry.name);
        self.send_list(names, account).await
    }

    /// LS: a folder's entries with their facts, hidden ones too.
    pub(super) async fn list_folder(
        &mut self,
        folder: Option<Name>,
        account: &mut Account,
    ) -> Result<(), Failure> {
        let listing = self.folder(folder).await?;
        let entries = listing.iter().map(|entry| reply::Entry {
            name: entry.name.to_owned(),
            kind: match entry.kind {
                Kind::File => reply::Kind::File,
                Kind::Folder => reply::Kind::Dir,
            },
            size: entry.size,
            modified: rfc3339(entry.modified),
        });
        self.send_list(entries, account).await
    }

    async fn folder(&self, folder: Option<Name>) -> Result<Listing, Refusal> {
        let store = &self.worker.shared.store;
        match folder {
            None => store
                .list(None, Detail::Full)
                .await
                .map_err(|error| from_store(error, &root_name())),
            Some(name) => {
                let key = key(&name)?;
                let listing = store.list(Some(&key), Detail::Full).await;
                listing.map_err(|error| match error {
                    haul_store::Error::NotAFolder => Refusal::new(
                        Code::BadRequest,
                        format!("{} is not a folder; STAT shows a file", short(&name)),
                    ),
                    other => from_store(other, &name),
                })
            }
        }
    }

    async fn send_list<T: serde::Serialize>(
        &mut self,
        items: impl Iterator<Item = T>,
        account: &mut Account,
    ) -> Result<(), Failure> {
        let mut list = reply::List::begin(&mut self.out);
        for item in items {
            list.item(&mut self.out, &item);
            if self.out.len() >= LISTING_PIECE_BYTES {
                send(self.stream, &self.out, self.sending).await?;
                self.out.clear();
            }
        }
        list.end(&mut self.out);
        self.send_last(0, 0, account).await
    }

    /// STAT: one object's facts, and its digest if it is asked for or known.
    pub(super) async fn stat(
        &mut self,
        name: &Name,
        wants_digest: bool,
        account: &mut Account,
    ) -> Result<(), Failure> {
        let key = key(name)?;
        let store = &self.worker.shared.store;
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

    /// Reads an object through to learn its digest; the facts are those of the version that was read.
    async fn digest(&mut self, name: &Name) -> Result<Meta, Failure> {
        let key = key(name)?;
        let opened = self.worker.shared.store.open(&key).await;
        let mut reader = opened.map_err(|error| from_store(error, name))?;
        let buffers = self
            .buffers
            .get_or_insert_with(|| self.worker.shared.shelf.take());
        if !self.input.leave_large(&buffers.wire) {
            // What the peer has sent ahead fills the wire buffer; the content buffer is free.
            tracing::trace!("hashing beside unread input");
        }
        let mut hasher = blake3::Hasher::new();
        let mut offset = 0;
        loop {
            let read = reader.read_at(offset, &mut buffers.content).await;
            match read.map_err(|error| from_store(error.into(), name))? {
                0 => break,
                bytes => {
                    hasher.update(&buffers.content[..bytes]);
                    offset += bytes as u64;
                }
            }
            // Nothing here waits for the peer; other connections of this worker want their turn.
            tokio::task::yield_now().await;
        }
        Ok(Meta {
            digest: Some(hasher.finalize()),
            ..reader.meta().clone()
        })
    }

    /// DELETE.
    pub(super) async fn delete(&mut self, name: &Name, account: &mut Account) -> Result<(), Failure> {
        self.check_writable("DELETE")?;
        let key = key(name)?;
        let removed = self.worker.shared.store.remove(&key).await;
        removed.map_err(|error| from_store(error, name))?;
        reply::done(
            &mut self.out,
            name.as_str(),
            &format!("{} has been deleted", short(name)),
        );
        self.send_last(0, 0, account).await
    }

    /// RMDIR: an empty folder goes.
    pub(super) async fn remove_folder(&mut self, name: &Name, account: &mut Account) -> Result<(), Failure> {
        self.check_writable("RMDIR")?;
        let key = key(name)?;
        let removed = self.worker.shared.store.remove_dir(&key).await;
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
    pub(super) async fn hello(&mut self, account: &mut Account) -> Result<(), Failure> {
        let config = &self.worker.shared.config;
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
    pub(super) async fn stats(&mut self, account: &mut Account) -> Result<(), Failure> {
        let shared = &self.worker.shared;
        reply::object(
            &mut self.out,
            &shared
                .ledger
                .stats(shared.config.pool.to_string(), SystemTime::now()),
        );
        self.send_last(0, 0, account).await
    }

    /// Sends what is in `out` as the end of a reply, counted first.
    pub(super) async fn send_last(
        &mut self,
        bytes_in: u64,
        bytes_out: u64,
        account: &mut Account,
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
        if self.worker.shared.config.writable {
            return Ok(());
        }
        let sentence =
            format!("{verb} is not allowed: this server is read-only; start it with --writable (-w)");
        Err(Refusal::new(Code::Forbidden, sentence))
    }
}

/// How sentences call the folder that is served.
fn root_name() -> Name {
    Name::new("the served folder").expect("a short text is a name")
}

fn rfc3339(time: SystemTime) -> String {
    // Times that cannot be written are far outside of what a file system stores.
    time_text(time).unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
}
