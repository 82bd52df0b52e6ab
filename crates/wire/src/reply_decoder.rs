//! Replies as the client reads them: bytes in; the content, decoded, and the other fields out.
//!
//! Servers of the family differ: keys come in any order, a reply may end with its terminator or with the
//! connection, the terminator may be sent twice, and what should be base64 may be a Python bytes literal.

use std::mem;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::json::{LineRule, PayloadKeys, Scan, Scanner};
use crate::payload::PayloadStop;
use crate::string_payload::StringPayload;
use crate::{Code, Progress, Refusal, base64, messages};

/// The key whose value is streamed.
const CONTENT: &str = "data_file";

const KEYS: PayloadKeys = PayloadKeys {
    main: CONTENT,
    other: None,
    list: None,
};

/// The result of one call of [`ReplyDecoder::decode`].
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedReply<'b> {
    /// Bytes of the input that are dealt with; feed the rest again.
    pub consumed: usize,
    /// The event, if there was one. `None` means: all input was consumed, more is needed.
    pub event: Option<ReplyEvent<'b>>,
}

/// The events of a reply that is received, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplyEvent<'b> {
    /// A non-empty piece of `data_file`, decoded into the scratch. Where the other fields come later, it is not
    /// known yet whether the reply is a refusal.
    Body(&'b [u8]),
    /// The reply is complete, its terminator included. The bytes after `consumed` belong to what follows: the raw
    /// bytes of a READ, or the next reply, for which the decoder is ready.
    End(Reply),
}

/// A reply without its content.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// All fields but `data_file`.
    pub fields: Map<String, Value>,
    /// Whether there was a `data_file`, be it an empty one.
    pub had_body: bool,
}

/// Why what arrived is not a reply, or not the expected one. After any of them the decoder gives the same error again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The peer closed before a reply began.
    #[error("the server closed the connection without a reply")]
    Closed,
    /// The peer closed in the middle of a reply.
    #[error("the server closed the connection in the middle of a reply")]
    Truncated,
    /// It is not a JSON object, or lacks what was expected in it.
    #[error("the server's reply cannot be understood: {0}")]
    Malformed(String),
    /// `data_file` is not base64.
    #[error("the content in the server's reply is not base64")]
    Payload,
    /// There is more beside `data_file` than the limit of so many bytes.
    #[error("the server's reply is longer than {0} bytes")]
    TooLong(usize),
}

impl Reply {
    fn parse(scanner: &Scanner) -> Result<Self, ReplyError> {
        let had_body = scanner.payload_seen();
        let mut fields: Map<String, Value> = serde_json::from_slice(scanner.text()).map_err(malformed)?;
        if had_body {
            fields.remove(CONTENT);
        }
        Ok(Self { fields, had_body })
    }

    /// The refusal, if the reply is one: if its `status` is not "OK", in any case. Where there is no `code`, or
    /// an unknown one, it is [`Code::Internal`]; the sentence is `message` or else `data`.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let status = self.fields.get("status").and_then(Value::as_str);
        if status.is_some_and(|status| status.eq_ignore_ascii_case("OK")) {
            return None;
        }
        let code = self
            .fields
            .get("code")
            .and_then(|code| serde_json::from_value(code.clone()).ok());
        let sentence = match self.fields.get("message").or_else(|| self.fields.get("data")) {
            Some(Value::String(sentence)) => sentence.clone(),
            Some(other) => other.to_string(),
            None => "the server gave no reason".to_owned(),
        };
        Some(Refusal {
            code: code.unwrap_or(Code::Internal),
            sentence,
        })
    }

    /// The fields as a structure, such as those in [`reply`](crate::reply).
    ///
    /// # Errors
    /// [`ReplyError::Malformed`] if a field is missing or of another type.
    pub fn into<T: DeserializeOwned>(self) -> Result<T, ReplyError> {
        serde_json::from_value(Value::Object(self.fields)).map_err(malformed)
    }

    /// The names in a reply to LIST.
    ///
    /// # Errors
    /// [`ReplyError::Malformed`] if `data` is not a list of strings.
    pub fn names(mut self) -> Result<Vec<String>, ReplyError> {
        serde_json::from_value(self.fields.remove("data").unwrap_or_default()).map_err(malformed)
    }
}

/// Decodes the replies that arrive on one connection, one after another.
#[derive(Debug, Clone)]
pub struct ReplyDecoder {
    limit_bytes: usize,
    state: ReplyState,
}

