//! The requests that receive content: UPLOAD in base64, WRITE as it is with its digest behind it.

use blake3::Hasher;
use haul_store::{Commit, Condition, CreateOptions, Writer};
use haul_wire::{Attributes, Code, Decoded, Digest, Name, Refusal, RequestEvent, reply};

use super::refusals::{Failure, from_store_writing, key, short};
use super::{Heard, Line, RequestLog, Size, TOO_SLOW_FOR_OTHERS};
use crate::Limits;
use crate::stream::Stream;

/// An upload in flight: where it goes, and what is known of it so far.
struct Incoming<'n> {
    name: &'n Name,
    writer: Box<dyn Writer>,
    received: u64,
    /// Decoded bytes at the start of the content buffer that are not written yet. Base64 is gathered there until the
    /// buffer is full: however small the pieces that arrive, the store gets few and large ones, on page bounds.
    gathered: usize,
    /// Whether the bytes arrive as they are, not in base64.
    is_raw: bool,
    /// Computed while the bytes pass.
    hasher: Hasher,
}

/// What the end of a body says.
struct BodyEnd {
    /// The digest that the peer declared.
    digest: Option<Digest>,
    /// The object's name where that is not the one that the upload began with.
    name: Option<Name>,
}

/// The decoder needs this much room to make progress.
const ROOM_MIN: usize = haul_wire::base64::Decoder::ROOM_BYTES_MIN;

