//! Care with servers of the family that are not ours. Each reads a request line in its own way, and says OK where it
//! did something else. So nothing is asked here that could touch another object, and what comes back is compared with
//! what was asked for. docs/client.md, "Dialects", has the rules.
//!
//! A name with a blank is the danger: most of these servers split a line at blanks and take the first word. In quotes
//! it harms nothing else: a server that does not know quotes looks for a name that begins with one. So such a name goes
//! in quotes, and under it nothing is stored or removed before a GET has shown that the server reads quotes.

use std::{io, time::Duration};

use crate::{
    Client, Code, Connection, Dialect, Error, Options, Progress,
    connection::{Sink, travelling},
};

/// The longest silence after HELLO, where the caller has said that the server is a classic one.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);

/// How many objects with a blank in their names are fetched to see whether the server understands such names.
const SAMPLES_MAX: usize = 3;

/// The largest object that is fetched for that, in bytes.
const SAMPLE_BYTES_MAX: u64 = 64 << 20;

/// How many names of a listing a message shows.
const SHOWN_NAMES_MAX: usize = 5;

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

/// What a request does to the object that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Change,
}

/// How to spell `name` so that no other object is touched.
///
/// # Errors
/// A refusal where this server has not shown that it understands such a name.
pub(crate) fn spell(
    client: &mut Client,
    name: &str,
    purpose: Purpose,
    progress: &mut dyn Progress,
) -> Result<Spelling, Error> {
    travelling(name)?;
    if !has_blank(name) || is_ours(client, progress)? {
        return Ok(Spelling::Ours);
    }
    let spellings = [Blanks::Quoted, Blanks::RestOfLine];
    let known = client.peer_ref().blanks();
    match purpose {
        Purpose::Read => {
            for blanks in spellings
                .into_iter()
                .filter(|blanks| known.is_none_or(|known| known == *blanks))
            {
                if understands(client, name, blanks, progress)? {
                    client.peer_ref().note_blanks(blanks);
                    return spelled(name, blanks);
                }
            }
            Err(not_found(name))
        }
        Purpose::Change => {
            let known = match known {
                None => shown_by_a_sample(client, progress)?,
                known => known,
            };
            match known {
                Some(Blanks::Quoted) => spelled(name, Blanks::Quoted),
                _ => Err(Error::refused(
                    Code::InvalidName,
                    format!(
                        "`{}` has a blank, and this server has not shown that it understands that: it might touch \
                         another object; choose a name without a blank",
                        crate::shown(name)
                    ),
                )),
            }
        }
    }
}