/// The part of a reply that comes next. A state makes a step by turning into the state that follows.
#[derive(Debug, Clone, Default)]
enum ReplyState {
    /// Before a reply: line ends of the last one may be left.
    #[default]
    Before,
    /// In the object, outside of the content.
    Object(Box<Scanner>),
    /// In the content.
    Content(Box<Scanner>, Box<StringPayload>),
    /// Behind the object.
    Behind(Box<Reply>, LineEnds),
    Failed(ReplyError),
}

/// How much of the terminator there has been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    None,
    One,
    OneAndCr,
}

/// Why a state went no further.
enum ReplyStep {
    /// The step is done, and the next one can follow.
    Continue,
    NeedInput,
    /// The bytes written are content.
    Decoded,
    End(Reply),
}

/// The state that follows, and what the step to it made of its input; or what was wrong with that.
type ReplyStepped = Result<(ReplyState, Progress<ReplyStep>), ReplyError>;

impl Default for ReplyDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplyDecoder {
    /// The most that a reply may hold beside `data_file`, in bytes, unless told otherwise: 64 MiB, enough for a list
    /// of a million names. Up to three times as much memory is used while such a list is parsed.
    pub const LIMIT_BYTES: usize = 64 << 20;

    /// The least scratch that content needs, in bytes. 48 to 192 KiB are fast.
    pub const SCRATCH_BYTES_MIN: usize = base64::Decoder::ROOM_BYTES_MIN;

    /// A decoder at the start of a connection.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(Self::LIMIT_BYTES)
    }

    /// The same with another limit for what a reply holds beside `data_file`, in bytes.
    #[must_use]
    pub fn with_limit(limit_bytes: usize) -> Self {
        Self {
            limit_bytes,
            state: ReplyState::Before,
        }
    }

    /// Deals with the front of `input`, up to the next event. Call it again with the rest until there is no event.
    /// Content is decoded into `scratch`, which is not used otherwise.
    ///
    /// # Errors
    /// The input is not a reply: [`ReplyError::Malformed`], [`ReplyError::Payload`] (after all the content before
    /// the fault), [`ReplyError::TooLong`].
    ///
    /// # Panics
    /// If `scratch` is shorter than [`SCRATCH_BYTES_MIN`](Self::SCRATCH_BYTES_MIN) when content arrives.
    pub fn decode<'b>(
        &mut self,
        input: &'b [u8],
        scratch: &'b mut [u8],
    ) -> Result<DecodedReply<'b>, ReplyError> {
        let mut consumed = 0;
        loop {
            let step = self.step(&input[consumed..], scratch)?;
            consumed += step.consumed;
            let event = match step.stop {
                ReplyStep::Continue => continue,
                ReplyStep::NeedInput => None,
                ReplyStep::Decoded => Some(ReplyEvent::Body(&scratch[..step.written])),
                ReplyStep::End(reply) => Some(ReplyEvent::End(reply)),
            };
            return Ok(DecodedReply { consumed, event });
        }
    }

    /// The peer closed, which is how some servers of the family end a reply.
    ///
    /// # Errors
    /// [`ReplyError::Closed`] before a reply, [`ReplyError::Truncated`] in the middle of one, or what was wrong
    /// before.
    pub fn end_of_file(&mut self) -> Result<Reply, ReplyError> {
        match mem::take(&mut self.state) {
            ReplyState::Before => Err(ReplyError::Closed),
            ReplyState::Object(_) | ReplyState::Content(..) => Err(ReplyError::Truncated),
            ReplyState::Behind(reply, _) => Ok(*reply),
            ReplyState::Failed(error) => Err(error),
        }
    }

    /// How many bytes of memory hold what the peer has sent, before it is parsed.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.state {
            ReplyState::Object(scanner) | ReplyState::Content(scanner, _) => scanner.held_bytes(),
            _ => 0,
        }
    }

    fn step(&mut self, input: &[u8], scratch: &mut [u8]) -> Result<Progress<ReplyStep>, ReplyError> {
        let stepped = match mem::take(&mut self.state) {
            ReplyState::Before => before(self.limit_bytes, input),
            ReplyState::Object(scanner) => object(scanner, input),
            ReplyState::Content(scanner, payload) => content(scanner, payload, input, scratch),
            ReplyState::Behind(reply, line_ends) => behind(reply, line_ends, input),
            ReplyState::Failed(error) => Err(error),
        };
        let (state, progress) =
            stepped.inspect_err(|error| self.state = ReplyState::Failed(error.clone()))?;
        self.state = state;
        Ok(progress)
    }
}

