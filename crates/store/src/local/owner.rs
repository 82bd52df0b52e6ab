//! Whose a file is, and what they may do with it.

use std::os::fd::AsFd;

use rustix::fs::{Gid, Mode, Uid, fchmod, fchown, fstat};
use rustix::io::Errno;

/// Who may do what with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    /// The permission bits, neither setuid nor its like among them.
    pub(super) mode: u32,
    pub(super) user: Uid,
    pub(super) group: Gid,
}

/// Gives a file, which is of `own`, to the `wanted` user and group as far as that is permitted, and returns the permissions to
/// set: where the group is another one, it may do no more than everybody.
pub(super) fn keep_owner(file: impl AsFd, own: Owner, wanted: Owner) -> u32 {
    let is_kept = (own.user, own.group) == (wanted.user, wanted.group)
        || fchown(&file, Some(wanted.user), Some(wanted.group)).is_ok()
        || fchown(&file, None, Some(wanted.group)).is_ok();
    let has_group = is_kept || fstat(&file).is_ok_and(|facts| facts.st_gid == wanted.group.as_raw());
    if has_group {
        wanted.mode
    } else {
        (wanted.mode & !0o070) | (wanted.mode & 0o007) << 3
    }
}

/// Sets permissions where the file system has any.
pub(super) fn set_mode(file: impl AsFd, mode: u32) -> Result<(), Errno> {
    match fchmod(file, Mode::from_raw_mode(mode & 0o777)) {
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        done => done,
    }
}
