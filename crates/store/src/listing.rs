//! The entries of one folder, or of a page of it.

use std::time::SystemTime;

use crate::Page;
use crate::stamp::Stamp;

/// What an entry of a listing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// A regular file, or a symbolic link beneath the root that leads to one.
    File,
    /// A folder (never a symbolic link to one, so that following folders ends).
    Folder,
}

/// A page of the entries of one folder, sorted by name, bytewise. All names lie in one allocation and an
/// entry beside it takes 32 bytes, so 100,000 entries with names of 20 bytes take about 5 MB.
#[derive(Clone, Default)]
pub struct Listing {
    names: String,
    entries: Vec<PackedEntry>,
    next: Option<Box<str>>,
}

/// One entry of a [`Listing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListEntry<'a> {
    /// The name within its folder: one part of a key, hidden ones (with a leading dot) included.
    pub name: &'a str,
    /// File or folder.
    pub kind: NodeKind,
    /// Bytes of content; 0 for folders, and where only names were asked for.
    pub size: u64,
    /// Last modification; the Unix epoch where only names were asked for.
    pub modified: SystemTime,
}

#[derive(Debug, Clone, Copy)]
struct PackedEntry {
    start: usize,
    size: u64,
    seconds: i64,
    nanoseconds: u32,
    /// A part of a key is at most 255 bytes long.
    length: u8,
    /// `None` where it is not known yet, which happens in a [`ListingBuilder`] only.
    kind: Option<NodeKind>,
}

/// What a look at an entry tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryFacts {
    pub(crate) kind: NodeKind,
    pub(crate) size: u64,
    pub(crate) modified: Stamp,
}

impl Listing {
    /// How many entries there are. A page may have fewer than its limit, or none, and not be the last.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ListEntry<'_>> + DoubleEndedIterator {
        self.entries.iter().map(|entry| entry.unpacked(&self.names))
    }

    /// The entry at `index`, counted from 0, so that a slow reader can go on where it was without borrowing
    /// the listing meanwhile.
    pub fn entry(&self, index: usize) -> Option<ListEntry<'_>> {
        self.entries.get(index).map(|entry| entry.unpacked(&self.names))
    }

    /// The [`Page::after`] of the page that follows; `None` after the last one.
    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Chooses the entries of a [`Page`] among the entries of its folder, which may come in any order and number.
#[derive(Debug)]
pub struct ListingBuilder<'a> {
    page: Page<'a>,
    names: String,
    entries: Vec<PackedEntry>,
    /// The last name that the page can still hold, once there were too many.
    last: Option<String>,
}

impl<'a> ListingBuilder<'a> {
    /// For one page.
    #[must_use]
    pub fn new(page: Page<'a>) -> Self {
        Self {
            page,
            names: String::new(),
            entries: Vec::new(),
            last: None,
        }
    }

    /// Adds an entry, unless it is on another page.
    pub fn push(&mut self, entry: ListEntry<'_>) {
        let facts = EntryFacts {
            kind: entry.kind,
            size: entry.size,
            modified: entry.modified.into(),
        };
        self.offer(entry.name, Some(facts));
    }

    /// The entries of the page, in order.
    #[must_use]
    pub fn finish(mut self) -> Listing {
        let next = self.choose();
        self.sorted(next)
    }

    /// The same, with a look at each chosen entry of which something is not known yet, or (`sees_all`) at
    /// every one. An entry at which there is nothing to see is left out. The looks come in the order in which
    /// the entries were added: on a disk that is the order in which they are quick.
    pub(crate) fn finish_with<E>(
        mut self,
        sees_all: bool,
        mut look: impl FnMut(&str) -> Result<Option<EntryFacts>, E>,
    ) -> Result<Listing, E> {
        let next = self.choose();
        self.entries.sort_unstable_by_key(|entry| entry.start);
        let names = &self.names;
        let mut failure = None;
        self.entries.retain_mut(|entry| {
            if failure.is_some() || (entry.kind.is_some() && !sees_all) {
                return failure.is_none();
            }
            match look(entry.name(names)) {
                Ok(Some(facts)) => entry.learn(facts),
                Ok(None) => return false,
                Err(error) => failure = Some(error),
            }
            true
        });
        match failure {
            Some(error) => Err(error),
            None => Ok(self.sorted(next)),
        }
    }

    /// Adds an entry, known or not, unless it is on another page. A name of more than 255 bytes is no part of
    /// a key and is left out.
    pub(crate) fn offer(&mut self, name: &str, facts: Option<EntryFacts>) {
        let is_before = self.page.after.is_some_and(|after| name <= after);
        let is_behind = self.last.as_deref().is_some_and(|last| name > last);
        let Ok(length) = u8::try_from(name.len()) else {
            return;
        };
        if is_before || is_behind {
            return;
        }
        let mut entry = PackedEntry {
            start: self.names.len(),
            size: 0,
            seconds: 0,
            nanoseconds: 0,
            length,
            kind: None,
        };
        if let Some(facts) = facts {
            entry.learn(facts);
        }
        self.names.push_str(name);
        self.entries.push(entry);
        if self.entries.len() >= self.page.limit.get().saturating_mul(2) {
            self.cut();
        }
    }

    /// Keeps the entries of the page alone, and says where the next one begins.
    fn choose(&mut self) -> Option<Box<str>> {
        if self.entries.len() > self.page.limit.get() {
            self.cut();
        }
        self.last.as_deref().map(Box::from)
    }

