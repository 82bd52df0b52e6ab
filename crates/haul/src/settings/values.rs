//! One parser for each type of value. An error quotes the value and says what to write instead.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use haul_types::ByteSize;

use crate::value_parsers::parsed;

/// The least bytes that are moved at a time.
const BUFFER_MIN: u64 = 4 * 1024;
/// The most bytes that are moved at a time: each busy connection has a buffer or two.
const BUFFER_MAX: u64 = 64 * 1024 * 1024;
/// The most connections: what a system can be set up for.
const CONNECTIONS_MAX: u32 = 1_000_000;

/// Reads the one value that a layer gave, the last of several, into its place.
pub(super) fn one<T>(
    place: &mut T,
    texts: &[&str],
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<(), String> {
    if let Some(text) = texts.last() {
        *place = parse(text)?;
    }
    Ok(())
}

/// `IP:PORT`, or `localhost:PORT` for 127.0.0.1.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.parse().map_err(|_| {
        format!(
            "`{text}` is not an address; write IP:PORT, for example 127.0.0.1:46666, 0.0.0.0:46666 or [::1]:0"
        )
    })
}

/// A port to listen on; 0 picks a free one.
pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a port; write a number from 1 to 65535, or 0 for a free one"))
}

/// Yes or no.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false; write true or false")),
    }
}

/// Bytes moved at a time, 4 KiB to 64 MiB.
pub(super) fn buffer(text: &str) -> Result<usize, String> {
    let bytes = size(text)?;
    if !(BUFFER_MIN..=BUFFER_MAX).contains(&bytes) {
        return Err(format!(
            "`{text}` is not a buffer's size; write one from 4KiB to 64MiB"
        ));
    }
    Ok(usize::try_from(bytes).expect("64 MiB is within every address space that runs this"))
}

/// Bytes that an upload may have; `none` is no limit.
pub(super) fn upload_limit(text: &str) -> Result<Option<u64>, String> {
    match text {
        "none" => Ok(None),
        _ => match size(text)? {
            0 => Err(format!(
                "`{text}` would refuse every upload that has content; write `none` for no limit"
            )),
            bytes => Ok(Some(bytes)),
        },
    }
}

/// How many connections, 1 to 1,000,000.
pub(super) fn connections(text: &str) -> Result<NonZeroU32, String> {
    let count = text
        .parse::<NonZeroU32>()
        .ok()
        .filter(|count| count.get() <= CONNECTIONS_MAX);
    count.ok_or_else(|| format!("`{text}` is not a number of connections; write one from 1 to 1000000"))
}

/// A time limit, more than nothing and at most a year.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err(format!(
            "`{text}` would cut every connection; write a time such as 60s"
        )),
        time => Ok(time),
    }
}

fn size(text: &str) -> Result<u64, String> {
    parsed::<ByteSize>(text).map(|size| size.0)
}

/// A time, perhaps none, at most a year.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    haul_types::duration(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_grace_may_be_zero() {
        assert_eq!(time("0"), Ok(Duration::ZERO));
        assert!(timeout("0").unwrap_err().contains("60s"));
        assert!(timeout("0s").unwrap_err().contains("60s"));
    }

    #[test]
    fn an_address_is_numeric_or_localhost() {
        assert_eq!(address("127.0.0.1:0"), Ok(SocketAddr::from(([127, 0, 0, 1], 0))));
        assert_eq!(
            address("localhost:80"),
            Ok(SocketAddr::from(([127, 0, 0, 1], 80)))
        );
        assert_eq!(address("[::1]:80").unwrap().to_string(), "[::1]:80");
        for text in [
            "",
            "80",
            ":80",
            "127.0.0.1",
            "::1",
            "example.org:80",
            "127.0.0.1:70000",
            "localhost:x",
        ] {
            let error = address(text).unwrap_err();
            assert!(
                error.contains("IP:PORT") && error.contains(&format!("`{text}`")),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn limits_have_limits() {
        assert_eq!(buffer("4KiB"), Ok(4096));
        assert_eq!(buffer("64MiB"), Ok(64 << 20));
        for text in ["4095", "65MiB", "0"] {
            assert!(buffer(text).unwrap_err().contains("4KiB to 64MiB"), "{text}");
        }
        assert_eq!(connections("1000000").unwrap().get(), 1_000_000);
        for text in ["0", "1000001", "-1", "1.5", "4k", ""] {
            assert!(connections(text).unwrap_err().contains("1 to 1000000"), "{text}");
        }
        assert_eq!(upload_limit("none"), Ok(None));
        assert_eq!(upload_limit("1KiB"), Ok(Some(1024)));
        assert!(upload_limit("0").unwrap_err().contains("none"));
    }

    #[test]
    fn truth_has_four_words_each_way() {
        for (yes, no) in [("true", "false"), ("Yes", "No"), ("on", "off"), ("1", "0")] {
            assert_eq!((truth(yes), truth(no)), (Ok(true), Ok(false)));
        }
        assert!(truth("maybe").unwrap_err().contains("true or false"));
    }
}
