//! What clears up after a lab that was killed and so could not do it itself: processes that wait for the end of a pipe
//! which the lab holds, and which the system closes however the lab ends.
//!
//! Each server has a warden that leads its process group, so that the server is in it from its first instruction on, and
//! that kills the group. The run has a warden that removes the scratch space once the lab and all other wardens are gone.
//! None of them is a child of a server or of a client, so none is counted with what they use.

use std::fs;
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, getpgrp, getpid, kill_process_group};

use crate::command::CommandLine;
use crate::scratch::FOLDER_PREFIX;

/// How often the removal of a folder is tried, since a process that was killed a moment ago may still add to it.
const TRIES_MAX: u32 = 500;
/// The time between two tries: 10 s in all.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a warden did not do its duty.
#[derive(Debug, thiserror::Error)]
pub enum WardenError {
    /// It was started by somebody else, and would end or remove what is not the lab's.
    #[error("this subcommand is started by `haul bench` only")]
    NotOfLab,
    /// The pipe or the folder failed.
    #[error("the warden failed: {0}")]
    Io(#[from] io::Error),
}

/// Is a warden: waits for the end of `lab`, then removes the scratch space in `folder`, or without one kills the process
/// group that it leads, itself included.
///
/// # Errors
///
/// If it was not started by the lab, or the folder cannot be removed.
pub fn ward(folder: Option<&Path>, lab: impl Read) -> Result<(), WardenError> {
    let is_of_lab = match folder {
        Some(folder) => is_scratch(folder),
        None => getpgrp() == getpid(),
    };
    if !is_of_lab {
        return Err(WardenError::NotOfLab);
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
    name.as_encoded_bytes().starts_with(FOLDER_PREFIX.as_bytes())
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

/// The warden of a run's scratch space. When dropped it is ended: then the lab removes the space itself.
#[derive(Debug)]
pub(crate) struct FolderWarden {
    command: CommandLine,
    child: Child,
}

impl FolderWarden {
    /// Starts it with the program that [`ward`]s.
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

    /// Starts the warden of a server. It holds the pipe of this one, which therefore waits for it.
    pub(crate) fn over_group(&self) -> io::Result<GroupWarden> {
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
        Ok(GroupWarden(child))
    }
}

impl Drop for FolderWarden {
    fn drop(&mut self) {
        // What has ended already cannot be killed and needs not be.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The warden of a server's process group. When dropped the whole group is killed.
#[derive(Debug)]
pub(crate) struct GroupWarden(Child);

impl GroupWarden {
    /// The number of the group, for the server to join.
    pub(crate) fn group(&self) -> i32 {
        Pid::from_child(&self.0).as_raw_nonzero().get()
    }
}

impl Drop for GroupWarden {
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
        let folder = place.path().join(format!("{FOLDER_PREFIX}x"));
        fs::create_dir_all(folder.join("root/deep")).unwrap();
        fs::write(folder.join("root/deep/object"), b"x").unwrap();
        ward(Some(&folder), io::empty()).unwrap();
        assert!(!folder.exists());
        ward(Some(&folder), io::empty()).unwrap();
    }

    #[test]
    fn a_folder_that_is_no_scratch_space_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        for folder in [place.path(), Path::new("/"), Path::new("")] {
            assert!(matches!(
                ward(Some(folder), io::empty()),
                Err(WardenError::NotOfLab)
            ));
        }
        assert!(place.path().is_dir());
    }
}
