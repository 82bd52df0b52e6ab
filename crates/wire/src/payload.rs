//! The payload of an upload as programs send it: base64, perhaps within quotes or written as a Python bytes
//! literal (`b'…'`), perhaps with whitespace around it.

use crate::Progress;
use crate::base64::{self, DecoderStop};

/// The text around a payload, which decides where the payload ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    /// A line: an LF ends it.
    Line,
    /// A JSON string: a quote ends it, a backslash interrupts it, an LF breaks it.
    JsonString,
    /// A character that was escaped in a JSON string: it stands for itself.
    Escape,
}

impl Within {
    fn ends_at(self, byte: u8) -> bool {
        match self {
            Self::Line => byte == b'\n',
            Self::JsonString => matches!(byte, b'"' | b'\\' | b'\n'),
            Self::Escape => false,
        }
    }
}

/// Why a payload went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PayloadStop {
    /// All of the input is consumed.
    NeedInput,
    /// The room is used up.
    OutputFull,
    /// The byte at `consumed` ends what surrounds the payload.
    End,
    /// This is no payload; it stays so.
    Invalid,
}

/// A payload that is being received.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payload {
    at: At,
    decoder: base64::Decoder,
    symbols: u64,
    content_bytes: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// Nothing but whitespace so far.
    #[default]
    Start,
    /// A `b`, which may be the first symbol or the start of a bytes literal.
    PerhapsLiteral,
    /// In the symbols, which this quote ends, if any.
    Symbols {
        quote: Option<u8>,
    },
    /// Behind them: only whitespace may follow.
    Behind,
    Invalid,
}

impl Payload {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Whether the payload may end here.
    pub(crate) fn is_complete(&self) -> bool {
        match self.at {
            At::Start | At::Behind => true,
            At::Symbols { quote } => quote.is_none() && self.decoder.is_complete(),
            At::PerhapsLiteral | At::Invalid => false,
        }
    }

    /// How many symbols of base64 there have been, padding included.
    pub(crate) fn symbols(&self) -> u64 {
        self.symbols
    }

    /// How many bytes they stand for, as far as these have been decoded.
    pub(crate) fn content_bytes(&self) -> u64 {
        self.content_bytes
    }

    /// Decodes the front of `input` into the front of `out`. The events depend on the bytes only, not on how
    /// they were cut into pieces.
    pub(crate) fn decode(&mut self, input: &[u8], out: &mut [u8], within: Within) -> Progress<PayloadStop> {
        let mut total = Progress::consumed(0, ());
        while self.at != At::Invalid {
            if let At::Symbols { .. } = self.at {
                let step = self
                    .decoder
                    .decode(&input[total.consumed..], &mut out[total.written..]);
                total.add(&step);
                self.symbols += step.consumed as u64;
                self.content_bytes += step.written as u64;
                match step.stop {
                    DecoderStop::NeedInput => return total.stopped(PayloadStop::NeedInput),
                    DecoderStop::OutputFull => return total.stopped(PayloadStop::OutputFull),
                    DecoderStop::Invalid => break,
                    DecoderStop::NotBase64 => {}
                }
            }
            let Some(&byte) = input.get(total.consumed) else {
                return total.stopped(PayloadStop::NeedInput);
            };
            if within.ends_at(byte) {
                return total.stopped(PayloadStop::End);
            }
            total.consumed += self.pass(byte);
        }
        self.at = At::Invalid;
        total.stopped(PayloadStop::Invalid)
    }

    /// Passes a byte that is not among the symbols; returns how many bytes that takes, which is 0 where the
    /// byte turns out to be the first symbol.
    fn pass(&mut self, byte: u8) -> usize {
        let (at, taken) = match (self.at, byte) {
            (At::Start | At::Behind, _) if byte.is_ascii_whitespace() => (self.at, 1),
            (At::Start, b'b') => (At::PerhapsLiteral, 1),
            (At::Start | At::PerhapsLiteral, b'\'' | b'"') => (At::Symbols { quote: Some(byte) }, 1),
            (At::Start, _) => (At::Symbols { quote: None }, 0),
            (At::PerhapsLiteral, _) => {
                self.decoder
                    .decode(b"b", &mut [0; base64::Decoder::ROOM_BYTES_MIN]);
                self.symbols += 1;
                (At::Symbols { quote: None }, 0)
            }
            (At::Symbols { quote }, _) if self.decoder.is_complete() => match quote {
                Some(quote) if byte == quote => (At::Behind, 1),
                None if byte.is_ascii_whitespace() => (At::Behind, 1),
                _ => (At::Invalid, 0),
            },
            (At::Symbols { .. } | At::Behind | At::Invalid, _) => (At::Invalid, 0),
        };
        self.at = at;
        taken
    }
}
