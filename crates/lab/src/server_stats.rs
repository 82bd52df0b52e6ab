//! The counts of a server's ledger, read before and after a trial; the difference is set beside the clients' counts.

use std::thread;
use std::time::{Duration, Instant};

use haul_client::{Address, Connection, Error, Hello, Options, Stats, WorkerStats};
use haul_results::{ByteSize, Cell, Dialect, Operation, PoolSpec, ServerCounts, WorkerCounts};

use crate::interrupt::{Interrupt, Interrupted, POLL_INTERVAL};

/// The longest silence after HELLO before a server counts as one that does not know it.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);

/// The state of a worker in the ledger while it is not up yet.
const STARTING: &str = "starting";

/// The facts that a server states of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SubjectInfo {
    /// Name and version.
    pub(crate) name: String,
    /// Whether it has a ledger that can be read.
    pub(crate) has_ledger: bool,
}

/// Asks a server for its facts; `None` if it does not know the question.
pub(crate) fn info(address: &Address) -> Option<SubjectInfo> {
    let hello = hello(address)?;
    let has_ledger = hello.verbs.iter().any(|verb| verb.eq_ignore_ascii_case("STATS"));
    Some(SubjectInfo {
        name: haul_client::printable(&hello.server).to_string(),
        has_ledger,
    })
}

/// The pool that a running server says it has; `None` if it does not answer or does not say one.
#[must_use]
pub fn pool_of(address: &Address) -> Option<PoolSpec> {
    hello(address)?.pool.parse().ok()
}

/// Asks HELLO. Nothing else uses the server yet, so a silent server does not know the question.
fn hello(address: &Address) -> Option<Hello> {
    connect(address, HELLO_TIMEOUT).ok()?.hello().ok()
}

fn connect(address: &Address, limit: Duration) -> Result<Connection, Error> {
    let options = Options {
        buffer_bytes: 0,
        timeout: limit,
        queue_timeout: limit,
        ..Options::default()
    };
    Connection::open(address, &options)
}

/// Reads the ledger.
///
/// # Errors
///
/// A text for people.
pub(crate) fn read(address: &Address, limit: Duration) -> Result<Stats, String> {
    let read = connect(address, limit).and_then(|mut connection| connection.stats());
    read.map_err(|error| format!("the server's ledger cannot be read: {error}"))
}

/// Waits until no worker in the ledger is starting. A server may listen before all of its workers are up: workers that start
/// would take the processors from the trial, and their use would be missing in that of the server. A server whose workers are
/// not up within `limit`, or whose ledger cannot be read, is measured as it is.
pub(crate) fn wait_until_up(
    mut read: impl FnMut() -> Result<Stats, String>,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<(), Interrupted> {
    let until = Instant::now() + limit;
    let is_starting = |stats: Stats| stats.workers.iter().any(|worker| worker.state == STARTING);
    while read().is_ok_and(is_starting) && Instant::now() < until {
        interrupt.check()?;
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// The requests that each worker counted between two readings, of the verb that a cell uses.
pub(crate) fn difference(before: &Stats, after: &Stats, cell: &Cell) -> ServerCounts {
    let verb = verb(cell.operation, cell.dialect);
    let entry = |after: &WorkerStats| {
        let before = before.workers.iter().find(|before| before.worker == after.worker);
        let since = |of: &dyn Fn(&WorkerStats) -> u64| of(after).saturating_sub(before.map_or(0, of));
        WorkerCounts {
            worker: after.worker,
            requests_ok: since(&|worker| requests(worker, verb).0),
            requests_failed: since(&|worker| requests(worker, verb).1),
            bytes_in: ByteSize(since(&|worker| worker.bytes_in)),
            bytes_out: ByteSize(since(&|worker| worker.bytes_out)),
            restarts: since(&|worker| worker.restarts),
        }
    };
    ServerCounts::Reported(after.workers.iter().map(entry).collect())
}

fn requests(worker: &WorkerStats, verb: &str) -> (u64, u64) {
    let row = worker
        .verbs
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(verb));
    row.map_or((0, 0), |(_, counts)| (counts.ok, counts.failed))
}

fn verb(operation: Operation, dialect: Dialect) -> &'static str {
    match (operation, dialect) {
        (Operation::Download, Dialect::Classic) => "GET",
        (Operation::Upload, Dialect::Classic) => "UPLOAD",
        (Operation::Download, Dialect::Extended) => "READ",
        (Operation::Upload, Dialect::Extended) => "WRITE",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn stats(workers: &str) -> Stats {
        serde_json::from_str(&format!(
            r#"{{"pool":"threads:2","uptime_seconds":1.0,"workers":[{workers}]}}"#
        ))
        .unwrap()
    }

    fn worker(number: u32, get: (u64, u64), bytes_out: u64, restarts: u64) -> String {
        format!(
            r#"{{"worker":{number},"state":"idle","connections":9,"open":0,"verbs":{{"get":{{"ok":{},"failed":{}}},
            "stats":{{"ok":50,"failed":0}}}},"bytes_in":0,"bytes_out":{bytes_out},"restarts":{restarts}}}"#,
            get.0, get.1
        )
    }

    /// Waits for a server with these readings of its ledger, the last one again and again; returns how often it was read.
    fn readings(ledger: &[Result<&str, &str>], limit: Duration, interrupt: &Interrupt) -> (usize, bool) {
        let mut count = 0;
        let read = || {
            let now = ledger[count.min(ledger.len() - 1)];
            count += 1;
            now.map(stats).map_err(str::to_owned)
        };
        let waited = wait_until_up(read, limit, interrupt);
        (count, waited.is_ok())
    }

    #[test]
    fn a_trial_waits_until_no_worker_is_starting_but_not_forever() {
        let (idle, long) = (worker(0, (0, 0), 0, 0), Duration::from_secs(60));
        let starting = [idle.clone(), idle.replace("idle", STARTING)].join(",");
        let interrupt = Interrupt::default();
        let ledger = [Ok(starting.as_str()), Ok(starting.as_str()), Ok(idle.as_str())];
        assert_eq!(readings(&ledger, long, &interrupt), (3, true));
        assert_eq!(readings(&ledger, Duration::ZERO, &interrupt), (1, true));
        assert_eq!(readings(&[Err("it is gone")], long, &interrupt), (1, true));
        interrupt.set();
        assert_eq!(readings(&ledger, long, &interrupt), (1, false));
    }

    #[test]
    fn only_what_was_entered_in_between_and_only_the_cells_verb_counts() {
        let before = stats(&[worker(0, (5, 0), 50, 1), worker(1, (0, 0), 0, 0)].join(","));
        let after = stats(&[worker(0, (7, 1), 70, 2), worker(1, (3, 0), 30, 0)].join(","));
        let cell = haul_results::Matrix::default().cells()[0];
        let ServerCounts::Reported(workers) = difference(&before, &after, &cell) else {
            panic!()
        };
        let counted: Vec<_> = workers
            .iter()
            .map(|counts| {
                (
                    counts.requests_ok,
                    counts.requests_failed,
                    counts.bytes_out.0,
                    counts.restarts,
                )
            })
            .collect();
        assert_eq!(counted, [(2, 1, 20, 1), (3, 0, 30, 0)]);
    }
}
