//! A payload in a JSON string: like any other, with symbols that may be escaped.

use memchr::memchr3;

use crate::Progress;
use crate::payload::{Payload, PayloadStop, Within};

/// A payload in a JSON string, whose symbols may be escaped (`\/`, `\u002b`).
#[derive(Debug, Clone, Default)]
pub(crate) struct StringPayload {
    payload: Payload,
    escape: Escape,
    /// A slash was escaped: it is to be expected that all of them are, as some libraries do.
    escaped_slashes: bool,
}

/// How many symbols are put together before they are decoded, where slashes between them are escaped.
const GATHERED_SYMBOLS_MAX: usize = 4 << 10;

/// How far an escape has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Backslash,
    /// `\u` and so many of its four digits.
    Digits {
        count: u8,
        value: u16,
    },
    /// The character that was escaped, not yet taken by the payload.
    Character(u8),
    Invalid,
}

impl StringPayload {
    /// Whether the payload may end here.
    pub(crate) fn is_complete(&self) -> bool {
        self.escape == Escape::None && self.payload.is_complete()
    }

    /// Whether the last byte was a backslash.
    pub(crate) fn is_after_backslash(&self) -> bool {
        self.escape == Escape::Backslash
    }

    /// Decodes the front of `input` into the front of `out`; [`PayloadStop::End`] at the string's closing quote or
    /// at an LF.
    pub(crate) fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Progress<PayloadStop> {
        let mut total = Progress::consumed(0, ());
        loop {
            if self.escaped_slashes && self.escape == Escape::None {
                self.gather(input, out, &mut total);
            }
            let part = self.part(&input[total.consumed..], &mut out[total.written..]);
            total.add(&part);
            if let Some(stop) = part.stop {
                return total.stopped(stop);
            }
        }
    }

    /// Decodes symbols up to an escape, or one byte of an escape, or the character that was escaped. Without a stop
    /// another part can follow.
    fn part(&mut self, input: &[u8], out: &mut [u8]) -> Progress<Option<PayloadStop>> {
        match self.escape {
            Escape::None => self.unescaped(input, out),
            Escape::Character(character) => self.escaped(character, out),
            Escape::Backslash | Escape::Digits { .. } => self.escape_goes_on(input),
            Escape::Invalid => Progress::consumed(0, Some(PayloadStop::Invalid)),
        }
    }

    fn unescaped(&mut self, input: &[u8], out: &mut [u8]) -> Progress<Option<PayloadStop>> {
        let mut part = self.payload.decode(input, out, Within::JsonString);
        if part.stop == PayloadStop::End && input[part.consumed] == b'\\' {
            self.escape = Escape::Backslash;
            part.consumed += 1;
            return part.stopped(None);
        }
        part.map(Some)
    }

    /// The character is not a part of the input: its escape was consumed before.
    fn escaped(&mut self, character: u8, out: &mut [u8]) -> Progress<Option<PayloadStop>> {
        let mut part = self.payload.decode(&[character], out, Within::Escape);
        part.consumed = 0;
        if part.stop != PayloadStop::NeedInput {
            return part.map(Some);
        }
        self.escape = Escape::None;
        self.escaped_slashes |= character == b'/';
        part.stopped(None)
    }

    fn escape_goes_on(&mut self, input: &[u8]) -> Progress<Option<PayloadStop>> {
        match input.first() {
            None => Progress::consumed(0, Some(PayloadStop::NeedInput)),
            Some(b'\n') => Progress::consumed(0, Some(PayloadStop::End)),
            Some(&byte) => {
                // A byte that is no digit may be the string's end.
                let is_part = self.escape == Escape::Backslash || byte.is_ascii_hexdigit();
                self.escape = self.escape.next(byte);
                Progress::consumed(usize::from(is_part), None)
            }
        }
    }

    /// Puts symbols and escaped slashes together and decodes them at once, as long as there is nothing else.
    fn gather(&mut self, input: &[u8], out: &mut [u8], total: &mut Progress<()>) {
        let mut gathered = [0; GATHERED_SYMBOLS_MAX];
        loop {
            // The gathered symbols are decoded at once, so there has to be room for all of them.
            let room = (out.len() - total.written) / 3 * 4;
            let limit = gathered.len().min(room.saturating_sub(4));
            let mut count = 0;
            let mut rest = &input[total.consumed..];
            while count < limit {
                let run = &rest[..rest.len().min(limit - count)];
                let run = &run[..memchr3(b'"', b'\\', b'\n', run).unwrap_or(run.len())];
                gathered[count..count + run.len()].copy_from_slice(run);
                count += run.len();
                rest = &rest[run.len()..];
                if count == limit || !rest.starts_with(b"\\/") {
                    break;
                }
                gathered[count] = b'/';
                count += 1;
                rest = &rest[2..];
            }
            total.consumed = input.len() - rest.len();
            if count == 0 {
                return;
            }
            let part = self
                .payload
                .decode(&gathered[..count], &mut out[total.written..], Within::Escape);
            total.written += part.written;
            if count < limit || part.stop != PayloadStop::NeedInput {
                return;
            }
        }
    }
}

impl Escape {
    fn next(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Backslash, b'"' | b'\\' | b'/') => Self::Character(byte),
            (Self::Backslash, b'n' | b'r' | b't' | b'f') => Self::Character(b' '),
            (Self::Backslash, b'u') => Self::Digits { count: 0, value: 0 },
            (Self::Digits { count, value }, _) if byte.is_ascii_hexdigit() => {
                let digit = (byte as char).to_digit(16).expect("a hexadecimal digit") as u16;
                let value = value << 4 | digit;
                match (count, u8::try_from(value)) {
                    (0..3, _) => Self::Digits {
                        count: count + 1,
                        value,
                    },
                    (_, Ok(character)) if character.is_ascii() => Self::Character(character),
                    _ => Self::Invalid,
                }
            }
            _ => Self::Invalid,
        }
    }
}
