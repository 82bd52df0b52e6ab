//! What is going on: the transfers that run and the sum of all, as the lines that a terminal shows.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::layout::LayoutLine;
use super::rate::Rate;

/// A transfer that is over before this does not get a line: it would only flicker.
const SHOWN_AFTER: Duration = Duration::from_millis(300);
/// The size of an object that is not known yet.
const UNKNOWN: u64 = u64::MAX;

/// All transfers of a command.
#[derive(Debug, Default)]
pub(super) struct Live {
    state: Mutex<LiveState>,
}

#[derive(Debug, Default)]
struct LiveState {
    /// What runs, each in a place that it keeps, so that lines do not jump.
    places: Vec<Option<Arc<Running>>>,
    /// The most lines that were shown at once: the view does not become lower again.
    height: usize,
    files_found: u64,
    files_ended: u64,
    bytes_found: u64,
    is_all_found: bool,
    /// Bytes of the transfers that have ended, and how many of them moved now.
    bytes_ended: u64,
    moved_ended: u64,
    rate: Rate,
}

/// One transfer that runs.
#[derive(Debug)]
pub(super) struct Running {
    name: String,
    begun: Instant,
    position_bytes: AtomicU64,
    total_bytes: AtomicU64,
    moved_bytes: AtomicU64,
    /// Whether what has arrived stays, and is continued by the next run.
    is_kept: AtomicBool,
    rate: Mutex<Rate>,
}

/// A download that an interruption leaves behind for the next run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) bytes: u64,
}

impl Live {
    /// One more thing is to be done, of so many bytes where that is known.
    pub(super) fn found(&self, bytes: Option<u64>) {
        let mut state = self.state();
        state.files_found += 1;
        state.bytes_found += bytes.unwrap_or(0);
    }

    /// Nothing more will be found.
    pub(super) fn all_found(&self) {
        self.state().is_all_found = true;
    }

    /// How many things were found, and how many of them have ended.
    pub(super) fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.files_found, state.files_ended)
    }

    /// A transfer begins; `bytes` is what was said when it was found.
    pub(super) fn begin(&self, name: &str, bytes: Option<u64>) -> Arc<Running> {
        let running = Arc::new(Running {
            name: name.to_owned(),
            begun: Instant::now(),
            position_bytes: AtomicU64::new(0),
            total_bytes: AtomicU64::new(bytes.unwrap_or(UNKNOWN)),
            moved_bytes: AtomicU64::new(0),
            is_kept: AtomicBool::new(false),
            rate: Mutex::default(),
        });
        let mut state = self.state();
        match state.places.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(Arc::clone(&running)),
            None => state.places.push(Some(Arc::clone(&running))),
        }
        running
    }

    /// The size of a running transfer is known now.
    pub(super) fn sized(&self, running: &Running, total_bytes: u64) {
        let before = running.total_bytes.swap(total_bytes, Ordering::Relaxed);
        let mut state = self.state();
        let before = if before == UNKNOWN { 0 } else { before };
        state.bytes_found = state
            .bytes_found
            .saturating_sub(before)
            .saturating_add(total_bytes);
    }

    /// A transfer is over, well or not.
    pub(super) fn end(&self, running: &Arc<Running>) {
        let mut state = self.state();
        for place in &mut state.places {
            if place.as_ref().is_some_and(|other| Arc::ptr_eq(other, running)) {
                *place = None;
            }
        }
        state.files_ended += 1;
        // One that failed counts whole: it is not to be waited for any more.
        let total = running.total().unwrap_or_else(|| running.position());
        state.bytes_ended = state.bytes_ended.saturating_add(total);
        state.moved_ended = state
            .moved_ended
            .saturating_add(running.moved_bytes.load(Ordering::Relaxed));
    }

    /// The downloads that run and stay as far as they came.
    pub(super) fn kept(&self) -> Vec<Kept> {
        let state = self.state();
        let running = state.places.iter().flatten();
        running
            .filter(|running| running.is_kept.load(Ordering::Relaxed) && running.position() > 0)
            .map(|running| Kept {
                name: running.name.clone(),
                bytes: running.position(),
            })
            .collect()
    }

    /// The lines of now: one for each transfer, and one for all where there is more than one thing to do.
    pub(super) fn lines(&self, now: Instant, width: usize, height_max: usize) -> Vec<String> {
        let mut state = self.state();
        let mut lines: Vec<Option<LayoutLine>> = state
            .places
            .iter()
            .map(|place| place.as_deref()?.line(now))
            .collect();
        while lines.last().is_some_and(Option::is_none) {
            lines.pop();
        }
        lines.truncate(height_max.saturating_sub(1).max(1));
        state.height = state.height.max(lines.len()).min(height_max);
        lines.resize(state.height, None);
        let mut text: Vec<String> = lines
            .into_iter()
            .map(|line| line.map_or_else(String::new, |line| line.fit(width)))
            .collect();
        if state.files_found > 1 {
            text.push(state.sum(now).fit(width));
        }
        text
    }

    fn state(&self) -> MutexGuard<'_, LiveState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveState {
    /// The line for everything.
    fn sum(&mut self, now: Instant) -> LayoutLine {
        let running = || self.places.iter().flatten();
        let position = running().map(|running| running.position()).sum::<u64>();
        let moved = running()
            .map(|running| running.moved_bytes.load(Ordering::Relaxed))
            .sum::<u64>();
        let moved = self.moved_ended.saturating_add(moved);
        let more = if self.is_all_found { "" } else { "+" };
        LayoutLine {
            name: format!("{}/{}{more} files", self.files_ended, self.files_found),
            position_bytes: self.bytes_ended.saturating_add(position),
            total_bytes: Some(self.bytes_found),
            bytes_per_s: self.rate.at(now, moved),
        }
    }
}

