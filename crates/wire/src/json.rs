//! One JSON object that comes in pieces, with one string in it, the payload, that is never held.
//!
//! The scanner follows the structure only (strings, brackets, the keys of the outermost object) and keeps
//! the text, up to a limit, with an empty string in the place of the payload. What it kept is small, and goes
//! to serde_json, which is the judge of everything else.

use memchr::{memchr2, memchr3};

use crate::payload::{Payload, Progress, Stop, Within};

/// What may stand in the text of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// The object is one line: an LF breaks it.
    One,
    /// The object may be written over several lines.
    Many,
}

/// Why a [`Scanner`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// All of the input is consumed.
    Spent,
    /// The opening quote of the payload is consumed; what follows is the payload.
    Payload,
    /// The object is closed.
    Closed,
    /// The byte at `consumed` is an LF in an object of one line.
    LineEnd,
    /// The text would be longer than the limit.
    TooLong,
    /// The payload's key stands there a second time.
    Twice,
}

/// Follows the structure of one object, from its opening brace on.
#[derive(Debug, Clone)]
pub(crate) struct Scanner {
    payload_key: &'static str,
    limit_bytes: usize,
    lines: Lines,
    text: Vec<u8>,
    depth: usize,
    string: InString,
    /// Where the last string of the outermost object began in the text, its quote included.
    string_start: usize,
    /// The value that comes next is the payload's, if it is a string.
    payload_next: bool,
    payload_seen: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InString {
    No,
    Yes,
    AfterBackslash,
}

impl Scanner {
    pub(crate) fn new(payload_key: &'static str, limit_bytes: usize, lines: Lines) -> Self {
        Self {
            payload_key,
            limit_bytes,
            lines,
            text: Vec::new(),
            depth: 0,
            string: InString::No,
            string_start: 0,
            payload_next: false,
            payload_seen: false,
        }
    }

    /// The text so far, with the payload empty.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether there was a payload.
    pub(crate) fn payload_seen(&self) -> bool {
        self.payload_seen
    }

    /// The start of the string that the text ends in, if that is the value of this key of the outermost object.
    pub(crate) fn unfinished_value_of(&self, key: &str) -> Option<&[u8]> {
        if self.string == InString::No || self.depth != 1 {
            return None;
        }
        let (before, value) = self.text.split_at_checked(self.string_start)?;
        let before = before.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
        before
            .strip_suffix(b"\"")?
            .ends_with(key.as_bytes())
            .then(|| value.strip_prefix(b"\"").unwrap_or(value))
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.text.capacity()
    }

    /// The payload's closing quote has been consumed.
    pub(crate) fn payload_ended(&mut self) {
        self.text.push(b'"');
    }

    /// What is left of the object can be skipped from here.
    pub(crate) fn skipper(&self) -> Skipper {
        Skipper {
            depth: self.depth,
            string: self.string,
        }
    }

    /// Takes what it can of `input`; returns how many bytes that is, and why it stopped.
    pub(crate) fn scan(&mut self, input: &[u8]) -> (usize, Scan) {
        let mut consumed = 0;
        while consumed < input.len() {
            // One byte more than there is room for, so that the limit is passed at the same byte however the
            // input is cut.
            let room = self.limit_bytes.saturating_sub(self.text.len());
            let rest = &input[consumed..];
            let rest = &rest[..rest.len().min(room.saturating_add(1))];
            let (taken, stop) = match self.string {
                InString::Yes => self.letters(rest),
                InString::No | InString::AfterBackslash => (1, self.byte(rest[0])),
            };
            if stop == Some(Scan::LineEnd) {
                return (consumed + taken - 1, Scan::LineEnd);
            }
            consumed += taken;
            self.text.extend_from_slice(&rest[..taken.min(room)]);
            if taken > room {
                return (consumed, Scan::TooLong);
            }
            if let Some(stop) = stop {
                return (consumed, stop);
            }
        }
        (consumed, Scan::Spent)
    }

