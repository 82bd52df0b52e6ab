//! The keys of a JSON command.

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::Verb;

/// The keys with a meaning. Strings are taken as bytes, so that a name which is not Unicode is refused as a name.
#[derive(serde::Deserialize)]
pub(super) struct Parts {
    /// Some programs say `cmd`; with both, serde takes the key for one that is there twice.
    #[serde(alias = "cmd")]
    command: Option<JsonText>,
    filename: Option<JsonText>,
    #[serde(rename = "filedata")]
    _filedata: Option<JsonText>,
    params: Option<Params>,
}

/// The verb of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// It does not say.
    Nothing,
    /// Something else than a classic verb.
    Unknown,
    Verb(Verb),
}

/// The operands, as some programs send them. Any other value under that key is ignored.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Params {
    List(Vec<serde_json::Value>),
    Other(de::IgnoredAny),
}

struct JsonText(Vec<u8>);

impl Parts {
    pub(super) fn asked(&self) -> Asked {
        let Some(command) = &self.command else {
            return Asked::Nothing;
        };
        match Verb::from_word(command.0.trim_ascii()) {
            Some(verb) if verb.is_classic() => Asked::Verb(verb),
            _ => Asked::Unknown,
        }
    }

    pub(super) fn verb(&self) -> Option<Verb> {
        match self.asked() {
            Asked::Verb(verb) => Some(verb),
            Asked::Nothing | Asked::Unknown => None,
        }
    }

    pub(super) fn filename(&self) -> Option<&[u8]> {
        self.filename.as_ref().map(|filename| filename.0.as_slice())
    }

    /// The first of the operands.
    pub(super) fn listed_name(&self) -> Option<&[u8]> {
        match self.params.as_ref()? {
            Params::List(list) => list.first()?.as_str().map(str::as_bytes),
            Params::Other(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = JsonText;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<JsonText, E> {
        Ok(JsonText(bytes.to_vec()))
    }
}
