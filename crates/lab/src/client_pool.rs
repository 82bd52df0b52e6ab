//! The clients of one trial, seen from the lab: client workers started, released together, listened to, always ended.
//!
//! All workers share one pipe for the release and one for their messages, so that the lab needs as many descriptors for
//! fifty workers as for one. A worker that dies has its clients counted as killed.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Write as _};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use haul_results::{Cell, ClientPool, FailureClass, Outcome, Sample};

use crate::clock::now_ns;
use crate::command::CommandLine;
use crate::interrupt::{Interrupt, Interrupted, POLL_INTERVAL};
use crate::job::{Job, Message, Through};

/// The clients of a trial.
#[derive(Debug)]
pub(crate) struct ClientWorkers {
    workers: Vec<Worker>,
    control: PipeWriter,
    messages: Receiver<Message>,
    through: Vec<Through>,
    heard: HashSet<u32>,
}

#[derive(Debug)]
struct Worker {
    child: Child,
    first_client: u32,
    clients: u32,
    is_ready: bool,
    is_dead: bool,
}

/// Why clients could not be started.
#[derive(Debug)]
pub(crate) enum CrewError {
    /// The run is to stop.
    Interrupted,
    /// What happened, for people.
    Failed(String),
}

impl From<Interrupted> for CrewError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// What came of the clients: one sample each, its times since the release.
#[derive(Debug)]
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

impl ClientWorkers {
    /// Starts a worker for each job and waits until all are warm, at most for `limit`.
    pub(crate) fn start(
        command: &CommandLine,
        jobs: &[Job],
        log: &File,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<Self, CrewError> {
        let failed = |error: std::io::Error| CrewError::Failed(format!("clients cannot be started: {error}"));
        let (release, control) = std::io::pipe().map_err(failed)?;
        let (reports, report) = std::io::pipe().map_err(failed)?;
        let mut crew = Self {
            workers: Vec::new(),
            control,
            messages: listen(reports),
            through: Vec::new(),
            heard: HashSet::new(),
        };
        for job in jobs {
            interrupt.check()?;
            let mut line = command.clone();
            let job_text =
                serde_json::to_string(job).expect("plain data with text keys can be written as JSON");
            line.arguments.push(job_text.into());
            let child = line
                .prepare()
                .stdin(Stdio::from(release.try_clone().map_err(failed)?))
                .stdout(Stdio::from(report.try_clone().map_err(failed)?))
                .stderr(Stdio::from(log.try_clone().map_err(failed)?))
                .spawn()
                .map_err(failed)?;
            let (first_client, clients) = (job.first_client, job.clients);
            crew.workers.push(Worker {
                child,
                first_client,
                clients,
                is_ready: false,
                is_dead: false,
            });
        }
        drop((release, report));
        crew.wait_until_warm(limit, interrupt)?;
        Ok(crew)
    }

    /// The processes of the clients' side.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.workers.iter().map(|worker| worker.child.id()).collect()
    }

    fn wait_until_warm(&mut self, limit: Duration, interrupt: &Interrupt) -> Result<(), CrewError> {
        let until = Instant::now() + limit;
        while self.workers.iter().any(|worker| !worker.is_ready) {
            interrupt.check()?;
            match self.messages.recv_timeout(POLL_INTERVAL) {
                Ok(message) => self.enter(message),
                Err(_) => {
                    self.bury();
                    if self.workers.iter().any(|worker| worker.is_dead) {
                        return Err(CrewError::Failed(
                            "a client worker ended before the release".to_owned(),
                        ));
                    }
                    if Instant::now() > until {
                        let seconds = limit.as_secs();
                        return Err(CrewError::Failed(format!(
                            "the warm-up was not over after {seconds} s"
                        )));
                    }
                }
            }
        }
        Ok(())
    }

    /// Releases all clients at once; says when.
    pub(crate) fn release(&mut self) -> Result<u64, CrewError> {
        let bytes = vec![b'\n'; self.workers.len()];
        let released_ns = now_ns();
        let released = self.control.write_all(&bytes);
        released.map_err(|error| CrewError::Failed(format!("clients cannot be released: {error}")))?;
        Ok(released_ns)
    }

    /// Listens until every client is through, its worker is dead, or `limit` is over; `tick` is called now and then
    /// meanwhile.
    pub(crate) fn listen(
        &mut self,
        limit: Duration,
        interrupt: &Interrupt,
        mut tick: impl FnMut(),
    ) -> Result<(), Interrupted> {
        let until = Instant::now() + limit;
        let mut next_poll = Instant::now() + POLL_INTERVAL;
        while self.awaited() > 0 {
            let wait = next_poll.min(until).saturating_duration_since(Instant::now());
            match self.messages.recv_timeout(wait) {
                Ok(message) => self.enter(message),
                Err(RecvTimeoutError::Disconnected) => {
                    self.workers.iter_mut().for_each(|worker| worker.is_dead = true)
                }
                Err(RecvTimeoutError::Timeout) => {
                    interrupt.check()?;
                    if Instant::now() >= until {
                        break;
                    }
                    tick();
                    self.bury();
                    next_poll = Instant::now() + POLL_INTERVAL;
                }
            }
        }
        Ok(())
    }

