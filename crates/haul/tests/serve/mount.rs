//! A small file system for a test.

use std::io::{self, Write as _};
use std::path::Path;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A small file system in memory; unmounted at the end.
pub(crate) struct Mount<'p>(&'p Path);

impl<'p> Mount<'p> {
    /// Mounts it with options like `size=1m`; `None`, and a notice, where that is not allowed.
    pub(crate) fn tmpfs(place: &'p Path, options: &str) -> Option<Self> {
        let options = std::ffi::CString::new(options).unwrap();
        match mount(
            "tmpfs",
            place,
            "tmpfs",
            MountFlags::NODEV,
            Some(options.as_c_str()),
        ) {
            Ok(()) => Some(Self(place)),
            Err(error) => {
                // Past the capture of the test's output: who runs the tests must see it.
                let notice = format!("SKIPPED: a small tmpfs cannot be mounted here: {error}\n");
                io::stderr().write_all(notice.as_bytes()).ok();
                let may_skip = std::env::var_os("HAUL_TEST_NO_SKIP").is_none_or(|value| value != "1");
                assert!(may_skip, "nothing may be skipped here");
                None
            }
        }
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        unmount(self.0, UnmountFlags::DETACH).ok();
    }
}
