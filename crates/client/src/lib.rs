//! The client's side of haul: list, fetch, send, remove; retries, resumption, progress.
//!
//! Two layers. [`Client`] is the upper one: it finds out which dialect a server speaks, keeps a connection between
//! requests, tries again after interruptions and continues where it stopped. [`Connection`] is the lower one: one
//! request on one connection with the caller's buffers, content into a closure or out of a [`Read`](std::io::Read),
//! and no second try; load generators use it. Both block; concurrency is the caller's, with threads or processes.
//! [`Target`] and [`Source`] are where content goes and comes from, [`PartFile`] the target that survives
//! interruptions, and [`landing`](mod@landing) says where a server's names may go on this machine. Whole programs to start from are in the folder `examples`.
#![forbid(unsafe_code)]

mod address;
mod backoff;
mod classic;
mod client;
mod connection;
mod dir_entry;
mod error;
mod extended;
mod family;
mod feed;
mod fetch;
mod kept;
pub mod landing;
mod options;
mod others;
mod part;
mod peer;
mod progress;
mod remove;
mod send;
mod socket;
mod source;
mod spelling;
mod target;
mod walk;

pub use address::{Address, AddressError, Location, PORT_DEFAULT};
pub use backoff::{Backoff, PAUSE_MAX};
pub use client::Client;
pub use connection::{BUFFER_BYTES_MIN, Buffers, Connection, Sink, Transfer};
pub use dir_entry::DirEntry;
pub use error::Error;
pub use extended::Body;
pub use fetch::Fetched;
pub use haul_types::{Dialect, Printable, UnknownWord, printable};
pub use haul_wire::reply::{
    EntryKind, Facts, Hello, LsEntry, ReadHead, Stats, VerbStats, WorkerStats, Written,
};
pub use haul_wire::{Code, Condition, Digest, Refusal};
pub use options::{DialectChoice, Options, SendOptions, Verified, Verify};
pub use part::{Existing, PartFile};
pub use peer::Peer;
pub use progress::{Progress, Timings};
pub use send::Sent;
pub use socket::{LOOPBACK_WINDOW_BYTES, UNSENT_BYTES};
pub use source::{FileSource, Source};
pub use target::{Held, StreamTarget, Target};
pub use walk::{Folder, Walk, WalkError};
