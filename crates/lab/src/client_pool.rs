//! The clients of one trial, seen from the lab: their worker processes are started, released together, listened to, and
//! always ended.
//!
//! All workers share one pipe for the release and one for their messages, so that the lab needs as many descriptors for
//! fifty workers as for one. The clients of a worker that dies count as killed.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use haul_results::{ByteSize, Cell, ClientPool, FailureClass, Outcome, Sample};

use crate::clock::Moment;
use crate::command::CommandLine;
use crate::interrupt::{Interrupt, Interrupted, POLL_INTERVAL, Stop};
use crate::job::{ClientMessage, Job};
use crate::marks::{ClientResult, Marks};

/// The clients of a trial.
#[derive(Debug)]
pub(crate) struct TrialClients {
    workers: Vec<ClientWorker>,
    control: PipeWriter,
    messages: Receiver<ClientMessage>,
    results: Vec<ClientResult>,
    /// The clients that have a result.
    reported: HashSet<u32>,
}

#[derive(Debug)]
struct ClientWorker {
    child: Child,
    first_client: u32,
    clients: u32,
    is_ready: bool,
    is_dead: bool,
}

impl ClientWorker {
    /// The numbers of its clients.
    fn clients(&self) -> std::ops::Range<u32> {
        self.first_client..self.first_client + self.clients
    }
}

/// How the transfers went: one sample for each client.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) samples: Vec<Sample>,
    pub(crate) makespan_ns: u64,
    pub(crate) check_ns: u64,
}

/// The jobs of a cell's client workers, made from the one for all its clients.
pub(crate) fn jobs(cell: &Cell, whole: &Job) -> Vec<Job> {
    match cell.client_pool {
        ClientPool::Threads => vec![whole.clone()],
        ClientPool::Processes => (0..cell.clients)
            .map(|client| Job {
                worker: client,
                first_client: client,
                clients: 1,
                ..whole.clone()
            })
            .collect(),
    }
}

impl TrialClients {
    /// Starts a worker for each job and waits until all clients are warm, at most for `limit`.
    pub(crate) fn start(
        command: &CommandLine,
        jobs: &[Job],
        log: &File,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<Self, Stop> {
        let failed = |error: io::Error| Stop::Failed(format!("clients cannot be started: {error}"));
        let (release, control) = io::pipe().map_err(failed)?;
        let (reports, report) = io::pipe().map_err(failed)?;
        let mut clients = Self {
            workers: Vec::new(),
            control,
            messages: read_messages(reports),
            results: Vec::new(),
            reported: HashSet::new(),
        };
        for job in jobs {
            interrupt.check()?;
            let worker = spawn(command, job, &release, &report, log).map_err(failed)?;
            clients.workers.push(worker);
        }
        drop((release, report));
        clients.wait_until_warm(limit, interrupt)?;
        Ok(clients)
    }

    /// The worker processes.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.workers.iter().map(|worker| worker.child.id()).collect()
    }

    fn wait_until_warm(&mut self, limit: Duration, interrupt: &Interrupt) -> Result<(), Stop> {
        let until = Instant::now() + limit;
        while self.workers.iter().any(|worker| !worker.is_ready) {
            interrupt.check()?;
            if let Ok(message) = self.messages.recv_timeout(POLL_INTERVAL) {
                self.handle(message);
                continue;
            }
            self.reap();
            if self.workers.iter().any(|worker| worker.is_dead) {
                return Err(Stop::Failed(
                    "a client worker ended before the release".to_owned(),
                ));
            }
            if Instant::now() > until {
                let seconds = limit.as_secs();
                return Err(Stop::Failed(format!(
                    "the warm-up was not over after {seconds} s"
                )));
            }
        }
        Ok(())
    }

    /// Releases all clients at once; returns when.
    pub(crate) fn release(&mut self) -> Result<Moment, Stop> {
        let bytes = vec![b'\n'; self.workers.len()];
        let release = Moment::now();
        let released = self.control.write_all(&bytes);
        released.map_err(|error| Stop::Failed(format!("clients cannot be released: {error}")))?;
        Ok(release)
    }

