//! The load: clients as threads, released together, each with a connection of its own.

use std::io::{self, Read};
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use haul_client::{Address, Body, Buffers, Condition, Connection, Options};

/// What every client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// GET, base64 decoded, content dropped.
    ClassicDownload,
    /// UPLOAD from memory.
    ClassicUpload,
    /// READ, content dropped.
    Read,
    /// READ, content hashed and the digest compared.
    ReadVerified,
    /// WRITE from memory.
    Write,
}

impl Operation {
    pub(crate) fn stores(self) -> bool {
        matches!(self, Self::ClassicUpload | Self::Write)
    }

    /// The operation as the table names it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::ClassicDownload => "classic download",
            Self::ClassicUpload => "classic upload",
            Self::Read => "READ",
            Self::ReadVerified => "READ, digest checked",
            Self::Write => "WRITE",
        }
    }
}

/// How much is moved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amount {
    pub(crate) clients: usize,
    /// Transfers of each client, one after another on one connection.
    pub(crate) transfers: usize,
    pub(crate) volume_bytes: u64,
    /// Bytes that a client moves at a time.
    pub(crate) buffer_bytes: usize,
}

impl Amount {
    pub(crate) fn total_bytes(self) -> u64 {
        self.clients as u64 * self.transfers as u64 * self.volume_bytes
    }
}

/// As [`run`], after an uncounted run of the same amount where that stores anything: the first touch of a page that a
/// virtual machine gets from its host is not the server's time.
pub(crate) fn run_warm(address: &Address, operation: Operation, amount: Amount) -> Result<f64> {
    if operation.stores() {
        run(address, operation, amount)?;
    }
    run(address, operation, amount)
}

/// Moves the amount; returns bytes of content a second over all clients, from the release to the last end.
pub(crate) fn run(address: &Address, operation: Operation, amount: Amount) -> Result<f64> {
    let barrier = Barrier::new(amount.clients);
    let seconds = thread::scope(|scope| {
        let clients: Vec<_> = (0..amount.clients)
            .map(|client| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let buffers = Buffers::new(amount.buffer_bytes);
                    barrier.wait();
                    // The first of them to run marks the release; a clock of this thread's own would start when it
                    // got a processor, behind fifty clients and as many workers.
                    let released = Instant::now();
                    let connection = Connection::open_with(address, &Options::default(), buffers)?;
                    transfers(connection, operation, amount, client)?;
                    anyhow::Ok((released, Instant::now()))
                })
            })
            .collect();
        let mut spans = Vec::new();
        for client in clients {
            let span = client.join().expect("a client does not panic");
            spans.push(span.context("a transfer failed")?);
        }
        let released = spans.iter().map(|span| span.0).min();
        let over = spans.iter().map(|span| span.1).max();
        let seconds = released
            .zip(over)
            .map(|(from, to)| to.duration_since(from).as_secs_f64());
        seconds.context("no client took part")
    })?;
    if operation.stores() {
        remove_uploads(address, amount)?;
    }
    Ok(amount.total_bytes() as f64 / seconds)
}

/// Uploads go to objects of their own, which are removed outside the timed part.
fn remove_uploads(address: &Address, amount: Amount) -> Result<()> {
    let mut connection = Connection::open(address, &Options::default())?;
    for (client, transfer) in
        (0..amount.clients).flat_map(|client| (0..amount.transfers).map(move |n| (client, n)))
    {
        connection.delete(&upload_name(client, transfer))?;
    }
    Ok(())
}

fn upload_name(client: usize, transfer: usize) -> String {
    format!("up-{client}-{transfer}")
}

fn transfers(mut connection: Connection, operation: Operation, amount: Amount, client: usize) -> Result<()> {
    for transfer in 0..amount.transfers {
        let moved = match operation {
            Operation::ClassicDownload => connection.get("volume", &mut drop_piece)?.bytes,
            Operation::ClassicUpload => {
                let name = upload_name(client, transfer);
                let mut content = Generated {
                    left: amount.volume_bytes,
                };
                connection
                    .upload(&name, &mut content, Some(amount.volume_bytes))?
                    .bytes
            }
            Operation::Read => {
                let head = connection.read("volume", 0, None)?;
                connection.receive(head.length, &mut drop_piece)?.bytes
            }
            Operation::ReadVerified => verified_read(&mut connection)?,
            Operation::Write => {
                let name = upload_name(client, transfer);
                let mut content = Generated {
                    left: amount.volume_bytes,
                };
                let body = Body {
                    source: &mut content,
                    length_bytes: amount.volume_bytes,
                    digest: None,
                };
                connection.write(&name, body, Condition::Always)?.1.bytes
            }
        };
        ensure!(
            moved == amount.volume_bytes,
            "{moved} bytes moved, not {}",
            amount.volume_bytes
        );
    }
    Ok(())
}

fn verified_read(connection: &mut Connection) -> Result<u64> {
    let head = connection.read("volume", 0, None)?;
    let mut hasher = blake3::Hasher::new();
    let transfer = connection.receive(head.length, &mut |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    let digest = head.digest.context("the server knows no digest of the volume")?;
    ensure!(
        hasher.finalize().to_hex().as_str() == digest,
        "the content is corrupt"
    );
    Ok(transfer.bytes)
}

fn drop_piece(_: &[u8]) -> io::Result<()> {
    Ok(())
}

/// Content made without a file, so that uploads measure the way and the server, not the reading.
struct Generated {
    left: u64,
}

impl Read for Generated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The buffer holds some bytes already; which ones does not matter to a throughput.
        let count = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        self.left -= count as u64;
        Ok(count)
    }
}
