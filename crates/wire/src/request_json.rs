//! A command in JSON: `{"command":"upload","filename":"a","filedata":"QUJD"}`, keys in any order, others
//! ignored, complete at its closing brace. Some programs send the payload as `content`, some send `"params":["a","QUJD"]`,
//! some send the verb as `cmd`.
//!
//! The payload is decoded as it arrives if command and name stand before it; otherwise up to
//! [`HELD_PAYLOAD_BYTES_MAX`] of it are held until they come.

use memchr::memchr3;
use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::json::{Lines, PayloadKeys, Scan, Scanner, Skipper};
use crate::payload::{Progress, Stop};
use crate::string_payload::StringPayload;
use crate::{Name, Refusal, Request, Verb, messages};

/// Where the payload is.
const KEYS: PayloadKeys = PayloadKeys {
    main: "filedata",
    other: Some("content"),
    list: Some("params"),
};

/// The most that a command may hold beside its payload.
pub(crate) const TEXT_BYTES_MAX: usize = 64 << 10;

/// The most of its payload that is held while it is not known what for.
pub(crate) const HELD_PAYLOAD_BYTES_MAX: usize = 64 << 10;

/// A command that is being received.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    scanner: Scanner,
    filedata: Filedata,
    /// The upload whose request has been handed out.
    upload: Option<Name>,
}

/// What is done with the letters of `filedata`.
#[derive(Debug, Clone)]
enum Filedata {
    /// Nothing: the command is outside of it.
    Outside { held: Option<Buffered> },
    /// They are decoded as they arrive.
    Decoded(Box<StringPayload>),
    /// They are passed over, and held in case they are needed.
    Passed {
        held: Option<Buffered>,
        after_backslash: bool,
    },
    /// The command is complete; what was held is decoded.
    Replayed {
        held: Buffered,
        at: usize,
        payload: Box<StringPayload>,
    },
}

type Buffered = Vec<u8>;

/// What one step came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// All of the input is consumed.
    NeedInput,
    /// The step is done, and the next one can follow.
    Continue,
    /// A whole request; the body of an upload follows.
    Request(Request),
    /// So much of the content is in the scratch.
    Body(usize),
    /// The content is complete, and so is the command.
    BodyEnd,
    /// The command is refused; this is where its rest begins.
    Refused(Option<Verb>, Refusal, Remainder),
}

/// What is left of a refused command.
#[derive(Debug)]
pub(crate) enum Remainder {
    Nothing,
    Line,
    Object(Skipper),
}

impl Command {
    /// A command before its opening brace.
    pub(crate) fn new() -> Self {
        Self {
            scanner: Scanner::new(KEYS, TEXT_BYTES_MAX, Lines::One),
            filedata: Filedata::Outside { held: None },
            upload: None,
        }
    }

    /// Whether the request has been handed out and its body is being received.
    pub(crate) fn is_in_body(&self) -> bool {
        self.upload.is_some()
    }

    pub(crate) fn held_bytes(&self) -> usize {
        let held = match &self.filedata {
            Filedata::Outside { held: Some(held) }
            | Filedata::Passed { held: Some(held), .. }
            | Filedata::Replayed { held, .. } => held.capacity(),
            _ => 0,
        };
        self.scanner.held_bytes() + held
    }

    /// What is left if the rest of the command is not wanted.
    pub(crate) fn rest(&self) -> Remainder {
        match &self.filedata {
            Filedata::Outside { .. } => Remainder::Object(self.scanner.skipper()),
            Filedata::Decoded(payload) => self.rest_of_payload(payload.is_after_backslash()),
            Filedata::Passed { after_backslash, .. } => self.rest_of_payload(*after_backslash),
            Filedata::Replayed { .. } => Remainder::Nothing,
        }
    }

    fn rest_of_payload(&self, after_backslash: bool) -> Remainder {
        Remainder::Object(self.scanner.skipper_in_payload(after_backslash))
    }

    /// Takes what it can of `input`; returns how many bytes that is, and what came of it.
    pub(crate) fn step(&mut self, input: &[u8], scratch: &mut [u8]) -> (usize, Outcome) {
        match &self.filedata {
            Filedata::Outside { .. } => self.scan(input),
            Filedata::Decoded(_) => self.decode(input, scratch),
            Filedata::Passed { .. } => self.pass(input),
            Filedata::Replayed { .. } => (0, self.replay(scratch)),
        }
    }

    fn scan(&mut self, input: &[u8]) -> (usize, Outcome) {
        let (consumed, scan) = self.scanner.scan(input);
        let outcome = match scan {
            Scan::NeedInput => Outcome::NeedInput,
            Scan::Payload => self.payload_begins(),
            Scan::Closed => self.closed(),
            Scan::LineEnd => return (consumed + 1, self.broken_line()),
            Scan::TooLong => {
                let refusal = match self.scanner.unfinished_value_of("filename") {
                    Some(name) => messages::overlong_name(name),
                    None => messages::bad_request(format!(
                        "a JSON command may have at most {TEXT_BYTES_MAX} bytes beside its payload; leave out what is not needed"
                    )),
                };
                self.refused(refusal, Remainder::Object(self.scanner.skipper()))
            }
            Scan::DuplicateKey => {
                let refusal = messages::bad_request("there are two payloads; send one, as the key filedata");
                self.refused(refusal, self.rest_of_payload(false))
            }
        };
        (consumed, outcome)
    }

