//! The body of a WRITE: bytes as they are, as many as its head says, then the line of their digest.

use crate::Digest;
use crate::digest_line::{self, DigestLine};

/// A body that is being received.
#[derive(Debug, Clone)]
pub(crate) struct RawBody {
    left_bytes: u64,
    digest_line: DigestLine,
}

/// What came of some input.
pub(crate) enum Taken {
    /// All of it is consumed.
    NeedInput,
    /// It is content.
    Content,
    /// The body is complete.
    Digest(Digest),
    /// Something else than a digest stands behind the content.
    Wrong,
}

impl RawBody {
    pub(crate) fn new(bytes: u64) -> Self {
        Self {
            left_bytes: bytes,
            digest_line: DigestLine::default(),
        }
    }

    /// Takes content, or a part of the line behind it; returns how many bytes that is, and what came of it.
    pub(crate) fn take(&mut self, input: &[u8]) -> (usize, Taken) {
        if self.left_bytes > 0 {
            let taken = usize::try_from(self.left_bytes).map_or(input.len(), |left| input.len().min(left));
            self.left_bytes -= taken as u64;
            let what = if taken > 0 {
                Taken::Content
            } else {
                Taken::NeedInput
            };
            return (taken, what);
        }
        let (taken, line) = self.digest_line.take(input);
        let what = match line {
            digest_line::Taken::NeedInput => Taken::NeedInput,
            digest_line::Taken::Digest(digest) => Taken::Digest(digest),
            digest_line::Taken::Wrong => Taken::Wrong,
        };
        (taken, what)
    }
}