fn before(limit_bytes: usize, input: &[u8]) -> ReplyStepped {
    match input.iter().position(|byte| !byte.is_ascii_whitespace()) {
        None => need_input(ReplyState::Before, input.len()),
        Some(start) if input[start] == b'{' => {
            let scanner = Scanner::new(KEYS, limit_bytes, LineRule::Many);
            go_on(ReplyState::Object(Box::new(scanner)), start)
        }
        Some(start) => Err(ReplyError::Malformed(format!(
            "it starts with {} instead of a brace",
            messages::quoted(&input[start..=start])
        ))),
    }
}

fn object(mut scanner: Box<Scanner>, input: &[u8]) -> ReplyStepped {
    let Progress { consumed, stop, .. } = scanner.scan(input);
    match stop {
        // A line end is nothing special in an object that may have many lines.
        Scan::NeedInput | Scan::LineEnd => need_input(ReplyState::Object(scanner), consumed),
        Scan::Payload => go_on(ReplyState::Content(scanner, Box::default()), consumed),
        Scan::Closed => {
            let reply = Reply::parse(&scanner)?;
            go_on(ReplyState::Behind(Box::new(reply), LineEnds::None), consumed)
        }
        Scan::TooLong => Err(ReplyError::TooLong(scanner.limit_bytes())),
        Scan::DuplicateKey => Err(ReplyError::Malformed(format!("it holds {CONTENT} twice"))),
    }
}

fn content(
    mut scanner: Box<Scanner>,
    mut payload: Box<StringPayload>,
    input: &[u8],
    scratch: &mut [u8],
) -> ReplyStepped {
    assert!(
        scratch.len() >= ReplyDecoder::SCRATCH_BYTES_MIN,
        "no room for content"
    );
    let decoded = payload.decode(input, scratch);
    let consumed = decoded.consumed;
    match decoded.stop {
        _ if decoded.written > 0 => {
            let state = ReplyState::Content(scanner, payload);
            Ok((state, decoded.stopped(ReplyStep::Decoded)))
        }
        PayloadStop::NeedInput | PayloadStop::OutputFull => {
            need_input(ReplyState::Content(scanner, payload), consumed)
        }
        PayloadStop::End if input[consumed] == b'"' && payload.is_complete() => {
            scanner.payload_ended();
            go_on(ReplyState::Object(scanner), consumed + 1)
        }
        PayloadStop::End | PayloadStop::Invalid => Err(ReplyError::Payload),
    }
}

fn behind(reply: Box<Reply>, mut line_ends: LineEnds, input: &[u8]) -> ReplyStepped {
    let Progress { consumed, stop, .. } = line_ends.take(input)?;
    match stop {
        Terminator::NeedInput => need_input(ReplyState::Behind(reply, line_ends), consumed),
        Terminator::Whole => {
            let progress = Progress::consumed(consumed, ReplyStep::End(*reply));
            Ok((ReplyState::Before, progress))
        }
    }
}

fn need_input(state: ReplyState, consumed: usize) -> ReplyStepped {
    Ok((state, Progress::consumed(consumed, ReplyStep::NeedInput)))
}

fn go_on(state: ReplyState, consumed: usize) -> ReplyStepped {
    Ok((state, Progress::consumed(consumed, ReplyStep::Continue)))
}

/// How far the terminator has come.
enum Terminator {
    NeedInput,
    Whole,
}

impl LineEnds {
    /// Looks for two line ends in a row.
    fn take(&mut self, input: &[u8]) -> Result<Progress<Terminator>, ReplyError> {
        for (at, &byte) in input.iter().enumerate() {
            *self = match (*self, byte) {
                (Self::One | Self::OneAndCr, b'\n') => {
                    return Ok(Progress::consumed(at + 1, Terminator::Whole));
                }
                (Self::None, b'\n') => Self::One,
                (Self::One, b'\r') => Self::OneAndCr,
                _ if byte.is_ascii_whitespace() => Self::None,
                _ => {
                    let byte = messages::quoted(&[byte]);
                    return Err(ReplyError::Malformed(format!(
                        "{byte} stands where it should have ended"
                    )));
                }
            };
        }
        Ok(Progress::consumed(input.len(), Terminator::NeedInput))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn malformed(cause: serde_json::Error) -> ReplyError {
    ReplyError::Malformed(cause.to_string())
}