    /// Drops what is behind the page, and the names of it.
    fn cut(&mut self) {
        let limit = self.page.limit.get();
        let names = std::mem::take(&mut self.names);
        let by_name = |a: &PackedEntry, b: &PackedEntry| a.name(&names).cmp(b.name(&names));
        let (_, last, _) = self.entries.select_nth_unstable_by(limit - 1, by_name);
        self.last = Some(last.name(&names).to_owned());
        self.entries.truncate(limit);
        self.entries.sort_unstable_by_key(|entry| entry.start);
        for entry in &mut self.entries {
            let start = self.names.len();
            self.names.push_str(entry.name(&names));
            entry.start = start;
        }
    }

    /// Brings the entries into their order and gives spare memory back.
    fn sorted(mut self, next: Option<Box<str>>) -> Listing {
        let names = &self.names;
        self.entries
            .sort_unstable_by(|a, b| a.name(names).cmp(b.name(names)));
        self.entries.shrink_to_fit();
        self.names.shrink_to_fit();
        Listing {
            names: self.names,
            entries: self.entries,
            next,
        }
    }
}

impl PackedEntry {
    fn name<'a>(&self, names: &'a str) -> &'a str {
        &names[self.start..self.start + usize::from(self.length)]
    }

    fn learn(&mut self, facts: EntryFacts) {
        self.kind = Some(facts.kind);
        self.size = facts.size;
        self.seconds = facts.modified.seconds;
        self.nanoseconds = facts.modified.nanoseconds;
    }

    fn unpacked<'a>(&self, names: &'a str) -> ListEntry<'a> {
        let modified = Stamp {
            seconds: self.seconds,
            nanoseconds: self.nanoseconds,
        };
        ListEntry {
            name: self.name(names),
            kind: self.kind.unwrap_or(NodeKind::File),
            size: self.size,
            modified: modified.time(),
        }
    }
}

impl EntryFacts {
    /// Of an entry of which only the name is wanted.
    pub(crate) fn kind_only(kind: NodeKind) -> Self {
        Self {
            kind,
            size: 0,
            modified: Stamp::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn file(name: &str) -> ListEntry<'_> {
        ListEntry {
            name,
            kind: NodeKind::File,
            size: 1,
            modified: UNIX_EPOCH,
        }
    }

    fn page(names: &[&str], after: Option<&str>, limit: usize) -> (Vec<String>, Option<String>) {
        let limit = NonZeroUsize::new(limit).unwrap();
        let mut builder = ListingBuilder::new(Page { after, limit });
        names.iter().for_each(|name| builder.push(file(name)));
        let listing = builder.finish();
        let names = listing.iter().map(|entry| entry.name.to_owned()).collect();
        (names, listing.next().map(str::to_owned))
    }

    #[test]
    fn a_listing_is_sorted_by_bytes_and_keeps_what_belongs_together() {
        let mut builder = ListingBuilder::new(Page::WHOLE);
        let modified = UNIX_EPOCH + Duration::new(7, 1);
        builder.push(ListEntry {
            size: 2,
            modified,
            ..file("b")
        });
        builder.push(ListEntry {
            kind: NodeKind::Folder,
            ..file("Z")
        });
        builder.push(ListEntry {
            size: 3, ..file("ä")
        });
        builder.push(file("a b"));
        let listing = builder.finish();
        assert_eq!(
            listing.iter().map(|entry| entry.name).collect::<Vec<_>>(),
            ["Z", "a b", "b", "ä"]
        );
        let entry = listing.entry(2).unwrap();
        assert_eq!(
            (entry.kind, entry.size, entry.modified),
            (NodeKind::File, 2, modified)
        );
        assert_eq!((listing.entry(4), listing.next()), (None, None));
    }

    #[test]
    fn pages_of_every_size_hold_each_entry_once_and_in_order() {
        let names: Vec<_> = (0..100)
            .map(|number| format!("{:03}", number * 37 % 100))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        for limit in [1, 2, 3, 7, 49, 50, 51, 99, 100, 101] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let (page, next) = page(&names, after.as_deref(), limit);
                assert!(page.len() <= limit);
                seen.extend(page);
                after = next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, sorted, "pages of {limit}");
        }
    }

    #[test]
    fn a_page_begins_behind_a_name_that_need_not_exist() {
        assert_eq!(
            page(&["c", "a", "b"], Some("a"), 9),
            (vec!["b".into(), "c".into()], None)
        );
        assert_eq!(
            page(&["c", "a", "b"], Some("aa"), 1),
            (vec!["b".into()], Some("b".into()))
        );
        assert_eq!(page(&["c", "a", "b"], Some("c"), 1), (vec![], None));
    }

    #[test]
    fn a_chosen_entry_that_has_vanished_leaves_its_page_shorter_and_is_not_its_end() {
        let limit = NonZeroUsize::new(2).unwrap();
        let mut builder = ListingBuilder::new(Page { after: None, limit });
        ["d", "b", "c", "a"]
            .iter()
            .for_each(|name| builder.offer(name, None));
        let looked = builder.finish_with(true, |name| {
            Ok::<_, ()>((name != "b").then(|| EntryFacts::kind_only(NodeKind::File)))
        });
        let listing = looked.unwrap();
        assert_eq!(listing.iter().map(|entry| entry.name).collect::<Vec<_>>(), ["a"]);
        assert_eq!(listing.next(), Some("b"));
    }

    #[test]
    fn what_is_behind_the_page_takes_no_memory_however_much_there_is() {
        let limit = NonZeroUsize::new(10).unwrap();
        let mut builder = ListingBuilder::new(Page { after: None, limit });
        for number in 0..100_000 {
            builder.offer(&format!("{:06}", 99_999 - number), None);
            assert!(builder.entries.len() < 20 && builder.names.len() < 20 * 6 + 1);
        }
    }

    #[test]
    fn an_entry_takes_32_bytes_beside_its_name() {
        assert!(size_of::<PackedEntry>() <= 32);
    }
}
