//! A bounded queue of log lines and the thread that writes them, so that a standard error that is not read can
//! never block a worker.
//!
//! What does not fit is dropped and counted; the lines that get through are followed by one that says how many
//! were. Whole lines are written at once and never more than a pipe takes in one piece, so that the lines of several
//! processes do not mix. (tracing-appender would do most of this, but it prints to standard output when it ends
//! while no reader takes lines, and panics where that is closed.)

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Bytes that a pipe takes in one piece (`PIPE_BUF` on Linux).
pub(super) const WRITE_BYTES_MAX: usize = 4096;
/// How long the end of the program waits for the last lines to be written.
const LAST_LINES_WAIT: Duration = Duration::from_secs(1);

/// The end of the queue that takes lines; never blocks.
#[derive(Debug)]
pub(super) struct LogQueue {
    lines: SyncSender<Vec<u8>>,
    dropped: Arc<AtomicU64>,
}

/// Keeps the writing thread; dropped, it waits up to 1 s for what is queued to be written.
#[derive(Debug)]
pub(crate) struct Guard {
    ending: Arc<AtomicBool>,
    lines: SyncSender<Vec<u8>>,
    ended: Receiver<()>,
}

/// A queue of at most `lines_max` lines before `to`. `on_loss` composes the line that reports a number of lost ones.
pub(super) fn start(
    lines_max: usize,
    to: impl Write + Send + 'static,
    on_loss: impl Fn(u64) -> String + Send + 'static,
) -> io::Result<(LogQueue, Guard)> {
    let (lines, queued) = sync_channel(lines_max);
    let (end, ended) = channel();
    let dropped = Arc::new(AtomicU64::new(0));
    let ending = Arc::new(AtomicBool::new(false));
    let guard = Guard {
        ending: Arc::clone(&ending),
        lines: lines.clone(),
        ended,
    };
    let mut losses = Losses {
        dropped: Arc::clone(&dropped),
        reported: 0,
        on_loss,
    };
    thread::Builder::new().name("log".to_owned()).spawn(move || {
        write_lines(&queued, &mut WholeLines::new(to), &mut losses, &ending);
        tell_end(end);
    })?;
    Ok((LogQueue { lines, dropped }, guard))
}

impl Write for &LogQueue {
    /// Takes `line`, or drops and counts it. Never fails: an error could not be logged.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(line.to_vec()).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = &'a LogQueue;

    fn make_writer(&'a self) -> &'a LogQueue {
        self
    }
}

impl Guard {
    /// Ends the thread, and waits until it has written what is queued, but no longer than `wait`.
    fn end(&self, wait: Duration) {
        self.ending.store(true, Ordering::SeqCst);
        // Wakes a thread that waits for a line. Where the queue is full, there are lines enough to wake it.
        self.lines.try_send(Vec::new()).ok();
        self.ended.recv_timeout(wait).ok();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end(LAST_LINES_WAIT);
    }
}

/// Writes lines until the guard is dropped. A write that fails loses its lines: an error could not be logged.
fn write_lines<W: Write, L: Fn(u64) -> String>(
    queued: &Receiver<Vec<u8>>,
    to: &mut WholeLines<W>,
    losses: &mut Losses<L>,
    ending: &AtomicBool,
) {
    while let Some(line) = next_line(queued, ending) {
        to.gather(&line).ok();
        while let Ok(line) = queued.try_recv() {
            to.gather(&line).ok();
        }
        if let Some(report) = losses.unreported() {
            to.gather(report.as_bytes()).ok();
        }
        to.write_gathered().ok();
    }
}

/// The next line; none once the end has come and the queue is empty.
fn next_line(queued: &Receiver<Vec<u8>>, ending: &AtomicBool) -> Option<Vec<u8>> {
    // Looked at first: whatever was queued when the end came is still there to be taken.
    let is_ending = ending.load(Ordering::SeqCst);
    match queued.try_recv() {
        Ok(line) => Some(line),
        Err(_) if is_ending => None,
        // Should the end come now, there is a line to wake this: the guard's, or one that filled the queue before it.
        Err(_) => queued.recv().ok(),
    }
}

/// The guard sees the sender go.
fn tell_end(end: Sender<()>) {
    drop(end);
}

/// What was dropped, and how much of that has been said.
struct Losses<L: Fn(u64) -> String> {
    dropped: Arc<AtomicU64>,
    reported: u64,
    on_loss: L,
}

impl<L: Fn(u64) -> String> Losses<L> {
    fn unreported(&mut self) -> Option<String> {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let fresh = dropped - std::mem::replace(&mut self.reported, dropped);
        (fresh > 0).then(|| (self.on_loss)(fresh))
    }
}

/// Gathers lines and writes only whole ones, as many at once as a pipe takes in one piece.
struct WholeLines<W: Write> {
    to: W,
    gathered: Vec<u8>,
}

impl<W: Write> WholeLines<W> {
    fn new(to: W) -> Self {
        Self {
            to,
            gathered: Vec::with_capacity(WRITE_BYTES_MAX),
        }
    }

