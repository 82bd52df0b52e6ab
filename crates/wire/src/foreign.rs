//! Lines that belong to another protocol: those of an HTTP request.
//!
//! A web page can make a browser send a request to any port of the visitor's machine, with a body of its choice. So a
//! line that only HTTP has ends the connection, before the body can be taken for commands: one whose last word is a
//! version of HTTP, and one that begins with `Host:`, which every HTTP/1.1 request has. [`LineWatch`] sees each line as
//! it passes, however long it is and however it is cut.

/// The field that every HTTP/1.1 request has in one of its first lines.
const HOST: &[u8] = b"host:";

/// The longest word that is a version: `HTTP/1.1`.
const VERSION_BYTES_MAX: usize = 8;

/// The parts of a line that are remembered: its beginning and its last word.
#[derive(Debug, Clone, Default)]
pub(crate) struct LineWatch {
    /// The first bytes that are not blank.
    start: [u8; HOST.len()],
    start_bytes: usize,
    /// The last word, as far as it can be a version.
    word: [u8; VERSION_BYTES_MAX],
    /// How long the last word is, one more than a version at most.
    word_bytes: usize,
    /// Whether blanks have followed the last word.
    word_ended: bool,
}

impl LineWatch {
    /// Sees the next bytes of a line, which end with its LF or before. True at the first byte that shows that the
    /// line belongs to HTTP.
    pub(crate) fn is_foreign(&mut self, bytes: &[u8]) -> bool {
        let (text, ended) = match bytes {
            [text @ .., b'\n'] => (text, true),
            text => (text, false),
        };
        self.see_start(text);
        self.see_end(text);
        let foreign = self.start.eq_ignore_ascii_case(HOST) || (ended && self.is_version());
        if ended {
            *self = Self::default();
        }
        foreign
    }

    fn see_start(&mut self, text: &[u8]) {
        let wanted = HOST.len() - self.start_bytes;
        if wanted == 0 {
            return;
        }
        let text = if self.start_bytes == 0 {
            text.trim_ascii_start()
        } else {
            text
        };
        let seen = &text[..text.len().min(wanted)];
        self.start[self.start_bytes..][..seen.len()].copy_from_slice(seen);
        self.start_bytes += seen.len();
    }

    fn see_end(&mut self, text: &[u8]) {
        let trimmed = text.trim_ascii_end();
        if !trimmed.is_empty() {
            // One byte more than a version has shows that the word is none.
            let window = &trimmed[trimmed.len().saturating_sub(VERSION_BYTES_MAX + 1)..];
            let blank = window.iter().rposition(u8::is_ascii_whitespace);
            let word = blank.map_or(window, |blank| &window[blank + 1..]);
            if blank.is_some() || window.len() < trimmed.len() || self.word_ended {
                self.word_bytes = 0;
            }
            self.word_ended = false;
            for &byte in word {
                if let Some(place) = self.word.get_mut(self.word_bytes) {
                    *place = byte;
                }
                self.word_bytes = (self.word_bytes + 1).min(VERSION_BYTES_MAX + 1);
            }
        }
        self.word_ended |= trimmed.len() < text.len();
    }

    /// Whether the last word is `HTTP/1.1`, `HTTP/2` or the like.
    fn is_version(&self) -> bool {
        let Some(word) = self.word.get(..self.word_bytes) else {
            return false;
        };
        let Some((name, number)) = word.split_at_checked(b"HTTP/".len()) else {
            return false;
        };
        name.eq_ignore_ascii_case(b"HTTP/")
            && matches!(number, [major] | [major, b'.', _] if major.is_ascii_digit())
            && number.last().is_some_and(u8::is_ascii_digit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a line is foreign, cut in every way into two pieces, byte by byte and whole.
    fn is_foreign(line: &str) -> bool {
        let seen = |pieces: &[&[u8]]| {
            let mut watch = LineWatch::default();
            pieces.iter().any(|piece| watch.is_foreign(piece))
        };
        let bytes = line.as_bytes();
        let whole = seen(&[bytes]);
        assert_eq!(
            seen(&bytes.chunks(1).collect::<Vec<_>>()),
            whole,
            "byte by byte: {line:?}"
        );
        for at in 0..bytes.len() {
            let (head, tail) = bytes.split_at(at);
            assert_eq!(seen(&[head, tail]), whole, "{line:?} at {at}");
        }
        whole
    }

    #[test]
    fn a_line_that_ends_with_a_version_of_http_is_foreign() {
        for line in [
            "GET / HTTP/1.1\r\n",
            "POST /a%20b?c HTTP/1.0\n",
            "PRI * HTTP/2.0\r\n",
            "get / http/1.1 \t\r\n",
            "DELETE photo.jpg HTTP/3\n",
            "HTTP/1.1\n",
            "UPLOAD a QUJD\tHTTP/1.1\r\n",
        ] {
            assert!(is_foreign(line), "{line:?}");
        }
        assert!(is_foreign(&format!("PUT /{} HTTP/1.1\r\n", "a".repeat(9000))));
    }

    #[test]
    fn a_line_that_begins_with_host_is_foreign_before_it_ends() {
        for line in ["Host: x\r\n", "host:", "  HOST:127.0.0.1", "Host:\n"] {
            assert!(is_foreign(line), "{line:?}");
        }
    }

    #[test]
    fn other_lines_are_not_foreign() {
        for line in [
            "GET HTTP/1.1.txt\r\n",
            "GET /a HTTP/1.1",
            "GET aHTTP/1.1\n",
            "GET HTTP/1.1 notes\n",
            "GET HTTP/11\n",
            "GET HTTP/x.1\n",
            "GET HTTP/1.\n",
            "Hostname: x\r\n",
            "GET Host: x\n",
            "\r\n",
            "",
        ] {
            assert!(!is_foreign(line), "{line:?}");
        }
    }

    #[test]
    fn one_line_says_nothing_of_the_next() {
        let mut watch = LineWatch::default();
        for piece in [
            "GET HTTP/1.1 x\n",
            "Ho",
            "\n",
            "st: x\n",
            "\n",
            "HTTP/\n",
            "1.1\n",
        ] {
            assert!(!watch.is_foreign(piece.as_bytes()), "{piece:?}");
        }
        assert!(watch.is_foreign(b"HTTP/1.1\n"));
    }
}
