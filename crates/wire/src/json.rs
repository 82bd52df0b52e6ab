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

    /// Whether the text ends within the value of this key of the outermost object.
    pub(crate) fn is_within_value_of(&self, key: &str) -> bool {
        let start = &self.text[..self.string_start.min(self.text.len())];
        let start = start.trim_ascii_end();
        self.string != InString::No
            && self.depth == 1
            && start.strip_suffix(b":").is_some_and(|start| {
                start
                    .trim_ascii_end()
                    .strip_suffix(b"\"")
                    .is_some_and(|start| start.ends_with(key.as_bytes()))
            })
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
            if taken > room {
                return (consumed, Scan::TooLong);
            }
            self.text.extend_from_slice(&rest[..taken]);
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
}

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
            let rest = &input[total.consumed..];
            let room = &mut out[total.written..];
            let part = match self.escape {
                Escape::None => self.payload.decode(rest, room, Within::JsonString),
                Escape::Character(character) => self.payload.decode(&[character], room, Within::Escape),
                Escape::Backslash | Escape::Digits { .. } => match rest.first() {
                    None => return total,
                    Some(b'\n') => {
                        return Progress {
                            stop: Stop::End,
                            ..total
                        };
                    }
                    Some(&byte) => {
                        // What is no digit may be the string's end.
                        let is_part = self.escape == Escape::Backslash || byte.is_ascii_hexdigit();
                        self.escape = self.escape.next(byte);
                        total.consumed += usize::from(is_part);
                        continue;
                    }
                },
                Escape::Faulty => {
                    return Progress {
                        stop: Stop::Faulty,
                        ..total
                    };
                }
            };
            total.written += part.written;
            if let Escape::Character(_) = self.escape {
                if part.stop != Stop::Spent {
                    return Progress {
                        stop: part.stop,
                        ..total
                    };
                }
                self.escape = Escape::None;
                continue;
            }
            total.consumed += part.consumed;
            if part.stop != Stop::End || input[total.consumed] != b'\\' {
                return Progress {
                    stop: part.stop,
                    ..total
                };
            }
            total.consumed += 1;
            self.escape = Escape::Backslash;
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
                    _ => Self::Faulty,
                }
            }
            _ => Self::Faulty,
        }
    }
}
