//! Where a server is, and what of it is meant: `haul://host:port` and `haul://host:port/name`.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

/// The port of a server that names none.
pub const PORT_DEFAULT: u16 = 46666;

/// A server's host and port. The host is a name, an IPv4 address or an IPv6 address without its brackets.
///
/// ```
/// use haul_client::{Address, PORT_DEFAULT};
///
/// let address: Address = "haul://example.org".parse()?;
/// assert_eq!((address.host(), address.port()), ("example.org", PORT_DEFAULT));
/// # Ok::<(), haul_client::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    host: String,
    port: u16,
}

/// Why a text is no address or location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no host before the port.
    #[error("`{0}` names no host; write haul://HOST:PORT")]
    NoHost(String),
    /// The port is no number between 1 and 65535.
    #[error("`{0}` is not a port; write a number from 1 to 65535")]
    Port(String),
    /// An opening bracket without its partner, or text after it that is no port.
    #[error("`{0}` is not an IPv6 address; write haul://[ADDRESS]:PORT")]
    Brackets(String),
    /// Something that only other kinds of URL have.
    #[error("`{0}` is not of the form haul://HOST:PORT")]
    Form(String),
    /// The name's percent-encoding is broken, or is not UTF-8 when decoded.
    #[error("`{0}` is not a percent-encoded name; write % as %25")]
    Encoding(String),
}

impl Address {
    /// An address of its parts.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// `haul://host:port`, `host:port`, `host`, `[ipv6]:port` or a bare IPv6 address; one trailing `/` is allowed.
impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let rest = text.strip_prefix(SCHEME).unwrap_or(text);
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '@', '%']) || authority.contains(char::is_whitespace) {
            return Err(AddressError::Form(text.to_owned()));
        }
        parse_authority(authority, text)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "{SCHEME}[{host}]:{port}")
        } else {
            write!(f, "{SCHEME}{host}:{port}")
        }
    }
}

/// A server and a name on it, as `haul://host:port/name` says it. The name may be empty: the root.
///
/// ```
/// use haul_client::Location;
///
/// let location: Location = "haul://[::1]:7000/my%20file.txt".parse()?;
/// assert_eq!(location.address.to_string(), "haul://[::1]:7000");
/// assert_eq!(location.name, "my file.txt");
/// # Ok::<(), haul_client::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// The server.
    pub address: Address,
    /// The name, percent-decoded, without the slash before it; a slash at its end is kept.
    pub name: String,
}

impl Location {
    /// Whether a text means a location (rather than a plain name).
    pub fn is_meant_by(text: &str) -> bool {
        text.starts_with(SCHEME)
    }
}

/// `haul://host:port/name`, with the name percent-encoded where it holds `%` (other characters may stand as they are).
impl FromStr for Location {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let rest = text
            .strip_prefix(SCHEME)
            .ok_or_else(|| AddressError::Form(text.to_owned()))?;
        let (authority, encoded) = rest.split_once('/').unwrap_or((rest, ""));
        let address = format!("{SCHEME}{authority}").parse()?;
        Ok(Self {
            address,
            name: decode_name(encoded)?,
        })
    }
}

const SCHEME: &str = "haul://";

fn parse_authority(authority: &str, text: &str) -> Result<Address, AddressError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or_else(|| AddressError::Brackets(text.to_owned()))?;
        if host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(AddressError::Brackets(text.to_owned()));
        }
        return match after.strip_prefix(':') {
            Some(port) => Ok(Address::new(host, parse_port(port)?)),
            None if after.is_empty() => Ok(Address::new(host, PORT_DEFAULT)),
            None => Err(AddressError::Brackets(text.to_owned())),
        };
    }
    if authority.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(Address::new(authority, PORT_DEFAULT));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, parse_port(port)?),
        None => (authority, PORT_DEFAULT),
    };
    if host.is_empty() {
        return Err(AddressError::NoHost(text.to_owned()));
    }
    Ok(Address::new(host, port))
}

fn parse_port(text: &str) -> Result<u16, AddressError> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if port > 0 && digits_only => Ok(port),
        _ => Err(AddressError::Port(text.to_owned())),
    }
}

fn decode_name(encoded: &str) -> Result<String, AddressError> {
    let broken = encoded.split('%').skip(1).any(|after| {
        let bytes = after.as_bytes();
        bytes.len() < 2 || !bytes[0].is_ascii_hexdigit() || !bytes[1].is_ascii_hexdigit()
    });
    if broken {
        return Err(AddressError::Encoding(encoded.to_owned()));
    }
    match percent_decode_str(encoded).decode_utf8() {
        Ok(name) => Ok(name.into_owned()),
        Err(_) => Err(AddressError::Encoding(encoded.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_is_understood() {
        for (text, host, port) in [
            ("haul://example.org:7000", "example.org", 7000),
            ("haul://example.org:7000/", "example.org", 7000),
            ("haul://example.org", "example.org", PORT_DEFAULT),
            ("127.0.0.1:1", "127.0.0.1", 1),
            ("localhost", "localhost", PORT_DEFAULT),
            ("[::1]:65535", "::1", 65535),
            ("haul://[fe80::1]", "fe80::1", PORT_DEFAULT),
            ("::1", "::1", PORT_DEFAULT),
        ] {
            assert_eq!(text.parse(), Ok(Address::new(host, port)), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "haul://",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:+80",
            "a:b",
            "[::1",
            "[::1]80",
            "[x]:1",
            "http://a:1",
            "u@a:1",
            "a b:1",
            "a:1/x",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_shown_as_it_is_read() {
        for text in ["haul://a:1", "haul://[::1]:46666"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_location_is_an_address_and_a_decoded_name() {
        for (text, name) in [
            ("haul://h:1/a.txt", "a.txt"),
            ("haul://h:1/a/b%20c", "a/b c"),
            ("haul://h:1/a b", "a b"),
            ("haul://h:1/100%25", "100%"),
            ("haul://h:1/%C3%A9/", "é/"),
            ("haul://h:1/", ""),
            ("haul://h:1", ""),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(
                (location.address.port(), location.name.as_str()),
                (1, name),
                "{text}"
            );
        }
    }

    #[test]
    fn a_location_with_broken_encoding_is_refused() {
        for text in ["haul://h/%", "haul://h/%2", "haul://h/%zz", "haul://h/%ff", "h/a"] {
            assert!(text.parse::<Location>().is_err(), "{text}");
        }
    }
}
