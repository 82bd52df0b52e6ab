//! The requests that send content: GET in base64, READ as it is.

use std::io;
use std::ops::Range;
use std::os::fd::BorrowedFd;

use haul_store::Reader;
use haul_wire::base64::Encoder;
use haul_wire::reply::{self, ReadHead};
use haul_wire::{Code, Name, Refusal, mode_text, time_text};
use rustix::io::Errno;

use super::refusals::{Failure, from_store, key, short};
use super::{Broken, Line, RequestLog, Sending, send};
use crate::buffers::Buffers;
use crate::connections::Waited;
use crate::stream::Stream;

/// How much the kernel sends before it is decided again who sends: a second or less of a fast connection.
const BY_THE_KERNEL_BYTES: u64 = 16 << 20;

/// What is shorter is sent with its head, in few pieces.
const BY_THE_KERNEL_BYTES_MIN: u64 = 1 << 20;

/// Room that the end of a GET needs behind the last piece: what the encoder kept back, and the reply's end.
const TAIL_BYTES: usize = 16;

impl<S: Stream> Line<'_, S> {
    /// GET: the content in base64, encoded straight into the buffer that is sent.
    pub(super) async fn download(&mut self, name: &Name, account: &mut RequestLog) -> Result<(), Failure> {
        let mut reader = self.open(name).await?;
        let size = reader.meta().size;
        reply::file_begin(&mut self.out, name.as_str());
        let mut buffers = self.outgoing();
        let mut filled = self.lead(&mut buffers).await?;
        let mut encoder = Encoder::new();
        let mut offset = 0;
        while offset < size {
            let room = (buffers.wire.len() - TAIL_BYTES - filled) / 4 * 3;
            let wanted = room.min(buffers.content.len());
            let piece = read_piece(&mut *reader, offset, size, &mut buffers.content[..wanted]).await?;
            filled += encoder.encode(&buffers.content[..piece], &mut buffers.wire[filled..]);
            offset += piece as u64;
            if offset < size {
                send(self.stream, &buffers.wire[..filled], self.sending).await?;
                filled = 0;
            }
        }
        filled += encoder.finish(&mut buffers.wire[filled..]);
        self.out.clear();
        reply::file_end(&mut self.out);
        buffers.wire[filled..filled + self.out.len()].copy_from_slice(&self.out);
        account.succeed(0, size);
        send(
            self.stream,
            &buffers.wire[..filled + self.out.len()],
            self.sending,
        )
        .await?;
        self.worker.context.buffers.put_back(buffers);
        Ok(())
    }

    /// READ: a head, then the bytes as they are.
    pub(super) async fn read(
        &mut self,
        name: &Name,
        offset: u64,
        length: Option<u64>,
        account: &mut RequestLog,
    ) -> Result<(), Failure> {
        let mut reader = self.open(name).await?;
        let size = reader.meta().size;
        let Some(rest) = size.checked_sub(offset) else {
            let sentence = format!(
                "{} has {size} bytes; the offset {offset} lies behind them",
                short(name)
            );
            return Err(Refusal::new(Code::BadRequest, sentence).into());
        };
        let length = length.map_or(rest, |length| length.min(rest));
        let digest = reader.meta().digest.map(|digest| digest.to_hex().to_string());
        let head = ReadHead {
            size,
            offset,
            length,
            modified: time_text(reader.meta().modified),
            mode: reader.meta().mode.map(mode_text),
            etag: reader.meta().etag.clone(),
            digest,
        };
        reply::object(&mut self.out, &head);
        let mut buffers = self.outgoing();
        let mut filled = self.lead(&mut buffers).await?;
        let piece_max = self.worker.context.buffers.piece_bytes();
        let (mut at, end) = (offset, offset + length);
        let mut decide_at = at;
        while at < end {
            if at >= decide_at {
                decide_at = at + BY_THE_KERNEL_BYTES;
                // The last piece passes through the buffer: it is counted before it is handed over.
                let part = at..decide_at.min(end.saturating_sub(piece_max as u64));
                if let Some(file) = self.sent_by_the_kernel(&*reader, &part) {
                    send(self.stream, &buffers.wire[..filled], self.sending).await?;
                    filled = 0;
                    at = part.end;
                    send_file(self.stream, file, part, self.sending).await?;
                    continue;
                }
            }
            let piece = read_piece(&mut *reader, at, end, &mut buffers.wire[filled..piece_max]).await?;
            filled += piece;
            at += piece as u64;
            if at < end {
                send(self.stream, &buffers.wire[..filled], self.sending).await?;
                filled = 0;
            }
        }
        account.succeed(0, length);
        send(self.stream, &buffers.wire[..filled], self.sending).await?;
        self.worker.context.buffers.put_back(buffers);
        Ok(())
    }

    /// The object's descriptor, if the kernel is to send this part of it.
    fn sent_by_the_kernel<'r>(&self, reader: &'r dyn Reader, part: &Range<u64>) -> Option<BorrowedFd<'r>> {
        let is_long = part.end.saturating_sub(part.start) >= BY_THE_KERNEL_BYTES_MIN;
        let context = &self.worker.context;
        reader.descriptor().filter(|_| {
            let in_progress = || context.ledger.requests_in_progress();
            S::SENDS_FILES && is_long && context.processors.favour_send_file(in_progress())
        })
    }

    async fn open(&self, name: &Name) -> Result<Box<dyn Reader>, Refusal> {
        let key = key(name)?;
        self.worker
            .context
            .store
            .open(&key)
            .await
            .map_err(|error| from_store(error, name))
    }

    /// Buffers for a reply: the connection's own, unless they hold what the peer has sent ahead.
    fn outgoing(&mut self) -> Buffers {
        self.give_back_buffers();
        self.worker.context.buffers.take()
    }

    /// Puts the reply's head in front of the first piece, so that a small reply is one write; a head that would leave
    /// little room is sent by itself. Returns the bytes of the wire buffer that are filled.
    async fn lead(&mut self, buffers: &mut Buffers) -> Result<usize, Broken> {
        let head = self.out.len();
        if head > self.worker.context.buffers.piece_bytes() / 2 {
            send(self.stream, &self.out, self.sending).await?;
            return Ok(0);
        }
        buffers.wire[..head].copy_from_slice(&self.out);
        Ok(head)
    }
}

