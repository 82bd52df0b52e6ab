//! Cleaning up after a lab that was killed: reapers, processes that wait for the end of a pipe which the lab holds. The
//! system closes the pipe however the lab ends.
//!
//! Each server has a reaper that leads the server's process group and kills the group, so that the server is in the group
//! from its first instruction on. The run has a reaper that removes the scratch space once the lab and all other reapers
//! are gone. No reaper is a child of a server or of a client, so none is counted with what they use.

use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgrp, getpid, kill_process_group};

use crate::command::CommandLine;
use crate::names::SCRATCH_PREFIX;

/// How often the removal of a folder is tried, since a process that was killed a moment ago may still add to it.
const TRIES_MAX: u32 = 500;
/// The time between two tries: 10 s in all.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a reaper could not clean up.
#[derive(Debug, thiserror::Error)]
pub enum ReaperError {
    /// The lab did not start the reaper, which would end or remove what is not the lab's.
    #[error("this subcommand is started by `haul bench` only")]
    NotOfLab,
    /// The pipe or the folder failed.
    #[error("the reaper failed: {0}")]
    Io(#[from] io::Error),
}

/// Does what a reaper process does: waits for the end of `lab`, then removes the scratch space in `folder`; without a
/// folder it kills the process group that it leads, itself included.
///
/// # Errors
///
/// If the lab did not start the process, or the folder cannot be removed.
pub fn reap(folder: Option<&Path>, lab: impl Read) -> Result<(), ReaperError> {
    let is_of_lab = match folder {
        Some(folder) => is_scratch(folder),
        None => getpgrp() == getpid(),
    };
    if !is_of_lab {
        return Err(ReaperError::NotOfLab);
    }
    wait_for_end(lab)?;
    match folder {
        Some(folder) => remove(folder)?,
        None => kill_process_group(getpgrp(), Signal::KILL).map_err(io::Error::from)?,
    }
    Ok(())
}

fn is_scratch(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(SCRATCH_PREFIX.as_bytes())
}

fn wait_for_end(mut lab: impl Read) -> io::Result<()> {
    io::copy(&mut lab, &mut io::sink()).map(drop)
}

fn remove(folder: &Path) -> io::Result<()> {
    for _ in 1..TRIES_MAX {
        match fs::remove_dir_all(folder) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) => thread::sleep(PAUSE),
        }
    }
    fs::remove_dir_all(folder)
}

/// Guards a run's scratch space with a reaper. Dropped, it ends the reaper: then the lab removes the space itself.
#[derive(Debug)]
pub(crate) struct FolderGuard {
    command: CommandLine,
    child: Child,
}

impl FolderGuard {
    /// Starts the reaper with `command`, the program that [`reap`]s.
    pub(crate) fn start(command: &CommandLine, folder: &Path) -> io::Result<Self> {
        let mut line = command.clone();
        line.arguments.push(folder.into());
        let child = line
            .prepare()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            command: command.clone(),
            child,
        })
    }

    /// Starts the reaper of a server. It holds a pipe to the reaper of the space, which therefore waits for it.
    pub(crate) fn guard_group(&self) -> io::Result<GroupGuard> {
        let pipe = self
            .child
            .stdin
            .as_ref()
            .expect("standard input was asked for as a pipe");
        let pipe = pipe.as_fd().try_clone_to_owned()?;
        let child = self
            .command
            .prepare()
            .stdin(Stdio::piped())
            .stdout(Stdio::from(pipe))
            .stderr(Stdio::null())
            .spawn()?;
        Ok(GroupGuard(child))
    }
}

impl Drop for FolderGuard {
    fn drop(&mut self) {
        // A process that has ended already cannot be killed and needs not be.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Guards a server's process group, which its reaper leads. Dropped, it kills the whole group.
#[derive(Debug)]
pub(crate) struct GroupGuard(Child);

impl GroupGuard {
    /// The number of the group, for the server to join.
    pub(crate) fn group(&self) -> i32 {
        Pid::from_child(&self.0).as_raw_nonzero().get()
    }
}

impl Drop for GroupGuard {
    fn drop(&mut self) {
        kill_process_group(Pid::from_child(&self.0), Signal::KILL).ok();
        self.0.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_folder_is_removed_when_the_lab_is_gone_and_one_that_is_gone_already_is_no_failure() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join(format!("{SCRATCH_PREFIX}x"));
        fs::create_dir_all(folder.join("root/deep")).unwrap();
        fs::write(folder.join("root/deep/object"), b"x").unwrap();
        reap(Some(&folder), io::empty()).unwrap();
        assert!(!folder.exists());
        reap(Some(&folder), io::empty()).unwrap();
    }

    #[test]
    fn a_folder_that_is_no_scratch_space_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        for folder in [place.path(), Path::new("/"), Path::new("")] {
            assert!(matches!(
                reap(Some(folder), io::empty()),
                Err(ReaperError::NotOfLab)
            ));
        }
        assert!(place.path().is_dir());
    }
}
