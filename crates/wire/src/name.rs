//! The name of an object as it travels: a bounded string, and nothing more. Whether it may be the name of an
//! object (`..`, control characters, reserved prefixes) is for the store to say.

use std::fmt;
use std::str::FromStr;

use haul_types::printable;

/// The name of an object in a request: 1 to [`Name::BYTES_MAX`] bytes of UTF-8.
///
/// `Display` is [`printable`], so that a name can go into a log line or a sentence; the name itself
/// is [`Name::as_str`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<str>);

/// Why some bytes cannot be a [`Name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There are no bytes.
    #[error("the name is empty")]
    Empty,
    /// There are more than [`Name::BYTES_MAX`] bytes.
    #[error("the name is longer than {} bytes", Name::BYTES_MAX)]
    TooLong,
    /// The bytes are not UTF-8.
    #[error("the name is not UTF-8")]
    NotUtf8,
}

impl Name {
    /// The longest name, in bytes: 4,096.
    pub const BYTES_MAX: usize = 4096;

    /// Makes a name of a string.
    ///
    /// # Errors
    /// [`NameError::Empty`] or [`NameError::TooLong`].
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if name.is_empty() {
            Err(NameError::Empty)
        } else if name.len() > Self::BYTES_MAX {
            Err(NameError::TooLong)
        } else {
            Ok(Self(name.into_boxed_str()))
        }
    }

    /// Makes a name of bytes from the network.
    ///
    /// # Errors
    /// [`NameError::TooLong`] before [`NameError::NotUtf8`]: a long name is not looked at.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NameError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(NameError::TooLong);
        }
        Self::new(std::str::from_utf8(bytes).map_err(|_| NameError::NotUtf8)?)
    }

    /// The name as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable(&self.0).fmt(f)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::new(name)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_4096_bytes_of_utf8() {
        assert_eq!(Name::new(""), Err(NameError::Empty));
        assert_eq!(Name::new("n".repeat(4096)).unwrap().as_str().len(), 4096);
        assert_eq!(Name::new("n".repeat(4097)), Err(NameError::TooLong));
        assert_eq!(Name::from_bytes(&[b'n'; 4097]), Err(NameError::TooLong));
        assert_eq!(Name::from_bytes(b""), Err(NameError::Empty));
        assert_eq!(Name::from_bytes(b"caf\xe9"), Err(NameError::NotUtf8));
        assert_eq!(Name::from_bytes("café".as_bytes()).unwrap().as_str(), "café");
    }

    #[test]
    fn what_is_shown_of_a_name_has_no_control_characters() {
        let name = Name::new("a\nb\u{1b}[31m\u{7f}\u{85}é").unwrap();
        assert_eq!(name.to_string(), "a\\nb\\u{1b}[31m\\u{7f}\\u{85}é");
        assert_eq!(name.as_str(), "a\nb\u{1b}[31m\u{7f}\u{85}é");
    }
}