    /// What to do with `filedata` depends on what stands before it.
    fn payload_begins(&mut self) -> Outcome {
        let so_far = self.scanner.text_closed_in_payload();
        let in_payload = || self.rest_of_payload(false);
        let Ok(parts) = serde_json::from_slice::<Parts>(&so_far) else {
            return self.refused(not_understood(&so_far), in_payload());
        };
        let held = match (parts.verb(), self.object(&parts)) {
            (None, _) | (Some(Some(Verb::Upload)), Ok(None)) => Some(Buffered::new()),
            (Some(Some(Verb::Upload)), Err(refusal)) => return self.refused(refusal, in_payload()),
            (Some(Some(Verb::Upload)), Ok(Some(object))) => match name(object) {
                Ok(name) => {
                    self.filedata = Filedata::Decoded(Box::default());
                    self.upload = Some(name.clone());
                    return Outcome::Request(upload(name));
                }
                Err(refusal) => return Outcome::Refused(Some(Verb::Upload), refusal, in_payload()),
            },
            // Some programs send an empty `filedata` with every command.
            (Some(_), _) => None,
        };
        self.filedata = Filedata::Passed {
            held,
            after_backslash: false,
        };
        Outcome::Continue
    }

    fn decode(&mut self, input: &[u8], scratch: &mut [u8]) -> (usize, Outcome) {
        let Filedata::Decoded(payload) = &mut self.filedata else {
            return (0, Outcome::Continue);
        };
        let Progress {
            consumed,
            written,
            stop,
        } = payload.decode(input, scratch);
        if written > 0 {
            return (consumed, Outcome::Body(written));
        }
        match stop {
            Stop::NeedInput | Stop::OutputFull => (consumed, Outcome::NeedInput),
            Stop::Invalid => {
                let escaped = payload.is_after_backslash();
                (consumed, self.invalid_payload(self.rest_of_payload(escaped)))
            }
            Stop::End if input[consumed] == b'\n' => (consumed + 1, self.broken_line()),
            Stop::End => {
                let is_complete = payload.is_complete();
                self.payload_ends(None);
                let outcome = match is_complete {
                    true => Outcome::Continue,
                    false => self.invalid_payload(Remainder::Object(self.scanner.skipper())),
                };
                (consumed + 1, outcome)
            }
        }
    }

    /// Passes over a run of letters, or over one byte that ends such a run.
    fn pass(&mut self, input: &[u8]) -> (usize, Outcome) {
        let Filedata::Passed {
            held,
            after_backslash,
        } = &mut self.filedata
        else {
            return (0, Outcome::Continue);
        };
        let Some(&first) = input.first() else {
            return (0, Outcome::NeedInput);
        };
        let letters = match *after_backslash {
            true => 1,
            false => memchr3(b'"', b'\\', b'\n', input).unwrap_or(input.len()).max(1),
        };
        match first {
            b'\n' => return (1, self.broken_line()),
            b'"' if !*after_backslash => {
                let held = held.take();
                self.payload_ends(held);
                return (1, Outcome::Continue);
            }
            _ => *after_backslash = first == b'\\' && !*after_backslash,
        }
        let Some(held) = held else {
            return (letters, Outcome::Continue);
        };
        if held.len() + letters <= HELD_PAYLOAD_BYTES_MAX {
            held.extend_from_slice(&input[..letters]);
            return (letters, Outcome::Continue);
        }
        let refusal = messages::bad_request(format!(
            "more than {HELD_PAYLOAD_BYTES_MAX} bytes of payload stand before the command and the name; put those first"
        ));
        (letters, self.refused(refusal, self.rest()))
    }

    fn payload_ends(&mut self, held: Option<Buffered>) {
        self.scanner.payload_ended();
        self.filedata = Filedata::Outside { held };
    }

    fn replay(&mut self, scratch: &mut [u8]) -> Outcome {
        let Filedata::Replayed { held, at, payload } = &mut self.filedata else {
            return Outcome::Continue;
        };
        let progress = payload.decode(&held[*at..], scratch);
        *at += progress.consumed;
        match (progress.written, progress.stop) {
            (1.., _) => Outcome::Body(progress.written),
            (_, Stop::NeedInput) if payload.is_complete() => Outcome::BodyEnd,
            _ => self.invalid_payload(Remainder::Nothing),
        }
    }

