//! A key: the parsed, safe name of an object. Code that has a key need not check the name again. That a key
//! leads nowhere outside the root is the kernel's work, not this file's.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The start of the names of files in flight, which are never listed and never a key.
pub const RESERVED_PREFIX: &str = ".haul-inflight-";

/// The longest part of a key, in bytes.
const PART_BYTES_MAX: usize = 255;
/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 4096;
/// The most parts of a key. One upload makes as many folders at most, and syncs each.
const PARTS_MAX: usize = 64;

/// The name of an object or folder, relative to the root: parts divided by `/`, none of them empty, `.` or
/// `..`, without control characters, at most 64, each at most 255 bytes and all together at most 4,096.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Box<str>);

/// Which rule a name breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing at all.
    #[error("the name is empty")]
    Empty,
    /// It starts with `/`.
    #[error("the name is absolute, but names are relative to the served folder")]
    Absolute,
    /// Two `/` in a row, or one at the end.
    #[error("the name has an empty part (`//`, or `/` at its end)")]
    EmptyPart,
    /// A part is `.` or `..`.
    #[error("the name has a part `.` or `..`")]
    DotPart,
    /// A part holds NUL or another control character.
    #[error("the name has a control character")]
    Control,
    /// A part is longer than 255 bytes.
    #[error("a part of the name is longer than 255 bytes")]
    PartTooLong,
    /// The whole is longer than 4,096 bytes.
    #[error("the name is longer than 4096 bytes")]
    TooLong,
    /// There are more than 64 parts.
    #[error("the name has more than 64 parts, which are divided by /")]
    TooDeep,
    /// A part starts with [`RESERVED_PREFIX`].
    #[error("names that start with `.haul-inflight-` are reserved for files in flight")]
    ReservedName,
}