/// Whether a name that a reply tells is the one that was asked for: its last part, whatever the case.
pub(crate) fn is_name(told: &str, name: &str) -> bool {
    let last = |text: &str| {
        let text = text.trim_end_matches(['\r', '\n']);
        text.rsplit(['/', '\\']).next().unwrap_or(text).to_lowercase()
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

/// Looks whether LIST shows what was stored. Hidden names and names in folders it need not show.
///
/// # Errors
/// [`Error::Protocol`] if it does not, and how the connection fails.
pub(crate) fn check_listed(
    client: &mut Client,
    name: &str,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    if name.contains('/') || name.starts_with('.') {
        return Ok(());
    }
    let names = match client.request(progress, Connection::ask_list, Connection::receive_names) {
        Ok(names) => names,
        // It has no LIST that could be understood.
        Err(Error::Refused(_) | Error::Protocol(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    if names.iter().any(|listed| is_name(listed, name)) {
        return Ok(());
    }
    let mut some: Vec<String> = names
        .iter()
        .take(SHOWN_NAMES_MAX)
        .map(|name| shortened(name))
        .collect();
    if names.len() > SHOWN_NAMES_MAX {
        some.push(format!("{} more", names.len() - SHOWN_NAMES_MAX));
    }
    let listed = if some.is_empty() {
        "nothing".to_owned()
    } else {
        some.join(", ")
    };
    Err(Error::Protocol(format!(
        "it answered OK, but does not list `{}`; it lists {listed}",
        shortened(name)
    )))
}

/// Whether the server is one of ours. Where the caller chose the classic dialect, it was not asked yet.
fn is_ours(client: &mut Client, progress: &mut dyn Progress) -> Result<bool, Error> {
    if let Some(is_ours) = client.peer_ref().is_ours() {
        return Ok(is_ours);
    }
    let options = Options {
        dialect: Dialect::Auto,
        timeout: HELLO_TIMEOUT,
        queue_timeout: HELLO_TIMEOUT,
        ..client.options().clone()
    };
    let is_ours = match Client::new(client.address().clone(), options).find_out(progress) {
        Ok(spoken) => spoken == crate::Spoken::Extended,
        Err(error @ (Error::Connect { .. } | Error::Refused(_))) => return Err(error),
        Err(_) => false,
    };
    client.peer_ref().note_ours(is_ours);
    Ok(is_ours)
}

/// What GETs of listed names with blanks show.
fn shown_by_a_sample(client: &mut Client, progress: &mut dyn Progress) -> Result<Option<Blanks>, Error> {
    let names = match client.request(progress, Connection::ask_list, Connection::receive_names) {
        Ok(names) => names,
        Err(Error::Refused(_) | Error::Protocol(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let samples = names
        .iter()
        .filter(|name| has_blank(name) && !name.chars().any(char::is_control));
    for sample in samples.take(SAMPLES_MAX) {
        if understands(client, sample, Blanks::Quoted, progress)? {
            client.peer_ref().note_blanks(Blanks::Quoted);
            return Ok(Some(Blanks::Quoted));
        }
    }
    Ok(None)
}

/// Whether the server answers a GET of this name, in this spelling, with this name.
fn understands(
    client: &mut Client,
    name: &str,
    blanks: Blanks,
    progress: &mut dyn Progress,
) -> Result<bool, Error> {
    let Ok(spelling) = spelled(name, blanks) else {
        return Ok(false);
    };
    let mut bytes = 0;
    let mut forget: Box<Sink<'_>> = Box::new(|piece: &[u8]| {
        bytes += piece.len() as u64;
        if bytes > SAMPLE_BYTES_MAX {
            return Err(io::Error::other("it is too large for a sample"));
        }
        Ok(())
    });
    let answer = client.request(
        progress,
        |connection| connection.ask_get_as(name, &spelling, true),
        |connection| connection.receive_named_content(&mut *forget),
    );
    match answer {
        Ok((_, told)) => Ok(told.is_some_and(|told| is_name(&told, name))),
        Err(Error::Connect { address, cause }) => Err(Error::Connect { address, cause }),
        Err(Error::NoAnswer(waited)) => Err(Error::NoAnswer(waited)),
        Err(_) => Ok(false),
    }
}

fn spelled(name: &str, blanks: Blanks) -> Result<Spelling, Error> {
    let quote = ['\'', '"'].into_iter().find(|quote| !name.contains(*quote));
    match (blanks, quote) {
        (Blanks::RestOfLine, _) => Ok(Spelling::Text(name.to_owned())),
        (Blanks::Quoted, Some(quote)) => Ok(Spelling::Text(format!("{quote}{name}{quote}"))),
        (Blanks::Quoted, None) => Err(Error::refused(
            Code::InvalidName,
            format!("`{}` has a blank and both kinds of quotes", crate::shown(name)),
        )),
    }
}

fn not_found(name: &str) -> Error {
    Error::refused(
        Code::NotFound,
        format!(
            "the server does not answer for `{}`: there is no such object, or it does not understand blanks in names",
            crate::shown(name)
        ),
    )
}

fn has_blank(name: &str) -> bool {
    name.chars().any(char::is_whitespace)
}

fn shortened(text: &str) -> String {
    let start: String = text.chars().take(80).collect();
    crate::shown(&start).to_string()
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
        for (name, text) in [("my file", "'my file'"), ("it's mine", "\"it's mine\"")] {
            assert_eq!(
                spelled(name, Blanks::Quoted).unwrap(),
                Spelling::Text(text.to_owned())
            );
        }
        assert!(spelled("it's \"mine\"", Blanks::Quoted).is_err());
    }
}
