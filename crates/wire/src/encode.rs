//! Requests as the client writes them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::request_line::{self, ParsedLine, UPLOAD_WINDOW_BYTES};
use crate::upload_line::UploadReading;
use crate::{Attributes, Condition, Name, Request, Verb, mode_text, reply, time_text};

/// The end of a classic request: existing programs send it so, and so existing servers wait for it.
const END: &[u8] = b"\r\n\r\n";

/// The characters that stand in an operand as they are.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Appends a request in its classic form, and returns what has to follow it.
///
/// For an Upload that is what ends its body: send the content in base64
/// ([`base64::Encoder`](crate::base64::Encoder)), then the returned bytes. For the others it is empty.
///
/// A name that a line cannot carry (one with control characters, or one so long that its end is out of
/// sight for the server) travels in a JSON command, which older servers do not know.
///
/// # Panics
/// If the request has no classic form: only List, Get, Upload and Delete have one.
pub fn classic(out: &mut Vec<u8>, request: &Request) -> &'static [u8] {
    let verb = request.verb();
    assert!(verb.is_classic(), "{} has no classic form", verb.as_str());
    let word = verb.as_str().to_ascii_uppercase();
    match request.name() {
        None => out.extend_from_slice(word.as_bytes()),
        Some(name) => match line(&word, verb, name) {
            Some(line) => out.extend_from_slice(line.as_bytes()),
            None => return json(out, verb, name),
        },
    }
    if verb == Verb::Upload {
        out.push(b' ');
        return END;
    }
    out.extend_from_slice(END);
    b""
}

/// Appends a request in its extended form, which every verb but Upload and Get has; names and etags are
/// percent-encoded. Behind a Write follow its bytes as they are, then their digest in hexadecimal and a line end.
///
/// A Hello ends with CR LF CR LF: some servers that do not know it wait for that before they say so. A time of
/// modification that RFC 3339 cannot express is left out.
///
/// # Panics
/// If the request is an Upload or a Get: Write and Read take their places.
pub fn extended(out: &mut Vec<u8>, request: &Request) {
    let verb = request.verb();
    assert!(
        !matches!(verb, Verb::Upload | Verb::Get),
        "{} has no extended form",
        verb.as_str()
    );
    if let Request::Delete { .. } = request {
        // The same in both layers.
        classic(out, request);
        return;
    }
    out.extend_from_slice(verb.as_str().to_ascii_uppercase().as_bytes());
    let mut operand = |operand: &str| {
        out.push(b' ');
        out.extend_from_slice(operand.as_bytes());
    };
    if let Some(name) = request.name() {
        operand(&escaped(name.as_str()));
    }
    match request {
        Request::Stat { digest: true, .. } => operand("digest"),
        Request::Read {
            offset,
            length: Some(length),
            ..
        } => {
            operand(&offset.to_string());
            operand(&length.to_string());
        }
        Request::Read {
            offset: offset @ 1.., ..
        } => operand(&offset.to_string()),
        Request::Write {
            length,
            condition,
            attributes,
            ..
        } => {
            operand(&length.to_string());
            write_options(condition, attributes)
                .iter()
                .for_each(|option| operand(option));
        }
        _ => {}
    }
    out.extend_from_slice(if verb == Verb::Hello { END } else { b"\r\n" });
}

fn write_options(condition: &Condition, attributes: &Attributes) -> Vec<String> {
    let condition = match condition {
        Condition::Always => None,
        Condition::Absent => Some("if-none-match".to_owned()),
        Condition::Matches(etag) => Some(format!("if-match={}", escaped(etag))),
    };
    let modified = attributes.modified.and_then(time_text);
    let modified = modified.map(|time| format!("modified={time}"));
    let mode = attributes.mode.map(|mode| format!("mode={}", mode_text(mode)));
    [condition, modified, mode].into_iter().flatten().collect()
}

/// The verb and the name on one line, with quotes where the other side would find another name without them.
fn line(word: &str, verb: Verb, name: &Name) -> Option<String> {
    let fits = verb != Verb::Upload || name.as_str().len() <= UPLOADED_NAME_BYTES_MAX;
    if !fits || name.as_str().bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    let plain = format!("{word} {name}", name = name.as_str());
    let quoted = format!("{word} \"{name}\"", name = name.as_str());
    [plain, quoted]
        .into_iter()
        .find(|line| reads_back(line, verb, name))
}

/// The longest name of which the server sees the end in an UPLOAD: beside it, in the window, stand the verb, two
/// spaces and perhaps quotes.
const UPLOADED_NAME_BYTES_MAX: usize = UPLOAD_WINDOW_BYTES - "UPLOAD ".len() - " ".len() - 2;

fn reads_back(line: &str, verb: Verb, name: &Name) -> bool {
    // An empty payload is the hardest to tell from a name with spaces.
    let line = if verb == Verb::Upload {
        format!("{line} ")
    } else {
        line.to_owned()
    };
    match request_line::whole(line.as_bytes()) {
        Ok(ParsedLine::Request(request)) => request.name() == Some(name),
        Ok(ParsedLine::Upload(UploadReading::Here(here))) => {
            here.names.whole == *name && here.names.shorter().is_none()
        }
        _ => false,
    }
}

