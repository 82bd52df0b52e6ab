//! One JSON object that comes in pieces, with one string in it, the payload, that is never held.
//!
//! The scanner follows the structure only (strings, brackets, the keys of the outermost object) and keeps
//! the text, up to a limit, with an empty string in the place of the payload. What it kept is small, and goes
//! to serde_json, which is the judge of everything else.

use memchr::{memchr2, memchr3};

/// What may stand in the text of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// The object is one line: an LF breaks it.
    One,
    /// The object may be written over several lines.
    Many,
}

/// Which string of an object is its payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PayloadKeys {
    /// The one under this key of the outermost object.
    pub(crate) main: &'static str,
    /// Or under this one, unless there was a payload before.
    pub(crate) other: Option<&'static str>,
    /// Or the second element of the list under this one, with the same condition.
    pub(crate) list: Option<&'static str>,
}

/// Why a [`Scanner`] stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scan {
    /// All of the input is consumed.
    NeedInput,
    /// The opening quote of the payload is consumed; what follows is the payload.
    Payload,
    /// The object is closed.
    Closed,
    /// The byte at `consumed` is an LF in an object of one line.
    LineEnd,
    /// The text would be longer than the limit.
    TooLong,
    /// The payload's key stands there a second time.
    DuplicateKey,
}

/// Follows the structure of one object, from its opening brace on.
#[derive(Debug, Clone)]
pub(crate) struct Scanner {
    keys: PayloadKeys,
    limit_bytes: usize,
    lines: Lines,
    text: Vec<u8>,
    depth: usize,
    string: InString,
    /// Where the last string of the outermost object began in the text, its quote included.
    string_start: usize,
    /// What the value that comes next is.
    next: Value,
    /// The place in the list that may hold the payload, while that is open.
    element: Option<usize>,
    /// The key whose value is the payload.
    payload_key: Option<&'static str>,
}

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Value {
    #[default]
    Any,
    /// The payload, under this key, if it is a string.
    Payload(&'static str),
    /// The list with the payload, if it is one.
    List,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InString {
    No,
    Yes,
    AfterBackslash,
}

impl Scanner {
    pub(crate) fn new(keys: PayloadKeys, limit_bytes: usize, lines: Lines) -> Self {
        Self {
            keys,
            limit_bytes,
            lines,
            text: Vec::new(),
            depth: 0,
            string: InString::No,
            string_start: 0,
            next: Value::Any,
            element: None,
            payload_key: None,
        }
    }

    /// The text so far, with the payload empty.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Whether there was a payload.
    pub(crate) fn payload_seen(&self) -> bool {
        self.payload_key.is_some()
    }

    /// Whether the payload is an element of the list that may hold it.
    pub(crate) fn payload_is_listed(&self) -> bool {
        self.payload_key.is_some() && self.payload_key == self.keys.list
    }

    /// The text so far, which ends in the opening quote of the payload, made an object of its own.
    pub(crate) fn text_closed_in_payload(&self) -> Vec<u8> {
        let end: &[u8] = if self.element.is_some() { b"\"]}" } else { b"\"}" };
        [self.text(), end].concat()
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

    /// The same from within the payload, `escaped` if its last byte was a backslash.
    pub(crate) fn skipper_in_payload(&self, escaped: bool) -> Skipper {
        let string = match escaped {
            true => InString::AfterBackslash,
            false => InString::Yes,
        };
        Skipper {
            depth: self.depth,
            string,
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
        (consumed, Scan::NeedInput)
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
        let next = std::mem::take(&mut self.next);
        match byte {
            b'"' if let Value::Payload(key) = next => {
                let is_first = self.payload_key.replace(key).is_none();
                return Some(if is_first {
                    Scan::Payload
                } else {
                    Scan::DuplicateKey
                });
            }
            b'"' => {
                self.string = InString::Yes;
                if self.depth == 1 {
                    self.string_start = self.text.len();
                }
            }
            b'{' | b'[' => {
                self.element = (byte == b'[' && next == Value::List)
                    .then_some(0)
                    .or(self.element);
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                match self.depth {
                    0 => return Some(Scan::Closed),
                    1 => self.element = None,
                    _ => {}
                }
            }
            b':' if self.depth == 1 => self.next = self.value_of_key(),
            b',' if self.depth == 2 => self.next = self.next_element(),
            _ if byte.is_ascii_whitespace() => self.next = next,
            _ => {}
        }
        None
    }

    /// What the value of the key is that the text ends with.
    fn value_of_key(&self) -> Value {
        let PayloadKeys { main, other, list } = self.keys;
        let is = |key: &str| {
            let written = self.text[self.string_start..].trim_ascii_end();
            // A key that is longer than this could not spell this one even if every letter were escaped.
            written.len() <= 2 + 6 * key.len()
                && serde_json::from_slice::<String>(written).is_ok_and(|written| written == key)
        };
        let seen = self.payload_key;
        let other = other.filter(|other| seen.is_none() || seen == Some(*other));
        match (other, list.filter(|_| seen.is_none())) {
            _ if is(main) => Value::Payload(main),
            (Some(other), _) if is(other) => Value::Payload(other),
            (_, Some(list)) if is(list) => Value::List,
            _ => Value::Any,
        }
    }

    /// What the next element of a list is.
    fn next_element(&mut self) -> Value {
        let (Some(element), Some(list)) = (&mut self.element, self.keys.list) else {
            return Value::Any;
        };
        *element += 1;
        if *element == 1 && self.payload_key.is_none() {
            Value::Payload(list)
        } else {
            Value::Any
        }
    }
}

/// Finds the end of an object that nobody wants any more.
#[derive(Debug, Clone)]
pub(crate) struct Skipper {
    depth: usize,
    string: InString,
}

impl Skipper {
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
