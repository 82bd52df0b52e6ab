//! What names on the command line mean: a server and a name on it.

use std::io;
use std::net::IpAddr;

use haul_client::{Address, Client, Code, Dialect, Error, Location};

/// An object or a folder on a server, as an operand says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteOperand {
    pub(super) address: Address,
    /// The name as typed (a URL's is decoded), perhaps with slashes at its end; empty for the top folder.
    pub(super) name: String,
}

impl RemoteOperand {
    /// A `haul://` URL, or else a name on the given server. What is neither is refused with a sentence.
    pub(super) fn parse(operand: &str, server: &Address) -> Result<Self, String> {
        if Location::is_meant_by(operand) {
            let location: Result<Location, _> = operand.parse();
            let Location { address, name } = location.map_err(|error| error.to_string())?;
            return Ok(Self { address, name });
        }
        if let Some((scheme @ ("http" | "https" | "ftp" | "sftp"), rest)) = operand.split_once("://") {
            return Err(format!("haul speaks no {scheme}; write haul://{rest}"));
        }
        Ok(Self {
            address: server.clone(),
            name: operand.to_owned(),
        })
    }

    /// The same for several operands; with the one that is refused.
    pub(super) fn parse_all(operands: &[String], server: &Address) -> Result<Vec<Self>, (String, String)> {
        let parse =
            |operand: &String| Self::parse(operand, server).map_err(|sentence| (operand.clone(), sentence));
        operands.iter().map(parse).collect()
    }

    /// The same for a folder: `IP:PORT` and `localhost:PORT`, with or without a folder behind them, are an address too.
    /// No folder is called that; one that is can be written as `./IP:PORT`.
    pub(super) fn parse_folder(operand: &str, server: &Address) -> Result<Self, String> {
        let host = operand.split('/').next().unwrap_or(operand);
        if is_address(host) {
            return Self::parse(&format!("haul://{operand}"), server);
        }
        Self::parse(operand, server)
    }

    /// The object that is meant: `./` at the beginning is a manner of speaking.
    pub(super) fn object(&self) -> &str {
        let mut name = self.name.as_str();
        while let Some(rest) = name.strip_prefix("./") {
            name = rest.trim_start_matches('/');
        }
        name
    }

    /// The folder that is meant, empty for the top one: `.`, `./` and slashes at the end are a manner of speaking.
    pub(super) fn folder(&self) -> &str {
        let folder = self.object().trim_end_matches('/');
        if folder == "." { "" } else { folder }
    }

    /// Whether the folder's content is meant rather than the folder.
    pub(super) fn means_content(&self) -> bool {
        self.name.ends_with('/') || self.folder().is_empty()
    }
}

/// A name within a folder, where the empty folder is the top.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// Whether what could not be listed is an object instead. The classic dialect lists nothing but the top.
pub(super) fn is_an_object(client: &mut Client, error: &Error) -> bool {
    match error {
        Error::Unsupported(_) => client
            .dialect(&mut ())
            .is_ok_and(|dialect| dialect == Dialect::Classic),
        error => error.code() == Some(Code::BadRequest),
    }
}

/// Whether a text is a numeric address, or this machine, with its port.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = host == "localhost"
        || bare
            .unwrap_or(host)
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_ipv4() || bare.is_some());
    is_host && port.parse::<u16>().is_ok()
}

/// An error of what was typed, or of this machine, in our own words.
pub(super) fn local(sentence: &str) -> Error {
    Error::Local(io::Error::new(io::ErrorKind::InvalidInput, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(operand: &str) -> RemoteOperand {
        RemoteOperand::parse(operand, &Address::new("default", 1)).unwrap()
    }

    #[test]
    fn an_operand_is_a_url_or_a_name_on_the_default_server() {
        assert_eq!(
            parse("a b%20"),
            RemoteOperand {
                address: Address::new("default", 1),
                name: "a b%20".into()
            }
        );
        assert_eq!(
            parse("haul://h:2/a%20b"),
            RemoteOperand {
                address: Address::new("h", 2),
                name: "a b".into()
            }
        );
        let refused = |operand| RemoteOperand::parse(operand, &Address::new("default", 1)).unwrap_err();
        assert!(refused("haul://h:x/a").contains("`x` is not a port"));
        assert_eq!(
            refused("http://127.0.0.1:46666/a"),
            "haul speaks no http; write haul://127.0.0.1:46666/a"
        );
    }

    #[test]
    fn an_address_is_understood_where_a_folder_is_due() {
        let default = Address::new("default", 1);
        for (operand, address, name) in [
            ("127.0.0.1:7", Address::new("127.0.0.1", 7), ""),
            ("localhost:7/photos", Address::new("localhost", 7), "photos"),
            ("[::1]:7", Address::new("::1", 7), ""),
            ("./127.0.0.1:7", default.clone(), "./127.0.0.1:7"),
            ("a:7", default.clone(), "a:7"),
            ("127.0.0.1", default.clone(), "127.0.0.1"),
            ("127.0.0.1:x", default.clone(), "127.0.0.1:x"),
        ] {
            let remote = RemoteOperand::parse_folder(operand, &default).unwrap();
            assert_eq!(
                (remote.address, remote.name.as_str()),
                (address, name),
                "{operand}"
            );
        }
    }

    #[test]
    fn a_dot_and_a_slash_before_a_name_are_a_manner_of_speaking() {
        for (operand, name) in [
            ("./a.txt", "a.txt"),
            ("././a", "a"),
            (".a", ".a"),
            ("a/./b", "a/./b"),
        ] {
            assert_eq!(parse(operand).object(), name);
        }
    }

    #[test]
    fn a_folder_may_be_spelled_in_several_ways() {
        for (operand, folder, content) in [
            ("", "", true),
            (".", "", true),
            ("./", "", true),
            ("haul://h", "", true),
            ("a", "a", false),
            ("a/", "a", true),
            ("./a/b", "a/b", false),
            (".a", ".a", false),
        ] {
            let remote = parse(operand);
            assert_eq!(
                (remote.folder(), remote.means_content()),
                (folder, content),
                "{operand:?}"
            );
        }
    }
}
