//! The kind of disk that a file system is on, as far as a power cut is concerned, and the care that an upload
//! takes there.

use std::os::fd::AsFd;

use crate::Durability;

use rustix::fs::{FsWord, fstat, fstatfs, major, minor};
use rustix::io::Errno;

/// What may be relied on after a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// Memory: nothing outlives the machine, so nothing is synced, and no call waits for a disk.
    Memory,
    /// Changes of names, sizes, times and attributes come back in the order in which they were made, content
    /// or not: a name never appears before the attribute of its file.
    Journal,
    /// No order at all, as on ext2 and on ext4 without its journal. A repair afterwards may even drop names.
    Bare,
    /// Unknown: no promise at all.
    Unknown,
}

/// What an upload does so that no object is ever served that is not whole, and (synced) none is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Nothing.
    None,
    /// A new object says in its note that it was not synced. One that replaces another is synced first, so
    /// that the old one is not lost for a new one that is not whole.
    DigestNote,
    /// Content is synced before it can be seen.
    Content,
    /// Content, its inode and all folders are synced.
    Full,
    /// The same, and what is replaced keeps another name until the folder is synced: its inode, deleted, may
    /// reach the disk before the entry that takes its place. Then the inode of what was replaced or removed
    /// is synced as well.
    FullKeepingReplaced,
}

impl Care {
    pub(super) fn of(durability: Durability, medium: Medium) -> Self {
        match (durability, medium) {
            // A name may lead to a file that is not whole unless everything was synced.
            (_, Medium::Bare) => Self::FullKeepingReplaced,
            (Durability::Synced, _) => Self::Full,
            (Durability::Buffered, Medium::Memory) => Self::None,
            (Durability::Buffered, Medium::Journal) => Self::DigestNote,
            (Durability::Buffered, Medium::Unknown) => Self::Content,
        }
    }

    /// Whether the inode of what was replaced or removed is synced before the system may use it again.
    pub(super) fn syncs_freed(self) -> bool {
        self == Self::FullKeepingReplaced
    }

    pub(super) fn syncs_names(self) -> bool {
        matches!(self, Self::Full | Self::FullKeepingReplaced)
    }
}

impl Medium {
    /// The medium of the file system of a file or folder.
    pub(super) fn of(file: impl AsFd) -> Result<Self, Errno> {
        const TMPFS: u64 = 0x0102_1994;
        const RAMFS: u64 = 0x8584_58f6;
        const EXT: u64 = 0xef53;
        const XFS: u64 = 0x5846_5342;
        const BTRFS: u64 = 0x9123_683e;
        Ok(match magic(fstatfs(&file)?.f_type) {
            TMPFS | RAMFS => Self::Memory,
            XFS | BTRFS => Self::Journal,
            EXT if ext_has_journal(&file)? => Self::Journal,
            EXT => Self::Bare,
            _ => Self::Unknown,
        })
    }
}

#[allow(
    clippy::unnecessary_cast,
    clippy::cast_sign_loss,
    reason = "the field's type differs between architectures"
)]
fn magic(word: FsWord) -> u64 {
    word as u64 & 0xffff_ffff
}

/// The kernel tells for each ext file system which task writes its journal. Where it tells nothing, the file
/// system is taken to have none.
fn ext_has_journal(file: impl AsFd) -> Result<bool, Errno> {
    let device = fstat(file)?.st_dev;
    let disk = format!("/sys/dev/block/{}:{}", major(device), minor(device));
    let Ok(link) = std::fs::read_link(disk) else {
        return Ok(false);
    };
    let task = link.file_name().and_then(|name| {
        let name = name.to_str()?;
        std::fs::read_to_string(format!("/sys/fs/ext4/{name}/journal_task")).ok()
    });
    Ok(task.is_some_and(|task| is_task(&task)))
}

fn is_task(text: &str) -> bool {
    text.trim_end().parse::<u32>().is_ok_and(|task| task > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffered_uploads_take_as_much_care_as_their_medium_needs() {
        let buffered = |medium| Care::of(Durability::Buffered, medium);
        assert_eq!(buffered(Medium::Memory), Care::None);
        assert_eq!(buffered(Medium::Journal), Care::DigestNote);
        assert_eq!(buffered(Medium::Unknown), Care::Content);
        assert!(buffered(Medium::Bare).syncs_names() && buffered(Medium::Bare).syncs_freed());
        for medium in [Medium::Memory, Medium::Journal, Medium::Unknown, Medium::Bare] {
            assert!(Care::of(Durability::Synced, medium).syncs_names());
        }
    }

    #[test]
    fn a_journal_is_known_by_the_task_that_writes_it() {
        assert!(is_task("207\n"));
        for none in ["<none>\n", "", "0\n", "-1\n"] {
            assert!(!is_task(none), "{none:?}");
        }
    }

    #[test]
    fn a_file_system_in_memory_is_known() {
        let Ok(folder) = std::fs::File::open("/dev/shm") else {
            println!("skipped: there is no /dev/shm here");
            return;
        };
        assert_eq!(Medium::of(folder), Ok(Medium::Memory));
    }
}
