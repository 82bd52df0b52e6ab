//! What is said when the command line cannot be parsed: in the same form as every other message of haul, one line
//! with the cure in it, and a second one with the usage.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli;

/// Subcommands that people know from other programs, and what to do here.
const FOREIGN: [(&str, &str); 9] = [
    (
        "mkdir",
        "put makes the folders of a name, and the server keeps no empty ones",
    ),
    ("mv", "haul cannot rename: get, put and rm"),
    ("rename", "haul cannot rename: get, put and rm"),
    ("cp", "haul copies with get and put"),
    (
        "sync",
        "put -r --update and get -r --update move what has changed",
    ),
    ("rmdir", "rm -r removes a folder"),
    ("list", "ls lists a folder"),
    ("tree", "ls -r lists what is in the folders too"),
    ("start", "serve starts a server"),
];

/// The message of a parser's error about `typed`, without `haul: `.
pub(crate) fn sentence(error: &clap::Error, typed: &[OsString]) -> String {
    let rendered = error.render().to_string();
    let mut lines = rendered.lines();
    let mut sentence = first_line(error, lines.next().unwrap_or_default());
    let mut listed = Vec::new();
    let mut usage = None;
    for line in lines.map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            // Flags of other programs are not values: that tip misleads.
            if !tip.starts_with("to pass ") {
                listed.push(tip.to_owned());
            }
        } else if let Some(line) = line.strip_prefix("Usage: ") {
            usage = Some(line.to_owned());
        }
    }
    if let Some(cure) = foreign(error) {
        listed = vec![cure.to_owned()];
    }
    for tip in listed {
        sentence.push_str(&format!("; {tip}"));
    }
    if let Some(usage) = usage {
        sentence.push_str(&format!("\nusage: {usage}"));
    }
    format!("{sentence}\nmore:  {} --help", command(typed))
}

fn first_line(error: &clap::Error, line: &str) -> String {
    let flag = text(error, ContextKind::InvalidArg);
    let flag = flag.split_whitespace().next().unwrap_or_default().to_owned();
    let value = text(error, ContextKind::InvalidValue);
    match error.kind() {
        // The parsers of this program quote the value themselves and say what to write instead.
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(cause) if !flag.is_empty() => format!("{flag}: {cause}"),
            _ => strip(line),
        },
        ErrorKind::InvalidValue if !value.is_empty() => {
            format!(
                "{flag}: `{value}` is not one of its values; write {}",
                values(error)
            )
        }
        ErrorKind::InvalidValue => format!("{flag}: a value is missing"),
        ErrorKind::MissingRequiredArgument => match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::Strings(missing)) => format!("missing: {}", missing.join(" ")),
            _ => strip(line),
        },
        _ => strip(line),
    }
}

fn strip(line: &str) -> String {
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

fn text(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// The values that a flag takes, as an enumeration.
fn values(error: &clap::Error) -> String {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) => match values.as_slice() {
            [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            values => values.join(", "),
        },
        _ => "another one".to_owned(),
    }
}

/// What to ask for help: the subcommand that was typed, if there is one.
fn command(typed: &[OsString]) -> String {
    let words = typed.iter().filter_map(|word| word.to_str());
    match words.skip(1).find(|word| cli::DOCUMENTED.contains(word)) {
        Some(command) => format!("{} {command}", cli::NAME),
        None => cli::NAME.to_owned(),
    }
}

fn foreign(error: &clap::Error) -> Option<&'static str> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let typed = text(error, ContextKind::InvalidSubcommand);
    FOREIGN
        .iter()
        .find(|(name, _)| *name == typed)
        .map(|(_, cure)| *cure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(words: &str) -> String {
        let words = std::iter::once("haul").chain(words.split(' '));
        let typed: Vec<OsString> = words.map(Into::into).collect();
        sentence(&cli::parse(&typed).unwrap_err(), &typed)
    }

    #[test]
    fn a_mistyped_line_is_answered_in_one_line_with_the_cure_and_the_usage() {
        for (typed, parts) in [
            ("lst", &["unrecognized subcommand 'lst'", "'ls'"][..]),
            ("mv a b", &["unrecognized subcommand 'mv'", "get, put and rm"]),
            (
                "get a --outptu b",
                &["'--outptu'", "'--output'", "usage: haul get", "haul get --help"],
            ),
            ("get", &["missing: <NAME>", "usage: haul get <NAME>"]),
            (
                "get a -j 1000",
                &["--jobs: `1000` is not a number of transfers; write one from 1 to 256"],
            ),
            ("get a -j x", &["--jobs: `x` is not a number of transfers"]),
            (
                "get a --retries x",
                &["--retries: `x` is not a number of tries; write 0, 1, 2 …"],
            ),
            (
                "get a --timeout x",
                &["--timeout: `x` is not a time; write seconds, or a time such as 30s"],
            ),
            (
                "ls --dialect latin",
                &["--dialect: `latin` is not one of its values; write auto, classic or extended"],
            ),
            (
                "serve --wings",
                &["unexpected argument '--wings'", "usage: haul serve"],
            ),
            ("man fly", &["`fly` is not one of its values", "serve, ls, get"]),
        ] {
            let sentence = said(typed);
            for part in parts {
                assert!(sentence.contains(part), "{typed}: {part}: {sentence}");
            }
            assert!(
                !sentence.contains("as a value")
                    && !sentence.contains("error:")
                    && sentence.lines().count() <= 3,
                "{typed}: {sentence}"
            );
        }
    }
}
