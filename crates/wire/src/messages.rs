//! The sentences for a refused peer: each says which thing is wrong and what to do about it.

use haul_types::printable;

use crate::{Code, Name, NameError, Refusal, Verb};

/// How much of something that was sent is shown again, in characters.
const SHOWN_CHARS_MAX: usize = 80;

/// For a person at netcat; programs find other words in `data` (see [`crate::reply::UNKNOWN_VERB`]).
pub(crate) fn unknown_verb() -> Refusal {
    Refusal::new(
        Code::UnknownVerb,
        "this verb is not known; send LIST, GET name, UPLOAD name base64 or DELETE name and a line end, or HELLO for more",
    )
}

pub(crate) fn bad_request(sentence: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, sentence)
}

pub(crate) fn invalid_name(bytes: &[u8], cause: NameError) -> Refusal {
    let cure = match cause {
        NameError::Empty => "give the path of a file, such as folder/file.txt",
        NameError::TooLong => "use a shorter one",
        NameError::NotUtf8 => "send it in UTF-8",
    };
    Refusal::new(
        Code::InvalidName,
        format!("{} cannot be a name: {cause}; {cure}", quoted(bytes)),
    )
}

/// A command in JSON is longer than so many bytes.
pub(crate) fn overlong_command(bytes_max: usize) -> Refusal {
    bad_request(format!(
        "a JSON command may have at most {bytes_max} bytes beside its payload; leave out what is not needed"
    ))
}

/// So many bytes of a payload were held, and what for is not known yet.
pub(crate) fn late_name(bytes_max: usize) -> Refusal {
    bad_request(format!(
        "more than {bytes_max} bytes of payload stand before the command and the name; put those first"
    ))
}

/// `line` is as much of the name as its limit allows, without the blanks around it.
pub(crate) fn overlong_name(line: &[u8]) -> Refusal {
    if line.is_empty() {
        let sentence = "there are more blanks before the name than a line may have; send one";
        return Refusal::new(Code::InvalidName, sentence);
    }
    invalid_name(line, NameError::TooLong)
}

pub(crate) fn badly_escaped_name(bytes: &[u8]) -> Refusal {
    let sentence = format!(
        "{} cannot be a name: each % must be followed by two hexadecimal digits",
        quoted(bytes)
    );
    Refusal::new(Code::InvalidName, sentence)
}

pub(crate) fn missing_name(verb: Verb) -> Refusal {
    let verb = verb.as_str().to_ascii_uppercase();
    bad_request(format!(
        "{verb} needs a name; send {verb} and the name of a file on one line"
    ))
}

pub(crate) fn too_many_operands(verb: Verb, line: &[u8]) -> Refusal {
    let cure = match verb {
        Verb::Stat | Verb::Read | Verb::Write | Verb::RemoveDir | Verb::Ls => {
            "write a space within a name as %20"
        }
        _ => "send the verb alone",
    };
    let verb = verb.as_str().to_ascii_uppercase();
    bad_request(format!(
        "{} has more operands than {verb} takes; {cure}",
        quoted(line)
    ))
}

pub(crate) fn unknown_option(option: &[u8]) -> Refusal {
    bad_request(format!(
        "{} is no option of WRITE; send if-none-match, if-match=ETAG, modified=TIME (RFC 3339, such as \
         2026-01-31T12:00:00Z) or mode=OCTAL (at most 0777), and write a space within a name as %20",
        quoted(option)
    ))
}

pub(crate) fn option_sent_twice(option: &[u8]) -> Refusal {
    bad_request(format!(
        "{} stands behind another option of its kind; send one condition, one modified and one mode at most",
        quoted(option)
    ))
}

pub(crate) fn missing_payload(name: &Name) -> Refusal {
    bad_request(format!(
        "there is no payload for {}; send it in base64 after the name, or end the name with a space for an empty file",
        quoted(name.as_str().as_bytes())
    ))
}

pub(crate) fn missing_filedata(name: &Name) -> Refusal {
    let name = quoted(name.as_str().as_bytes());
    bad_request(format!(
        "there is no payload for {name}; send it in base64 as the key filedata"
    ))
}

pub(crate) fn invalid_payload(name: &Name) -> Refusal {
    let name = quoted(name.as_str().as_bytes());
    let sentence =
        format!("the payload of {name} is not base64; send the standard alphabet with padding, on one line");
    Refusal::new(Code::InvalidPayload, sentence)
}

pub(crate) fn wrapped_payload(name: &Name) -> Refusal {
    let sentence = format!(
        "the payload of {} goes on in the next line; send all of it on one line (base64 -w0)",
        quoted(name.as_str().as_bytes())
    );
    Refusal::new(Code::InvalidPayload, sentence)
}

pub(crate) fn length_mismatch(name: &Name) -> Refusal {
    let sentence = format!(
        "the content of {} is not as long as announced, or its digest is missing; send exactly that many bytes, \
         then 64 hexadecimal digits and a line end",
        quoted(name.as_str().as_bytes())
    );
    Refusal::new(Code::LengthMismatch, sentence)
}

/// A part of the request for a sentence: in quotes, shortened, without control characters.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    // No character has more than four bytes, so what is cut off here is not shown anyway.
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN_CHARS_MAX + 4)]);
    format!("'{}'", printable(&text).at_most(SHOWN_CHARS_MAX))
}

#[cfg(test)]
mod tests {
    use super::{overlong_name, quoted};

    #[test]
    fn thousands_of_blanks_are_not_shown_as_a_name() {
        assert!(overlong_name(b"").sentence.starts_with("there are more blanks"));
        assert!(overlong_name(&[b'a'; 4097]).sentence.starts_with("'aaaa"));
    }

    #[test]
    fn what_was_sent_is_shown_shortened_and_without_control_characters() {
        assert_eq!(quoted(b"a\nb\0"), "'a\\nb\\u{0}'");
        assert_eq!(quoted(&[b'a'; 80]), format!("'{}'", "a".repeat(80)));
        assert_eq!(quoted(&[b'a'; 9000]), format!("'{}…'", "a".repeat(80)));
        assert_eq!(
            quoted("é".repeat(9000).as_bytes()),
            format!("'{}…'", "é".repeat(80))
        );
        assert_eq!(quoted(b"\xff"), "'\u{fffd}'");
    }
}
