//! What names on the command line mean: a server and a name on it.

use haul_client::{Address, AddressError, Location};

/// An object or a folder on a server, as an operand says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) address: Address,
    /// The name as typed (a URL's is decoded), perhaps with slashes at its end; empty for the top folder.
    pub(super) name: String,
}

impl Remote {
    /// A `haul://` URL, or else a name on the given server.
    pub(super) fn parse(operand: &str, server: &Address) -> Result<Remote, AddressError> {
        if Location::is_meant_by(operand) {
            let Location { address, name } = operand.parse()?;
            return Ok(Remote { address, name });
        }
        Ok(Remote {
            address: server.clone(),
            name: operand.to_owned(),
        })
    }

    /// The folder that is meant, empty for the top one: `.`, `./` and slashes at the end are a manner of speaking.
    pub(super) fn folder(&self) -> &str {
        let folder = self.name.trim_end_matches('/');
        let folder = folder.strip_prefix("./").unwrap_or(folder);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(operand: &str) -> Remote {
        Remote::parse(operand, &Address::new("default", 1)).unwrap()
    }

    #[test]
    fn an_operand_is_a_url_or_a_name_on_the_default_server() {
        assert_eq!(
            parse("a b%20"),
            Remote {
                address: Address::new("default", 1),
                name: "a b%20".into()
            }
        );
        assert_eq!(
            parse("haul://h:2/a%20b"),
            Remote {
                address: Address::new("h", 2),
                name: "a b".into()
            }
        );
        assert!(Remote::parse("haul://h:x/a", &Address::new("default", 1)).is_err());
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
