//! The line of a request: from its bytes to what is asked for.
//!
//! A line is looked at within a window, whose size depends on the verb; what has not ended there is refused,
//! except for an UPLOAD, whose payload goes on behind it.

use std::time::SystemTime;

use crate::attributes::{mode_from_text, time_from_text};
use crate::operand::{Operands, classic_name, extended_name, number, unescape};
use crate::upload_line::{self, Here, UploadReading};
use crate::{Attributes, Condition, Name, Refusal, Request, Verb, messages};

/// The longest word that could be a verb, and one byte more.
const WORD_BYTES_MAX: usize = 9;

/// Where the name of an UPLOAD has to end: the payload starts after the last space before this.
pub(crate) const UPLOAD_WINDOW_BYTES: usize = 4096;

/// A classic line: the verb, quotes and some spaces beside the longest name.
pub(crate) const CLASSIC_BYTES_MAX: usize = Name::BYTES_MAX + 32;

/// An extended line: the longest name with every byte percent-encoded, and the other operands.
pub(crate) const EXTENDED_BYTES_MAX: usize = 16 << 10;

/// How many bytes of a line there have to be, where no LF is among them, before anything can be said.
pub(crate) fn window_bytes(line: &[u8]) -> usize {
    let Some(word) = word(line) else {
        return WORD_BYTES_MAX;
    };
    match Verb::from_word(word) {
        Some(Verb::Upload) if line.len() < UPLOAD_WINDOW_BYTES => UPLOAD_WINDOW_BYTES,
        Some(verb) if !verb.is_classic() => EXTENDED_BYTES_MAX,
        _ => CLASSIC_BYTES_MAX,
    }
}

/// The verb of a line that may not have ended, if its word has.
pub(crate) fn verb(line: &[u8]) -> Option<Verb> {
    word(line).and_then(Verb::from_word)
}

fn word(line: &[u8]) -> Option<&[u8]> {
    let start = &line[..line.len().min(WORD_BYTES_MAX)];
    match start.iter().position(u8::is_ascii_whitespace) {
        Some(end) => Some(&line[..end]),
        None => (line.len() >= WORD_BYTES_MAX).then_some(start),
    }
}

/// The request of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ParsedLine {
    /// A request without a body, or a WRITE.
    Request(Request),
    /// An UPLOAD, in one of its forms.
    Upload(UploadReading),
}

/// Why a line asks for nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RefusedLine {
    pub(crate) verb: Option<Verb>,
    pub(crate) refusal: Refusal,
    /// Of a WRITE: how long the body is that follows, if that was understood.
    pub(crate) body_bytes: Option<u64>,
}

/// Parses a whole line, without its LF.
pub(crate) fn whole(line: &[u8]) -> Result<ParsedLine, RefusedLine> {
    let end = line
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(line.len());
    let Some(verb) = Verb::from_word(&line[..end]) else {
        return Err(refused(None, messages::unknown_verb()));
    };
    let operands = &line[end..];
    let parsed = match verb {
        Verb::Upload => upload_line::whole(line, end)
            .unwrap_or_else(|| Err(messages::missing_name(verb)))
            .map(ParsedLine::Upload),
        Verb::Get => classic_name(verb, operands).map(|name| ParsedLine::Request(Request::Get { name })),
        Verb::Delete => {
            classic_name(verb, operands).map(|name| ParsedLine::Request(Request::Delete { name }))
        }
        Verb::Write => return write(line, operands),
        _ => extended(verb, line, operands).map(ParsedLine::Request),
    };
    parsed.map_err(|refusal| refused(Some(verb), refusal))
}

/// Parses the window of a line that goes on behind it, which only an UPLOAD may. `None`: the window has to be larger.
pub(crate) fn window(line: &[u8]) -> Option<Result<Here, RefusedLine>> {
    let verb = verb(line);
    let word_end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(0);
    let is_upload = verb == Some(Verb::Upload);
    if is_upload
        && line.len() >= UPLOAD_WINDOW_BYTES
        && let Some(here) = upload_line::window(line, word_end)
    {
        return Some(here.map_err(|refusal| refused(verb, refusal)));
    }
    if line.len() < window_bytes(line) {
        return None;
    }
    if is_upload && let Some(here) = upload_line::parted(line, word_end) {
        return Some(Ok(here));
    }
    let refusal = match verb {
        None => messages::unknown_verb(),
        Some(verb @ (Verb::List | Verb::Hello | Verb::Stats)) => messages::too_many_operands(verb, line),
        Some(_) => messages::overlong_name(line[word_end..].trim_ascii()),
    };
    Some(Err(refused(verb, refusal)))
}

