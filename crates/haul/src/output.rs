//! What the commands have in common when they end: text on standard output, a sentence on standard error, an exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// The exit code where the command line or a setting cannot be used, in every command.
pub(crate) const EXIT_USAGE: u8 = 2;

/// Prints all of `text`. A reader that has seen enough (`haul man | head`) is no failure.
pub(crate) fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Says on standard error what is wrong.
pub(crate) fn say(sentence: &str) {
    // There is nowhere left to say that standard error is closed.
    writeln!(io::stderr(), "haul: {sentence}").ok();
}