    fn gather(&mut self, line: &[u8]) -> io::Result<()> {
        let written = if self.gathered.len() + line.len() > WRITE_BYTES_MAX {
            self.write_gathered()
        } else {
            Ok(())
        };
        self.gathered.extend_from_slice(line);
        written
    }

    fn write_gathered(&mut self) -> io::Result<()> {
        let outcome = if self.gathered.is_empty() {
            Ok(())
        } else {
            self.to.write_all(&self.gathered)
        };
        self.gathered.clear();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Notes each write that reaches the system, once it is let through.
    struct Gate {
        reached: Sender<()>,
        through: Receiver<()>,
        writes: Writes,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // A test that does not care has dropped the receiver.
            self.reached.send(()).ok();
            // The test drops the sender to let everything through.
            self.through.recv().ok();
            self.writes.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    type Writes = Arc<Mutex<Vec<Vec<u8>>>>;

    fn gate() -> (Sender<()>, Gate, Writes) {
        let (open, gate, writes, _) = watched_gate();
        (open, gate, writes)
    }

    /// The receiver hears of each write that has reached the gate.
    fn watched_gate() -> (Sender<()>, Gate, Writes, Receiver<()>) {
        let (open, through) = channel();
        let (reached, at_gate) = channel();
        let writes = Writes::default();
        let gate = Gate {
            reached,
            through,
            writes: Arc::clone(&writes),
        };
        (open, gate, writes, at_gate)
    }

    fn line_of(bytes: usize) -> Vec<u8> {
        let mut line = vec![b'x'; bytes];
        line[bytes - 1] = b'\n';
        line
    }

    #[test]
    fn whole_lines_are_written_together_up_to_what_a_pipe_takes() {
        let (open, gate, writes) = gate();
        drop(open);
        let mut lines = WholeLines::new(gate);
        for _ in 0..5 {
            lines.gather(&line_of(1500)).unwrap();
        }
        lines.write_gathered().unwrap();
        lines.write_gathered().unwrap();
        assert_eq!(
            writes.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(),
            [3000, 3000, 1500]
        );
    }

    #[test]
    fn the_end_waits_for_what_is_queued() {
        let (open, gate, writes) = gate();
        let (queue, guard) = start(100, gate, |_| String::new()).unwrap();
        for _ in 0..50 {
            (&queue).write_all(&line_of(10)).unwrap();
        }
        drop(open);
        guard.end(Duration::MAX);
        assert_eq!(writes.lock().unwrap().concat(), line_of(10).repeat(50));
    }

    #[test]
    fn a_line_that_is_queued_during_the_last_write_is_written_too() {
        let (open, gate, writes, at_gate) = watched_gate();
        let (queue, guard) = start(100, gate, |_| String::new()).unwrap();
        (&queue).write_all(b"first\n").unwrap();
        at_gate.recv().unwrap();
        (&queue).write_all(b"second\n").unwrap();
        guard.end(Duration::ZERO);
        drop(open);
        guard.end(Duration::MAX);
        assert_eq!(writes.lock().unwrap().concat(), b"first\nsecond\n");
    }

    #[test]
    fn a_log_that_nobody_reads_blocks_nobody_and_says_later_what_it_dropped() {
        let (open, gate, writes) = gate();
        let (queue, guard) = start(8, gate, |lost| format!("lost {lost}\n")).unwrap();
        for _ in 0..100 {
            (&queue).write_all(&line_of(WRITE_BYTES_MAX)).unwrap();
        }
        let lost = queue.dropped.load(Ordering::Relaxed);
        drop(open);
        guard.end(Duration::MAX);
        let text = String::from_utf8(writes.lock().unwrap().concat()).unwrap();
        // Beside the queue of 8, one line may be in the writing thread's hands and one with the gate.
        assert!((90..=92).contains(&lost), "{lost} of 100 lines were dropped");
        assert!(text.ends_with(&format!("\nlost {lost}\n")), "{text}");
    }

    #[test]
    fn a_log_that_nobody_reads_does_not_hold_up_the_end() {
        let (open, gate, writes) = gate();
        let (queue, guard) = start(1, gate, |_| String::new()).unwrap();
        for _ in 0..10 {
            (&queue).write_all(&line_of(10)).unwrap();
        }
        guard.end(Duration::ZERO);
        assert!(writes.lock().unwrap().is_empty());
        drop(open);
    }
}
