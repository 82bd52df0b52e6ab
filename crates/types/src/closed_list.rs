//! Closed lists whose members have one word each: the word is what is typed, stored, sent and shown.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserializer, Visitor};

/// A word that is not on its list; the text gives the whole list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {what}; write {known}")]
pub struct UnknownWord {
    what: &'static str,
    found: String,
    known: String,
}

/// Declares an enum with a word for each member: `ALL`, `as_str`, `Display`, `FromStr` and serde by that word.
///
/// ```
/// haul_types::closed_list! {
///     /// How a side is called.
///     pub Side, "a side" {
///         /// The left one.
///         Left = "left",
///         /// The right one.
///         Right = "right",
///     }
/// }
///
/// assert_eq!("left".parse(), Ok(Side::Left));
/// let error = "up".parse::<Side>().unwrap_err().to_string();
/// assert_eq!(error, "`up` is not a side; write left or right");
/// ```
#[macro_export]
macro_rules! closed_list {
    (
        $(#[$meta:meta])* $vis:vis $name:ident, $what:literal {
            $($(#[$member_meta:meta])* $member:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $($(#[$member_meta])* $member,)+
        }

        impl $name {
            /// All members, in the order in which they are shown.
            $vis const ALL: &'static [Self] = &[$(Self::$member),+];

            /// The word of this member.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $word,)+
                }
            }
        }

        impl $crate::ClosedList for $name {
            const ALL: &'static [Self] = Self::ALL;

            fn as_str(self) -> &'static str {
                Self::as_str(self)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                $crate::closed_list::find($what, word)
            }
        }

        impl $crate::closed_list::serde::Serialize for $name {
            fn serialize<S: $crate::closed_list::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::closed_list::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::closed_list::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                $crate::closed_list::deserialize($what, from)
            }
        }
    };
}

/// A type that [`closed_list!`](crate::closed_list!) declared.
pub trait ClosedList: Copy + FromStr<Err = UnknownWord> + 'static {
    /// All members, in the order in which they are shown.
    const ALL: &'static [Self];

    /// The word of a member.
    fn as_str(self) -> &'static str;
}

/// For the code that [`closed_list!`](crate::closed_list!) writes.
#[doc(hidden)]
pub use serde;

/// The member with this word, for the code that [`closed_list!`](crate::closed_list!) writes.
///
/// # Errors
/// [`UnknownWord`] where no member has it.
#[doc(hidden)]
pub fn find<T: ClosedList>(what: &'static str, word: &str) -> Result<T, UnknownWord> {
    let member = T::ALL.iter().find(|member| member.as_str() == word);
    member.copied().ok_or_else(|| UnknownWord {
        what,
        found: word.to_owned(),
        known: alternatives(T::ALL),
    })
}

/// All words as an enumeration: `a, b or c`.
fn alternatives<T: ClosedList>(members: &[T]) -> String {
    let words: Vec<_> = members.iter().map(|member| member.as_str()).collect();
    match words.as_slice() {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        words => words.concat(),
    }
}

/// Reads a member from its word, for the code that [`closed_list!`](crate::closed_list!) writes.
///
/// # Errors
/// Those of the format, and a text that is no word of the list.
#[doc(hidden)]
pub fn deserialize<'de, T: ClosedList, D: Deserializer<'de>>(
    what: &'static str,
    from: D,
) -> Result<T, D::Error> {
    struct Words<T>(&'static str, PhantomData<T>);

    impl<T: ClosedList> Visitor<'_> for Words<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
            find(self.0, word).map_err(E::custom)
        }
    }

    from.deserialize_str(Words(what, PhantomData))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    closed_list! {
        /// A list with a default.
        #[derive(Default)]
        Colour, "a colour" {
            /// The first.
            Red = "red",
            /// The other.
            #[default]
            LightBlue = "light-blue",
        }
    }

    #[test]
    fn a_word_is_the_same_in_text_and_in_json() {
        for colour in Colour::ALL {
            assert_eq!(serde_json::to_string(colour).unwrap(), format!("\"{colour}\""));
            assert_eq!(
                serde_json::from_str::<Colour>(&format!("\"{colour}\"")).unwrap(),
                *colour
            );
            assert_eq!(colour.as_str().parse(), Ok(*colour));
        }
        assert_eq!(Colour::default(), Colour::LightBlue);
        assert_eq!(format!("{:>5}", Colour::Red), "  red");
    }

    #[test]
    fn a_word_can_be_a_key_of_a_json_object() {
        let counts = BTreeMap::from([(Colour::Red, 1), (Colour::LightBlue, 2)]);
        let text = serde_json::to_string(&counts).unwrap();
        assert_eq!(text, r#"{"red":1,"light-blue":2}"#);
        assert_eq!(
            serde_json::from_str::<BTreeMap<Colour, i32>>(&text).unwrap(),
            counts
        );
    }

    #[test]
    fn a_word_that_is_not_on_the_list_is_answered_with_the_list() {
        let wanted = "`green` is not a colour; write red or light-blue";
        assert_eq!("green".parse::<Colour>().unwrap_err().to_string(), wanted);
        let error = serde_json::from_str::<Colour>("\"green\"").unwrap_err();
        assert!(error.to_string().starts_with(wanted), "{error}");
        assert!(
            serde_json::from_str::<Colour>("1")
                .unwrap_err()
                .to_string()
                .contains("a colour")
        );
    }
}
