//! A process of the server under test, caught in the middle of a transfer that counts.
//!
//! How far a transfer is can be seen from outside: an upload by the length of the file that is being written, a download
//! by what the process has read since it was last seen without the object. Whatever is caught is looked at again after it
//! was stopped, so a catch is never a matter of timing.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use crate::expect_soon;

/// What each client moves, in MiB: long enough to be caught, and more than a warm-up.
pub(crate) const VOLUME_MIB: u64 = 64;
const VOLUME: u64 = VOLUME_MIB << 20;
/// The most that a warm-up moves.
const WARM_UP: u64 = 8 << 20;

/// Waits until one of the processes is in the middle of an `operation`, and stops it there.
pub(crate) fn catch(operation: &str, processes: impl Fn() -> Vec<u32>) -> u32 {
    let mut without = HashMap::new();
    let mut is_amid = |process: u32| match operation {
        "upload" => is_uploading(process),
        _ => is_downloading(process, &mut without),
    };
    expect_soon("a transfer is under way", || {
        processes()
            .into_iter()
            .find(|&process| is_amid(process) && stop(process) && (is_amid(process) || go_on(process)))
    })
}

/// How many sockets a process has open.
pub(crate) fn sockets(process: u32) -> usize {
    let is_socket = |(_, target): &(PathBuf, String)| target.starts_with("socket:");
    open_files(process).iter().filter(|file| is_socket(file)).count()
}

fn is_uploading(process: u32) -> bool {
    let length = |(file, target): (PathBuf, String)| {
        let is_stored = target.contains("/root/") && !target.contains("haul-bench-volume-");
        fs::metadata(file)
            .ok()
            .filter(|_| is_stored)
            .map(|facts| facts.len())
    };
    open_files(process)
        .into_iter()
        .filter_map(length)
        .any(|length| length > WARM_UP && length < VOLUME)
}

/// Whether it has the object open and read less than half of it, if it has read anything else before it opened it.
fn is_downloading(process: u32, without: &mut HashMap<u32, u64>) -> bool {
    let Some(read) = bytes_read(process) else {
        return false;
    };
    let object = format!("/haul-bench-volume-{VOLUME}.bin");
    let is_open = open_files(process)
        .iter()
        .any(|(_, target)| target.ends_with(&object));
    if !is_open {
        without.insert(process, read);
        return false;
    }
    without
        .get(&process)
        .is_some_and(|before| read - before < VOLUME / 2)
}

fn bytes_read(process: u32) -> Option<u64> {
    let counts = fs::read_to_string(format!("/proc/{process}/io")).ok()?;
    counts
        .lines()
        .find_map(|line| line.strip_prefix("rchar: "))?
        .parse()
        .ok()
}

fn open_files(process: u32) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(format!("/proc/{process}/fd"))
        .into_iter()
        .flatten()
        .flatten();
    let target = |file: PathBuf| Some((file.clone(), fs::read_link(file).ok()?.to_str()?.to_owned()));
    entries.filter_map(|entry| target(entry.path())).collect()
}

/// Stops a process with all its threads; `false` if it is gone.
fn stop(process: u32) -> bool {
    send(process, Signal::STOP);
    let state = |stat: String| stat.rsplit_once(") ")?.1.chars().next();
    expect_soon("the process has stopped", || {
        let tasks = fs::read_dir(format!("/proc/{process}/task"))
            .into_iter()
            .flatten()
            .flatten();
        let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
        let states: Vec<char> = stats.filter_map(state).collect();
        let is_gone = states.iter().all(|state| matches!(state, 'Z' | 'X'));
        let is_stopped = states.iter().all(|state| *state == 'T');
        (is_gone || is_stopped).then_some(!is_gone)
    })
}

/// Lets a process go that was not caught.
fn go_on(process: u32) -> bool {
    send(process, Signal::CONT);
    false
}

/// The process may be gone.
fn send(process: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), signal).ok();
}
