//! Ctrl-C and SIGTERM: they end a command at once, with a last word about what stays.

use std::fs;
use std::io;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, atomic::AtomicBool};
use std::thread;

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
    low_level::{self, pipe},
};

/// Has `last_word` called when a signal asks this process to end, and ends it by that signal then. A second signal ends
/// it even where the last word cannot be said. What the process was told to ignore stays ignored.
///
/// # Errors
/// When signals cannot be received.
pub(super) fn watch(last_word: impl Fn() + Send + Sync + 'static) -> io::Result<()> {
    let last_word = Arc::new(last_word);
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for signal in [SIGINT, SIGTERM] {
        if is_ignored(&status, signal) {
            continue;
        }
        let came = Arc::new(AtomicBool::new(false));
        flag::register_conditional_default(signal, Arc::clone(&came))?;
        flag::register(signal, came)?;
        let (mut reader, writer) = UnixStream::pair()?;
        pipe::register(signal, writer)?;
        let last_word = Arc::clone(&last_word);
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if reader.read_exact(&mut [0]).is_ok() {
                last_word();
                // The shell is to see that it was a signal.
                low_level::emulate_default_handler(signal).ok();
            }
        })?;
    }
    Ok(())
}

/// Whether a process with this /proc/PID/status ignores a signal, as one in the background of a shell may.
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_is_ignored_is_known_from_the_mask() {
        let status = "Name:\thaul\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000000002\n";
        assert!(is_ignored(status, SIGINT));
        assert!(!is_ignored(status, SIGTERM));
        assert!(!is_ignored("", SIGINT));
    }
}