    /// Passes what stands in a string, up to its end or a backslash.
    fn letters(&mut self, rest: &[u8]) -> (usize, Option<Scan>) {
        let end = match self.lines {
            Lines::One => memchr3(b'"', b'\\', b'\n', rest),
            Lines::Many => memchr2(b'"', b'\\', rest),
        };
        let Some(end) = end else { return (rest.len(), None) };
        match rest[end] {
            b'"' => self.string = InString::No,
            b'\\' => self.string = InString::AfterBackslash,
            _ => return (end + 1, Some(Scan::LineEnd)),
        }
        (end + 1, None)
    }

    fn byte(&mut self, byte: u8) -> Option<Scan> {
        if byte == b'\n' && self.lines == Lines::One {
            return Some(Scan::LineEnd);
        }
        if self.string == InString::AfterBackslash {
            self.string = InString::Yes;
            return None;
        }
        let payload_next = std::mem::take(&mut self.payload_next);
        match byte {
            b'"' if payload_next && self.payload_seen => return Some(Scan::Twice),
            b'"' if payload_next => {
                self.payload_seen = true;
                return Some(Scan::Payload);
            }
            b'"' => {
                self.string = InString::Yes;
                if self.depth == 1 {
                    self.string_start = self.text.len();
                }
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Some(Scan::Closed);
                }
            }
            b':' => self.payload_next = self.depth == 1 && self.key_is_payload(),
            _ => self.payload_next = payload_next && byte.is_ascii_whitespace(),
        }
        None
    }

    fn key_is_payload(&self) -> bool {
        let key = self.text[self.string_start..].trim_ascii_end();
        // A key that is longer than this could not spell the payload's even if every letter were escaped.
        key.len() <= 2 + 6 * self.payload_key.len()
            && serde_json::from_slice::<String>(key).is_ok_and(|key| key == self.payload_key)
    }
}

/// Finds the end of an object that nobody wants any more.
#[derive(Debug, Clone)]
pub(crate) struct Skipper {
    depth: usize,
    string: InString,
}

impl Skipper {
    /// From within the payload, `escaped` if its last byte was a backslash.
    pub(crate) fn in_payload(escaped: bool) -> Self {
        Self {
            depth: 1,
            string: if escaped {
                InString::AfterBackslash
            } else {
                InString::Yes
            },
        }
    }

    /// Takes input up to the object's closing brace or an LF, whichever comes first; returns how many bytes
    /// that is and whether the end was among them.
    pub(crate) fn skip(&mut self, input: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while at < input.len() {
            if self.string == InString::Yes {
                match memchr3(b'"', b'\\', b'\n', &input[at..]) {
                    None => return (input.len(), false),
                    Some(step) => at += step,
                }
            }
            let byte = input[at];
            at += 1;
            match (self.string, byte) {
                (_, b'\n') => return (at, true),
                (InString::Yes, b'\\') => self.string = InString::AfterBackslash,
                (InString::Yes, _) | (InString::No, b'"') => {
                    self.string = if self.string == InString::Yes {
                        InString::No
                    } else {
                        InString::Yes
                    };
                }
                (InString::AfterBackslash, _) => self.string = InString::Yes,
                (InString::No, b'{' | b'[') => self.depth += 1,
                (InString::No, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return (at, true);
                    }
                }
                (InString::No, _) => {}
            }
        }
        (at, false)
    }
}

/// A payload in a JSON string, whose letters may be escaped (`\/`, `\u002b`).
#[derive(Debug, Clone, Default)]
pub(crate) struct StringPayload {
    payload: Payload,
    escape: Escape,
    /// A slash was escaped: it is to be expected that all of them are, as some libraries do.
    escaped_slashes: bool,
}

/// How many letters are put together before they are decoded, where slashes between them are escaped.
const GATHERED_LETTERS_MAX: usize = 4 << 10;

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
    Faulty,
}

impl StringPayload {
    /// Whether the payload may end here.
    pub(crate) fn is_complete(&self) -> bool {
        self.escape == Escape::None && self.payload.is_complete()
    }

    /// What is left of the object can be skipped from here.
    pub(crate) fn skipper(&self) -> Skipper {
        Skipper::in_payload(self.escape == Escape::Backslash)
    }

