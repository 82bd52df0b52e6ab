//! One JSON object that comes in pieces, with one string in it, the payload, that is never held.
//!
//! The scanner follows the structure only (strings, brackets, the keys of the outermost object) and keeps
//! the text, up to a limit, with an empty string in the place of the payload. The kept text is small, and goes
//! to serde_json, which is the judge of everything else.

use crate::Progress;
use crate::outline::{Outline, Token};

/// The line ends that the text of an object may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineRule {
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
    /// There is an LF in an object of one line; it is consumed.
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
    lines: LineRule,
    text: Vec<u8>,
    outline: Outline,
    /// Where the last string of the outermost object began in the text, its quote included.
    string_start: usize,
    /// The meaning of the value that comes next.
    next: NextValue,
    /// The place in the list that may hold the payload, while that is open.
    element: Option<usize>,
    /// The key whose value is the payload.
    payload_key: Option<&'static str>,
}

/// The meaning of the next value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum NextValue {
    #[default]
    Any,
    /// The payload, under this key, if it is a string.
    Payload(&'static str),
    /// The list with the payload, if it is one.
    List,
}

impl Scanner {
    pub(crate) fn new(keys: PayloadKeys, limit_bytes: usize, lines: LineRule) -> Self {
        Self {
            keys,
            limit_bytes,
            lines,
            text: Vec::new(),
            outline: Outline::new(),
            string_start: 0,
            next: NextValue::Any,
            element: None,
            payload_key: None,
        }
    }

    /// The text so far, with the payload empty.
    pub(crate) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(crate) fn limit_bytes(&self) -> usize {
        self.limit_bytes
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
        if !self.outline.is_in_string() || self.outline.depth() != 1 {
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

    /// Where the object has come, so that the rest of it can be skipped.
    pub(crate) fn outline(&self) -> Outline {
        self.outline
    }

    /// Passes a part of the payload that is not decoded.
    pub(crate) fn pass_payload(&mut self, input: &[u8]) -> Option<(usize, Token)> {
        self.outline.pass(input)
    }

    /// The payload's closing quote has been consumed.
    pub(crate) fn payload_ended(&mut self) {
        self.outline = self.outline.behind_string();
        self.text.push(b'"');
    }

    /// Takes what it can of `input`.
    pub(crate) fn scan(&mut self, input: &[u8]) -> Progress<Scan> {
        let mut consumed = 0;
        loop {
            // One byte more than there is room for, so that the limit is passed at the same byte however the
            // input is cut.
            let room = self.limit_bytes.saturating_sub(self.text.len());
            let rest = &input[consumed..];
            let rest = &rest[..rest.len().min(room.saturating_add(1))];
            let Some((taken, token)) = self.outline.pass(rest) else {
                return Progress::consumed(consumed, Scan::NeedInput);
            };
            consumed += taken;
            if token == Token::LineEnd && self.lines == LineRule::One {
                return Progress::consumed(consumed, Scan::LineEnd);
            }
            let stop = self.see(token);
            self.text.extend_from_slice(&rest[..taken.min(room)]);
            if taken > room {
                return Progress::consumed(consumed, Scan::TooLong);
            }
            if let Some(stop) = stop {
                return Progress::consumed(consumed, stop);
            }
        }
    }

    /// Draws the conclusions from a token, before it is kept.
    fn see(&mut self, token: Token) -> Option<Scan> {
        let next = std::mem::take(&mut self.next);
        match token {
            Token::StringBegins if let NextValue::Payload(key) = next => {
                let is_first = self.payload_key.replace(key).is_none();
                return Some(if is_first {
                    Scan::Payload
                } else {
                    Scan::DuplicateKey
                });
            }
            Token::StringBegins if self.outline.depth() == 1 => self.string_start = self.text.len(),
            Token::Opens(b'[') if next == NextValue::List => self.element = Some(0),
            Token::Closes => match self.outline.depth() {
                0 => return Some(Scan::Closed),
                1 => self.element = None,
                _ => {}
            },
            Token::Colon if self.outline.depth() == 1 => self.next = self.value_of_key(),
            Token::Comma if self.outline.depth() == 2 => self.next = self.next_element(),
            Token::Blank | Token::LineEnd => self.next = next,
            _ => {}
        }
        None
    }

    /// The meaning of the value whose key the text ends with.
    fn value_of_key(&self) -> NextValue {
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
            _ if is(main) => NextValue::Payload(main),
            (Some(other), _) if is(other) => NextValue::Payload(other),
            (_, Some(list)) if is(list) => NextValue::List,
            _ => NextValue::Any,
        }
    }

    /// The meaning of the next element of a list.
    fn next_element(&mut self) -> NextValue {
        let (Some(element), Some(list)) = (&mut self.element, self.keys.list) else {
            return NextValue::Any;
        };
        *element += 1;
        if *element == 1 && self.payload_key.is_none() {
            NextValue::Payload(list)
        } else {
            NextValue::Any
        }
    }
}
