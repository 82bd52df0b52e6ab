//! The requests that receive content: UPLOAD in base64, WRITE as it is with its digest behind it.

use haul_types::{Condition, Digest};
use haul_wire::{Attributes, Code, Decoded, Name, Refusal, RequestEvent, reply};

use super::messages::{TOO_SLOW_FOR_OTHERS, short};
use super::{Conversation, Recv, RequestFailure, foreign};
use crate::Limits;
use crate::access::{Replied, RequestLog};
use crate::service::{ObjectWriter, OpError, WriteFacts};

/// An upload in flight.
struct Upload {
    object: ObjectWriter,
    /// Decoded bytes at the start of the content buffer that are not written yet. Base64 is gathered there
    /// until the buffer is full: however small the pieces that arrive, the store gets few and large ones, on
    /// page bounds.
    gathered: usize,
    encoding: Encoding,
}

/// How the content arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Base64,
    Raw,
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

impl Conversation<'_> {
    /// UPLOAD: stores what arrives in base64; an object of that name is replaced. Whether it has the
    /// `shorter` name is known at the end of the body.
    pub(super) async fn upload(
        &mut self,
        name: &Name,
        shorter: Option<&Name>,
        log: &mut RequestLog,
    ) -> Result<Replied, RequestFailure> {
        let (object, refused) = self.open_either(name, shorter, log).await?;
        let (mut object, end) = self.receive_object(object, Encoding::Base64, log).await?;
        let name = match (&end.name, refused) {
            (None, Some(error)) => {
                object.abort().await;
                log.name_object(name.as_str());
                return Err(error.into());
            }
            (None, None) => name,
            (Some(decided), _) => {
                let renamed = self.service.rename_in_flight(log, &mut object, decided.as_str());
                if let Err(error) = renamed {
                    object.abort().await;
                    return Err(error.into());
                }
                decided
            }
        };
        let size = object.received();
        object.commit(WriteFacts::default(), log).await?;
        self.out.clear();
        let sentence = format!("{} has been stored, {size} bytes", short(log.name()));
        reply::done(&mut self.out, name.as_str(), &sentence);
        self.send_last(size, 0, log).await
    }

    /// WRITE: stores the raw bytes if length, digest and condition hold.
    pub(super) async fn write(
        &mut self,
        name: &Name,
        length: u64,
        condition: Condition,
        attributes: Attributes,
        log: &mut RequestLog,
    ) -> Result<Replied, RequestFailure> {
        let opened = self.service.write(log, name.as_str(), condition, Some(length));
        let object = opened.await?;
        let (object, end) = self.receive_object(object, Encoding::Raw, log).await?;
        let facts = WriteFacts {
            digest: end.digest,
            modified: attributes.modified,
            mode: attributes.mode,
        };
        let (meta, digest) = object.commit(facts, log).await?;
        let written = reply::Written {
            size: meta.size,
            digest: digest.to_hex().to_string(),
            etag: meta.etag,
        };
        self.out.clear();
        reply::object(&mut self.out, &written);
        self.send_last(meta.size, 0, log).await
    }

    /// Opens an object under `name`; if that is refused and there is a `shorter` name, under that, for the
    /// case that it is the right one. Returns the refusal as well, for the case that it is not.
    async fn open_either(
        &self,
        name: &Name,
        shorter: Option<&Name>,
        log: &mut RequestLog,
    ) -> Result<(ObjectWriter, Option<OpError>), OpError> {
        let opened = self.service.write(log, name.as_str(), Condition::Always, None);
        match (opened.await, shorter) {
            (Err(error), Some(shorter)) => {
                let opened = self.service.write(log, shorter.as_str(), Condition::Always, None);
                Ok((opened.await?, Some(error)))
            }
            (opened, _) => Ok((opened?, None)),
        }
    }

    /// Receives a body into the object, which is given up where that fails.
    async fn receive_object(
        &mut self,
        object: ObjectWriter,
        encoding: Encoding,
        log: &RequestLog,
    ) -> Result<(ObjectWriter, BodyEnd), RequestFailure> {
        let mut upload = Upload {
            object,
            gathered: 0,
            encoding,
        };
        match self.receive_body(&mut upload, log).await {
            Ok(end) => Ok((upload.object, end)),
            Err(failure) => {
                upload.object.abort().await;
                Err(failure)
            }
        }
    }

    /// Receives a body to its end and hands it on as it is decoded.
    async fn receive_body(
        &mut self,
        upload: &mut Upload,
        log: &RequestLog,
    ) -> Result<BodyEnd, RequestFailure> {
        loop {
            let (unread, content) = self.input.unread_and_content();
            let Decoded { consumed, event } = self.decoder.decode(unread, &mut content[upload.gathered..]);
            let mut needs_more = false;
            let step = match event {
                Some(RequestEvent::Body(piece)) => upload.take(piece, log).await.map(|()| None),
                Some(RequestEvent::BodyEnd { digest, name }) => Ok(Some(BodyEnd { digest, name })),
                Some(RequestEvent::Refused { refusal, .. }) => Err(RequestFailure::Refused(refusal)),
                Some(RequestEvent::Foreign) => return Err(RequestFailure::Last(foreign::refusal())),
                // Neither can happen within a body.
                Some(RequestEvent::Request(_) | RequestEvent::Skipped) => {
                    let sentence = "the upload could not be followed; send it again";
                    Err(Refusal::new(Code::Internal, sentence).into())
                }
                None => {
                    needs_more = true;
                    Ok(None)
                }
            };
            self.input.consume(consumed);
            let (_, content) = self.input.unread_and_content();
            if matches!(step, Ok(Some(_))) || content.len() - upload.gathered < ROOM_MIN {
                upload.write_gathered(content, log).await?;
            }
            if let Some(end) = step? {
                return Ok(end);
            }
            if needs_more {
                self.read_body(log.name()).await?;
            }
        }
    }

    /// Waits for more of a body.
    async fn read_body(&mut self, name: &str) -> Result<(), RequestFailure> {
        let stall = self.session.limits.stall_timeout;
        let completing = self
            .completes_write()
            .then_some(Limits::UNTERMINATED_WRITE_SILENCE);
        let patience = completing.map_or(stall, |silence| silence.min(stall));
        self.input.enlarge();
        let (code, problem) = match self.recv(patience).await? {
            Recv::Bytes => return Ok(()),
            Recv::EndOfFile | Recv::Silence if completing.is_some() => {
                self.input.end_line();
                return Ok(());
            }
            Recv::EndOfFile => (
                Code::LengthMismatch,
                " ended before it was whole; nothing is stored".to_owned(),
            ),
            Recv::GiveWay => (
                Code::Timeout,
                format!(": {TOO_SLOW_FOR_OTHERS}; nothing is stored"),
            ),
            Recv::Silence => (
                Code::Timeout,
                " stalled; nothing is stored, send it again".to_owned(),
            ),
        };
        let sentence = format!("{}{problem}", short(name));
        Err(RequestFailure::Last(Refusal::new(code, sentence)))
    }

    /// Whether an end of the line would complete the upload in progress, and may be assumed.
    fn completes_write(&self) -> bool {
        // Asked in this order: the decoder decodes a copy of what it holds to tell.
        !self.has_replied
            && self.unterminated_writes
            && self
                .decoder
                .completes_at_line_end()
                .is_some_and(|verb| self.completes_unterminated(verb))
    }
}

impl Upload {
    async fn take(&mut self, piece: &[u8], log: &RequestLog) -> Result<(), RequestFailure> {
        self.object.receive(piece.len())?;
        match self.encoding {
            // It already stands in the content buffer, behind what was gathered before.
            Encoding::Base64 => self.gathered += piece.len(),
            // Raw bytes are written from where they were received.
            Encoding::Raw => self.object.write(piece, log).await?,
        }
        Ok(())
    }

    async fn write_gathered(&mut self, content: &[u8], log: &RequestLog) -> Result<(), OpError> {
        match std::mem::take(&mut self.gathered) {
            0 => Ok(()),
            gathered => self.object.write(&content[..gathered], log).await,
        }
    }
}