    /// Receives results until every client has one, its worker is dead, or `limit` is over. Calls `tick` at intervals
    /// meanwhile.
    pub(crate) fn collect(
        &mut self,
        limit: Duration,
        interrupt: &Interrupt,
        mut tick: impl FnMut(),
    ) -> Result<(), Interrupted> {
        let until = Instant::now() + limit;
        let mut next_poll = Instant::now() + POLL_INTERVAL;
        while self.missing().any(|(worker, _)| !worker.is_dead) {
            let wait = next_poll.min(until).saturating_duration_since(Instant::now());
            match self.messages.recv_timeout(wait) {
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Disconnected) => {
                    self.workers.iter_mut().for_each(|worker| worker.is_dead = true)
                }
                Err(RecvTimeoutError::Timeout) => {
                    interrupt.check()?;
                    if Instant::now() >= until {
                        break;
                    }
                    tick();
                    self.reap();
                    next_poll = Instant::now() + POLL_INTERVAL;
                }
            }
        }
        Ok(())
    }

    /// Clients that have no result, each with its worker.
    fn missing(&self) -> impl Iterator<Item = (&ClientWorker, u32)> {
        let clients = self
            .workers
            .iter()
            .flat_map(|worker| worker.clients().map(move |client| (worker, client)));
        clients.filter(|(_, client)| !self.reported.contains(client))
    }

    fn handle(&mut self, message: ClientMessage) {
        match message {
            ClientMessage::Ready { worker } => {
                if let Some(worker) = self.workers.get_mut(worker as usize) {
                    worker.is_ready = true;
                }
            }
            ClientMessage::Done(result) => {
                if self.reported.insert(result.client) {
                    self.results.push(*result);
                }
            }
        }
    }

    /// Notes which workers are dead, then handles the messages that they sent before.
    fn reap(&mut self) {
        for worker in &mut self.workers {
            worker.is_dead = worker.is_dead || !matches!(worker.child.try_wait(), Ok(None));
        }
        while let Ok(message) = self.messages.try_recv() {
            self.handle(message);
        }
    }

    /// Ends the workers. A client without a result was killed with its worker, or had not finished at the deadline.
    pub(crate) fn finish(mut self, release: Moment) -> Outcomes {
        self.reap();
        let end = Moment::now();
        let missing: Vec<_> = self
            .missing()
            .map(|(worker, client)| missing_result(client, worker.is_dead, release, end))
            .collect();
        let mut results = std::mem::take(&mut self.results);
        results.extend(missing);
        outcomes(results, release)
    }
}

fn spawn(
    command: &CommandLine,
    job: &Job,
    release: &PipeReader,
    report: &PipeWriter,
    log: &File,
) -> io::Result<ClientWorker> {
    let mut line = command.clone();
    let job_text = serde_json::to_string(job).expect("plain data with text keys can be written as JSON");
    line.arguments.push(job_text.into());
    let child = line
        .prepare()
        .stdin(Stdio::from(release.try_clone()?))
        .stdout(Stdio::from(report.try_clone()?))
        .stderr(Stdio::from(log.try_clone()?))
        .spawn()?;
    Ok(ClientWorker {
        child,
        first_client: job.first_client,
        clients: job.clients,
        is_ready: false,
        is_dead: false,
    })
}

fn missing_result(client: u32, is_dead: bool, release: Moment, end: Moment) -> ClientResult {
    let outcome = if is_dead {
        Outcome::failed(FailureClass::WorkerKilled, "the client's own process was killed")
    } else {
        Outcome::failed(
            FailureClass::Deadline,
            "it was not complete within the trial's time limit",
        )
    };
    ClientResult {
        client,
        marks: Marks::starting(release),
        end,
        bytes: ByteSize(0),
        verified: false,
        outcome,
        check_ns: 0,
    }
}

fn outcomes(mut results: Vec<ClientResult>, release: Moment) -> Outcomes {
    results.sort_by_key(|result| result.client);
    let ends = results.iter().map(|result| result.end.ns_since(release));
    Outcomes {
        makespan_ns: ends.max().unwrap_or(0),
        check_ns: results.iter().map(|result| result.check_ns).sum(),
        samples: results.into_iter().map(|result| result.since(release)).collect(),
    }
}

/// Workers end by themselves when the control pipe ends, but not in the middle of a transfer.
impl Drop for TrialClients {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // A worker that is dead already cannot be killed and needs not be.
            worker.child.kill().ok();
        }
        for worker in &mut self.workers {
            worker.child.wait().ok();
        }
    }
}

/// Reads messages until every worker's end of the pipe is closed. Skips lines that are no messages.
fn read_messages(reports: PipeReader) -> Receiver<ClientMessage> {
    let (sender, messages) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(reports).split(b'\n').map_while(Result::ok) {
            if let Ok(message) = serde_json::from_slice(&line)
                && sender.send(message).is_err()
            {
                return;
            }
        }
    });
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(client: u32, end: u64) -> ClientResult {
        ClientResult {
            client,
            marks: Marks {
                start: Moment::at(1_010),
                connected: Some(Moment::at(1_020)),
                first_byte: None,
                last_byte: Some(Moment::at(1_090)),
                durable: Some(Moment::at(1_100)),
            },
            end: Moment::at(end),
            bytes: ByteSize(7),
            verified: false,
            outcome: Outcome::Ok,
            check_ns: 5,
        }
    }

    #[test]
    fn times_count_from_the_release_and_the_makespan_to_the_last_end() {
        let outcomes = outcomes(vec![result(1, 1_150), result(0, 1_100)], Moment::at(1_000));
        assert_eq!((outcomes.makespan_ns, outcomes.check_ns), (150, 10));
        let first = &outcomes.samples[0];
        assert_eq!(
            (
                first.client,
                first.start_ns,
                first.connected_ns,
                first.first_byte_ns
            ),
            (0, 10, Some(20), None)
        );
        assert_eq!(first.time_ns(), Some(100));
    }

    #[test]
    fn a_silent_client_was_killed_with_its_worker_or_met_the_deadline() {
        let class = |is_dead| {
            missing_result(3, is_dead, Moment::at(0), Moment::at(9))
                .outcome
                .class()
        };
        assert_eq!(class(true), Some(FailureClass::WorkerKilled));
        assert_eq!(class(false), Some(FailureClass::Deadline));
    }
}
