//! Whether a server that is not ours stores under a name as it is. Where no object is there that it could mean instead
//! ([`others`]), an upload harms none, but could make one under a name that was not given. So a server is asked before it gets the
//! content: with a request that leaves nothing behind.

use std::io;

use crate::connection::Sink;
use crate::spelling::{Blanks, Spelling, UploadForm, shortened};
use crate::{Client, Code, Connection, Error, Progress, others};

/// The length of a word that no file system takes for a name.
const LONG_BYTES: usize = 256;

/// Content from which on a server is asked whether it takes an UPLOAD as JSON. Some split a line word by word, which takes
/// them 100 s for 1 MiB, and read JSON at once.
const JSON_BYTES_MIN: u64 = 256 << 10;

/// Refuses an upload where the server has shown that it would store it under another name.
///
/// # Errors
/// That refusal, and how the connection fails.
pub(crate) fn expect_kept(
    client: &mut Client,
    name: &str,
    spelling: &Spelling,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    if matches!(spelling, Spelling::Text(_)) && !uploads_quoted(client, progress)? {
        return Err(Error::refused(
            Code::InvalidName,
            format!(
                "`{}` has a blank, a quote or a backslash, and this server has not shown that it understands that in \
                 an UPLOAD; choose a name without",
                shortened(name)
            ),
        ));
    }
    if !client.peer_ref().keeps_names() && !others::others(name, &Spelling::Ours)?.is_empty() {
        expect_read_as_it_is(client, name, spelling, progress)?;
        expect_uploaded_as_it_is(client, name, spelling, progress)?;
    }
    Ok(())
}

/// Refuses where the refusal of an UPLOAD into the same folder, under a name in capitals that is too long, tells that name
/// in small letters or without the folder.
fn expect_uploaded_as_it_is(
    client: &mut Client,
    name: &str,
    spelling: &Spelling,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let folder = name.rfind('/').map_or("", |end| &name[..=end]);
    let last = "X".repeat(LONG_BYTES);
    let asked = format!("{folder}{last}");
    let spelled = match (spelling, Spelling::of(&asked, Blanks::Quoted)) {
        (Spelling::Text(_), Spelling::Text(quoted)) => quoted,
        _ => asked.clone(),
    };
    let line = format!("UPLOAD {spelled} {}", "QUJD".repeat(LONG_BYTES / 4));
    let told = refusal_of(client, &line, progress)?.unwrap_or_default();
    if told.contains(&asked) {
        if folder.is_empty() {
            client.peer_ref().note_kept_names();
        }
        return Ok(());
    }
    if !told.to_uppercase().contains(&last) {
        return Ok(());
    }
    Err(Error::refused(
        Code::InvalidName,
        format!(
            "this server is no haul server and stores what goes to `{}` under another name; choose one without capitals \
             and folders",
            shortened(name)
        ),
    ))
}

/// Whether the server reads quotes in the line of an UPLOAD. Many do in every line but that one, where they take the
/// first word with its quote. None can store under a name that is too long, and a server that says which name that was
/// shows how it read the line.
fn uploads_quoted(client: &mut Client, progress: &mut dyn Progress) -> Result<bool, Error> {
    if let Some(is_quoted) = client.peer_ref().uploads_quoted() {
        return Ok(is_quoted);
    }
    // The first word alone is too long as well, and so is the payload: there are servers that take it for the name.
    let name = format!("{} x", "x".repeat(LONG_BYTES));
    let line = format!("UPLOAD '{name}' {}", "QUJD".repeat(LONG_BYTES / 4));
    let is_quoted = tells_long_name(client, &line, &name, progress)?;
    client.peer_ref().note_uploads_quoted(is_quoted);
    Ok(is_quoted)
}

/// How to send an UPLOAD of this length. The line where there is no need for another form or the server has not shown that it
/// takes one: a form is never changed after content was sent, since the server may still act on what it has.
///
/// # Errors
/// How the connection fails.
pub(crate) fn upload_form(
    client: &mut Client,
    spelling: &Spelling,
    length_bytes: u64,
    progress: &mut dyn Progress,
) -> Result<UploadForm, Error> {
    if length_bytes < JSON_BYTES_MIN
        || *spelling != Spelling::Ours
        || client.peer_ref().is_ours() == Some(true)
    {
        return Ok(UploadForm::Line);
    }
    if let Some(form) = client.peer_ref().upload_form() {
        return Ok(form);
    }
    let name = "x".repeat(LONG_BYTES);
    let line = format!(r#"{{"command": "upload", "filename": "{name}", "filedata": "QUJD"}}"#);
    let takes_json = tells_long_name(client, &line, &name, progress)?;
    let form = if takes_json {
        UploadForm::Json
    } else {
        UploadForm::Line
    };
    client.peer_ref().note_upload_form(form);
    Ok(form)
}

/// Whether the server refuses this UPLOAD with a sentence that holds the name, which is too long for every file system.
fn tells_long_name(
    client: &mut Client,
    line: &str,
    name: &str,
    progress: &mut dyn Progress,
) -> Result<bool, Error> {
    Ok(refusal_of(client, line, progress)?.is_some_and(|sentence| sentence.contains(name)))
}

/// The sentence in which the server refuses this line, if it does.
fn refusal_of(client: &mut Client, line: &str, progress: &mut dyn Progress) -> Result<Option<String>, Error> {
    let answer = client.request(
        progress,
        |connection| connection.ask_line(line),
        Connection::receive_done,
    );
    match answer {
        Err(Error::Refused(refusal)) => Ok(Some(refusal.sentence)),
        Err(error @ (Error::Connect { .. } | Error::NoAnswer(_))) => Err(error),
        _ => Ok(None),
    }
}

/// Refuses where the answer to a GET of the name, be it content or "No such file: 'photo.jpg'", tells another one.
fn expect_read_as_it_is(
    client: &mut Client,
    name: &str,
    spelling: &Spelling,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let mut is_begun = false;
    let mut stop: Box<Sink<'_>> = Box::new(|_: &[u8]| {
        is_begun = true;
        Err(io::Error::other("there is content"))
    });
    let answer = client.request(
        progress,
        |connection| connection.ask_get_as(name, spelling, true),
        |connection| connection.receive_named_content(&mut *stop),
    );
    drop(stop);
    let text = match answer {
        Err(Error::Refused(refusal)) => refusal.sentence,
        Err(error @ (Error::Connect { .. } | Error::NoAnswer(_))) if !is_begun => return Err(error),
        // The object there is this very one: no other object that could be meant instead is there.
        _ => return Ok(()),
    };
    if text.contains(name) {
        return Ok(());
    }
    let others = others::others(name, &Spelling::Ours)?;
    match others.iter().find(|other| text.contains(other.as_str())) {
        Some(other) => Err(Error::refused(
            Code::InvalidName,
            format!(
                "this server is no haul server and reads `{}` as `{}`; choose that name, or another",
                shortened(name),
                shortened(other)
            ),
        )),
        None => Ok(()),
    }
}
