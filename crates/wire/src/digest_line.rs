//! The line behind the body of a WRITE: 64 hexadecimal digits and a line end, and nothing else.

use crate::Digest;

/// The line so far.
#[derive(Debug, Clone)]
pub(crate) struct DigestLine {
    hex: [u8; 64],
    /// How many bytes of the line there have been.
    count: usize,
}

/// What came of some input.
pub(crate) enum Taken {
    /// All of it is consumed.
    NeedInput,
    /// The line is complete.
    Digest(Digest),
    /// This is no such line.
    Wrong,
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
    /// Takes input up to the line's end; returns how many bytes that is, and what came of it.
    pub(crate) fn take(&mut self, input: &[u8]) -> (usize, Taken) {
        for (at, &byte) in input.iter().enumerate() {
            match (self.count, byte) {
                (0..64, _) if byte.is_ascii_hexdigit() => self.hex[self.count] = byte.to_ascii_lowercase(),
                (64, b'\r') => {}
                (64 | 65, b'\n') => {
                    let digest = Digest::from_hex(self.hex).expect("64 hexadecimal digits are a digest");
                    return (at + 1, Taken::Digest(digest));
                }
                _ => return (at + 1, Taken::Wrong),
            }
            self.count += 1;
        }
        (input.len(), Taken::NeedInput)
    }
}
