//! The body of a WRITE: bytes as they are, as many as its head says, then the line of their digest.

use crate::digest_line::{DigestLine, DigestStop};
use crate::{Digest, Progress};

/// A body that is being received.
#[derive(Debug, Clone)]
pub(crate) struct RawBody {
    left_bytes: u64,
    digest_line: DigestLine,
}

/// Why a body went no further.
pub(crate) enum BodyStop {
    NeedInput,
    /// The bytes consumed are content.
    Content,
    /// The body is complete.
    Digest(Digest),
    /// Something else than a digest follows the content.
    Invalid,
}

impl RawBody {
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            left_bytes: bytes,
            digest_line: DigestLine::default(),
        }
    }

    /// Takes content, or a part of the line that follows it.
    pub(crate) fn take(&mut self, input: &[u8]) -> Progress<BodyStop> {
        if self.left_bytes == 0 {
            return self.digest_line.take(input).map(|stop| match stop {
                DigestStop::NeedInput => BodyStop::NeedInput,
                DigestStop::Digest(digest) => BodyStop::Digest(digest),
                DigestStop::Invalid => BodyStop::Invalid,
            });
        }
        let taken = usize::try_from(self.left_bytes).map_or(input.len(), |left| input.len().min(left));
        self.left_bytes -= taken as u64;
        let stop = if taken > 0 {
            BodyStop::Content
        } else {
            BodyStop::NeedInput
        };
        Progress::consumed(taken, stop)
    }
}