impl Running {
    /// A try begins at this byte; what is before it was here already.
    pub(super) fn begin_at(&self, position_bytes: u64, is_kept: bool) {
        self.position_bytes.store(position_bytes, Ordering::Relaxed);
        self.is_kept.store(is_kept, Ordering::Relaxed);
    }

    /// So many more bytes have moved.
    pub(super) fn moved(&self, bytes: u64) {
        self.position_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.moved_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn position(&self) -> u64 {
        self.position_bytes.load(Ordering::Relaxed)
    }

    fn total(&self) -> Option<u64> {
        Some(self.total_bytes.load(Ordering::Relaxed)).filter(|total| *total != UNKNOWN)
    }

    fn line(&self, now: Instant) -> Option<LayoutLine> {
        let moved = self.moved_bytes.load(Ordering::Relaxed);
        let bytes_per_s = self
            .rate
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .at(now, moved);
        let is_shown = now.saturating_duration_since(self.begun) >= SHOWN_AFTER;
        is_shown.then(|| LayoutLine {
            name: self.name.clone(),
            position_bytes: self.position(),
            total_bytes: self.total(),
            bytes_per_s,
        })
    }
}

/// The view as indicatif draws it, at the width that the terminal has at that moment.
#[derive(Clone)]
pub(super) struct LiveView(pub(super) Arc<Live>);

impl fmt::Display for LiveView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = terminal_size::terminal_size_of(std::io::stderr())
            .map_or((80, 24), |(width, height)| (width.0, height.0));
        // The last column stays free: some terminals wrap once it is written.
        let lines = self.0.lines(
            Instant::now(),
            usize::from(width).saturating_sub(1),
            usize::from(height).saturating_sub(2).max(2),
        );
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[test]
    fn many_transfers_are_at_most_their_number_of_lines_and_one_for_all() {
        let live = Live::default();
        for _ in 0..41 {
            live.found(Some(1000));
        }
        live.all_found();
        let running: Vec<_> = (0..4)
            .map(|number| live.begin(&format!("photos/{number}"), Some(1000)))
            .collect();
        running[0].begin_at(0, false);
        running[0].moved(500);
        assert_eq!(
            live.lines(later(0), 60, 20).len(),
            1,
            "what is over soon gets no line"
        );
        let lines = live.lines(later(1000), 60, 20);
        assert_eq!(lines.len(), 5);
        assert!(
            lines[0].starts_with("photos/0") && lines[0].contains(" 50%"),
            "{lines:?}"
        );
        assert!(lines[4].starts_with("0/41 files"), "{lines:?}");
        for running in &running {
            live.end(running);
        }
        let lines = live.lines(later(2000), 60, 20);
        assert_eq!(lines.len(), 5, "the view does not become lower");
        assert!(
            lines[..4].iter().all(String::is_empty) && lines[4].starts_with("4/41 files"),
            "{lines:?}"
        );
        assert!(live.lines(later(2000), 60, 3).len() <= 4, "it fits the terminal");
    }

    #[test]
    fn what_was_here_already_is_no_speed() {
        let live = Live::default();
        live.found(None);
        let running = live.begin("big", None);
        live.lines(later(0), 80, 20);
        live.sized(&running, 2 << 30);
        running.begin_at(1 << 30, true);
        running.moved(1 << 20);
        let lines = live.lines(later(1000), 79, 20);
        assert_eq!(lines.len(), 1, "one thing needs no sum");
        assert!(
            lines[0].contains(" 50% ") && lines[0].contains(" KiB/s "),
            "{lines:?}"
        );
        let kept = Kept {
            name: "big".to_owned(),
            bytes: (1 << 30) + (1 << 20),
        };
        assert_eq!(live.kept(), [kept]);
    }
}
