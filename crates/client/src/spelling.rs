//! How a name stands in a classic request, and how it is found again in what a server says of it.

use crate::Error;

/// The form of an UPLOAD's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadForm {
    /// `UPLOAD name payload`.
    Line,
    /// `{"command": "upload", "filename": name, "filedata": payload}`.
    Json,
}

/// How a server that is not ours reads a name with a blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blanks {
    /// In quotes.
    Quoted,
    /// As the rest of the line. Good for a GET only: the same server may split another verb's line.
    RestOfLine,
}

/// A name as it stands in a classic request line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As our own servers read it, which is also right for every name without a blank.
    Ours,
    /// This text, for a server that is not ours.
    Text(String),
}

impl Spelling {
    /// In single quotes everything stands for itself. In double ones, as a POSIX shell reads them, a backslash stands
    /// before a double quote and before another backslash.
    pub(crate) fn of(name: &str, blanks: Blanks) -> Self {
        Self::Text(match blanks {
            Blanks::RestOfLine => name.to_owned(),
            Blanks::Quoted if !name.contains('\'') => format!("'{name}'"),
            Blanks::Quoted => format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        })
    }
}

/// Whether a name that a reply tells is the one that was asked for: its last part, whatever the case.
pub(crate) fn is_name(told: &str, name: &str) -> bool {
    let last = |text: &str| {
        let text = text.trim_end_matches(['\r', '\n']);
        let separators: &[char] = if name.contains('\\') { &['/'] } else { &['/', '\\'] };
        text.rsplit(separators).next().unwrap_or(text).to_lowercase()
    };
    last(told) == last(name) || told.trim_end_matches(['\r', '\n']) == name
}

/// # Errors
/// [`Error::Protocol`] if a reply names another object than `name`.
pub(crate) fn check_name(told: Option<&str>, name: &str) -> Result<(), Error> {
    match told {
        Some(told) if !is_name(told, name) => Err(Error::Protocol(format!(
            "it answers for `{}`, and `{}` was asked for",
            shortened(told),
            shortened(name)
        ))),
        _ => Ok(()),
    }
}

/// Whether an answer shows that the server keeps the line ends of a request in the name.
pub(crate) fn shows_line_end(text: &str, name: &str) -> bool {
    // As it is, or as Python shows it.
    text.contains(&format!("{name}\r\n")) || text.contains(&format!("{name}\\r\\n"))
}

/// Whether a name holds what servers that are not ours read in different ways.
pub(crate) fn needs_quotes(name: &str) -> bool {
    name.chars()
        .any(|character| character.is_whitespace() || matches!(character, '\'' | '"' | '\\'))
}

/// Text for a message: its beginning, printable.
pub(crate) fn shortened(text: &str) -> String {
    let start: String = text.chars().take(80).collect();
    haul_types::printable(&start).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_by_its_last_part_whatever_the_case() {
        for (told, name) in [
            ("a.txt", "a.txt"),
            ("files/A.TXT", "a.txt"),
            ("a.txt\r\n\r\n", "a.txt"),
        ] {
            assert!(is_name(told, name), "{told:?}");
        }
        for (told, name) in [("my", "my file.txt"), ("'my file.txt'", "my file.txt"), ("", "a")] {
            assert!(!is_name(told, name), "{told:?}");
        }
    }

    #[test]
    fn a_line_end_behind_the_name_is_seen_in_any_spelling() {
        assert!(shows_line_end("[Errno 2] No such file: 'a\\r\\n\\r\\n'", "a"));
        assert!(shows_line_end("no b\r\n\r\n here", "b"));
        assert!(!shows_line_end("no such file: a", "a"));
        assert!(!shows_line_end("something else", "b"));
    }

    #[test]
    fn a_name_is_put_into_the_quotes_that_it_does_not_hold() {
        for (name, text) in [
            ("my file", "'my file'"),
            ("it's mine", "\"it's mine\""),
            ("back\\slash", "'back\\slash'"),
            ("it's \"m\\ine\"", r#""it's \"m\\ine\"""#),
        ] {
            assert_eq!(
                Spelling::of(name, Blanks::Quoted),
                Spelling::Text(text.to_owned())
            );
        }
    }
}
