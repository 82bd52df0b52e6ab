//! The line behind an UPLOAD whose payload may be there: is it one, or another request?

use crate::upload_line::is_payload;
use crate::{Progress, Verb};

/// A word of a protocol is shorter than this.
const PEEKED_BYTES_MAX: usize = 16;

/// Words that are base64 by chance, and by which programs take their leave, ask for help or keep a connection alive.
/// Verbs are such words as well.
const SMALL_TALK: [&[u8]; 8] = [
    b"exit", b"quit", b"stop", b"done", b"help", b"ping", b"info", b"noop",
];

/// The kind of the next line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextLine {
    /// A payload, or the start of one.
    Payload,
    /// Something else: blank, a request, or no base64.
    Other,
}

/// The start of the line, as much as has to be seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Peek {
    bytes: [u8; PEEKED_BYTES_MAX],
    count: usize,
}

impl Peek {
    /// Takes the next bytes of the line, and says what the line is once that is known.
    pub(crate) fn take(&mut self, input: &[u8]) -> Progress<Option<NextLine>> {
        for (at, &byte) in input.iter().enumerate() {
            match byte {
                b'\r' | b'\n' => return Progress::consumed(at, Some(self.ended())),
                _ if !may_be_payload(byte) => return Progress::consumed(at, Some(NextLine::Other)),
                _ => {}
            }
            self.bytes[self.count] = byte;
            self.count += 1;
            if self.count == PEEKED_BYTES_MAX {
                return Progress::consumed(at + 1, Some(NextLine::Payload));
            }
        }
        Progress::consumed(input.len(), None)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Moves the taken bytes into `line`.
    pub(crate) fn drain_into(&mut self, line: &mut Vec<u8>) {
        line.extend_from_slice(&self.bytes[..self.count]);
        self.count = 0;
    }

    pub(crate) fn forget(&mut self) {
        self.count = 0;
    }

    /// The kind of a line that ends here.
    fn ended(&self) -> NextLine {
        let word = &self.bytes[..self.count];
        let is_word = SMALL_TALK.iter().any(|known| word.eq_ignore_ascii_case(known));
        if word.is_empty() || is_word || Verb::from_word(word).is_some() || !is_payload(word) {
            NextLine::Other
        } else {
            NextLine::Payload
        }
    }
}

/// Letters of base64, its padding, and the quotes around it.
fn may_be_payload(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\'' | b'"')
}
