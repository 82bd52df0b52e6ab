//! The owner of a file, and its permissions.

use std::os::fd::AsFd;

use rustix::fs::{Gid, Mode, Uid, fchmod, fchown, fstat};
use rustix::io::Errno;

/// User, group and permissions of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    /// The permission bits, without setuid, setgid and sticky.
    pub(super) mode: u32,
    pub(super) user: Uid,
    pub(super) group: Gid,
}

/// Gives a file of the owner `own` to the `wanted` user and group as far as that is permitted, and returns
/// the permissions to set: where the file keeps another group, that group gets the permissions of all others.
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