impl<S: Stream> Line<'_, S> {
    /// UPLOAD: stores what arrives in base64; an object of that name is replaced. Whether it has the `shorter` name is
    /// known at the end of the body.
    pub(super) async fn upload(
        &mut self,
        name: &Name,
        shorter: Option<&Name>,
        account: &mut RequestLog,
    ) -> Result<(), Failure> {
        self.check_writable("UPLOAD")?;
        let (mut incoming, refused) = self.begin_either(name, shorter).await?;
        let end = self.receive_body(&mut incoming).await?;
        let name = match (&end.name, refused) {
            (None, Some(refusal)) => return Err(refusal.into()),
            (None, None) => name,
            (Some(decided), _) => {
                account.is_about(decided);
                incoming.writer.rename(key(decided)?);
                decided
            }
        };
        let size = incoming.received;
        incoming
            .writer
            .commit(Commit {
                digest: Some(incoming.hasher.finalize()),
                ..Commit::default()
            })
            .await
            .map_err(|error| from_store_writing(error, name))?;
        self.out.clear();
        reply::done(
            &mut self.out,
            name.as_str(),
            &format!("{} has been stored, {size} bytes", short(name)),
        );
        self.send_last(size, 0, account).await
    }

    /// WRITE: stores the raw bytes if length, digest and condition hold.
    pub(super) async fn write(
        &mut self,
        name: &Name,
        length: u64,
        condition: Condition,
        attributes: Attributes,
        account: &mut RequestLog,
    ) -> Result<(), Failure> {
        self.check_writable("WRITE")?;
        self.check_size(name, length)?;
        let mut incoming = self.begin_upload(name, condition, true).await?;
        let declared = self.receive_body(&mut incoming).await?.digest;
        let digest = incoming.hasher.finalize();
        if declared != Some(digest) {
            let sentence = format!(
                "{} arrived with another digest than was declared; send it again",
                short(name)
            );
            return Err(Refusal::new(Code::DigestMismatch, sentence).into());
        }
        let facts = Commit {
            digest: Some(digest),
            modified: attributes.modified,
            mode: attributes.mode,
        };
        let committed = incoming.writer.commit(facts).await;
        let meta = committed.map_err(|error| from_store_writing(error, name))?;
        let digest = digest.to_hex().to_string();
        self.out.clear();
        reply::object(
            &mut self.out,
            &reply::Written {
                size: meta.size,
                digest,
                etag: meta.etag,
            },
        );
        self.send_last(meta.size, 0, account).await
    }

    /// Begins an upload under `name`; if that is refused and there is a `shorter` name, under that, for the case that it
    /// is the right one. Returns the refusal as well, for the case that it is not.
    async fn begin_either<'n>(
        &self,
        name: &'n Name,
        shorter: Option<&'n Name>,
    ) -> Result<(Incoming<'n>, Option<Refusal>), Refusal> {
        let begun = self.begin_upload(name, Condition::Always, false).await;
        match (begun, shorter) {
            (Err(refusal), Some(shorter)) => {
                let begun = self.begin_upload(shorter, Condition::Always, false).await?;
                Ok((begun, Some(refusal)))
            }
            (begun, _) => Ok((begun?, None)),
        }
    }

    async fn begin_upload<'n>(
        &self,
        name: &'n Name,
        condition: Condition,
        is_raw: bool,
    ) -> Result<Incoming<'n>, Refusal> {
        let key = key(name)?;
        let created = self
            .worker
            .context
            .store
            .create(&key, CreateOptions::with_condition(condition))
            .await;
        let writer = created.map_err(|error| from_store_writing(error, name))?;
        Ok(Incoming {
            name,
            writer,
            received: 0,
            gathered: 0,
            is_raw,
            hasher: Hasher::new(),
        })
    }

    /// Receives a body to its end and hands it on as it is decoded.
    async fn receive_body(&mut self, incoming: &mut Incoming<'_>) -> Result<BodyEnd, Failure> {
        loop {
            let buffers = self
                .buffers
                .get_or_insert_with(|| self.worker.context.buffers.take());
            let unread = self.input.unread(&buffers.wire);
            let room = &mut buffers.content[incoming.gathered..];
            let Decoded { consumed, event } = self.decoder.decode(unread, room);
            let mut needs_more = false;
            let step = match event {
                Some(RequestEvent::Body(piece)) => {
                    let max = self.worker.context.config.limits.upload_bytes_max;
                    incoming.take(piece, max).await.map(|()| None)
                }
                Some(RequestEvent::BodyEnd { digest, name }) => Ok(Some(BodyEnd { digest, name })),
                Some(RequestEvent::Refused { refusal, .. }) => Err(refusal),
                Some(RequestEvent::Foreign) => return Err(Failure::Last(super::foreign::refusal())),
                // Neither can happen within a body.
                Some(RequestEvent::Request(_) | RequestEvent::Skipped) => Err(Refusal::new(
                    Code::Internal,
                    "the upload could not be followed; send it again",
                )),
                None => {
                    needs_more = true;
                    Ok(None)
                }
            };
            self.input.consume(consumed);
            if matches!(step, Ok(Some(_))) || buffers.content.len() - incoming.gathered < ROOM_MIN {
                incoming.write_gathered(&buffers.content).await?;
            }
            if let Some(end) = step? {
                return Ok(end);
            }
            if needs_more {
                self.hear_body(incoming.name).await?;
            }
        }
    }

    async fn hear_body(&mut self, name: &Name) -> Result<(), Failure> {
        let stall = self.worker.context.config.limits.stall_timeout;
        let lone = self
            .decoder
            .completes_at_line_end()
            .filter(|&verb| self.completes_unterminated(verb) && !self.spoken);
        let completing = lone.map(|_| Limits::UNTERMINATED_WRITE_SILENCE);
        let heard = self
            .hear(
                completing.map_or(stall, |silence| silence.min(stall)),
                Size::Large,
            )
            .await?;
        match heard {
            Heard::Bytes => Ok(()),
            Heard::EndOfFile | Heard::Silence if completing.is_some() => {
                self.input.end_line();
                Ok(())
            }
            Heard::EndOfFile => {
                let sentence = format!("{} ended before it was whole; nothing is stored", short(name));
                Err(Failure::Last(Refusal::new(Code::LengthMismatch, sentence)))
            }
            Heard::GiveWay => {
                let sentence = format!("{}: {TOO_SLOW_FOR_OTHERS}; nothing is stored", short(name));
                Err(Failure::Last(Refusal::new(Code::Timeout, sentence)))
            }
            Heard::Silence => {
                let sentence = format!("{} stalled; nothing is stored, send it again", short(name));
                Err(Failure::Last(Refusal::new(Code::Timeout, sentence)))
            }
        }
    }

    fn check_size(&self, name: &Name, bytes: u64) -> Result<(), Refusal> {
        check_size(name, bytes, self.worker.context.config.limits.upload_bytes_max)
    }
}

impl Incoming<'_> {
    async fn take(&mut self, piece: &[u8], bytes_max: Option<u64>) -> Result<(), Refusal> {
        self.received += piece.len() as u64;
        check_size(self.name, self.received, bytes_max)?;
        if !self.is_raw {
            // It already stands in the content buffer, behind what was gathered before.
            self.gathered += piece.len();
            return Ok(());
        }
        // Raw bytes are written from where they were received.
        self.store(piece).await
    }

    async fn store(&mut self, content: &[u8]) -> Result<(), Refusal> {
        self.hasher.update(content);
        let written = self.writer.write(content).await;
        written.map_err(|error| from_store_writing(error, self.name))
    }

    async fn write_gathered(&mut self, content: &[u8]) -> Result<(), Refusal> {
        match std::mem::take(&mut self.gathered) {
            0 => Ok(()),
            gathered => self.store(&content[..gathered]).await,
        }
    }
}

fn check_size(name: &Name, bytes: u64, bytes_max: Option<u64>) -> Result<(), Refusal> {
    match bytes_max {
        Some(max) if bytes > max => {
            let sentence = format!(
                "{} is larger than the {max} bytes that this server takes",
                short(name)
            );
            Err(Refusal::new(Code::TooLarge, sentence))
        }
        _ => Ok(()),
    }
}