    /// Decodes the front of `input` into the front of `out`; [`Stop::End`] at the string's closing quote or
    /// at an LF.
    pub(crate) fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Progress {
        let mut total = Progress {
            consumed: 0,
            written: 0,
            stop: Stop::Spent,
        };
        loop {
            if self.escaped_slashes && self.escape == Escape::None {
                self.gather(input, out, &mut total);
            }
            let part = self.part(&input[total.consumed..], &mut out[total.written..]);
            total.consumed += part.consumed;
            total.written += part.written;
            if let Some(stop) = part.stop {
                return Progress { stop, ..total };
            }
        }
    }

    /// Decodes letters up to an escape, or one byte of an escape, or the character that was escaped.
    fn part(&mut self, input: &[u8], out: &mut [u8]) -> Part {
        match self.escape {
            Escape::None => {
                let Progress {
                    consumed,
                    written,
                    stop,
                } = self.payload.decode(input, out, Within::JsonString);
                if stop == Stop::End && input[consumed] == b'\\' {
                    self.escape = Escape::Backslash;
                    return Part {
                        consumed: consumed + 1,
                        written,
                        stop: None,
                    };
                }
                Part {
                    consumed,
                    written,
                    stop: Some(stop),
                }
            }
            Escape::Character(character) => {
                let Progress { written, stop, .. } = self.payload.decode(&[character], out, Within::Escape);
                let is_taken = stop == Stop::Spent;
                if is_taken {
                    self.escape = Escape::None;
                    self.escaped_slashes |= character == b'/';
                }
                Part {
                    consumed: 0,
                    written,
                    stop: if is_taken { None } else { Some(stop) },
                }
            }
            Escape::Backslash | Escape::Digits { .. } => match input.first() {
                None => Part {
                    consumed: 0,
                    written: 0,
                    stop: Some(Stop::Spent),
                },
                Some(b'\n') => Part {
                    consumed: 0,
                    written: 0,
                    stop: Some(Stop::End),
                },
                Some(&byte) => {
                    // What is no digit may be the string's end.
                    let is_part = self.escape == Escape::Backslash || byte.is_ascii_hexdigit();
                    self.escape = self.escape.next(byte);
                    Part {
                        consumed: usize::from(is_part),
                        written: 0,
                        stop: None,
                    }
                }
            },
            Escape::Faulty => Part {
                consumed: 0,
                written: 0,
                stop: Some(Stop::Faulty),
            },
        }
    }

    /// Puts letters and escaped slashes together and decodes them at once, as long as there is nothing else.
    fn gather(&mut self, input: &[u8], out: &mut [u8], total: &mut Progress) {
        let mut gathered = [0; GATHERED_LETTERS_MAX];
        loop {
            // What is gathered is decoded whole, so there has to be room for it.
            let room = (out.len() - total.written) / 3 * 4;
            let limit = gathered.len().min(room.saturating_sub(4));
            let mut count = 0;
            while count < limit {
                let rest = &input[total.consumed..];
                let run = &rest[..rest.len().min(limit - count)];
                let run = &run[..memchr3(b'"', b'\\', b'\n', run).unwrap_or(run.len())];
                gathered[count..count + run.len()].copy_from_slice(run);
                count += run.len();
                total.consumed += run.len();
                if count == limit || !rest[run.len()..].starts_with(b"\\/") {
                    break;
                }
                gathered[count] = b'/';
                count += 1;
                total.consumed += 2;
            }
            if count == 0 {
                return;
            }
            let part = self
                .payload
                .decode(&gathered[..count], &mut out[total.written..], Within::Escape);
            total.written += part.written;
            if count < limit || part.stop != Stop::Spent {
                return;
            }
        }
    }
}

/// What a part of a payload came to.
struct Part {
    consumed: usize,
    written: usize,
    /// `None`: another part can follow.
    stop: Option<Stop>,
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
                    _ => Self::Faulty,
                }
            }
            _ => Self::Faulty,
        }
    }
}
