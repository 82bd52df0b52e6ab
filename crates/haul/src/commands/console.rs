//! What a person sees: progress bars while standard error is a terminal, messages above them, results on standard output.

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use haul_client::{Error, Progress, shown};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::{Globals, Outcome};

/// Standard output and standard error of one subcommand.
pub(super) struct Console {
    verb: &'static str,
    bars: MultiProgress,
    is_quiet: bool,
}

impl Console {
    pub(super) fn new(verb: &'static str, globals: &Globals) -> Console {
        let visible = !globals.quiet && io::stderr().is_terminal();
        let target = if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Console {
            verb,
            bars: MultiProgress::with_draw_target(target),
            is_quiet: globals.quiet,
        }
    }

    /// Says on standard error why something failed, and which exit code that means. A reader of standard output that
    /// has seen enough is no failure to speak of.
    pub(super) fn failed(&self, subject: &str, error: &Error) -> Outcome {
        if !is_closed_output(error) {
            self.say(subject, &error.to_string());
        }
        error.into()
    }

    /// Says on standard error that what was typed makes no sense.
    pub(super) fn usage(&self, subject: &str, sentence: &str) -> Outcome {
        self.say(subject, sentence);
        Outcome::Usage
    }

    /// Says on standard error what is no failure, unless quiet.
    pub(super) fn notice(&self, subject: &str, sentence: &str) {
        if !self.is_quiet {
            self.say(subject, sentence);
        }
    }

    /// Prints a line on standard output.
    pub(super) fn print(&self, line: &str) -> Outcome {
        let written = self.bars.suspend(|| {
            let mut out = io::stdout().lock();
            writeln!(out, "{line}")
        });
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.failed("standard output", &Error::Local(error))
            }
            _ => Outcome::Done,
        }
    }

    /// Prints an object for machines on standard output.
    pub(super) fn print_json(&self, object: &impl Serialize) -> Outcome {
        let line = serde_json::to_string(object).expect("plain structures have a JSON form");
        self.print(&line)
    }

    /// A bar for one transfer; it is gone when dropped.
    pub(super) fn bar(&self, name: &str) -> Bar<'_> {
        let bar = self.bars.add(ProgressBar::no_length());
        bar.set_style(style("{prefix} {bytes} {bytes_per_sec}"));
        bar.set_prefix(shown(name).to_string());
        Bar {
            console: self,
            bar,
            name: name.to_owned(),
        }
    }

    fn say(&self, subject: &str, sentence: &str) {
        let (verb, subject, sentence) = (self.verb, shown(subject), shown(sentence));
        // Nobody is left to hear that standard error is closed.
        let _ = self
            .bars
            .suspend(|| writeln!(io::stderr().lock(), "haul: {verb} {subject}: {sentence}"));
    }
}

/// The progress of one transfer.
pub(super) struct Bar<'a> {
    console: &'a Console,
    bar: ProgressBar,
    name: String,
}

impl Progress for Bar<'_> {
    fn begin(&mut self, position: u64, total_bytes: Option<u64>) {
        if let Some(total) = total_bytes {
            self.bar.set_style(style(
                "{prefix} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left",
            ));
            self.bar.set_length(total);
        }
        self.bar.set_position(position);
        // What was here already says nothing about the rate.
        self.bar.reset_eta();
    }

    fn moved(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn retrying(&mut self, cause: &Error, pause: Duration) {
        let sentence = format!("{cause}; trying again in {:.1} s", pause.as_secs_f64());
        self.console.notice(&self.name, &sentence);
    }
}

impl Drop for Bar<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.console.bars.remove(&self.bar);
    }
}

/// Whether an operation failed because whoever read our standard output has gone.
pub(super) fn is_closed_output(error: &Error) -> bool {
    matches!(error, Error::Local(cause) if cause.kind() == io::ErrorKind::BrokenPipe)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates in this file are well-formed")
}