    /// Clients of whom something is still to be heard.
    fn awaited(&self) -> usize {
        let silent = |worker: &Worker| {
            let clients = worker.first_client..worker.first_client + worker.clients;
            clients.filter(|client| !self.heard.contains(client)).count()
        };
        self.workers
            .iter()
            .filter(|worker| !worker.is_dead)
            .map(silent)
            .sum()
    }

    fn enter(&mut self, message: Message) {
        match message {
            Message::Ready { worker } => {
                if let Some(worker) = self.workers.get_mut(worker as usize) {
                    worker.is_ready = true;
                }
            }
            Message::Through(through) => {
                if self.heard.insert(through.sample.client) {
                    self.through.push(*through);
                }
            }
        }
    }

    /// Notes which workers are dead. What they said before is read first.
    fn bury(&mut self) {
        for worker in &mut self.workers {
            worker.is_dead = worker.is_dead || !matches!(worker.child.try_wait(), Ok(None));
        }
        while let Ok(message) = self.messages.try_recv() {
            self.enter(message);
        }
    }

    /// Ends the workers and draws up one sample for each client; one of which nothing was heard was killed with its
    /// worker, or had not finished at the deadline.
    pub(crate) fn end(mut self, released_ns: u64) -> Outcomes {
        self.bury();
        let now_ns = now_ns();
        let mut silent = Vec::new();
        for worker in &self.workers {
            for client in worker.first_client..worker.first_client + worker.clients {
                if !self.heard.contains(&client) {
                    silent.push(unheard(client, worker.is_dead, released_ns, now_ns));
                }
            }
        }
        let mut through = std::mem::take(&mut self.through);
        through.extend(silent);
        outcomes(through, released_ns)
    }
}

fn unheard(client: u32, is_dead: bool, released_ns: u64, end_ns: u64) -> Through {
    let outcome = if is_dead {
        Outcome::failed(FailureClass::WorkerKilled, "the client's own process was killed")
    } else {
        Outcome::failed(
            FailureClass::Deadline,
            "it was not complete within the trial's time limit",
        )
    };
    let sample = Sample {
        client,
        start_ns: released_ns,
        connected_ns: None,
        first_byte_ns: None,
        last_byte_ns: None,
        durable_ns: None,
        bytes: haul_results::ByteSize(0),
        verified: false,
        outcome,
    };
    Through {
        sample,
        end_ns,
        check_ns: 0,
    }
}

/// Moves all times to the release.
fn outcomes(mut through: Vec<Through>, released_ns: u64) -> Outcomes {
    through.sort_by_key(|through| through.sample.client);
    let since = |time_ns: u64| time_ns.saturating_sub(released_ns);
    let makespan_ns = through
        .iter()
        .map(|through| since(through.end_ns))
        .max()
        .unwrap_or(0);
    let check_ns = through.iter().map(|through| through.check_ns).sum();
    let samples = through
        .into_iter()
        .map(|through| through.sample)
        .map(|sample| Sample {
            start_ns: since(sample.start_ns),
            connected_ns: sample.connected_ns.map(since),
            first_byte_ns: sample.first_byte_ns.map(since),
            last_byte_ns: sample.last_byte_ns.map(since),
            durable_ns: sample.durable_ns.map(since),
            ..sample
        });
    Outcomes {
        samples: samples.collect(),
        makespan_ns,
        check_ns,
    }
}

/// Workers end by themselves when the control pipe ends, but not in the middle of a transfer.
impl Drop for ClientWorkers {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // What is dead already cannot be killed and needs not be.
            worker.child.kill().ok();
        }
        for worker in &mut self.workers {
            worker.child.wait().ok();
        }
    }
}

/// Reads messages until every worker's end of the pipe is closed. A line that is none of ours is somebody else's.
fn listen(reports: PipeReader) -> Receiver<Message> {
    let (heard, messages) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(reports).split(b'\n').map_while(Result::ok) {
            if let Ok(message) = serde_json::from_slice(&line)
                && heard.send(message).is_err()
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
    use haul_results::ByteSize;

    fn sample(client: u32) -> Sample {
        Sample {
            client,
            start_ns: 1_010,
            connected_ns: Some(1_020),
            first_byte_ns: None,
            last_byte_ns: Some(1_090),
            durable_ns: Some(1_100),
            bytes: ByteSize(7),
            verified: false,
            outcome: Outcome::Ok,
        }
    }

    #[test]
    fn times_count_from_the_release_and_the_makespan_to_the_last_end() {
        let through = [(1, 1_150), (0, 1_100)].map(|(client, end_ns)| Through {
            sample: sample(client),
            end_ns,
            check_ns: 5,
        });
        let outcomes = outcomes(through.to_vec(), 1_000);
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
        let class = |is_dead| unheard(3, is_dead, 0, 9).sample.outcome.class();
        assert_eq!(class(true), Some(FailureClass::WorkerKilled));
        assert_eq!(class(false), Some(FailureClass::Deadline));
    }
}
