//! The requests that send content: GET in base64, READ as it is.

use haul_store::Reader;
use haul_wire::base64::Encoder;
use haul_wire::reply::{self, ReadHead};
use haul_wire::{Code, Name, Refusal, mode_text, time_text};
use tokio::io::{AsyncRead, AsyncWrite};

use super::refusals::{Failure, from_store, key, short};
use super::{Account, Broken, Line, send};
use crate::buffers::Buffers;

/// Room that the end of a GET needs behind the last piece: what the encoder kept back, and the reply's end.
const TAIL_BYTES: usize = 16;

impl<S: AsyncRead + AsyncWrite + Unpin> Line<'_, S> {
    /// GET: the content in base64, encoded straight into the buffer that is sent.
    pub(super) async fn download(&mut self, name: &Name, account: &mut Account) -> Result<(), Failure> {
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
        self.worker.shared.shelf.put_back(buffers);
        Ok(())
    }

    /// READ: a head, then the bytes as they are.
    pub(super) async fn read(
        &mut self,
        name: &Name,
        offset: u64,
        length: Option<u64>,
        account: &mut Account,
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
        let piece_max = self.worker.shared.shelf.piece_bytes();
        let (mut at, end) = (offset, offset + length);
        while at < end {
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
        self.worker.shared.shelf.put_back(buffers);
        Ok(())
    }

    async fn open(&self, name: &Name) -> Result<Box<dyn Reader>, Refusal> {
        let key = key(name)?;
        self.worker
            .shared
            .store
            .open(&key)
            .await
            .map_err(|error| from_store(error, name))
    }

    /// Buffers for a reply: the connection's own, unless they hold what the peer has sent ahead.
    fn outgoing(&mut self) -> Buffers {
        self.give_back_buffers();
        self.worker.shared.shelf.take()
    }

    /// Puts the reply's head in front of the first piece, so that a small reply is one write; a head that would leave
    /// little room is sent by itself. Returns the bytes of the wire buffer that are filled.
    async fn lead(&mut self, buffers: &mut Buffers) -> Result<usize, Broken> {
        let head = self.out.len();
        if head > self.worker.shared.shelf.piece_bytes() / 2 {
            send(self.stream, &self.out, self.sending).await?;
            return Ok(0);
        }
        buffers.wire[..head].copy_from_slice(&self.out);
        Ok(head)
    }
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
        Ok(0) => {
            tracing::warn!(
                offset,
                end,
                "an object became shorter while it was sent; the connection is reset"
            );
            Err(Broken::Unfinished)
        }
        Ok(read) => Ok(read),
        Err(error) => {
            tracing::error!(%error, offset, "an object cannot be read to its end; the connection is reset");
            Err(Broken::Unfinished)
        }
    }
}
