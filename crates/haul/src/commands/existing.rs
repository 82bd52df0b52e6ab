//! What to do with what the other side has already: replace it, refuse, leave it, or find out whether it is the same.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use haul_client::{Client, Error, Facts, Progress};

/// Times that differ by less are the same: file systems keep them to different fractions of a second.
const TIME_TOLERANCE: Duration = Duration::from_millis(1);

/// How existing files and objects are dealt with, as typed.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct ExistingArgs {
    /// Keep what is there already, and fail for it
    #[arg(long, conflicts_with_all = ["skip_existing", "update", "checksum"])]
    no_clobber: bool,
    /// Leave out what is there already, whatever is in it
    #[arg(long, conflicts_with_all = ["update", "checksum"])]
    skip_existing: bool,
    /// Leave out what is the same on both sides: of the same size and time, or else of the same size and digest
    #[arg(short, long)]
    update: bool,
    /// As --update, but by size and digest alone; the server computes a digest that it does not have
    #[arg(long)]
    checksum: bool,
}

/// How existing files and objects are dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExistingPolicy {
    /// They are replaced.
    Replace,
    /// They stay, and that is a failure.
    Refuse,
    /// They stay.
    Skip,
    /// They stay if they are the same: by size and time, or else by digest where the server has one.
    Update,
    /// They stay if they are the same by size and digest.
    Checksum,
}

impl From<ExistingArgs> for ExistingPolicy {
    fn from(args: ExistingArgs) -> Self {
        match args {
            ExistingArgs { checksum: true, .. } => Self::Checksum,
            ExistingArgs { update: true, .. } => Self::Update,
            ExistingArgs {
                skip_existing: true, ..
            } => Self::Skip,
            ExistingArgs { no_clobber: true, .. } => Self::Refuse,
            _ => Self::Replace,
        }
    }
}

/// What is known of an object before it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) size_bytes: u64,
    /// RFC 3339, as the server writes it.
    pub(super) modified: String,
}

impl Known {
    /// Of facts that the server gave.
    pub(super) fn of(facts: &Facts) -> Self {
        Self {
            size_bytes: facts.size,
            modified: facts.modified.clone(),
        }
    }
}

/// Whether a local file and an object are the same, as far as `existing` asks.
pub(super) struct ContentComparison<'a> {
    pub(super) existing: ExistingPolicy,
    pub(super) client: &'a mut Client,
    pub(super) name: &'a str,
    pub(super) progress: &'a mut dyn Progress,
}

impl ContentComparison<'_> {
    /// Compares a file with what is known of the object; asks the server for the rest.
    ///
    /// # Errors
    /// What the server says, and [`Error::Local`] from reading the file.
    pub(super) fn finds_same(self, path: &Path, local: &Metadata, known: &Known) -> Result<bool, Error> {
        if local.len() != known.size_bytes {
            return Ok(false);
        }
        let by_time = self.existing == ExistingPolicy::Update;
        if by_time && is_same_time(local.modified().ok(), &known.modified) {
            return Ok(true);
        }
        let facts = if by_time {
            self.client.stat(self.name, self.progress)
        } else {
            self.client.stat_with_digest(self.name, self.progress)
        }?;
        match facts.digest {
            Some(digest) => Ok(digest.eq_ignore_ascii_case(&digest_of(path).map_err(Error::Local)?)),
            None => Ok(false),
        }
    }
}

fn is_same_time(local: Option<SystemTime>, there: &str) -> bool {
    let there = there.parse::<jiff::Timestamp>().ok().map(SystemTime::from);
    let (Some(local), Some(there)) = (local, there) else {
        return false;
    };
    let apart = local
        .duration_since(there)
        .unwrap_or_else(|earlier| earlier.duration());
    apart < TIME_TOLERANCE
}

fn digest_of(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_same_within_what_file_systems_keep() {
        let local = |seconds, nanos| Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos));
        assert!(is_same_time(local(1, 123_456_789), "1970-01-01T00:00:01.123456Z"));
        assert!(is_same_time(local(1, 0), "1970-01-01T00:00:01Z"));
        assert!(!is_same_time(local(1, 5_000_000), "1970-01-01T00:00:01Z"));
        assert!(!is_same_time(local(2, 0), "1970-01-01T00:00:01Z"));
        assert!(!is_same_time(None, "1970-01-01T00:00:01Z"));
        assert!(!is_same_time(local(1, 0), "yesterday"));
    }
}
