//! Where downloads go, as `-o` says it.

use std::fs;
use std::path::{Path, PathBuf};

/// Where everything goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum GetPlace {
    /// Each object into a file of its name in this folder.
    Folder(PathBuf),
    /// The one object into this file.
    File(PathBuf),
    /// Everything straight into this thing that is neither a file nor a folder (`/dev/null`, a pipe).
    Device(PathBuf),
    /// Everything to standard output, one after another.
    Output,
}

impl GetPlace {
    /// The place that `-o` means, or why it means none.
    pub(super) fn of(output: Option<&Path>, several: bool, recursive: bool) -> Result<Self, String> {
        let Some(output) = output else {
            return Ok(Self::Folder(PathBuf::from(".")));
        };
        if output.as_os_str() == "-" {
            return Ok(Self::Output);
        }
        match fs::metadata(output) {
            Ok(metadata) if metadata.is_dir() => Ok(Self::Folder(output.to_owned())),
            Ok(metadata) if !metadata.is_file() => Ok(Self::Device(output.to_owned())),
            _ if recursive || output.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                Ok(Self::Folder(output.to_owned()))
            }
            _ if several => Err(format!(
                "several objects need a folder, and {shown} is none; write -o {shown}/ to have it made",
                shown = output.display()
            )),
            // A link to a file stays a link: the file that it means is what the download replaces.
            _ => Ok(Self::File(
                fs::canonicalize(output).unwrap_or_else(|_| output.to_owned()),
            )),
        }
    }

    /// Why this place does not go with the rest of what was typed.
    pub(super) fn contradiction(&self, several: bool, recursive: bool, json: bool) -> Option<&'static str> {
        match self {
            Self::Output if recursive => Some("a folder cannot go to standard output"),
            Self::Output if json => Some("the content and --json cannot both go to standard output"),
            Self::Folder(folder) if several && folder.is_file() => {
                Some("it is a file; name a folder for several objects")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_follows_from_what_is_there_and_how_many_objects_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        let new_folder = PathBuf::from(format!("{}/", path("new").display()));
        let real = fs::canonicalize(path("file")).unwrap();
        for (output, several, recursive, place) in [
            (None, false, false, GetPlace::Folder(".".into())),
            (Some(PathBuf::from("-")), false, false, GetPlace::Output),
            (
                Some(folder.path().to_owned()),
                false,
                false,
                GetPlace::Folder(folder.path().to_owned()),
            ),
            (
                Some(new_folder.clone()),
                true,
                false,
                GetPlace::Folder(new_folder),
            ),
            (Some(path("new")), false, false, GetPlace::File(path("new"))),
            (Some(path("new")), false, true, GetPlace::Folder(path("new"))),
            (Some(path("link")), false, false, GetPlace::File(real)),
            (
                Some(PathBuf::from("/dev/null")),
                true,
                false,
                GetPlace::Device("/dev/null".into()),
            ),
        ] {
            assert_eq!(
                GetPlace::of(output.as_deref(), several, recursive),
                Ok(place),
                "{output:?}"
            );
        }
        for name in ["new", "file"] {
            let refused = GetPlace::of(Some(&path(name)), true, false).unwrap_err();
            assert!(
                refused.contains(&format!("write -o {}/", path(name).display())),
                "{refused}"
            );
        }
        assert!(
            GetPlace::Folder(path("file"))
                .contradiction(true, true, false)
                .is_some()
        );
        assert!(GetPlace::Output.contradiction(true, true, false).is_some());
        assert!(GetPlace::Output.contradiction(false, false, true).is_some());
        assert!(GetPlace::Output.contradiction(true, false, false).is_none());
    }
}
