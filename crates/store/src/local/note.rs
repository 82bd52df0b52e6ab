//! The note that is kept beside an object's content, as text in the extended attribute `user.haul.digest`:
//!
//! `blake3 <digest> <size> <seconds>.<nanoseconds>[ at=<seconds>.<nanoseconds>][ unsynced=<run>]`
//!
//! The note holds only while size and modification time are those written there, so a file that another
//! program changes loses it. `at` is when the upload was stored, where the modification time does not say so.
//! `unsynced` says which run of a server has stored the content without waiting for the disk: for any other
//! run, the content may be a remainder that a power cut has left, so the run compares it with the digest
//! first.

use std::os::fd::AsFd;

use rustix::fs::{XattrFlags, fgetxattr, fsetxattr, getxattr};
use rustix::io::Errno;

use super::descriptor_path;
use super::facts::FileFacts;
use super::locks::ServerRun;
use crate::Digest;
use crate::stamp::Stamp;

const ATTRIBUTE: &str = "user.haul.digest";
/// The size of the buffer. The longest text has 213 bytes.
const ATTRIBUTE_BYTES_MAX: usize = 256;

/// What is known of an object besides its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DigestNote {
    pub(super) digest: Digest,
    /// When the upload was stored, if the modification time is one that its sender has chosen.
    pub(super) at: Option<Stamp>,
    /// The run whose upload it was, if that did not wait for the disk.
    pub(super) unsynced: Option<ServerRun>,
}

/// What the attribute of a file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoteState {
    /// There is no note, or one that holds for other content.
    Nothing,
    /// A note that holds for the file as it is.
    DigestNote(DigestNote),
    /// A note that was made for this very file, which has another size all the same: a power cut came before
    /// its content was on the disk.
    Torn,
}

impl NoteState {
    /// The note of a file that is open for reading.
    pub(super) fn of_open(file: impl AsFd, facts: &FileFacts) -> Self {
        let mut text = [0; ATTRIBUTE_BYTES_MAX];
        match fgetxattr(file, ATTRIBUTE, &mut text[..]) {
            Ok(length) => Self::parse(&text[..length], facts),
            Err(_) => Self::Nothing,
        }
    }

    /// The same through a descriptor that gives no access to the content. That takes `/proc` and the
    /// permission to read the file.
    pub(super) fn of_found(file: impl AsFd, facts: &FileFacts) -> Self {
        let mut text = [0; ATTRIBUTE_BYTES_MAX];
        match getxattr(descriptor_path(file), ATTRIBUTE, &mut text[..]) {
            Ok(length) => Self::parse(&text[..length], facts),
            Err(_) => Self::Nothing,
        }
    }

    pub(super) fn note(self) -> Option<DigestNote> {
        match self {
            Self::DigestNote(note) => Some(note),
            Self::Nothing | Self::Torn => None,
        }
    }

    fn parse(text: &[u8], facts: &FileFacts) -> Self {
        let parsed = std::str::from_utf8(text).ok().and_then(Parsed::from_text);
        match parsed {
            Some(parsed) if parsed.modified != facts.modified => Self::Nothing,
            Some(parsed) if parsed.size != facts.size => Self::Torn,
            Some(parsed) => Self::DigestNote(parsed.note),
            None => Self::Nothing,
        }
    }
}

impl DigestNote {
    /// Keeps the note with a file whose content is that of `facts`. Many file systems have no attributes and
    /// refuse.
    pub(super) fn keep(&self, file: impl AsFd, facts: &FileFacts) -> Result<(), Errno> {
        let kept = Parsed {
            size: facts.size,
            modified: facts.modified,
            note: *self,
        };
        fsetxattr(file, ATTRIBUTE, kept.text().as_bytes(), XattrFlags::empty())
    }
}

#[derive(Debug, Clone, Copy)]
struct Parsed {
    size: u64,
    modified: Stamp,
    note: DigestNote,
}

