//! The outline of a JSON text: how deep in brackets it is, and whether in a string. Nothing of the text is kept.

use memchr::memchr3;

use crate::Progress;

/// Where in the outline of an object its text has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outline {
    depth: usize,
    string: StringState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StringState {
    Outside,
    Inside,
    AfterBackslash,
}

/// The meaning of the next bytes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// Bytes within a string.
    Text,
    /// An LF, in a string (with the bytes before it) or outside.
    LineEnd,
    StringBegins,
    /// The closing quote, with the bytes before it.
    StringEnds,
    /// `{` or `[`.
    Opens(u8),
    Closes,
    Colon,
    Comma,
    /// Whitespace outside of strings.
    Blank,
    /// A part of a number, `true`, `false` or `null`.
    Other,
}

impl Outline {
    /// Before the opening brace.
    pub(crate) fn new() -> Self {
        Self {
            depth: 0,
            string: StringState::Outside,
        }
    }

    /// How many brackets are open.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    pub(crate) fn is_in_string(&self) -> bool {
        self.string != StringState::Outside
    }

    /// The same in a string whose last byte was a backslash, or was none.
    pub(crate) fn in_string(self, is_after_backslash: bool) -> Self {
        let string = match is_after_backslash {
            true => StringState::AfterBackslash,
            false => StringState::Inside,
        };
        Self { string, ..self }
    }

    /// The same behind the string that it is in.
    pub(crate) fn behind_string(self) -> Self {
        let string = StringState::Outside;
        Self { string, ..self }
    }

    /// Passes one byte, or within a string everything up to the next one that means something; `None` if there is no
    /// input.
    pub(crate) fn pass(&mut self, input: &[u8]) -> Option<(usize, Token)> {
        let &first = input.first()?;
        Some(match self.string {
            StringState::Inside => self.pass_in_string(input),
            StringState::AfterBackslash => {
                self.string = StringState::Inside;
                (
                    1,
                    if first == b'\n' {
                        Token::LineEnd
                    } else {
                        Token::Text
                    },
                )
            }
            StringState::Outside => (1, self.pass_byte(first)),
        })
    }

    /// Passes everything up to the closing bracket of the whole, or an LF, whichever comes first.
    pub(crate) fn skip(&mut self, input: &[u8]) -> Progress<Skipped> {
        let mut consumed = 0;
        while let Some((taken, token)) = self.pass(&input[consumed..]) {
            consumed += taken;
            if token == Token::LineEnd || token == Token::Closes && self.depth == 0 {
                return Progress::consumed(consumed, Skipped::Whole);
            }
        }
        Progress::consumed(consumed, Skipped::NeedInput)
    }

    /// Passes the string up to its end, a backslash or an LF, that byte included.
    fn pass_in_string(&mut self, input: &[u8]) -> (usize, Token) {
        let Some(end) = memchr3(b'"', b'\\', b'\n', input) else {
            return (input.len(), Token::Text);
        };
        let token = match input[end] {
            b'"' => {
                self.string = StringState::Outside;
                Token::StringEnds
            }
            b'\n' => Token::LineEnd,
            _ => {
                self.string = StringState::AfterBackslash;
                Token::Text
            }
        };
        (end + 1, token)
    }

    fn pass_byte(&mut self, byte: u8) -> Token {
        match byte {
            b'"' => {
                self.string = StringState::Inside;
                Token::StringBegins
            }
            b'{' | b'[' => {
                self.depth += 1;
                Token::Opens(byte)
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                Token::Closes
            }
            b':' => Token::Colon,
            b',' => Token::Comma,
            b'\n' => Token::LineEnd,
            _ if byte.is_ascii_whitespace() => Token::Blank,
            _ => Token::Other,
        }
    }
}

/// How far a text is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skipped {
    NeedInput,
    /// Its end is among what was consumed.
    Whole,
}