/// Has the kernel send a part of a file, which never passes through this process.
async fn send_file<S: Stream>(
    stream: &S,
    file: BorrowedFd<'_>,
    part: Range<u64>,
    sending: Sending<'_>,
) -> Result<(), Broken> {
    let mut at = part.start;
    while at < part.end {
        let bytes = usize::try_from(part.end - at).unwrap_or(usize::MAX);
        let sent = stream.send_file(file, at, bytes);
        match sending.connection.wait(sending.stall_timeout, sent).await {
            Waited::Done(Ok(0)) => return Err(became_shorter(at, part.end)),
            Waited::Done(Ok(sent)) => {
                sending.connection.count_moved(sent);
                at += sent as u64;
            }
            Waited::Done(Err(error)) if is_of_the_file(&error) => return Err(unreadable(&error, at)),
            Waited::Done(Err(_)) => return Err(Broken::Gone),
            Waited::TimedOut | Waited::GiveWay => return Err(Broken::Stalled),
        }
    }
    Ok(())
}

/// Whether a failure to send a file is one of its disk, as opposed to one of the connection.
fn is_of_the_file(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::IO | Errno::STALE))
}

fn became_shorter(offset: u64, end: u64) -> Broken {
    tracing::warn!(
        offset,
        end,
        "an object became shorter while it was sent; the connection is reset"
    );
    Broken::Unfinished
}

fn unreadable(error: &io::Error, offset: u64) -> Broken {
    tracing::error!(%error, offset, "an object cannot be read to its end; the connection is reset");
    Broken::Unfinished
}

/// Reads the next piece of what lies between `offset` and `end`. An object that is shorter than it was when the reply
/// began cannot be told in the reply any more: the connection is reset.
async fn read_piece(
    reader: &mut dyn Reader,
    offset: u64,
    end: u64,
    buffer: &mut [u8],
) -> Result<usize, Broken> {
    let left = usize::try_from(end - offset).unwrap_or(usize::MAX);
    let wanted = left.min(buffer.len());
    match reader.read_at(offset, &mut buffer[..wanted]).await {
        Ok(0) => Err(became_shorter(offset, end)),
        Ok(read) => Ok(read),
        Err(error) => Err(unreadable(&error, offset)),
    }
}
