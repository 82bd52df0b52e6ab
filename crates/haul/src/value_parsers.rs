//! How the text of a flag becomes a value. An error quotes the text and says what to write instead.

use std::ffi::OsStr;
use std::fmt::Display;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Arg, Command};
use haul_types::ClosedList;

/// A value that its type reads.
pub(crate) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| {
        let sentence = error.to_string();
        // The standard library's sentences about numbers name neither the value nor the cure.
        if sentence.ends_with("in string") || sentence.starts_with("number too") {
            return format!("`{text}` is not a number that this takes; write one such as 1 or 50");
        }
        if sentence.contains(text) {
            sentence
        } else {
            format!("`{text}`: {sentence}")
        }
    })
}

/// How many transfers at a time, 1 to 256.
pub(crate) fn jobs(text: &str) -> Result<u16, String> {
    let count = text.parse().ok().filter(|count| (1..=256).contains(count));
    count.ok_or_else(|| format!("`{text}` is not a number of transfers; write one from 1 to 256"))
}

/// One word of a closed list.
pub(crate) fn word<T: ClosedList + Send + Sync>() -> impl TypedValueParser<Value = T> {
    words(T::ALL.iter().map(|member| member.as_str()))
}

/// One of these words, which the type reads.
pub(crate) fn words<T>(words: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Display> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| parsed::<T>(&word))
}

/// Levels of a factor, with commas between them. An empty text is an empty list.
#[derive(Debug, Clone)]
pub(crate) struct LevelList<T>(pub(crate) Vec<T>);

impl<T: FromStr<Err: Display>> FromStr for LevelList<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self(Vec::new()));
        }
        let levels = text.split(',').map(|level| parsed(level.trim()));
        levels.collect::<Result<_, _>>().map(Self)
    }
}

/// A value that its type reads; these texts are offered to a shell that completes it, and others are taken as well.
pub(crate) fn suggesting<T>(offered: &'static [&'static str]) -> Suggesting<T> {
    Suggesting {
        offered,
        value: PhantomData,
    }
}

/// See [`suggesting`].
#[derive(Debug, Clone)]
pub(crate) struct Suggesting<T> {
    offered: &'static [&'static str],
    value: PhantomData<fn() -> T>,
}

impl<T> TypedValueParser for Suggesting<T>
where
    T: FromStr<Err: Display> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &Command, flag: Option<&Arg>, text: &OsStr) -> Result<T, clap::Error> {
        TypedValueParser::parse_ref(&parsed::<T>, command, flag, text)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.offered.iter().map(PossibleValue::new)))
    }
}
