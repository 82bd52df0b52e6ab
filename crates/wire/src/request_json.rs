//! A command in JSON: `{"command":"upload","filename":"a","filedata":"QUJD"}`, keys in any order, others
//! ignored, complete at its closing brace. Some programs send the payload as `content`, some send `"params":["a","QUJD"]`,
//! some send the verb as `cmd`.
//!
//! The payload is decoded as it arrives if command and name stand before it; otherwise up to
//! [`HELD_PAYLOAD_BYTES_MAX`] of it are held until they come.

mod parts;

use std::mem;

use self::parts::{Asked, Parts};
use crate::json::{LineRule, PayloadKeys, Scan, Scanner};
use crate::outline::Token;
use crate::payload::PayloadStop;
use crate::remainder::Remainder;
use crate::string_payload::StringPayload;
use crate::{Name, Progress, Refusal, Request, Verb, messages};

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
pub(crate) struct JsonCommand {
    scanner: Scanner,
    state: CommandState,
}

/// Where in a command its text has come, and what is done with the payload there.
#[derive(Debug, Clone)]
enum CommandState {
    /// Outside of the payload.
    Outside(SeenPayload),
    /// In the payload of this object, which is decoded as it arrives.
    Decoding(Name, Box<StringPayload>),
    /// In a payload that is passed over, and buffered in case it is needed.
    Passing(Option<Buffered>),
    /// After the command: the buffered payload of this object is decoded.
    Replaying(Name, Box<Replay>),
}

/// The payload as far as the text has come, if there was one.
#[derive(Debug, Clone, Default)]
enum SeenPayload {
    /// There was none, or it is not needed.
    #[default]
    Nothing,
    Buffered(Buffered),
    /// It was decoded as that of this object.
    Decoded(Name),
}

/// The text of a payload.
type Buffered = Vec<u8>;

#[derive(Debug, Clone)]
struct Replay {
    buffered: Buffered,
    at: usize,
    payload: StringPayload,
}

/// Why a command went no further.
#[derive(Debug)]
pub(crate) enum CommandStop {
    NeedInput,
    /// The step is done, and the next one can follow.
    Continue,
    /// A whole request; the body of an upload follows.
    Request(Request),
    /// The bytes written are content.
    Content,
    /// The content is complete, and so is the command.
    BodyEnd,
    /// The command is refused, and this is left of it.
    Refused(Option<Verb>, Refusal, Option<Remainder>),
}

/// The state that follows, and what the step to it made of its input. Behind a whole or refused command no state
/// follows, and the default stands for that.
type CommandStepped = (CommandState, Progress<CommandStop>);

impl Default for CommandState {
    fn default() -> Self {
        Self::Outside(SeenPayload::Nothing)
    }
}

impl CommandState {
    /// The upload whose request has been handed out.
    fn upload(&self) -> Option<&Name> {
        match self {
            Self::Decoding(name, _) | Self::Replaying(name, _) => Some(name),
            Self::Outside(seen) => seen.upload(),
            Self::Passing(_) => None,
        }
    }
}

impl SeenPayload {
    fn upload(&self) -> Option<&Name> {
        match self {
            Self::Decoded(name) => Some(name),
            Self::Nothing | Self::Buffered(_) => None,
        }
    }
}

impl JsonCommand {
    /// A command before its opening brace.
    pub(crate) fn new() -> Self {
        Self {
            scanner: Scanner::new(KEYS, TEXT_BYTES_MAX, LineRule::One),
            state: CommandState::default(),
        }
    }

    /// Whether the request has been handed out and its body is being received.
    pub(crate) fn is_in_body(&self) -> bool {
        self.state.upload().is_some()
    }

    pub(crate) fn held_bytes(&self) -> usize {
        let buffered = match &self.state {
            CommandState::Outside(SeenPayload::Buffered(buffered)) => buffered.capacity(),
            CommandState::Passing(Some(buffered)) => buffered.capacity(),
            CommandState::Replaying(_, replay) => replay.buffered.capacity(),
            _ => 0,
        };
        self.scanner.held_bytes() + buffered
    }

    /// The rest of the command, for a caller that does not want it.
    pub(crate) fn remainder(&self) -> Option<Remainder> {
        match &self.state {
            CommandState::Outside(_) | CommandState::Passing(_) => Some(self.rest_of_object()),
            CommandState::Decoding(_, payload) => Some(self.rest_of_decoded(payload)),
            CommandState::Replaying(..) => None,
        }
    }

    fn rest_of_object(&self) -> Remainder {
        Remainder::Object(self.scanner.outline())
    }

    /// The decoded part does not show in the outline of the object.
    fn rest_of_decoded(&self, payload: &StringPayload) -> Remainder {
        Remainder::Object(self.scanner.outline().in_string(payload.is_after_backslash()))
    }

