//! One socket option that no safe binding offers: `TCP_DEFER_ACCEPT`, see tcp(7).
//!
//! The second of this crate's two files with `unsafe`.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Has a listener's connections accepted only when their first byte is there, or after about this many
/// seconds.
pub(super) fn defer_accept(listener: BorrowedFd<'_>, seconds: u64) -> io::Result<()> {
    let seconds = libc::c_int::try_from(seconds).unwrap_or(libc::c_int::MAX);
    let length = libc::socklen_t::try_from(size_of_val(&seconds)).expect("an int's size fits");
    // SAFETY: the descriptor is open while it is borrowed; the option's value is an int that outlives the
    // call, and its length is given.
    let outcome = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            (&raw const seconds).cast(),
            length,
        )
    };
    if outcome == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
