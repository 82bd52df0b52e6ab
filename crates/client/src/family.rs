//! Care with servers of the family that are not ours. Each reads a request line in its own way, and says OK where it
//! did something else. So nothing is asked here that could touch another object, and what comes back is compared with
//! what was asked for. docs/client.md, "Dialects", has the rules.
//!
//! A name with a blank, a quote or a backslash is the worst: most of these servers split a line at blanks, and many
//! drop quotes and backslashes. So such a name goes in quotes, and under it nothing is stored or removed before a GET
//! has shown that the server reads quotes. Under any name that a server could read as another one, see
//! [`others`](crate::others), nothing is stored or removed while that other object is there.

use std::io;
use std::time::Duration;

use crate::connection::{Sink, wire_name};
use crate::spelling::{Blanks, Spelling, is_name, needs_quotes, shortened};
use crate::{Client, Code, Connection, DialectChoice, Error, Options, Progress, others};

/// The longest silence after HELLO, where the caller has said that the server is a classic one.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest silence after a GET that many servers do not survive, such as one with a lone quote.
const RISKY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many objects with a blank (or a quote, or a backslash) in their names are fetched to see whether the server
/// understands such names.
const SAMPLES_MAX: usize = 3;

/// The largest object that is fetched for that, in bytes.
const SAMPLE_BYTES_MAX: u64 = 64 << 20;

/// How many names of a listing a message shows.
const SHOWN_NAMES_MAX: usize = 5;

/// The effect of a request on the object that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
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
    access: Access,
    progress: &mut dyn Progress,
) -> Result<Spelling, Error> {
    wire_name(name)?;
    let could_be_another = others::others(name, &Spelling::Ours).map_or(true, |others| !others.is_empty());
    let needs_quotes = needs_quotes(name);
    if !could_be_another && !needs_quotes || is_ours(client, progress)? {
        return Ok(Spelling::Ours);
    }
    match (access, needs_quotes) {
        (Access::Read, false) => Ok(Spelling::Ours),
        (Access::Read, true) => spell_to_read(client, name, progress),
        (Access::Change, _) => {
            let spelling = if needs_quotes {
                spell_to_change(client, name, progress)?
            } else {
                Spelling::Ours
            };
            others::expect_none(client, name, &spelling, progress)?;
            Ok(spelling)
        }
    }
}

fn spell_to_read(client: &mut Client, name: &str, progress: &mut dyn Progress) -> Result<Spelling, Error> {
    let known = client.peer_ref().blanks();
    for blanks in [Blanks::Quoted, Blanks::RestOfLine] {
        if known.is_none_or(|known| known == blanks) && understands(client, name, blanks, progress)? {
            client.peer_ref().note_blanks(blanks);
            return Ok(Spelling::of(name, blanks));
        }
    }
    Err(not_found(name))
}

fn spell_to_change(client: &mut Client, name: &str, progress: &mut dyn Progress) -> Result<Spelling, Error> {
    let known = match client.peer_ref().blanks() {
        None => shown_by_a_sample(client, progress)?,
        known => known,
    };
    match known {
        Some(Blanks::Quoted) => Ok(Spelling::of(name, Blanks::Quoted)),
        _ => Err(Error::refused(
            Code::InvalidName,
            format!(
                "`{}` has a blank, a quote or a backslash, and this server has not shown that it understands that: it \
                 might touch another object; choose a name without",
                shortened(name)
            ),
        )),
    }
}

/// After a GET: that the content is that of `name`, and not of another object that the server could mean by it.
///
/// # Errors
/// [`Error::Protocol`] if the reply does not tell this very name and the other object is there.
pub(crate) fn check_content_is_of(
    client: &mut Client,
    name: &str,
    spelling: &Spelling,
    told: Option<&str>,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let is_told = told.is_some_and(|told| others::shows(&[told.to_owned()], name));
    if is_told || others::others(name, spelling)?.is_empty() || is_ours(client, progress)? {
        return Ok(());
    }
    match others::expect_none(client, name, spelling, progress) {
        Err(Error::Refused(refusal)) if refusal.code == Code::InvalidName => Err(Error::Protocol(format!(
            "it may be of another object: {}",
            refusal.sentence
        ))),
        other => other,
    }
}

/// Looks whether LIST shows what was stored, under this very name and no other. Names that LIST need not show (hidden names,
/// names in folders and without a dot) can be fetched instead.
///
/// # Errors
/// [`Error::Protocol`] if it does not, and how the connection fails.
pub(crate) fn check_listed(
    client: &mut Client,
    name: &str,
    spelling: &Spelling,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let Some(names) = others::listing(client, progress)? else {
        return Ok(());
    };
    let is_stored = others::shows(&names, name)
        || !others::is_listable(name) && others::can_be_fetched(client, name, spelling, progress)?;
    let rest = others::without(names.clone(), name);
    let mut is_elsewhere = false;
    for other in others::others(name, spelling)? {
        is_elsewhere |= others::is_there(client, &other, Some(&rest), progress)?;
    }
    if is_stored && !is_elsewhere {
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
    let is_ours = match hasty(client, HELLO_TIMEOUT).find_out(progress) {
        Ok(dialect) => dialect == crate::Dialect::Extended,
        Err(error @ (Error::Connect { .. } | Error::Refused(_))) => return Err(error),
        Err(_) => false,
    };
    client.peer_ref().note_ours(is_ours);
    Ok(is_ours)
}

/// A client of the same server that waits no longer than `timeout`, and asks what it speaks.
fn hasty(client: &Client, timeout: Duration) -> Client {
    let options = Options {
        dialect: DialectChoice::Auto,
        timeout,
        queue_timeout: timeout,
        ..client.options().clone()
    };
    Client::new(client.address().clone(), options)
}

/// Fetches listed names that need quotes, to see how the server reads such names.
fn shown_by_a_sample(client: &mut Client, progress: &mut dyn Progress) -> Result<Option<Blanks>, Error> {
    let names = others::listing(client, progress)?.unwrap_or_default();
    let samples = names
        .iter()
        .filter(|name| needs_quotes(name) && !name.chars().any(char::is_control));
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
    let spelling = Spelling::of(name, blanks);
    let mut bytes = 0;
    let mut forget: Box<Sink<'_>> = Box::new(|piece: &[u8]| {
        bytes += piece.len() as u64;
        if bytes > SAMPLE_BYTES_MAX {
            return Err(io::Error::other("it is too large for a sample"));
        }
        Ok(())
    });
    let ask = |connection: &mut Connection| connection.ask_get_as(name, &spelling, true);
    let receive = |connection: &mut Connection| connection.receive_named_content(&mut *forget);
    let is_risky = blanks == Blanks::RestOfLine && name.contains(['\'', '"', '\\']);
    let answer = if is_risky {
        let answer = hasty(client, RISKY_TIMEOUT).request(progress, ask, receive);
        match answer {
            Err(Error::NoAnswer(_)) => return Ok(false),
            other => other,
        }
    } else {
        client.request(progress, ask, receive)
    };
    match answer {
        Ok((_, told)) => Ok(told.is_some_and(|told| is_name(&told, name))),
        Err(Error::Connect { address, cause }) => Err(Error::Connect { address, cause }),
        Err(Error::NoAnswer(waited)) => Err(Error::NoAnswer(waited)),
        Err(_) => Ok(false),
    }
}

fn not_found(name: &str) -> Error {
    Error::refused(
        Code::NotFound,
        format!(
            "the server does not answer for `{}`: there is no such object, or it does not understand blanks, quotes and backslashes in names",
            haul_types::printable(name)
        ),
    )
}
