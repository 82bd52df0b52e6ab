//! The line of an UPLOAD: which part of it is the name, and where the payload is.
//!
//! Programs part the two in several ways, and a name may hold spaces, so one line can have several readings. Most
//! lines are decided by themselves. A few depend on the next line ([`UploadReading::Either`]), and whether the last word of a
//! name is the length of what follows is known at the end of the payload ([`Names`]).

use crate::operand::classic_name;
use crate::payload::{Payload, Within};
use crate::{Name, Refusal, Verb, messages};

/// Parts a name from its payload, where nothing else does.
const SEPARATOR: &[u8] = b"||";

/// A longer word is no word of a name, but a payload.
const NAME_WORD_BYTES_MAX: usize = 64;

/// How long the lines are into which programs break base64: PEM and MIME.
const WRAPPED_BYTES: [usize; 2] = [64, 76];

/// The longest extension of a name, without its dot.
const EXTENSION_BYTES_MAX: usize = 8;

/// The name of an object: the whole text, or, where the last word of that is the length of the payload, the
/// text before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) whole: Name,
    shorter: Option<Shorter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Shorter {
    name: Name,
    length: u64,
}

/// The meaning of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UploadReading {
    /// The payload stands in the line.
    Here(Here),
    /// The payload is the next line.
    Below(Names),
    /// `below` if the next line is a payload (the refusal where that would make no sense), `here` otherwise.
    Either {
        here: Here,
        below: Result<Names, Refusal>,
    },
}

/// A name, and where in the line its payload starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Here {
    pub(crate) names: Names,
    pub(crate) payload_at: usize,
}

/// Reads a whole line, without its LF, whose verb ends at `word_end`. `None`: there is no name.
pub(crate) fn whole(line: &[u8], word_end: usize) -> Option<Result<UploadReading, Refusal>> {
    UploadText::of(line, word_end).map(|text| text.reading())
}

/// Reads the start of a line that goes on, as much as has to hold the name and the start of its payload. `None`: it does
/// not.
pub(crate) fn window(line: &[u8], word_end: usize) -> Option<Result<Here, Refusal>> {
    let text = UploadText::of(line, word_end)?;
    match text.name_end() {
        // A payload holds no separator.
        Some(_) if !text.ends_blank && text.parted().is_some() => text.parted().map(Ok),
        Some(name_end) => Some(text.here(name_end, name_end + 1)),
        None => None,
    }
}

/// Reads the start of a line that is too long for a name and has no space that ends one.
pub(crate) fn parted(line: &[u8], word_end: usize) -> Option<Here> {
    UploadText::of(line, word_end)?.parted()
}

/// The text that follows the verb.
struct UploadText<'l> {
    /// Where it starts in the line.
    start: usize,
    /// Without whitespace around it.
    text: &'l [u8],
    /// Whether whitespace follows it in the line.
    ends_blank: bool,
}

impl<'l> UploadText<'l> {
    fn of(line: &'l [u8], word_end: usize) -> Option<Self> {
        let is_text = |byte: &u8| !byte.is_ascii_whitespace();
        let start = word_end + line[word_end..].iter().position(is_text)?;
        let rest = line[start..].strip_suffix(b"\r").unwrap_or(&line[start..]);
        let text = rest.trim_ascii_end();
        let ends_blank = rest.len() > text.len();
        Some(Self {
            start,
            text,
            ends_blank,
        })
    }

    fn reading(&self) -> Result<UploadReading, Refusal> {
        let Some(name_end) = self.name_end() else {
            return self.reading_of_one_word();
        };
        let here = self.here(name_end, name_end + 1)?;
        if self.ends_blank {
            return Ok(UploadReading::Here(here));
        }
        let (name, word) = (&self.text[..name_end], &self.text[name_end + 1..]);
        if !is_payload(word) {
            let parted = self.parted().filter(|parted| self.is_payload_at(parted));
            return Ok(self.perhaps_below(parted.unwrap_or(here), word));
        }
        if WRAPPED_BYTES.contains(&word.len()) {
            let below = Err(messages::wrapped_payload(&here.names.whole));
            return Ok(UploadReading::Either { here, below });
        }
        // Digits may be the length of what is on the next line.
        let is_complete = has_extension(name) && length(word).is_none();
        Ok(if is_word_of_name(word) && !is_complete {
            self.perhaps_below(here, word)
        } else {
            UploadReading::Here(here)
        })
    }

    /// There is no space, or quotes make it a part of the name.
    fn reading_of_one_word(&self) -> Result<UploadReading, Refusal> {
        let below = Names::parse(self.text)?;
        Ok(match self.parted().filter(|parted| self.is_payload_at(parted)) {
            Some(here) => UploadReading::Either {
                here,
                below: Ok(below),
            },
            None => UploadReading::Below(below),
        })
    }

