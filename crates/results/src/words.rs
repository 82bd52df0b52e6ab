//! Closed lists whose members have one word each: the word is what is typed, written to the journal and shown.

/// A word that is not on its list; the text gives the whole list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {what}: it is one of {known}")]
pub struct UnknownWord {
    what: &'static str,
    found: String,
    known: String,
}

impl UnknownWord {
    pub(crate) fn new(what: &'static str, found: &str, known: &[&str]) -> Self {
        Self {
            what,
            found: found.to_owned(),
            known: known.join(", "),
        }
    }
}

/// Declares an enum with a word for each member: `ALL`, `word`, `Display`, `FromStr` and serde by that word.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$member_meta:meta])* $member:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$member_meta])* #[serde(rename = $word)] $member,)+
        }

        impl $name {
            /// All members, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$member),+];

            /// The one word for it.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$member => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::words::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$member),)+
                    _ => Err($crate::words::UnknownWord::new($what, word, &[$($word),+])),
                }
            }
        }
    };
}

pub(crate) use words;