impl Parsed {
    /// Accepts only what [`Parsed::text`] would write.
    fn from_text(text: &str) -> Option<Self> {
        let mut words = text.split(' ').skip(1);
        let mut parsed = Self {
            note: DigestNote {
                digest: Digest::from_hex(words.next()?).ok()?,
                at: None,
                unsynced: None,
            },
            size: words.next()?.parse().ok()?,
            modified: stamp(words.next()?)?,
        };
        for word in words {
            match word.split_once('=')? {
                ("at", time) => parsed.note.at = Some(stamp(time)?),
                ("unsynced", run) => {
                    parsed.note.unsynced = Some(ServerRun(u128::from_str_radix(run, 16).ok()?));
                }
                _ => return None,
            }
        }
        (parsed.text() == text).then_some(parsed)
    }

    fn text(&self) -> String {
        let Self { size, modified, note } = self;
        let mut text = format!("blake3 {} {size} {}", note.digest.to_hex(), stamp_text(*modified));
        if let Some(at) = note.at {
            text += &format!(" at={}", stamp_text(at));
        }
        if let Some(ServerRun(run)) = note.unsynced {
            text += &format!(" unsynced={run:032x}");
        }
        text
    }
}

fn stamp_text(Stamp { seconds, nanoseconds }: Stamp) -> String {
    format!("{seconds}.{nanoseconds:09}")
}

fn stamp(text: &str) -> Option<Stamp> {
    let (seconds, nanoseconds) = text.split_once('.')?;
    Some(Stamp {
        seconds: seconds.parse().ok()?,
        nanoseconds: nanoseconds.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::facts;
    use super::*;

    fn note(content: &[u8]) -> DigestNote {
        DigestNote {
            digest: blake3::hash(content),
            at: None,
            unsynced: None,
        }
    }

    fn text(note: DigestNote, facts: &FileFacts) -> String {
        Parsed {
            size: facts.size,
            modified: facts.modified,
            note,
        }
        .text()
    }

    #[test]
    fn a_note_comes_back_whole_and_only_for_its_time() {
        let plain = note(b"content");
        let full = DigestNote {
            at: Some(Stamp {
                seconds: -3,
                nanoseconds: 5,
            }),
            unsynced: Some(ServerRun(0xabc)),
            ..plain
        };
        let hex = plain.digest.to_hex();
        assert_eq!(
            text(plain, &facts(7, 1, 2)),
            format!("blake3 {hex} 7 1.000000002")
        );
        assert_eq!(
            text(full, &facts(7, 1, 2)),
            format!("blake3 {hex} 7 1.000000002 at=-3.000000005 unsynced=00000000000000000000000000000abc")
        );
        for note in [plain, full] {
            let kept = text(note, &facts(7, 1, 2));
            assert_eq!(
                NoteState::parse(kept.as_bytes(), &facts(7, 1, 2)),
                NoteState::DigestNote(note)
            );
            for other in [facts(7, 2, 2), facts(7, 1, 3), facts(8, 1, 3)] {
                assert_eq!(NoteState::parse(kept.as_bytes(), &other), NoteState::Nothing);
            }
        }
    }

    #[test]
    fn another_size_at_the_same_time_is_torn() {
        let kept = text(note(b"content"), &facts(7, 1, 2));
        for size in [0, 6, 8] {
            assert_eq!(
                NoteState::parse(kept.as_bytes(), &facts(size, 1, 2)),
                NoteState::Torn
            );
        }
    }

    #[test]
    fn a_damaged_note_is_none() {
        let facts = facts(7, 1, 2);
        let kept = text(note(b"content"), &facts);
        for damaged in [
            "",
            "blake3",
            "blake3 zz 7 1.000000002",
            &kept[1..],
            &kept[..kept.len() - 1],
            &(kept.clone() + " "),
            &(kept.clone() + " x=1"),
            &(kept.clone() + " unsynced=1"),
            &(kept.clone() + " at=1.5"),
        ] {
            assert_eq!(
                NoteState::parse(damaged.as_bytes(), &facts),
                NoteState::Nothing,
                "{damaged}"
            );
        }
        assert_eq!(NoteState::parse(&[0xff; 3], &facts), NoteState::Nothing);
    }

    #[test]
    fn the_longest_text_fits_the_buffer() {
        let far = facts(u64::MAX, i64::MIN, 999_999_999);
        let longest = DigestNote {
            at: Some(far.modified),
            unsynced: Some(ServerRun(u128::MAX)),
            ..note(b"")
        };
        let kept = text(longest, &far);
        assert!(kept.len() <= ATTRIBUTE_BYTES_MAX, "{}", kept.len());
    }
}
