//! The requests whose replies are a few facts: STAT, DELETE, RMDIR, HELLO, STATS.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::SystemTime;

use haul_store::Meta;
use haul_wire::reply::{self, Hello, HelloLimits};
use haul_wire::{Name, PROTOCOL_VERSION, Verb, mode_text, time_text};
use tokio::time::Instant;

use super::messages::short;
use super::{ConnectionError, Conversation, RequestFailure};
use crate::Limits;
use crate::access::{Replied, RequestLog};
use crate::ledger::SlotStats;
use crate::service::{ServerFacts, ServerStats};

/// The options of WRITE that HELLO offers.
const WRITE_OPTIONS: [&str; 2] = ["modified", "mode"];

impl Conversation<'_> {
    /// STAT: one object's facts, and its digest if it is asked for or known.
    pub(super) async fn stat(
        &mut self,
        name: &Name,
        wants_digest: bool,
        log: &mut RequestLog,
    ) -> Result<Replied, RequestFailure> {
        let mut meta = self.service.stat(log, name.as_str()).await?;
        if wants_digest && meta.digest.is_none() {
            meta = self.digest(name, log).await?;
        }
        let facts = reply::Facts {
            name: name.as_str().to_owned(),
            size: meta.size,
            modified: rfc3339(meta.modified),
            mode: meta.mode.map(mode_text),
            etag: meta.etag,
            digest: meta.digest.map(|digest| digest.to_hex().to_string()),
        };
        reply::object(&mut self.out, &facts);
        self.send_last(0, 0, log).await
    }

    /// Has an object read through to learn its digest; the facts are those of the version that was read.
    async fn digest(&mut self, name: &Name, log: &mut RequestLog) -> Result<Meta, RequestFailure> {
        self.input.shrink();
        let mut digesting = self.service.digest(log, name.as_str()).await?;
        let mut half_closed = None;
        while digesting.step(log).await?.is_continue() {
            self.check_peer(&mut half_closed).await?;
            // Nothing here waits for the peer; other connections of this worker want their turn.
            tokio::task::yield_now().await;
        }
        Ok(digesting.finish().await)
    }

    /// Whether the peer still waits for a reply. `half_closed`: since when it sends no more.
    async fn check_peer(&mut self, half_closed: &mut Option<Instant>) -> Result<(), ConnectionError> {
        if half_closed.is_some_and(|since| since.elapsed() >= Limits::DIGEST_WHEN_HALF_CLOSED) {
            return Err(ConnectionError::Gone);
        }
        // What the peer has sent ahead stands in the way of a look at what follows.
        if half_closed.is_none() && self.input.is_empty() {
            let mut received = pin!(self.receive());
            match poll_fn(|context| Poll::Ready(received.as_mut().poll(context))).await {
                Poll::Ready(Ok(0)) => *half_closed = Some(Instant::now()),
                Poll::Ready(Err(_)) => return Err(ConnectionError::Gone),
                Poll::Ready(Ok(_)) | Poll::Pending => {}
            }
        }
        Ok(())
    }

    /// DELETE.
    pub(super) async fn delete(
        &mut self,
        name: &Name,
        log: &mut RequestLog,
    ) -> Result<Replied, RequestFailure> {
        self.service.remove(log, name.as_str()).await?;
        let sentence = format!("{} has been deleted", short(log.name()));
        reply::done(&mut self.out, name.as_str(), &sentence);
        self.send_last(0, 0, log).await
    }

    /// RMDIR: an empty folder goes.
    pub(super) async fn remove_folder(
        &mut self,
        name: &Name,
        log: &mut RequestLog,
    ) -> Result<Replied, RequestFailure> {
        self.service.remove_folder(log, name.as_str()).await?;
        let sentence = format!("the folder {} has been removed", short(log.name()));
        reply::done(&mut self.out, name.as_str(), &sentence);
        self.send_last(0, 0, log).await
    }

    /// HELLO: what this server is, and its limits.
    pub(super) async fn hello(&mut self, log: &mut RequestLog) -> Result<Replied, RequestFailure> {
        let hello = hello(self.service.describe(log)?);
        reply::object(&mut self.out, &hello);
        self.send_last(0, 0, log).await
    }

    /// STATS: the ledger as it is now; this request is not in it yet.
    pub(super) async fn stats(&mut self, log: &mut RequestLog) -> Result<Replied, RequestFailure> {
        let stats = stats(self.service.stats(log)?);
        reply::object(&mut self.out, &stats);
        self.send_last(0, 0, log).await
    }
}

fn hello(facts: &ServerFacts) -> Hello {
    Hello {
        server: concat!("haul/", env!("CARGO_PKG_VERSION")).to_owned(),
        protocol: PROTOCOL_VERSION,
        verbs: Verb::ALL
            .iter()
            .flat_map(|verb| verb.words())
            .map(str::to_ascii_uppercase)
            .collect(),
        pool: facts.pool.to_string(),
        limits: HelloLimits {
            max_upload: facts.upload_bytes_max,
            max_name: u32::try_from(Name::BYTES_MAX).expect("4,096 fits"),
            max_connections: facts.connections_max,
            idle_timeout_seconds: facts.idle_timeout.as_secs(),
            stall_timeout_seconds: facts.stall_timeout.as_secs(),
        },
        write_options: WRITE_OPTIONS.map(str::to_owned).to_vec(),
    }
}

fn stats(stats: ServerStats<'_>) -> reply::Stats {
    reply::Stats {
        pool: stats.pool.to_string(),
        uptime_seconds: stats.ledger.uptime.as_millis() as f64 / 1e3,
        workers: stats.ledger.slots.into_iter().map(worker_stats).collect(),
    }
}

fn worker_stats(slot: SlotStats) -> reply::WorkerStats {
    let mut verbs = std::collections::BTreeMap::<String, reply::VerbStats>::new();
    for (kind, counts) in slot.requests {
        let verb = verbs.entry(kind.as_str().to_owned()).or_default();
        verb.ok += counts.ok;
        verb.failed += counts.failed;
    }
    reply::WorkerStats {
        worker: slot.worker,
        state: slot.state.to_owned(),
        connections: slot.connections,
        open: slot.open,
        verbs,
        bytes_in: slot.bytes_in,
        bytes_out: slot.bytes_out,
        restarts: slot.restarts,
        pid: slot.process,
    }
}

/// Times that cannot be written are far outside of what a file system stores.
pub(super) fn rfc3339(time: SystemTime) -> String {
    time_text(time).unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
}
