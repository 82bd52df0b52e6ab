//! What is seen of a run while it goes on: a bar on a terminal, otherwise a line per trial. Both on standard error.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use haul_lab::Event;
use haul_results::{ByteSize, Trial};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where progress is shown.
pub(super) enum RunProgress {
    /// Nowhere.
    Quiet,
    /// As lines.
    Lines,
    /// As a bar, and lines only for what went wrong.
    Bar(ProgressBar),
}

impl RunProgress {
    pub(super) fn new(is_quiet: bool) -> Self {
        if is_quiet {
            return Self::Quiet;
        }
        if !io::stderr().is_terminal() {
            return Self::Lines;
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {prefix}{wide_msg}");
        bar.set_style(style.expect("the template is a constant"));
        bar.enable_steady_tick(Duration::from_millis(250));
        Self::Bar(bar)
    }

    pub(super) fn show(&self, event: &Event<'_>) {
        match event {
            Event::Phase(phase) => self.phase(phase),
            Event::Begins { trials, estimate, .. } => {
                if let Self::Bar(bar) = self {
                    bar.set_length(*trials as u64);
                }
                self.phase(&format!("{trials} trials, about {}", span(*estimate)));
            }
            Event::TrialBegins { cell, .. } => {
                if let Self::Bar(bar) = self {
                    bar.set_message(cell.to_string());
                }
            }
            Event::TrialEnds {
                trial,
                done,
                trials,
                left,
            } => self.trial(trial, *done, *trials, *left),
        }
    }

    pub(super) fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }

    fn phase(&self, phase: &str) {
        match self {
            Self::Quiet => {}
            Self::Lines => line(phase),
            Self::Bar(bar) => bar.set_message(phase.to_owned()),
        }
    }

    fn trial(&self, trial: &Trial, done: usize, trials: usize, left: Duration) {
        let shown = TrialLine::new(trial);
        match self {
            Self::Quiet => {}
            Self::Lines => line(&format!(
                "{done}/{trials} {}: {}, {} left",
                trial.cell,
                shown.text,
                span(left)
            )),
            Self::Bar(bar) => {
                if !shown.is_ok {
                    bar.suspend(|| line(&format!("{}: {}", trial.cell, shown.text)));
                }
                bar.set_position(done as u64);
                bar.set_prefix(format!("{:.0} MiB/s, {} left ", shown.mib_per_s, span(left)));
            }
        }
    }
}

struct TrialLine {
    is_ok: bool,
    mib_per_s: f64,
    text: String,
}

impl TrialLine {
    fn new(trial: &Trial) -> Self {
        let mib_per_s = trial.total_bytes_per_s() / ByteSize::mib(1).as_f64();
        let failures = trial.failures();
        let failed: u32 = failures.values().sum();
        let clients_ok = trial.samples.len() - failed as usize;
        let mut parts = vec![format!("{mib_per_s:.1} MiB/s, {clients_ok} ok")];
        parts.extend(failures.iter().map(|(class, count)| format!("{count} {class}")));
        let faults = trial.faults.iter();
        parts.extend(faults.map(|fault| format!("{} ({})", fault.kind, fault.detail)));
        let problems = trial.problems();
        if problems.len() > trial.faults.len() {
            parts.push("invalid: the counts differ".to_owned());
        }
        Self {
            is_ok: problems.is_empty() && failures.is_empty(),
            mib_per_s,
            text: parts.join(", "),
        }
    }
}

fn line(text: &str) {
    // There is nowhere left to say that standard error is closed.
    writeln!(io::stderr(), "{text}").ok();
}

fn span(span: Duration) -> String {
    humantime::format_duration(Duration::from_secs(span.as_secs())).to_string()
}