impl Key {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts of the name, from the root on; at least one.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, last)| last)
    }

    /// The folder that the key lies in; `None` where that is the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(folder, _)| Self(folder.into()))
    }

    /// Whether the key lies in `folder`, or in a folder beneath that.
    pub(crate) fn is_beneath(&self, folder: &Self) -> bool {
        let rest = self.0.strip_prefix(folder.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// The key of `name`, one part or several, beneath this one.
    ///
    /// # Errors
    /// When `name` is no key, or the two together are longer than 4,096 bytes or have more than 64 parts.
    pub fn join(&self, name: &str) -> Result<Self, KeyError> {
        name.parse::<Self>()?;
        format!("{self}/{name}").parse()
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(name: &str) -> Result<Self, KeyError> {
        if name.is_empty() {
            return Err(KeyError::Empty);
        }
        if name.len() > KEY_BYTES_MAX {
            return Err(KeyError::TooLong);
        }
        if name.starts_with('/') {
            return Err(KeyError::Absolute);
        }
        name.split('/').try_for_each(part_rules)?;
        if name.split('/').count() > PARTS_MAX {
            return Err(KeyError::TooDeep);
        }
        Ok(Self(name.into()))
    }
}

impl TryFrom<&str> for Key {
    type Error = KeyError;

    fn try_from(name: &str) -> Result<Self, KeyError> {
        name.parse()
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Keys are ordered, and hashed, as their text.
impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `name`, found in a folder (the root where that is `None`), is one that a key can say.
pub(crate) fn can_name(folder: Option<&Key>, name: &str) -> bool {
    let fits = folder.is_none_or(|folder| {
        folder.0.len() + 1 + name.len() <= KEY_BYTES_MAX && folder.parts().count() < PARTS_MAX
    });
    fits && !name.contains('/') && part_rules(name).is_ok()
}

fn part_rules(part: &str) -> Result<(), KeyError> {
    match part {
        "" => Err(KeyError::EmptyPart),
        "." | ".." => Err(KeyError::DotPart),
        _ if part.len() > PART_BYTES_MAX => Err(KeyError::PartTooLong),
        _ if part.chars().any(char::is_control) => Err(KeyError::Control),
        _ if part.starts_with(RESERVED_PREFIX) => Err(KeyError::ReservedName),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str) -> KeyError {
        name.parse::<Key>().expect_err("the name breaks a rule")
    }

    #[test]
    fn every_rule_refuses_the_names_that_break_it() {
        assert_eq!(rule(""), KeyError::Empty);
        assert_eq!(rule("/"), KeyError::Absolute);
        assert_eq!(rule("/etc/passwd"), KeyError::Absolute);
        assert_eq!(rule("//a"), KeyError::Absolute);
        assert_eq!(rule("a/"), KeyError::EmptyPart);
        assert_eq!(rule("a//b"), KeyError::EmptyPart);
        for dots in [".", "..", "./a", "../a", "a/.", "a/..", "a/../b"] {
            assert_eq!(rule(dots), KeyError::DotPart, "{dots}");
        }
        for control in ["a\0", "a\nb", "\r", "tab\t", "\u{7f}", "\u{1b}[31m", "\u{85}"] {
            assert_eq!(rule(control), KeyError::Control, "{control:?}");
        }
        assert_eq!(rule(".haul-inflight-"), KeyError::ReservedName);
        assert_eq!(rule("a/.haul-inflight-1/b"), KeyError::ReservedName);
    }

    #[test]
    fn lengths_are_counted_in_bytes_and_the_limit_itself_is_allowed() {
        assert!("x".repeat(255).parse::<Key>().is_ok());
        assert_eq!(rule(&"x".repeat(256)), KeyError::PartTooLong);
        assert_eq!(rule(&"é".repeat(128)), KeyError::PartTooLong);
        let whole = vec!["x".repeat(255); 16].join("/") + "/";
        let longest = whole.clone() + "y";
        assert_eq!(longest.len(), 4097);
        assert_eq!(rule(&longest), KeyError::TooLong);
        let fits = whole[..4094].to_owned() + "/y";
        assert_eq!((fits.len(), fits.parse::<Key>().is_ok()), (4096, true));
    }

    #[test]
    fn parts_are_counted_and_the_limit_itself_is_allowed() {
        let deep = |parts| vec!["x"; parts].join("/");
        assert!(deep(64).parse::<Key>().is_ok());
        assert_eq!(rule(&deep(65)), KeyError::TooDeep);
        let folder: Key = deep(64).parse().unwrap();
        assert_eq!(folder.join("x"), Err(KeyError::TooDeep));
    }

    #[test]
    fn unusual_but_harmless_names_are_keys() {
        for name in [
            "a b",
            " ",
            "...",
            "..a",
            ".hidden",
            "\"quoted\"",
            "back\\slash",
            "ünïcode/日本",
            "a'b",
            "-",
            "%2e%2e",
        ] {
            assert_eq!(
                name.parse::<Key>().map(|key| key.as_str().to_owned()),
                Ok(name.to_owned())
            );
        }
    }

    #[test]
    fn a_key_knows_its_parts_its_last_part_and_its_folder() {
        let key: Key = "a/b/c".parse().unwrap();
        assert_eq!(key.parts().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(key.file_name(), "c");
        assert_eq!(key.parent().unwrap().as_str(), "a/b");
        assert_eq!(key.parent().unwrap().parent().unwrap().parent(), None);
        assert_eq!("a".parse::<Key>().unwrap().file_name(), "a");
        let [a, ab] = ["a", "ab"].map(|name| name.parse::<Key>().unwrap());
        assert!(key.is_beneath(&a) && !key.is_beneath(&ab) && !a.is_beneath(&a) && !ab.is_beneath(&a));
    }

    #[test]
    fn joining_never_makes_a_name_that_parsing_would_refuse() {
        let key: Key = "a".parse().unwrap();
        assert_eq!(key.join("b/c").unwrap().as_str(), "a/b/c");
        assert_eq!(key.join(".."), Err(KeyError::DotPart));
        assert_eq!(key.join("/b"), Err(KeyError::Absolute));
        assert_eq!(key.join(""), Err(KeyError::Empty));
    }

    #[test]
    fn a_name_found_in_a_folder_is_sayable_only_if_the_whole_fits() {
        let key = |name: String| name.parse::<Key>().unwrap();
        let long =
            key((vec!["x".repeat(255); 15].join("/") + "/" + &"x".repeat(300))[..4094].to_owned() + "");
        assert!(can_name(None, "a"));
        assert!(can_name(Some(&long), "a"));
        assert!(!can_name(Some(&long), "ab"));
        assert!(can_name(Some(&key(vec!["x"; 63].join("/"))), "a"));
        assert!(!can_name(Some(&key(vec!["x"; 64].join("/"))), "a"));
        assert!(!can_name(None, "new\nline"));
        assert!(!can_name(None, ".haul-inflight-00"));
    }
}