    /// Takes what it can of `input`, and decodes content into the front of `scratch`.
    pub(crate) fn step(&mut self, input: &[u8], scratch: &mut [u8]) -> Progress<CommandStop> {
        let (state, progress) = match mem::take(&mut self.state) {
            CommandState::Outside(seen) => self.scan(seen, input),
            CommandState::Decoding(name, payload) => self.decode(name, payload, input, scratch),
            CommandState::Passing(buffered) => self.pass(buffered, input),
            CommandState::Replaying(name, replay) => replay.step(name, scratch),
        };
        self.state = state;
        progress
    }

    fn scan(&mut self, seen: SeenPayload, input: &[u8]) -> CommandStepped {
        let scanned = self.scanner.scan(input);
        let (state, stop) = match scanned.stop {
            Scan::NeedInput => (CommandState::Outside(seen), CommandStop::NeedInput),
            Scan::Payload => self.payload_begins(),
            Scan::Closed => self.closed(seen),
            Scan::LineEnd => over(broken_line(seen.upload())),
            Scan::TooLong => {
                let refusal = match self.scanner.unfinished_value_of("filename") {
                    Some(name) => messages::overlong_name(name),
                    None => messages::overlong_command(TEXT_BYTES_MAX),
                };
                over(refused(seen.upload(), refusal, Some(self.rest_of_object())))
            }
            Scan::DuplicateKey => {
                let refusal = messages::bad_request("there are two payloads; send one, as the key filedata");
                over(refused(seen.upload(), refusal, Some(self.rest_of_object())))
            }
        };
        (state, scanned.stopped(stop))
    }

    /// The keys before the payload decide about it.
    fn payload_begins(&self) -> (CommandState, CommandStop) {
        let so_far = self.scanner.text_closed_in_payload();
        let refused = |verb, refusal| over(CommandStop::Refused(verb, refusal, Some(self.rest_of_object())));
        let Ok(parts) = serde_json::from_slice::<Parts>(&so_far) else {
            return refused(None, not_understood(&so_far));
        };
        let buffered = match (parts.asked(), self.object(&parts)) {
            (Asked::Nothing, _) | (Asked::Verb(Verb::Upload), Ok(None)) => Some(Buffered::new()),
            (Asked::Verb(Verb::Upload), Err(refusal)) => return refused(None, refusal),
            (Asked::Verb(Verb::Upload), Ok(Some(object))) => {
                return match name(object) {
                    Ok(name) => {
                        let request = CommandStop::Request(upload(name.clone()));
                        (CommandState::Decoding(name, Box::default()), request)
                    }
                    Err(refusal) => refused(Some(Verb::Upload), refusal),
                };
            }
            // Some programs send an empty `filedata` with every command.
            (Asked::Unknown | Asked::Verb(_), _) => None,
        };
        (CommandState::Passing(buffered), CommandStop::Continue)
    }

    fn decode(
        &mut self,
        name: Name,
        mut payload: Box<StringPayload>,
        input: &[u8],
        scratch: &mut [u8],
    ) -> CommandStepped {
        let mut decoded = payload.decode(input, scratch);
        let (state, stop) = match decoded.stop {
            _ if decoded.written > 0 => (CommandState::Decoding(name, payload), CommandStop::Content),
            PayloadStop::NeedInput | PayloadStop::OutputFull => {
                (CommandState::Decoding(name, payload), CommandStop::NeedInput)
            }
            PayloadStop::Invalid => over(invalid_payload(&name, Some(self.rest_of_decoded(&payload)))),
            PayloadStop::End => {
                let is_broken = input[decoded.consumed] == b'\n';
                decoded.consumed += 1;
                if is_broken {
                    over(broken_line(Some(&name)))
                } else {
                    self.decoded_payload_ends(name, &payload)
                }
            }
        };
        (state, decoded.stopped(stop))
    }

    fn decoded_payload_ends(&mut self, name: Name, payload: &StringPayload) -> (CommandState, CommandStop) {
        self.scanner.payload_ended();
        if payload.is_complete() {
            let seen = SeenPayload::Decoded(name);
            return (CommandState::Outside(seen), CommandStop::Continue);
        }
        over(invalid_payload(&name, Some(self.rest_of_object())))
    }