fn json(out: &mut Vec<u8>, verb: Verb, name: &Name) -> &'static [u8] {
    out.extend_from_slice(br#"{"command":"#);
    reply::json(out, verb.as_str());
    out.extend_from_slice(br#","filename":"#);
    reply::json(out, name.as_str());
    if verb == Verb::Upload {
        out.extend_from_slice(br#","filedata":""#);
        return b"\"}\r\n\r\n";
    }
    out.push(b'}');
    out.extend_from_slice(END);
    b""
}

fn escaped(operand: &str) -> String {
    utf8_percent_encode(operand, PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn name(name: &str) -> Name {
        Name::new(name).unwrap()
    }

    fn upload(of: &str) -> Request {
        Request::Upload {
            name: name(of),
            shorter: None,
        }
    }

    fn sent(request: &Request) -> (String, &'static [u8]) {
        let mut out = Vec::new();
        let end = classic(&mut out, request);
        (String::from_utf8(out).unwrap(), end)
    }

    #[test]
    fn classic_requests_end_as_existing_programs_end_them() {
        assert_eq!(sent(&Request::List), ("LIST\r\n\r\n".to_owned(), b"".as_slice()));
        assert_eq!(sent(&Request::Get { name: name("a.jpg") }).0, "GET a.jpg\r\n\r\n");
        assert_eq!(
            sent(&Request::Delete { name: name("a.jpg") }).0,
            "DELETE a.jpg\r\n\r\n"
        );
        let (head, end) = sent(&upload("a.jpg"));
        assert_eq!((head.as_str(), end), ("UPLOAD a.jpg ", b"\r\n\r\n".as_slice()));
    }

    #[test]
    fn a_name_is_quoted_only_where_it_would_be_read_as_another() {
        for (of, line) in [
            ("my file.txt", "GET my file.txt\r\n\r\n"),
            ("it's", "GET it's\r\n\r\n"),
            (" a ", "GET \" a \"\r\n\r\n"),
            ("'a'", "GET \"'a'\"\r\n\r\n"),
            ("\"a\"", "GET \"\"a\"\"\r\n\r\n"),
        ] {
            assert_eq!(sent(&Request::Get { name: name(of) }).0, line);
        }
        // With an empty payload, the last word would be taken for the payload.
        assert_eq!(sent(&upload("my data")).0, "UPLOAD \"my data\" ");
        assert_eq!(sent(&upload("my file.txt")).0, "UPLOAD my file.txt ");
    }

    #[test]
    fn a_name_that_no_line_can_carry_travels_in_json() {
        let (head, end) = sent(&upload("a\nb"));
        assert_eq!(head, r#"{"command":"upload","filename":"a\nb","filedata":""#);
        assert_eq!(end, b"\"}\r\n\r\n");
        assert_eq!(
            sent(&Request::Get { name: name("a\rb") }).0,
            "{\"command\":\"get\",\"filename\":\"a\\rb\"}\r\n\r\n"
        );
        assert!(sent(&upload(&"n".repeat(4090))).0.starts_with('{'));
    }

    #[test]
    fn extended_requests_escape_what_is_no_plain_letter() {
        for (request, line) in [
            (Request::Hello, "HELLO\r\n\r\n"),
            (Request::Ls { dir: None }, "LS\r\n"),
            (
                Request::Ls {
                    dir: Some(name("a b/c")),
                },
                "LS a%20b/c\r\n",
            ),
            (
                Request::Stat {
                    name: name("50%'é"),
                    digest: true,
                },
                "STAT 50%25%27%C3%A9 digest\r\n",
            ),
            (
                Request::Read {
                    name: name("a"),
                    offset: 0,
                    length: None,
                },
                "READ a\r\n",
            ),
            (
                Request::Read {
                    name: name("a"),
                    offset: 5,
                    length: None,
                },
                "READ a 5\r\n",
            ),
            (
                Request::Read {
                    name: name("a"),
                    offset: 0,
                    length: Some(7),
                },
                "READ a 0 7\r\n",
            ),
            (Request::Delete { name: name("a b") }, "DELETE a b\r\n\r\n"),
            (
                Request::Write {
                    name: name("a"),
                    length: 3,
                    condition: Condition::Matches("\"1\"".to_owned()),
                    attributes: Attributes::default(),
                },
                "WRITE a 3 if-match=%221%22\r\n",
            ),
            (
                Request::Write {
                    name: name("a"),
                    length: 3,
                    condition: Condition::Absent,
                    attributes: Attributes {
                        modified: Some(UNIX_EPOCH),
                        mode: Some(0o100_640),
                    },
                },
                "WRITE a 3 if-none-match modified=1970-01-01T00:00:00Z mode=0640\r\n",
            ),
            (Request::RemoveDir { dir: name("a b") }, "RMDIR a%20b\r\n"),
        ] {
            let mut out = Vec::new();
            extended(&mut out, &request);
            assert_eq!(String::from_utf8(out).unwrap(), line);
        }
    }
}