    /// The whole text is the name if the next line is a payload, unless it can be none.
    fn perhaps_below(&self, here: Here, word: &[u8]) -> UploadReading {
        match Names::parse(self.text) {
            Ok(below) if word.len() <= NAME_WORD_BYTES_MAX => UploadReading::Either {
                here,
                below: Ok(below),
            },
            _ => UploadReading::Here(here),
        }
    }

    /// Where the name ends, if a payload or whitespace follows it.
    ///
    /// A line that ends in whitespace can be read in two ways: `UPLOAD my file.txt ` has an empty payload, as a
    /// program writes that puts a space between the two, whereas `UPLOAD a.txt QUJD ` has whitespace behind it. The
    /// last word is taken for the payload if it is one.
    fn name_end(&self) -> Option<usize> {
        let space = memchr::memrchr(b' ', self.text).filter(|_| !is_quoted(self.text));
        match space {
            Some(space) if !self.ends_blank || is_payload(&self.text[space + 1..]) => Some(space),
            _ => self.ends_blank.then_some(self.text.len()),
        }
    }

    /// The name and the payload on both sides of the last separator, if that stands in the last word.
    fn parted(&self) -> Option<Here> {
        let at = memchr::memmem::rfind(self.text, SEPARATOR).filter(|_| !is_quoted(self.text))?;
        let end = at + SEPARATOR.len();
        let is_last_word = memchr::memchr(b' ', &self.text[end..]).is_none();
        let here = self.here(at, end).ok().filter(|_| is_last_word)?;
        // A number is no length before a separator.
        let names = Names {
            shorter: None,
            ..here.names
        };
        Some(Here { names, ..here })
    }

    fn here(&self, name_end: usize, payload_at: usize) -> Result<Here, Refusal> {
        Ok(Here {
            names: Names::parse(&self.text[..name_end])?,
            payload_at: self.start + payload_at,
        })
    }

    fn is_payload_at(&self, here: &Here) -> bool {
        is_payload(&self.text[here.payload_at - self.start..])
    }
}

impl Names {
    fn parse(text: &[u8]) -> Result<Self, Refusal> {
        Ok(Self {
            whole: classic_name(Verb::Upload, text)?,
            shorter: Shorter::parse(text.trim_ascii()),
        })
    }

    /// The name without its last word, if that may be the length of the payload.
    pub(crate) fn shorter(&self) -> Option<&Name> {
        self.shorter.as_ref().map(|shorter| &shorter.name)
    }

    /// The name without its last word, if that is the length of this payload: of its symbols, or of its content.
    pub(crate) fn shorter_for(&self, payload: &Payload) -> Option<&Name> {
        let shorter = self.shorter.as_ref()?;
        let lengths = [payload.symbols(), payload.content_bytes()];
        lengths.contains(&shorter.length).then_some(&shorter.name)
    }

    /// The same for a payload that is there already: the one name.
    pub(crate) fn decided_for(self, payload: &[u8]) -> Self {
        if self.shorter.is_none() {
            return self;
        }
        let mut decoded = Payload::new();
        decoded.decode(payload, &mut vec![0; payload.len() + 3], Within::Line);
        let shorter = self.shorter_for(&decoded).filter(|_| decoded.is_complete());
        Self {
            whole: shorter.cloned().unwrap_or(self.whole),
            shorter: None,
        }
    }
}

impl Shorter {
    fn parse(text: &[u8]) -> Option<Self> {
        let space = memchr::memrchr(b' ', text)?;
        let length = length(&text[space + 1..])?;
        let name = classic_name(Verb::Upload, &text[..space]).ok()?;
        Some(Self { name, length })
    }
}

/// A number as programs write lengths: decimal digits, and no zero before them.
fn length(word: &[u8]) -> Option<u64> {
    let is_number = word.iter().all(u8::is_ascii_digit) && (word.len() == 1 || !word.starts_with(b"0"));
    let digits = std::str::from_utf8(word).ok().filter(|_| is_number)?;
    digits.parse().ok()
}

pub(crate) fn is_payload(word: &[u8]) -> bool {
    let mut payload = Payload::new();
    payload.decode(word, &mut vec![0; word.len() + 3], Within::Line);
    payload.is_complete()
}

/// Whether one pair of quotes encloses all of it.
fn is_quoted(name: &[u8]) -> bool {
    matches!(name, [open @ (b'\'' | b'"'), inner @ .., close] if open == close && !inner.contains(open))
}

/// Whether a word in base64 may be one of a name as well: names rarely hold padding or quotes.
fn is_word_of_name(word: &[u8]) -> bool {
    word.iter()
        .all(|byte| !matches!(byte, b'=' | b'\'' | b'"' | b'+'))
}

/// Whether a name ends with a dot and letters or digits, one letter at least: then it is complete.
fn has_extension(name: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', name) else {
        return false;
    };
    let extension = &name[dot + 1..];
    let is_part = dot > 0 && !matches!(name[dot - 1], b'/' | b' ');
    is_part
        && extension.len() <= EXTENSION_BYTES_MAX
        && extension.iter().all(u8::is_ascii_alphanumeric)
        && extension.iter().any(u8::is_ascii_alphabetic)
}
