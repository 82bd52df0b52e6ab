//! The requests whose replies are made of names: LIST and LS.

use std::time::Duration;

use haul_store::{Detail, ListEntry, NodeKind};
use haul_wire::{Name, reply};
use tokio::time::{Instant, sleep};

use super::facts::rfc3339;
use super::{ConnectionError, Conversation, RequestFailure};
use crate::Limits;
use crate::access::{Replied, RequestLog};
use crate::service::{FolderEntries, OpError};

/// A listing is sent in pieces of about this size. A client that does not read holds one of them.
const LISTING_PIECE_BYTES: usize = 16 * 1024;

/// How often it is looked whether others wait for their listings.
const LISTING_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Adds an entry to a reply, if it belongs there.
type AddEntry = fn(&mut reply::List, &mut Vec<u8>, ListEntry<'_>);

impl Conversation<'_> {
    /// LIST: the names of the files in the root, hidden ones left out.
    pub(super) async fn list(&mut self, log: &mut RequestLog) -> Result<Replied, RequestFailure> {
        let entries = self.service.list(log, None, Detail::Names).await?;
        self.send_entries(entries, add_name, log).await?;
        self.send_last(0, 0, log).await
    }

    /// LS: a folder's entries with their facts, hidden ones too.
    pub(super) async fn list_folder(
        &mut self,
        folder: Option<&Name>,
        log: &mut RequestLog,
    ) -> Result<Replied, RequestFailure> {
        let folder = folder.map(Name::as_str);
        let entries = self.service.list(log, folder, Detail::Full).await?;
        self.send_entries(entries, add_facts, log).await?;
        self.send_last(0, 0, log).await
    }

    /// Sends a listing but for its last piece, which stays in `out`: the listing itself is not needed for
    /// that any more.
    async fn send_entries(
        &mut self,
        mut entries: FolderEntries<'_>,
        add: AddEntry,
        log: &RequestLog,
    ) -> Result<(), RequestFailure> {
        let mut list = reply::List::begin(&mut self.out);
        let (begun, mut sent) = (Instant::now(), 0);
        loop {
            for entry in entries.page().iter() {
                add(&mut list, &mut self.out, entry);
                if self.out.len() >= LISTING_PIECE_BYTES {
                    sent += self.out.len() as u64;
                    let due = begun + listing_time(sent);
                    self.send_listing(&entries, due).await?;
                    self.out.clear();
                }
            }
            let next = entries.next_page(log).await;
            if next.map_err(|error| cut_off(error, sent))?.is_break() {
                break;
            }
        }
        list.end(&mut self.out);
        Ok(())
    }

    /// Sends a piece of a listing. A peer that takes it slowly is given up once others wait for their
    /// listings.
    async fn send_listing(
        &mut self,
        entries: &FolderEntries<'_>,
        due: Instant,
    ) -> Result<(), ConnectionError> {
        let sent = self.sender.send(self.stream, &self.out);
        let overdue = async {
            loop {
                sleep(LISTING_LOOK_INTERVAL).await;
                if Instant::now() >= due && entries.are_waited_for() {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            sent = sent => sent,
            () = overdue => Err(ConnectionError::Unfinished),
        }
    }
}

/// A page cannot be had. Where a piece of the reply is on its way already, it cannot be taken back.
fn cut_off(error: OpError, sent: u64) -> RequestFailure {
    match sent {
        0 => error.into(),
        _ => ConnectionError::Unfinished.into(),
    }
}

fn add_name(list: &mut reply::List, out: &mut Vec<u8>, entry: ListEntry<'_>) {
    if entry.kind == NodeKind::File && !entry.name.starts_with('.') {
        list.item(out, &entry.name);
    }
}

fn add_facts(list: &mut reply::List, out: &mut Vec<u8>, entry: ListEntry<'_>) {
    let facts = reply::LsEntry {
        name: entry.name.to_owned(),
        kind: match entry.kind {
            NodeKind::File => reply::EntryKind::File,
            NodeKind::Folder => reply::EntryKind::Dir,
        },
        size: entry.size,
        modified: rfc3339(entry.modified),
    };
    list.item(out, &facts);
}

/// How long a listing of so many bytes may take while others wait for theirs.
fn listing_time(bytes: u64) -> Duration {
    Limits::LISTING_SENT_WITHIN + Duration::from_secs(bytes / Limits::LISTING_BYTES_PER_SECOND)
}
