//! The facts of an object.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Error;

/// A BLAKE3 digest of an object's content.
pub type Digest = blake3::Hash;

/// What an entry of a listing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file, or a symbolic link beneath the root that leads to one.
    File,
    /// A folder (never a symbolic link to one, so that following folders ends).
    Folder,
}

/// One object's facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Bytes of content.
    pub size: u64,
    /// Last modification.
    pub modified: SystemTime,
    /// An opaque ASCII token without spaces or quotes that changes whenever the content does.
    pub etag: String,
    /// The digest, where it is known without reading the object.
    pub digest: Option<Digest>,
    /// The permission bits, at most `0o777`, where the store has any.
    pub mode: Option<u32>,
}

/// The facts that a writer is committed with, beside its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Commit {
    /// The digest of the content, where it is known. It is not checked.
    pub digest: Option<Digest>,
    /// The modification time to set; `None` is the time of the commit.
    pub modified: Option<SystemTime>,
    /// The permission bits to set, of which only `0o777` count; `None` is what a new object has anyway.
    pub mode: Option<u32>,
}

/// When a writer may publish.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// Always; an object of that name is replaced.
    #[default]
    Always,
    /// Only where there is no object of that name.
    Absent,
    /// Only where the object there has this etag.
    Matches(String),
}

impl Condition {
    /// Whether the object that is there now, if any, lets an upload with this condition in.
    pub(crate) fn admits(&self, present: Option<&str>) -> Result<(), Error> {
        match (self, present) {
            (Self::Absent, Some(_)) => Err(Error::Exists),
            (Self::Matches(wanted), present) if present != Some(wanted) => Err(Error::ConditionFailed),
            _ => Ok(()),
        }
    }
}

/// The entries of one folder, sorted by name, bytewise. All names lie in one allocation and an entry beside it takes 32
/// bytes, so 100,000 entries with names of 20 bytes take about 5 MB.
#[derive(Clone, Default)]
pub struct Listing {
    names: String,
    records: Vec<Record>,
}

/// One entry of a [`Listing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The name within its folder: one part of a key, hidden ones (with a leading dot) included.
    pub name: &'a str,
    /// File or folder.
    pub kind: Kind,
    /// Bytes of content; 0 for folders, and where only names were asked for.
    pub size: u64,
    /// Last modification; the Unix epoch where only names were asked for.
    pub modified: SystemTime,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    start: usize,
    size: u64,
    seconds: i64,
    nanoseconds: u32,
    /// A part of a key is at most 255 bytes long.
    length: u8,
    kind: Kind,
}

impl Listing {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> + DoubleEndedIterator {
        self.records.iter().map(|record| record.entry(&self.names))
    }

    /// The entry at `index`, counted from 0, so that a slow reader can go on where it was without borrowing the listing meanwhile.
    pub fn entry(&self, index: usize) -> Option<Entry<'_>> {
        self.records.get(index).map(|record| record.entry(&self.names))
    }

    /// Adds an entry at the end. A name of more than 255 bytes is no part of a key and is left out.
    pub(crate) fn push(&mut self, name: &str, kind: Kind, size: u64, modified: Stamp) {
        let Ok(length) = u8::try_from(name.len()) else {
            return;
        };
        let start = self.names.len();
        self.names.push_str(name);
        let Stamp { seconds, nanoseconds } = modified;
        self.records.push(Record {
            start,
            size,
            seconds,
            nanoseconds,
            length,
            kind,
        });
    }

    /// Brings the entries into their order and gives spare memory back.
    pub(crate) fn sorted(mut self) -> Self {
        let names = &self.names;
        self.records
            .sort_unstable_by(|a, b| a.name(names).cmp(b.name(names)));
        self.records.shrink_to_fit();
        self.names.shrink_to_fit();
        self
    }
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Record {
    fn name<'a>(&self, names: &'a str) -> &'a str {
        &names[self.start..self.start + usize::from(self.length)]
    }

    fn entry<'a>(&self, names: &'a str) -> Entry<'a> {
        let modified = Stamp {
            seconds: self.seconds,
            nanoseconds: self.nanoseconds,
        }
        .time();
        Entry {
            name: self.name(names),
            kind: self.kind,
            size: self.size,
            modified,
        }
    }
}

/// A moment as file systems write it: seconds since the Unix epoch, negative before it, and nanoseconds after that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    pub(crate) seconds: i64,
    pub(crate) nanoseconds: u32,
}

impl Stamp {
    /// The same moment for everybody else; one that the clock cannot express becomes the epoch.
    pub(crate) fn time(self) -> SystemTime {
        let whole = Duration::from_secs(self.seconds.unsigned_abs());
        let second = if self.seconds < 0 {
            UNIX_EPOCH.checked_sub(whole)
        } else {
            UNIX_EPOCH.checked_add(whole)
        };
        second
            .and_then(|second| second.checked_add(Duration::from_nanos(self.nanoseconds.into())))
            .unwrap_or(UNIX_EPOCH)
    }
}

impl From<SystemTime> for Stamp {
    fn from(time: SystemTime) -> Self {
        let (since, before) = match time.duration_since(UNIX_EPOCH) {
            Ok(since) => (since, false),
            Err(error) => (error.duration(), true),
        };
        let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
        match (before, since.subsec_nanos()) {
            (false, nanoseconds) => Self { seconds, nanoseconds },
            (true, 0) => Self {
                seconds: -seconds,
                nanoseconds: 0,
            },
            (true, nanoseconds) => Self {
                seconds: -seconds - 1,
                nanoseconds: 1_000_000_000 - nanoseconds,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_sorted_by_bytes_and_keeps_what_belongs_together() {
        let mut listing = Listing::default();
        listing.push(
            "b",
            Kind::File,
            2,
            Stamp {
                seconds: 7,
                nanoseconds: 1,
            },
        );
        listing.push("Z", Kind::Folder, 0, Stamp::default());
        listing.push("ä", Kind::File, 3, Stamp::default());
        listing.push("a b", Kind::File, 1, Stamp::default());
        let listing = listing.sorted();
        assert_eq!(
            listing.iter().map(|entry| entry.name).collect::<Vec<_>>(),
            ["Z", "a b", "b", "ä"]
        );
        let entry = listing.entry(2).unwrap();
        assert_eq!((entry.kind, entry.size), (Kind::File, 2));
        assert_eq!(entry.modified, UNIX_EPOCH + Duration::new(7, 1));
        assert_eq!(listing.entry(4), None);
    }

    #[test]
    fn an_entry_takes_32_bytes_beside_its_name() {
        assert!(size_of::<Record>() <= 32);
    }

    #[test]
    fn moments_before_the_epoch_survive_the_way_there_and_back() {
        for (seconds, nanoseconds) in [(0, 0), (1, 5), (-1, 0), (-1, 999_999_999), (-5, 1)] {
            let stamp = Stamp { seconds, nanoseconds };
            assert_eq!(Stamp::from(stamp.time()), stamp);
        }
    }
}
