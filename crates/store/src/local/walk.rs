//! Resolving a path beneath a folder without the kernel's help, as strictly as `openat2` with RESOLVE_BENEATH
//! does it: part by part, each opened within the folder that was opened before it and never through a
//! symbolic link. A link is read and its parts are walked in its place; `..` goes back to the folder that the
//! walk came through, whatever has been renamed meanwhile, and never above the first.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

/// As many links as the kernel follows in one path.
const LINKS_MAX: usize = 40;

/// How deep a walk may go. Each folder on the way takes a descriptor while it lasts, and a process has 1,024
/// as a rule.
const DEPTH_MAX: usize = 256;

/// How often the last part may turn from a link into something else between two looks at it before that is an
/// error.
const SWAPS_MAX: usize = 16;

enum WalkStep {
    Opened(OwnedFd),
    Link(Vec<u8>),
}

/// Opens `path` beneath `root`. `EXDEV` says that it leads out, `ELOOP` that its links do not end.
pub(super) fn open_beneath(root: BorrowedFd<'_>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut ahead: VecDeque<Vec<u8>> = parts(path.as_bytes()).collect();
    let mut behind: Vec<OwnedFd> = Vec::new();
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        if part == b".." {
            behind.pop().ok_or(Errno::XDEV)?;
            continue;
        }
        let here = behind.last().map_or(root, AsFd::as_fd);
        let is_last = ahead.is_empty();
        let step_flags = if is_last {
            flags
        } else {
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC
        };
        match step(here, &part, step_flags)? {
            WalkStep::Opened(object) if is_last => return Ok(object),
            WalkStep::Opened(_) if behind.len() == DEPTH_MAX => return Err(Errno::NAMETOOLONG),
            WalkStep::Opened(folder) => behind.push(folder),
            WalkStep::Link(_) if links == LINKS_MAX => return Err(Errno::LOOP),
            WalkStep::Link(target) => {
                links += 1;
                follow(&target, &mut ahead)?;
            }
        }
    }
    // The path ended with `..` or named the root itself.
    openat(behind.last().map_or(root, AsFd::as_fd), ".", flags, Mode::empty())
}

/// Opens one part without following it, or reads it where it is a link.
fn step(here: BorrowedFd<'_>, part: &[u8], flags: OFlags) -> Result<WalkStep, Errno> {
    let mut refusal = Errno::NOENT;
    for _ in 0..SWAPS_MAX {
        if !flags.contains(OFlags::PATH) {
            match openat(here, part, flags | OFlags::NOFOLLOW, Mode::empty()) {
                Err(errno @ (Errno::LOOP | Errno::NOTDIR)) => refusal = errno,
                opened => return Ok(WalkStep::Opened(opened?)),
            }
        }
        // What this opens cannot be swapped any more, and it may be a link itself.
        let found = openat(
            here,
            part,
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        match FileType::from_raw_mode(fstat(&found)?.st_mode) {
            FileType::Symlink => return Ok(WalkStep::Link(readlinkat(&found, "", Vec::new())?.into_bytes())),
            FileType::Directory if flags.contains(OFlags::PATH) => return Ok(WalkStep::Opened(found)),
            FileType::Directory => {}
            _ if flags.contains(OFlags::DIRECTORY) => return Err(Errno::NOTDIR),
            _ if flags.contains(OFlags::PATH) => return Ok(WalkStep::Opened(found)),
            _ => {}
        }
    }
    Err(refusal)
}

/// Puts the parts of a link in front of those that are still ahead.
fn follow(target: &[u8], ahead: &mut VecDeque<Vec<u8>>) -> Result<(), Errno> {
    if target.starts_with(b"/") {
        return Err(Errno::XDEV);
    }
    if target.ends_with(b"/") && ahead.is_empty() {
        // The target has to be a folder, which a part `.` behind it asks for.
        ahead.push_front(b".".to_vec());
    }
    for part in parts(target).collect::<Vec<_>>().into_iter().rev() {
        ahead.push_front(part);
    }
    Ok(())
}

fn parts(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    path.split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(<[u8]>::to_vec)
}
