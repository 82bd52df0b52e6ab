//! The line behind the body of a WRITE: 64 hexadecimal digits and a line end, and nothing else.

use crate::{Digest, Progress};

/// The line so far.
#[derive(Debug, Clone)]
pub(crate) struct DigestLine {
    hex: [u8; 64],
    /// How many bytes of the line there have been.
    count: usize,
}

/// Why the line went no further.
pub(crate) enum DigestStop {
    NeedInput,
    /// The line is complete.
    Digest(Digest),
    /// This is no such line.
    Invalid,
}

impl Default for DigestLine {
    fn default() -> Self {
        Self {
            hex: [0; 64],
            count: 0,
        }
    }
}

impl DigestLine {
    /// Takes input up to the line's end.
    pub(crate) fn take(&mut self, input: &[u8]) -> Progress<DigestStop> {
        for (at, &byte) in input.iter().enumerate() {
            match (self.count, byte) {
                (0..64, _) if byte.is_ascii_hexdigit() => self.hex[self.count] = byte.to_ascii_lowercase(),
                (64, b'\r') => {}
                (64 | 65, b'\n') => {
                    let digest = Digest::from_hex(self.hex).expect("64 hexadecimal digits are a digest");
                    return Progress::consumed(at + 1, DigestStop::Digest(digest));
                }
                _ => return Progress::consumed(at + 1, DigestStop::Invalid),
            }
            self.count += 1;
        }
        Progress::consumed(input.len(), DigestStop::NeedInput)
    }
}