fn refused(verb: Option<Verb>, refusal: Refusal) -> RefusedLine {
    RefusedLine {
        verb,
        refusal,
        body_bytes: None,
    }
}

fn extended(verb: Verb, line: &[u8], operands: &[u8]) -> Result<Request, Refusal> {
    let mut operands = Operands::new(verb, line, operands)?;
    let request = match verb {
        Verb::Ls => Request::Ls {
            dir: operands.next().map(extended_name).transpose()?,
        },
        Verb::Stat => Request::Stat {
            name: operands.name()?,
            digest: match operands.next() {
                None => false,
                Some(word) if word.eq_ignore_ascii_case(b"digest") => true,
                Some(_) => return Err(messages::too_many_operands(verb, line)),
            },
        },
        Verb::Read => Request::Read {
            name: operands.name()?,
            offset: operands.next().map(number).transpose()?.unwrap_or(0),
            length: operands.next().map(number).transpose()?,
        },
        Verb::RemoveDir => Request::RemoveDir {
            dir: operands.name()?,
        },
        Verb::Hello => Request::Hello,
        Verb::Stats => Request::Stats,
        _ => Request::List,
    };
    operands.end().map(|()| request)
}

/// A WRITE is followed by its body whether it is understood or not, so its length is looked for first.
fn write(line: &[u8], operands: &[u8]) -> Result<ParsedLine, RefusedLine> {
    let body_bytes = operands
        .split(|byte| *byte == b' ')
        .nth(2)
        .and_then(|length| number(length.trim_ascii_end()).ok());
    let parse = || {
        let mut operands = Operands::new(Verb::Write, line, operands)?;
        let name = operands.name();
        let length = operands.next().ok_or_else(|| {
            messages::bad_request(
                "WRITE needs a name and a length; send WRITE, the name and the number of bytes",
            )
        });
        let length = number(length?)?;
        let name = name?;
        let mut options = WriteOptions::default();
        while let Some(operand) = operands.next() {
            options.take(operand)?;
        }
        Ok(ParsedLine::Request(Request::Write {
            name,
            length,
            condition: options.condition.unwrap_or_default(),
            attributes: options.attributes,
        }))
    };
    parse().map_err(|refusal| RefusedLine {
        verb: Some(Verb::Write),
        refusal,
        body_bytes,
    })
}

/// The options that follow the length of a WRITE, in any order, each at most once.
#[derive(Default)]
struct WriteOptions {
    condition: Option<Condition>,
    attributes: Attributes,
}

impl WriteOptions {
    fn take(&mut self, operand: &[u8]) -> Result<(), Refusal> {
        let is_again = match WriteOption::parse(operand)? {
            WriteOption::Condition(condition) => self.condition.replace(condition).is_some(),
            WriteOption::Modified(time) => self.attributes.modified.replace(time).is_some(),
            WriteOption::Mode(mode) => self.attributes.mode.replace(mode).is_some(),
        };
        if is_again {
            return Err(messages::option_sent_twice(operand));
        }
        Ok(())
    }
}

enum WriteOption {
    Condition(Condition),
    Modified(SystemTime),
    Mode(u32),
}

impl WriteOption {
    fn parse(operand: &[u8]) -> Result<Self, Refusal> {
        let unknown = || messages::unknown_option(operand);
        if operand.eq_ignore_ascii_case(b"if-none-match") {
            return Ok(Self::Condition(Condition::Absent));
        }
        let equals = memchr::memchr(b'=', operand).ok_or_else(unknown)?;
        let (word, value) = (&operand[..equals], &operand[equals + 1..]);
        let value = unescape(value)
            .and_then(|value| String::from_utf8(value).ok())
            .filter(|value| !value.is_empty())
            .ok_or_else(unknown)?;
        let option = match word.to_ascii_lowercase().as_slice() {
            b"if-match" => Some(Self::Condition(Condition::Matches(value))),
            b"modified" => time_from_text(&value).map(Self::Modified),
            b"mode" => mode_from_text(&value).map(Self::Mode),
            _ => None,
        };
        option.ok_or_else(unknown)
    }
}
