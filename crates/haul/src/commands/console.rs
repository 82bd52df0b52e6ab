//! What a person or a program sees of a command: progress while standard error is a terminal, messages above it, one
//! record for each thing with `--json`, and a last line that counts them all.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use haul_client::{Error, Progress, Verified, printable};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;

use super::live::{Live, LiveView, Running};
use super::record::{Item, Moved, Record, escaped};
use super::tally::Tally;
use super::{CommandOutcome, RemoteOptions, advice, interrupt};

/// How often the view is drawn.
const TICK: Duration = Duration::from_millis(200);

/// Standard output and standard error of one subcommand, and the count of what became of everything.
pub(super) struct Console {
    verb: &'static str,
    view: ProgressBar,
    live: Arc<Live>,
    tally: Mutex<Tally>,
    begun: Instant,
    /// Whether the last line is due: for one thing alone its own line says everything.
    several: AtomicBool,
    has_said_waiting: AtomicBool,
    is_quiet: bool,
    json: bool,
}

impl Console {
    pub(super) fn new(verb: &'static str, options: &RemoteOptions) -> Arc<Self> {
        let visible = !options.quiet && io::stderr().is_terminal();
        let target = if visible {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Arc::new(Self {
            verb,
            view: ProgressBar::with_draw_target(None, target),
            live: Arc::default(),
            tally: Mutex::default(),
            begun: Instant::now(),
            several: AtomicBool::new(false),
            has_said_waiting: AtomicBool::new(false),
            is_quiet: options.quiet,
            json: options.json,
        })
    }

    /// Shows what runs from now on, and has Ctrl-C say what stays. `several` things are followed by a last line.
    pub(super) fn begin(self: &Arc<Self>, several: bool) {
        self.several.store(several, Ordering::Relaxed);
        if !self.view.is_hidden() {
            let view = LiveView(Arc::clone(&self.live));
            let lines = move |_: &ProgressState, to: &mut dyn std::fmt::Write| {
                // A view that cannot be written is drawn again soon.
                let _ = write!(to, "{view}");
            };
            let style = ProgressStyle::with_template("{lines}").expect("the template is well-formed");
            self.view.set_style(style.with_key("lines", lines));
            self.view.enable_steady_tick(TICK);
        }
        let console = Arc::clone(self);
        // A system that gives no signals ends the command without a last word, as it would have anyway.
        interrupt::watch(move || console.last_word()).ok();
    }

    /// The progress of an operation that finds things to do.
    pub(super) fn live(&self) -> &Live {
        &self.live
    }

    /// Something is done: counts it, and prints its record.
    pub(super) fn done(&self, item: Item<'_>, moved: Moved, took: Duration) -> CommandOutcome {
        self.count(|tally| tally.done(&moved));
        if self.json {
            return self.print_json(&Record::done(self.verb, item, moved, took));
        }
        if !self.several.load(Ordering::Relaxed)
            && let Some(reason) = moved
                .verified
                .and_then(|verified| not_verified(self.verb, verified))
        {
            self.notice(item.name.unwrap_or_default(), reason);
        }
        CommandOutcome::Done
    }

    /// Something was there already.
    pub(super) fn skipped(&self, item: Item<'_>) -> CommandOutcome {
        self.count(|tally| tally.skipped += 1);
        self.record(&Record::plain(self.verb, item, "skipped"))
    }

    /// Something was not begun, because the server was lost before.
    pub(super) fn not_tried(&self, item: Item<'_>) -> CommandOutcome {
        self.count(|tally| tally.not_tried += 1);
        self.record(&Record::plain(self.verb, item, "not-tried"))
    }

    /// Something failed: says why on standard error, counts it, and gives the exit code that this means.
    pub(super) fn failed(&self, subject: &str, item: Item<'_>, error: &Error) -> CommandOutcome {
        self.failed_after(subject, item, error, 0, Duration::ZERO)
    }

    /// The same for a transfer that took its time and left so many bytes for the next run. A reader of standard output
    /// that has seen enough is no failure to speak of.
    pub(super) fn failed_after(
        &self,
        subject: &str,
        item: Item<'_>,
        error: &Error,
        kept_bytes: u64,
        took: Duration,
    ) -> CommandOutcome {
        self.count(|tally| tally.failed += 1);
        let mut sentence = advice::sentence(self.verb, error);
        if let Some(kept) = advice::kept(kept_bytes) {
            sentence = format!("{sentence}; {kept}");
        }
        if !is_closed_output(error) {
            self.say(subject, &sentence);
        }
        let outcome = CommandOutcome::from(error);
        outcome.and(self.record(&Record::failed(
            self.verb, item, error, sentence, kept_bytes, took,
        )))
    }

    /// Says on standard error that what was typed makes no sense.
    pub(super) fn usage(&self, subject: &str, sentence: &str) -> CommandOutcome {
        self.say(subject, sentence);
        CommandOutcome::Usage
    }

    /// Says on standard error what is no failure, unless quiet.
    pub(super) fn notice(&self, subject: &str, sentence: &str) {
        if !self.is_quiet {
            self.say(subject, sentence);
        }
    }

    /// The end of everything: the last line, if there were several things.
    pub(super) fn finish(&self, outcome: CommandOutcome) -> CommandOutcome {
        self.view.finish_and_clear();
        if !self.several.load(Ordering::Relaxed) {
            return outcome;
        }
        let (tally, took) = (self.tally(), self.begun.elapsed());
        if self.json {
            return outcome.and(self.print_json(&tally.summary(self.verb, took)));
        }
        let mut line = tally.line(took, self.verb != "rm");
        if tally.no_digest > 0 {
            let reason = not_verified(self.verb, Verified::NoDigest).unwrap_or_default();
            line.push_str(&format!("; {} {reason}", tally.no_digest));
        }
        if tally.not_compared > 0 {
            let verified = if self.verb == "put" {
                Verified::NotAsked
            } else {
                Verified::NotPossible
            };
            let reason = not_verified(self.verb, verified).unwrap_or_default();
            line.push_str(&format!("; {} {reason}", tally.not_compared));
        }
        if tally.not_tried > 0 && self.verb != "rm" {
            line.push_str("; run it again with --update to continue");
        }
        self.sum(&line);
        outcome
    }

    /// Prints a line on standard output.
    pub(super) fn print(&self, line: &str) -> CommandOutcome {
        let written = self.view.suspend(|| {
            let mut out = io::stdout().lock();
            writeln!(out, "{line}")
        });
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.say("standard output", &error.to_string());
                CommandOutcome::Failed
            }
            _ => CommandOutcome::Done,
        }
    }

    /// Prints an object for machines on standard output.
    pub(super) fn print_json(&self, object: &impl Serialize) -> CommandOutcome {
        self.print(&json_line(object))
    }

    /// What is seen of one transfer, of so many bytes where that is known; it is over when dropped.
    pub(super) fn bar(&self, name: &str, bytes: Option<u64>) -> TransferBar<'_> {
        TransferBar {
            running: self.live.begin(name, bytes),
            patience: self.patience(name),
            keeps: false,
        }
    }

    /// What is seen of a request that moves no content.
    pub(super) fn patience(&self, subject: &str) -> Patience<'_> {
        Patience {
            console: self,
            subject: subject.to_owned(),
        }
    }

    fn record(&self, record: &Record<'_>) -> CommandOutcome {
        if self.json {
            self.print_json(record)
        } else {
            CommandOutcome::Done
        }
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn tally(&self) -> Tally {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is said when a signal ends the command: what stays, and how far it came.
    fn last_word(&self) {
        self.view.finish_and_clear();
        if self.is_quiet {
            return;
        }
        for kept in self.live.kept() {
            let sentence = advice::kept(kept.bytes).unwrap_or_default();
            self.say(&kept.name, &format!("interrupted; {sentence}"));
        }
        if self.several.load(Ordering::Relaxed) {
            let (found, ended) = self.live.counts();
            let line = self.tally().line(self.begun.elapsed(), self.verb != "rm");
            let rest = found.saturating_sub(ended);
            self.sum(&format!(
                "interrupted: {line}; {rest} more were found and are not done"
            ));
        }
    }

    fn sum(&self, line: &str) {
        if !self.is_quiet {
            self.line(&format!("haul: {}: {line}", self.verb));
        }
    }

    fn say(&self, subject: &str, sentence: &str) {
        let (verb, subject, sentence) = (self.verb, printable(subject), printable(sentence));
        self.line(&format!("haul: {verb} {subject}: {sentence}"));
    }

    fn line(&self, line: &str) {
        // Nobody is left to hear that standard error is closed.
        let _ = self.view.suspend(|| writeln!(io::stderr().lock(), "{line}"));
    }
}

/// Text of an object for machines, on one line.
pub(super) fn json_line(object: &impl Serialize) -> String {
    escaped(&serde_json::to_string(object).expect("plain structures have a JSON form"))
}

/// Why a transfer was not verified, and what helps; `None` where it was, or was not meant to be.
fn not_verified(verb: &str, verified: Verified) -> Option<&'static str> {
    match (verified, verb) {
        (Verified::Yes, _) | (Verified::NotAsked, "get") => None,
        (Verified::NoDigest, _) => Some("not verified: the server has no digest; --verify has it computed"),
        (Verified::NotAsked, _) => Some("not verified; --verify reads it back and compares"),
        (Verified::NotPossible, _) => Some("not verified: the server gives nothing to compare with"),
    }
}

