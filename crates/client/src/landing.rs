//! Where names from a server may land on this machine. A server is not trusted: what it calls an object decides
//! neither where outside the chosen folder something is written nor what a terminal does.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use haul_types::printable;

use crate::part::{NOTE_SUFFIX, PART_SUFFIX};

/// The longest part of a name that becomes a file's name, in bytes.
const PART_BYTES_MAX: usize = 255;
/// The longest name in all, in bytes; it also bounds how deep a folder can be.
const NAME_BYTES_MAX: usize = 4096;

/// Why a name from a server is not used as a path here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsafeName {
    /// It is empty or absolute, or has an empty part.
    #[error("the server's name is not a relative path")]
    NotRelative,
    /// A part is `.` or `..`.
    #[error("the server's name leads out of its folder")]
    LeadsOut,
    /// It holds a control character.
    #[error("the server's name holds a control character")]
    ControlCharacter,
    /// A part is called as a part file or its note is: it would pass for the beginning of another download.
    #[error("the server's name is one that unfinished downloads have here")]
    Reserved,
    /// A part is over 255 bytes, or the whole over 4,096.
    #[error("the server's name is too long")]
    TooLong,
}

/// A server's name as a relative path.
///
/// ```
/// use std::path::Path;
///
/// use haul_client::landing::{UnsafeName, relative_path};
///
/// assert_eq!(relative_path("photos/a.jpg").as_deref(), Ok(Path::new("photos/a.jpg")));
/// assert_eq!(relative_path("../a.jpg"), Err(UnsafeName::LeadsOut));
/// ```
///
/// # Errors
/// When it is none, or none that a file here should have.
pub fn relative_path(name: &str) -> Result<PathBuf, UnsafeName> {
    if name.len() > NAME_BYTES_MAX {
        return Err(UnsafeName::TooLong);
    }
    if name.chars().any(char::is_control) {
        return Err(UnsafeName::ControlCharacter);
    }
    let mut path = PathBuf::new();
    for part in name.split('/') {
        match part {
            "" => return Err(UnsafeName::NotRelative),
            "." | ".." => return Err(UnsafeName::LeadsOut),
            _ if part.len() > PART_BYTES_MAX => return Err(UnsafeName::TooLong),
            _ if is_reserved(part) => return Err(UnsafeName::Reserved),
            _ => path.push(part),
        }
    }
    Ok(path)
}

/// The place of a server's name beneath `folder`, with its parent folders made. A symbolic link among those parents is
/// refused, so that nothing lands elsewhere; `folder` itself may be one.
///
/// ```
/// use haul_client::landing::beneath;
///
/// let folder = tempfile::tempdir()?;
/// let place = beneath(folder.path(), "photos/a.jpg")?;
/// assert_eq!(place, folder.path().join("photos/a.jpg"));
/// assert!(folder.path().join("photos").is_dir());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// [`UnsafeName`] as an invalid input, a link or a file in the way, or what the system says when a folder cannot be made.
pub fn beneath(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let relative = relative_path(name).map_err(|cause| io::Error::new(io::ErrorKind::InvalidInput, cause))?;
    fs::create_dir_all(folder)?;
    let mut place = folder.to_owned();
    for part in relative.parent().into_iter().flat_map(Path::components) {
        place.push(part);
        make_folder(&place)?;
    }
    Ok(folder.join(relative))
}

fn is_reserved(part: &str) -> bool {
    part.starts_with('.') && (part.ends_with(PART_SUFFIX) || part.ends_with(NOTE_SUFFIX))
}

fn make_folder(place: &Path) -> io::Result<()> {
    match fs::create_dir(place) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    if fs::symlink_metadata(place)?.is_dir() {
        return Ok(());
    }
    let sentence = format!(
        "{} is in the way: it is not a folder (links are not followed)",
        printable(&place.to_string_lossy())
    );
    Err(io::Error::new(io::ErrorKind::NotADirectory, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_out_or_hurt_are_refused() {
        for (name, why) in [
            ("", UnsafeName::NotRelative),
            ("/etc/passwd", UnsafeName::NotRelative),
            ("a//b", UnsafeName::NotRelative),
            ("a/", UnsafeName::NotRelative),
            ("..", UnsafeName::LeadsOut),
            ("a/../../b", UnsafeName::LeadsOut),
            ("./a", UnsafeName::LeadsOut),
            ("a\u{1b}[2J", UnsafeName::ControlCharacter),
            ("a\nb", UnsafeName::ControlCharacter),
            ("a\0", UnsafeName::ControlCharacter),
            (".a.haul-part", UnsafeName::Reserved),
            ("b/.a.haul-part-of", UnsafeName::Reserved),
        ] {
            assert_eq!(relative_path(name), Err(why), "{name:?}");
        }
        assert_eq!(relative_path(&"x".repeat(256)), Err(UnsafeName::TooLong));
        assert_eq!(relative_path(&"x/".repeat(2100)), Err(UnsafeName::TooLong));
    }

    #[test]
    fn ordinary_names_are_paths() {
        for name in ["a", ".hidden", "a b/ü/…", "..a/b..", "-rf", "a\\b"] {
            assert_eq!(relative_path(name), Ok(PathBuf::from(name)));
        }
    }

    #[test]
    fn a_link_among_the_parents_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        assert_eq!(
            beneath(folder.path(), "link/a").unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
        assert_eq!(
            beneath(folder.path(), "link/deep/a").unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        assert_eq!(
            beneath(folder.path(), "x/y/z").unwrap(),
            folder.path().join("x/y/z")
        );
        assert!(folder.path().join("x/y").is_dir());
    }
}
