//! The requests that send content: GET in base64, READ as it is.

use haul_wire::base64::Encoder;
use haul_wire::reply::{self, ReadHead};
use haul_wire::{Name, mode_text, time_text};

use super::{ConnectionError, Conversation, RequestFailure};
use crate::access::{Replied, RequestLog};
use crate::buffers::{BufferPair, PooledBuffers};
use crate::service::{ByteRange, ObjectReader};

/// How much the kernel sends before it is decided again who sends: a second or less of a fast connection.
const BY_THE_KERNEL_BYTES: u64 = 16 << 20;

/// What is shorter is sent with its head, in few pieces.
const BY_THE_KERNEL_BYTES_MIN: u64 = 1 << 20;

/// Room that the end of a GET needs behind the last piece: what the encoder kept back, and the reply's end.
const TAIL_BYTES: usize = 16;

impl<'c> Conversation<'c> {
    /// GET: the content in base64, encoded straight into the buffer that is sent.
    pub(super) async fn get(&mut self, name: &Name, log: &mut RequestLog) -> Result<Replied, RequestFailure> {
        let whole = ByteRange::default();
        let mut object = self.service.read(log, name.as_str(), whole).await?;
        let size = object.remaining();
        reply::file_begin(&mut self.out, name.as_str());
        let mut buffers = self.outgoing();
        let mut filled = self.lead(&mut buffers).await?;
        let BufferPair { wire, content } = &mut *buffers;
        let mut encoder = Encoder::new();
        while object.remaining() > 0 {
            let room = (wire.len() - TAIL_BYTES - filled) / 4 * 3;
            let wanted = room.min(content.len());
            let piece = object.read(&mut content[..wanted]).await?;
            filled += encoder.encode(&content[..piece], &mut wire[filled..]);
            if object.remaining() > 0 {
                self.sender.send(self.stream, &wire[..filled]).await?;
                filled = 0;
            }
        }
        filled += encoder.finish(&mut wire[filled..]);
        self.out.clear();
        reply::file_end(&mut self.out);
        wire[filled..filled + self.out.len()].copy_from_slice(&self.out);
        let counted = log.succeed(0, size);
        let last = &wire[..filled + self.out.len()];
        self.sender.send(self.stream, last).await?;
        Ok(counted.sent())
    }

    /// READ: a head, then the bytes as they are.
    pub(super) async fn read(
        &mut self,
        name: &Name,
        range: ByteRange,
        log: &mut RequestLog,
    ) -> Result<Replied, RequestFailure> {
        let mut object = self.service.read(log, name.as_str(), range).await?;
        let length = object.remaining();
        reply::object(&mut self.out, &read_head(&object));
        let mut buffers = self.outgoing();
        let mut filled = self.lead(&mut buffers).await?;
        let wire = &mut buffers.wire[..self.session.buffers.piece_bytes()];
        let end = object.offset() + length;
        let mut decide_at = object.offset();
        while object.remaining() > 0 {
            if object.offset() >= decide_at {
                decide_at = object.offset() + BY_THE_KERNEL_BYTES;
                // The last piece passes through the buffer: it is counted before it is handed over.
                let part_end = decide_at.min(end.saturating_sub(wire.len() as u64));
                if self.kernel_sends(&object, part_end) {
                    self.sender.send(self.stream, &wire[..filled]).await?;
                    filled = 0;
                    self.sender.send_file(self.stream, &mut object, part_end).await?;
                    continue;
                }
            }
            filled += object.read(&mut wire[filled..]).await?;
            if object.remaining() > 0 {
                self.sender.send(self.stream, &wire[..filled]).await?;
                filled = 0;
            }
        }
        let counted = log.succeed(0, length);
        self.sender.send(self.stream, &wire[..filled]).await?;
        Ok(counted.sent())
    }

    /// Whether the kernel is to send what comes next of an object, up to the offset `end`.
    fn kernel_sends(&self, object: &ObjectReader, end: u64) -> bool {
        let is_long = end.saturating_sub(object.offset()) >= BY_THE_KERNEL_BYTES_MIN;
        is_long
            && self.stream.sends_files()
            && object.descriptor().is_some()
            && self.session.favours_send_file()
    }

    /// Buffers for a reply. The connection's own go back first, unless they hold what the peer has sent
    /// ahead.
    fn outgoing(&mut self) -> PooledBuffers<'c> {
        self.input.shrink();
        self.session.buffers.take()
    }

    /// Puts the reply's head in front of the first piece, so that a small reply is one write; a head that
    /// would leave little room is sent by itself. Returns the bytes of the wire buffer that are filled.
    async fn lead(&mut self, buffers: &mut BufferPair) -> Result<usize, ConnectionError> {
        let head = self.out.len();
        if head > self.session.buffers.piece_bytes() / 2 {
            self.sender.send(self.stream, &self.out).await?;
            return Ok(0);
        }
        buffers.wire[..head].copy_from_slice(&self.out);
        Ok(head)
    }
}

fn read_head(object: &ObjectReader) -> ReadHead {
    let meta = object.meta();
    ReadHead {
        size: meta.size,
        offset: object.offset(),
        length: object.remaining(),
        modified: time_text(meta.modified),
        mode: meta.mode.map(mode_text),
        etag: meta.etag.clone(),
        digest: meta.digest.map(|digest| digest.to_hex().to_string()),
    }
}