/// Says what happens while an answer is awaited.
pub(super) struct Patience<'a> {
    console: &'a Console,
    subject: String,
}

impl Progress for Patience<'_> {
    fn waiting(&mut self, _waited: Duration) {
        // Of many transfers that wait in the same queue, one is enough to say so.
        if !self.console.has_said_waiting.swap(true, Ordering::Relaxed) {
            self.console.notice(&self.subject, "waiting for the server…");
        }
    }

    fn retrying(&mut self, cause: &Error, pause: Duration) {
        let sentence = format!("{cause}; trying again in {:.1} s", pause.as_secs_f64());
        self.console.notice(&self.subject, &sentence);
    }
}

/// The progress of one transfer.
pub(super) struct TransferBar<'a> {
    running: Arc<Running>,
    patience: Patience<'a>,
    /// Whether what arrives goes into a part file.
    keeps: bool,
}

impl TransferBar<'_> {
    /// What arrives from now on stays after an interruption.
    pub(super) fn keeps(&mut self) {
        self.keeps = true;
    }
}

impl Progress for TransferBar<'_> {
    fn begin(&mut self, position: u64, total_bytes: Option<u64>) {
        if let Some(total) = total_bytes {
            self.patience.console.live.sized(&self.running, total);
        }
        // Without a size the server speaks the classic verbs, and nothing can be continued.
        self.running
            .begin_at(position, self.keeps && total_bytes.is_some());
    }

    fn moved(&mut self, bytes: u64) {
        self.running.moved(bytes);
    }

    fn waiting(&mut self, waited: Duration) {
        self.patience.waiting(waited);
    }

    fn retrying(&mut self, cause: &Error, pause: Duration) {
        self.patience.retrying(cause, pause);
    }
}

impl Drop for TransferBar<'_> {
    fn drop(&mut self) {
        self.patience.console.live.end(&self.running);
    }
}

/// Whether an operation failed because the reader of standard output is gone.
fn is_closed_output(error: &Error) -> bool {
    matches!(error, Error::Local(cause) if cause.kind() == io::ErrorKind::BrokenPipe)
}
