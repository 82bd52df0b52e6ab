//! The other objects that a server which is not ours could mean by a name. Some of these servers put a whole line into
//! lower case, take the last part of a path, split at blanks, or drop quotes and backslashes; then `rm README.TXT`
//! would remove `readme.txt`. So nothing is stored or removed while an object of such a name is there.

use std::collections::BTreeSet;
use std::io;

use crate::connection::Sink;
use crate::spelling::{Spelling, shortened};
use crate::{Client, Code, Connection, Error, Progress};

/// How many other names a name may have. It takes up to a request for each to see that they are free.
const OTHERS_MAX: usize = 32;

/// The names, beside `name` itself, that a server could take from a line with this spelling of it; in order, so that
/// what is asked does not depend on chance.
pub(crate) fn others(name: &str, spelling: &Spelling) -> Result<BTreeSet<String>, Error> {
    let mut others = BTreeSet::new();
    let mut waiting = vec![name.to_owned()];
    if let Spelling::Text(text) = spelling {
        waiting.push(text.clone());
    }
    let mut is_expanded = BTreeSet::new();
    while let Some(text) = waiting.pop() {
        if !is_expanded.insert(text.clone()) {
            continue;
        }
        if text != name && !matches!(text.as_str(), "" | "." | "..") {
            others.insert(text.clone());
        }
        if others.len() > OTHERS_MAX {
            return Err(Error::refused(
                Code::InvalidName,
                format!(
                    "this server could read `{}` in too many ways; choose a simpler name",
                    shortened(name)
                ),
            ));
        }
        waiting.extend(readings(&text));
    }
    Ok(others)
}

/// The texts that one step of a server's parsing may turn a text into.
fn readings(text: &str) -> Vec<String> {
    let without = |unwanted: &[char]| text.replace(unwanted, "");
    let mut readings = vec![
        text.to_lowercase(),
        without(&['\'', '"']),
        without(&['\\']),
        text.trim_matches(['\'', '"']).to_owned(),
    ];
    readings.extend(text.rsplit(['/', '\\']).next().map(str::to_owned));
    readings.extend(text.rsplit('/').next().map(str::to_owned));
    // One more than is allowed is enough to see that there are too many.
    readings.extend(text.split_whitespace().take(OTHERS_MAX + 1).map(str::to_owned));
    readings
}

/// Makes sure that the server has no object that it could mean instead of `name`.
///
/// # Errors
/// A refusal if it has one, or if that cannot be told.
pub(crate) fn expect_none(
    client: &mut Client,
    name: &str,
    spelling: &Spelling,
    progress: &mut dyn Progress,
) -> Result<(), Error> {
    let others = others(name, spelling)?;
    if others.is_empty() {
        return Ok(());
    }
    let listed = listing(client, progress)?.map(|listed| without(listed, name));
    for other in others {
        if is_there(client, &other, listed.as_deref(), progress)? {
            return Err(Error::refused(
                Code::InvalidName,
                format!(
                    "this server is no haul server and might mean `{}`, which it has, instead of `{}`; rename one of them",
                    shortened(&other),
                    shortened(name)
                ),
            ));
        }
    }
    Ok(())
}

/// The names in the reply to LIST; nothing where the server has no LIST that this client understands.
pub(crate) fn listing(
    client: &mut Client,
    progress: &mut dyn Progress,
) -> Result<Option<Vec<String>>, Error> {
    match client.request(progress, Connection::ask_list, Connection::receive_names) {
        Ok(names) => Ok(Some(names)),
        Err(Error::Refused(_) | Error::Protocol(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a listing shows this name, alone or at the end of a path.
pub(crate) fn shows(listed: &[String], name: &str) -> bool {
    let separators: &[char] = if name.contains('\\') { &['/'] } else { &['/', '\\'] };
    listed.iter().any(|listed| {
        listed
            .strip_suffix(name)
            .is_some_and(|path| path.is_empty() || path.ends_with(separators))
    })
}

/// A listing without the lines that show `name`: the path of an object ends in a name that is none of another object.
pub(crate) fn without(listed: Vec<String>, name: &str) -> Vec<String> {
    let is_other = |listed: &String| !shows(std::slice::from_ref(listed), name);
    listed.into_iter().filter(is_other).collect()
}

/// Whether every LIST shows an object of that name: many show the top folder only, and there what `*.*` matches.
pub(crate) fn is_listable(name: &str) -> bool {
    name.contains('.') && !name.starts_with('.') && !name.contains('/')
}

/// Whether the server has an object of that name, by its listing or, where that says nothing, by a GET.
///
/// # Errors
/// As the GET fails.
pub(crate) fn is_there(
    client: &mut Client,
    other: &str,
    listed: Option<&[String]>,
    progress: &mut dyn Progress,
) -> Result<bool, Error> {
    match listed {
        Some(listed) if shows(listed, other) => Ok(true),
        // A lone quote would leave many of these servers silent, and a name with one is in LIST if it is anywhere.
        Some(_) if is_listable(other) || other.contains(['\'', '"']) => Ok(false),
        _ => can_be_fetched(client, other, &Spelling::Text(other.to_owned()), progress),
    }
}

/// Whether a GET is answered with content. Only the refusal that certainly says so means that there is none.
///
/// # Errors
/// As the GET fails, except where the object is missing.
pub(crate) fn can_be_fetched(
    client: &mut Client,
    name: &str,
    spelling: &Spelling,
    progress: &mut dyn Progress,
) -> Result<bool, Error> {
    let answer = client.minding_line_ends(name, |client, ends| {
        // The first piece says enough, and the rest is not received.
        let mut begun = false;
        let mut stop: Box<Sink<'_>> = Box::new(|_: &[u8]| {
            begun = true;
            Err(io::Error::other("there is content"))
        });
        let answer = client.request(
            progress,
            |connection| connection.ask_get_as(name, spelling, ends),
            |connection| connection.receive_named_content(&mut *stop),
        );
        drop(stop);
        match answer {
            _ if begun => Ok(true),
            Ok(_) => Ok(true),
            Err(error) => Err(error),
        }
    });
    match answer {
        Err(error) if error.is_not_found() => Ok(false),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, spelling: &Spelling) -> Vec<String> {
        others(name, spelling).unwrap().into_iter().collect()
    }

    #[test]
    fn a_plain_name_can_only_mean_itself() {
        for name in ["a", "a.txt", "my-file_2.tar.gz", "été.txt", ".hidden"] {
            assert!(of(name, &Spelling::Ours).is_empty(), "{name}");
        }
    }

    #[test]
    fn another_reading_of_a_name_is_another_object() {
        for (name, wanted) in [
            ("UPPER.TXT", &["upper.txt"][..]),
            ("dir/in.txt", &["in.txt"]),
            ("Dir/In.txt", &["In.txt", "dir/in.txt", "in.txt"]),
            ("\"quoted.txt\"", &["quoted.txt"]),
            ("it's.txt", &["its.txt"]),
            ("back\\slash.txt", &["backslash.txt", "slash.txt"]),
        ] {
            assert_eq!(of(name, &Spelling::Ours), wanted, "{name}");
        }
        let quoted = Spelling::Text("'my file'".to_owned());
        assert_eq!(
            of("my file", &quoted),
            ["'my", "'my file'", "file", "file'", "my"]
        );
    }

    #[test]
    fn a_name_with_too_many_readings_is_refused() {
        let long: Vec<String> = (0..2000).map(|number| number.to_string()).collect();
        assert!(others(&long.join(" "), &Spelling::Ours).is_err());
    }
}