    fn closed(&mut self) -> Outcome {
        let Ok(parts) = serde_json::from_slice::<Parts>(self.scanner.text()) else {
            return self.refused(not_understood(self.scanner.text()), Remainder::Line);
        };
        if let Some(name) = &self.upload {
            // A key that was sent twice may have changed its mind.
            let is_same = parts.verb() == Some(Some(Verb::Upload))
                && self
                    .object(&parts)
                    .is_ok_and(|object| object == Some(name.as_str().as_bytes()));
            return if is_same {
                Outcome::BodyEnd
            } else {
                let refusal = messages::bad_request(
                    "the keys after the payload contradict those before it; send each once",
                );
                self.refused(refusal, Remainder::Nothing)
            };
        }
        match self.request(&parts) {
            Ok(request) => {
                if let (Request::Upload { name, .. }, Filedata::Outside { held }) =
                    (&request, &mut self.filedata)
                {
                    self.upload = Some(name.clone());
                    let held = held.take().unwrap_or_default();
                    self.filedata = Filedata::Replayed {
                        held,
                        at: 0,
                        payload: Box::default(),
                    };
                }
                Outcome::Request(request)
            }
            Err(refusal) => Outcome::Refused(parts.verb().flatten(), refusal, Remainder::Nothing),
        }
    }

    fn request(&self, parts: &Parts) -> Result<Request, Refusal> {
        let verb = parts.verb().ok_or_else(|| {
            messages::bad_request(
                "a JSON command needs the key command; send list, get, upload or delete in it",
            )
        })?;
        let verb = verb.ok_or_else(messages::unknown_verb)?;
        if verb == Verb::List {
            return Ok(Request::List);
        }
        let object = self.object(parts)?.ok_or_else(|| {
            messages::bad_request(format!("a JSON command {} needs the key filename", verb.as_str()))
        })?;
        let name = name(object)?;
        match verb {
            Verb::Get => Ok(Request::Get { name }),
            Verb::Delete => Ok(Request::Delete { name }),
            _ if self.scanner.payload_seen() => Ok(upload(name)),
            _ => Err(messages::missing_filedata(&name)),
        }
    }

    /// The name of the object, if it is there.
    fn object<'p>(&self, parts: &'p Parts) -> Result<Option<&'p [u8]>, Refusal> {
        let filename = parts.filename.as_ref().map(|filename| filename.0.as_slice());
        let listed = parts.params.as_ref().and_then(Params::name);
        let uploads_listed = self.scanner.payload_is_listed() && parts.verb() == Some(Some(Verb::Upload));
        match (filename, listed) {
            (Some(filename), Some(listed)) if uploads_listed && filename != listed => {
                Err(messages::bad_request(
                    "the key filename contradicts the name before the payload in params; send one",
                ))
            }
            (filename, listed) => Ok(filename.or(listed)),
        }
    }

    fn refused(&self, refusal: Refusal, rest: Remainder) -> Outcome {
        Outcome::Refused(self.upload.as_ref().map(|_| Verb::Upload), refusal, rest)
    }

    fn broken_line(&self) -> Outcome {
        let refusal = messages::bad_request(
            "a JSON command ends with its closing brace, before the line does; send it on one line",
        );
        self.refused(refusal, Remainder::Nothing)
    }

    fn invalid_payload(&self, rest: Remainder) -> Outcome {
        match &self.upload {
            Some(name) => Outcome::Refused(Some(Verb::Upload), messages::invalid_payload(name), rest),
            None => Outcome::Continue,
        }
    }
}

/// What a command says. Strings are taken as bytes, so that a name which is not Unicode is refused as a name.
#[derive(serde::Deserialize)]
struct Parts {
    /// Some programs say `cmd`; with both, serde takes the key for one that is there twice.
    #[serde(alias = "cmd")]
    command: Option<Bytes>,
    filename: Option<Bytes>,
    #[serde(rename = "filedata")]
    _filedata: Option<Bytes>,
    params: Option<Params>,
}

/// The operands, as some programs send them. Whatever else is under that key is ignored.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Params {
    List(Vec<serde_json::Value>),
    Other(de::IgnoredAny),
}

impl Params {
    fn name(&self) -> Option<&[u8]> {
        match self {
            Self::List(list) => list.first()?.as_str().map(str::as_bytes),
            Self::Other(_) => None,
        }
    }
}

struct Bytes(Vec<u8>);

impl Parts {
    /// The classic verb, if there is a command, and if it is one.
    fn verb(&self) -> Option<Option<Verb>> {
        let command = self.command.as_ref()?;
        Some(Verb::from_word(command.0.trim_ascii()).filter(|verb| verb.is_classic()))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Text)
    }
}

fn upload(name: Name) -> Request {
    Request::Upload { name, shorter: None }
}

fn name(filename: &[u8]) -> Result<Name, Refusal> {
    Name::from_bytes(filename).map_err(|cause| messages::invalid_name(filename, cause))
}

fn not_understood(text: &[u8]) -> Refusal {
    let text = messages::quoted(text);
    messages::bad_request(format!(
        "{text} is not a JSON command; send one object with the keys command, filename and filedata"
    ))
}