    /// Passes over what follows in the payload, up to its end or a byte that means something.
    fn pass(&mut self, mut buffered: Option<Buffered>, input: &[u8]) -> CommandStepped {
        // One byte more than there is room for, so that the limit is passed at the same byte however the input is cut.
        let room = buffered
            .as_ref()
            .map_or(usize::MAX, |buffered| HELD_PAYLOAD_BYTES_MAX - buffered.len());
        let input = &input[..input.len().min(room.saturating_add(1))];
        let Some((taken, token)) = self.scanner.pass_payload(input) else {
            let progress = Progress::consumed(0, CommandStop::NeedInput);
            return (CommandState::Passing(buffered), progress);
        };
        let text = match token {
            Token::StringEnds | Token::LineEnd => &input[..taken - 1],
            _ => &input[..taken],
        };
        if text.len() <= room
            && let Some(buffered) = &mut buffered
        {
            buffered.extend_from_slice(text);
        }
        let (state, stop) = match token {
            _ if text.len() > room => over(refused(
                None,
                messages::late_name(HELD_PAYLOAD_BYTES_MAX),
                Some(self.rest_of_object()),
            )),
            Token::LineEnd => over(broken_line(None)),
            Token::StringEnds => {
                self.scanner.payload_ended();
                let seen = buffered.map_or(SeenPayload::Nothing, SeenPayload::Buffered);
                (CommandState::Outside(seen), CommandStop::Continue)
            }
            _ => (CommandState::Passing(buffered), CommandStop::Continue),
        };
        (state, Progress::consumed(taken, stop))
    }

    fn closed(&self, seen: SeenPayload) -> (CommandState, CommandStop) {
        let Ok(parts) = serde_json::from_slice::<Parts>(self.scanner.text()) else {
            let refusal = not_understood(self.scanner.text());
            return over(refused(seen.upload(), refusal, Some(Remainder::Line)));
        };
        let buffered = match seen {
            SeenPayload::Decoded(name) => return over(self.closed_behind_payload(&name, &parts)),
            SeenPayload::Buffered(buffered) => buffered,
            SeenPayload::Nothing => Buffered::new(),
        };
        let request = match self.request(&parts) {
            Ok(request) => request,
            Err(refusal) => return over(CommandStop::Refused(parts.verb(), refusal, None)),
        };
        let state = match &request {
            Request::Upload { name, .. } => {
                CommandState::Replaying(name.clone(), Box::new(Replay::of(buffered)))
            }
            _ => CommandState::default(),
        };
        (state, CommandStop::Request(request))
    }

    /// A key that was sent twice may have changed its mind.
    fn closed_behind_payload(&self, name: &Name, parts: &Parts) -> CommandStop {
        let is_same_object = self
            .object(parts)
            .is_ok_and(|object| object == Some(name.as_str().as_bytes()));
        if parts.verb() == Some(Verb::Upload) && is_same_object {
            return CommandStop::BodyEnd;
        }
        let refusal =
            messages::bad_request("the keys after the payload contradict those before it; send each once");
        refused(Some(name), refusal, None)
    }

    fn request(&self, parts: &Parts) -> Result<Request, Refusal> {
        let verb = match parts.asked() {
            Asked::Nothing => {
                return Err(messages::bad_request(
                    "a JSON command needs the key command; send list, get, upload or delete in it",
                ));
            }
            Asked::Unknown => return Err(messages::unknown_verb()),
            Asked::Verb(Verb::List) => return Ok(Request::List),
            Asked::Verb(verb) => verb,
        };
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
        let filename = parts.filename();
        let listed = parts.listed_name();
        let uploads_listed = self.scanner.payload_is_listed() && parts.verb() == Some(Verb::Upload);
        match (filename, listed) {
            (Some(filename), Some(listed)) if uploads_listed && filename != listed => {
                Err(messages::bad_request(
                    "the key filename contradicts the name before the payload in params; send one",
                ))
            }
            (filename, listed) => Ok(filename.or(listed)),
        }
    }
}

impl Replay {
    fn of(buffered: Buffered) -> Self {
        Self {
            buffered,
            at: 0,
            payload: StringPayload::default(),
        }
    }

    fn step(mut self: Box<Self>, name: Name, scratch: &mut [u8]) -> CommandStepped {
        let decoded = self.payload.decode(&self.buffered[self.at..], scratch);
        self.at += decoded.consumed;
        let (state, stop) = match (decoded.written, decoded.stop) {
            (1.., _) => (CommandState::Replaying(name, self), CommandStop::Content),
            (0, PayloadStop::NeedInput) if self.payload.is_complete() => over(CommandStop::BodyEnd),
            (0, _) => over(invalid_payload(&name, None)),
        };
        let progress = Progress {
            consumed: 0,
            ..decoded.stopped(stop)
        };
        (state, progress)
    }
}

/// The command is over: nothing follows its last step.
fn over(stop: CommandStop) -> (CommandState, CommandStop) {
    (CommandState::default(), stop)
}

fn refused(upload: Option<&Name>, refusal: Refusal, remainder: Option<Remainder>) -> CommandStop {
    CommandStop::Refused(upload.map(|_| Verb::Upload), refusal, remainder)
}

fn broken_line(upload: Option<&Name>) -> CommandStop {
    let refusal = messages::bad_request(
        "a JSON command ends with its closing brace, before the line does; send it on one line",
    );
    refused(upload, refusal, None)
}

fn invalid_payload(name: &Name, remainder: Option<Remainder>) -> CommandStop {
    refused(Some(name), messages::invalid_payload(name), remainder)
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
