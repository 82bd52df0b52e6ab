//! Where uploads go on the server, as `--to` or a URL at the end says it.

use haul_client::Location;

use crate::commands::RemoteOptions;
use crate::commands::operand::RemoteOperand;

/// Where everything goes on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PutPlace {
    /// Each file under its name in this folder; the empty one is the top.
    Folder(String),
    /// The one file under this name.
    Name(String),
}

/// The files, and where to: `--to`, a URL as the last operand, or the top of the default server.
pub(super) fn destination(
    mut files: Vec<String>,
    to: Option<String>,
    options: &RemoteOptions,
) -> Result<(Vec<String>, RemoteOperand), (String, String)> {
    let last_is_url = files.last().is_some_and(|last| Location::is_meant_by(last));
    let to = match (to, last_is_url) {
        (Some(to), true) => {
            return Err((
                to,
                "say where to once: with --to or with the last operand".to_owned(),
            ));
        }
        (None, true) => files.pop(),
        (to, false) => to,
    };
    if files.is_empty() {
        return Err((
            "FILE".to_owned(),
            "name a file to upload before the place".to_owned(),
        ));
    }
    if let Some(url) = files.iter().find(|file| Location::is_meant_by(file)) {
        return Err((
            url.clone(),
            "a haul:// URL is a place to upload to, and stands at the end".to_owned(),
        ));
    }
    let remote = RemoteOperand::parse(to.as_deref().unwrap_or(""), &options.server)
        .map_err(|sentence| (to.unwrap_or_default(), sentence))?;
    Ok((files, remote))
}

impl PutPlace {
    pub(super) fn of(destination: &RemoteOperand, several: bool) -> Self {
        if several || destination.means_content() {
            Self::Folder(destination.folder().to_owned())
        } else {
            Self::Name(destination.name.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use haul_client::{Address, DialectChoice};

    use super::*;

    fn options() -> RemoteOptions {
        let server = Address::new("default", 1);
        RemoteOptions {
            server,
            dialect: DialectChoice::Classic,
            timeout: Duration::from_secs(1),
            retry_for: Duration::ZERO,
            retries: None,
            json: false,
            quiet: true,
        }
    }

    fn place(files: &[&str], to: Option<&str>, recursive: bool) -> (Vec<String>, Address, PutPlace) {
        let files = files.iter().map(|&file| file.to_owned()).collect();
        let (files, remote) = destination(files, to.map(str::to_owned), &options()).unwrap();
        let place = PutPlace::of(&remote, recursive || files.len() > 1);
        (files, remote.address, place)
    }

    #[test]
    fn the_place_is_a_name_for_one_file_and_a_folder_for_several() {
        let top = || PutPlace::Folder(String::new());
        assert_eq!(place(&["a"], None, false).2, top());
        assert_eq!(place(&["a"], Some("b"), false).2, PutPlace::Name("b".into()));
        assert_eq!(place(&["a"], Some("b/"), false).2, PutPlace::Folder("b".into()));
        assert_eq!(
            place(&["a", "b"], Some("c"), false).2,
            PutPlace::Folder("c".into())
        );
        assert_eq!(place(&["a"], Some("c"), true).2, PutPlace::Folder("c".into()));
        assert_eq!(place(&["a"], Some("."), false).2, top());
    }

    #[test]
    fn a_url_says_the_place_as_the_last_operand_or_as_to() {
        let expected = (
            vec!["a".to_owned()],
            Address::new("h", 2),
            PutPlace::Name("b c".into()),
        );
        assert_eq!(place(&["a", "haul://h:2/b%20c"], None, false), expected);
        assert_eq!(place(&["a"], Some("haul://h:2/b%20c"), false), expected);
    }

    #[test]
    fn a_place_without_a_file_or_said_twice_is_refused() {
        let refused = |files: &[&str], to: Option<&str>| {
            let files = files.iter().map(|&file| file.to_owned()).collect();
            destination(files, to.map(str::to_owned), &options()).is_err()
        };
        assert!(refused(&["haul://h/b"], None));
        assert!(refused(&["a", "haul://h/b"], Some("c")));
        assert!(refused(&["haul://h/a", "b"], None));
        assert!(refused(&["a", "haul://h:0/b"], None));
    }
}
