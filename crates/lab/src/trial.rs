//! One trial: a server of its own, clients that are warm, one release, what both sides used, both sides' books, and every
//! byte compared.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use haul_client::{Address, Stats};
use haul_results::{
    ByteSize, Cell, FailureClass, Fault, FaultKind, Operation, Outcome, Sample, ServerBooks, Trial, Usage,
};

use crate::client_pool::{self, ClientWorkers, CrewError, Outcomes};
use crate::command::CommandLine;
use crate::content::Content;
use crate::interrupt::{Interrupt, Interrupted, POLL_INTERVAL};
use crate::job::Job;
use crate::objects::{self, ObjectSite};
use crate::process::{self, Meter};
use crate::scratch::ScratchSpace;
use crate::server_stats;
use crate::subject::{Subject, SubjectError, SubjectSpec};

/// The longest wait for a ledger.
const LEDGER_LIMIT: Duration = Duration::from_secs(10);
/// How long a death may take to become known after a connection broke off. It costs trials that fail without one as much.
const DEATH_LIMIT: Duration = Duration::from_secs(2);
/// The shortest time between two looks at the memory; and how much longer than a look that time is, at least.
const MEMORY_PAUSE: Duration = Duration::from_millis(100);
const MEMORY_PAUSE_FACTOR: u32 = 50;

/// How long the lab waits for what, at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For a server to listen. Default: 30 s.
    pub start: Duration,
    /// For a byte to move. Default: 2 min; a client that waits in a slow server's queue is silent all that time.
    pub stall: Duration,
    /// For a whole trial. Default: 10 min.
    pub trial: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(30),
            stall: Duration::from_secs(120),
            trial: Duration::from_secs(600),
        }
    }
}

/// What all trials of a run share.
#[derive(Debug)]
pub(crate) struct TrialRunner<'a> {
    pub(crate) subject: &'a SubjectSpec,
    pub(crate) clients: &'a CommandLine,
    pub(crate) limits: Limits,
    pub(crate) content: Content,
    pub(crate) seed: u64,
    /// Where uploads are looked up; `None` asks the server of the trial.
    pub(crate) folder: Option<ObjectSite>,
    /// Where the served folder and the logs of the trial lie.
    pub(crate) space: &'a ScratchSpace,
    pub(crate) has_ledger: bool,
    pub(crate) interrupt: &'a Interrupt,
}

/// What was measured between the release and the end.
struct Measured {
    outcomes: Outcomes,
    server: Option<Usage>,
    clients: Option<Usage>,
}

impl TrialRunner<'_> {
    /// Makes a trial; `number` tells it from all others of the run. What goes wrong stands in it.
    pub(crate) fn trial(&self, cell: Cell, replicate: u32, number: u32) -> Result<Trial, Interrupted> {
        let mut trial = Trial {
            cell,
            replicate,
            samples: Vec::new(),
            makespan_ns: 0,
            server_books: ServerBooks::NotReported,
            server_usage: None,
            client_usage: None,
            check_ns: 0,
            faults: Vec::new(),
        };
        match self.start(&cell) {
            Ok(mut subject) => self.load(&mut trial, &mut subject, number)?,
            Err(SubjectError::Interrupted) => return Err(Interrupted),
            Err(SubjectError::Failed(detail)) => {
                trial.faults.push(fault(FaultKind::ServerNotStarted, detail))
            }
        }
        if let Some(ObjectSite::Folder(root)) = &self.folder {
            clear(root);
        }
        self.interrupt.check()?;
        Ok(trial)
    }

    fn start(&self, cell: &Cell) -> Result<Subject, SubjectError> {
        let limit = self.limits.start;
        Subject::start(self.subject, &cell.pool, self.space, limit, self.interrupt)
    }

    /// Where this trial's uploads are.
    fn place(&self, subject: &Subject) -> ObjectSite {
        let wire = || ObjectSite::Wire(subject.address.clone(), self.limits.stall);
        self.folder.clone().unwrap_or_else(wire)
    }

    fn load(&self, trial: &mut Trial, subject: &mut Subject, number: u32) -> Result<(), Interrupted> {
        let place = self.place(subject);
        let loaded = self.transfers(trial, subject, &place, number);
        if trial.cell.operation == Operation::Upload {
            place.remove(objects::uploads(trial.cell.clients), self.interrupt);
        }
        loaded?;
        self.interrupt.check()
    }

    fn transfers(
        &self,
        trial: &mut Trial,
        subject: &mut Subject,
        place: &ObjectSite,
        number: u32,
    ) -> Result<(), Interrupted> {
        let cell = trial.cell;
        if self.has_ledger {
            let read = || server_stats::read(&subject.address, LEDGER_LIMIT);
            server_stats::wait_until_up(read, self.limits.start, self.interrupt)?;
        }
        let crew = match self.crew(&cell, &subject.address, number) {
            Ok(crew) => crew,
            Err(CrewError::Interrupted) => return Err(Interrupted),
            Err(CrewError::Failed(detail)) => {
                trial
                    .faults
                    .extend(subject.death().map(|death| fault(FaultKind::ServerDied, death)));
                trial.faults.push(fault(FaultKind::ClientsNotStarted, detail));
                return Ok(());
            }
        };
        if cell.operation == Operation::Upload {
            place.remove(objects::warm_ups(cell.clients), self.interrupt);
        }
        let before = self.ledger(&subject.address, &mut trial.faults);
        let measured = match self.measure(crew, subject) {
            Ok(measured) => measured,
            Err(CrewError::Interrupted) => return Err(Interrupted),
            Err(CrewError::Failed(detail)) => {
                trial.faults.push(fault(FaultKind::ClientsNotStarted, detail));
                return Ok(());
            }
        };
        trial.samples = measured.outcomes.samples;
        trial.makespan_ns = measured.outcomes.makespan_ns;
        trial.check_ns = measured.outcomes.check_ns;
        trial.server_usage = measured.server;
        trial.client_usage = measured.clients;
        self.close(trial, subject, before.as_ref());
        if cell.operation == Operation::Upload {
            self.compare(trial, place, number);
        }
        Ok(())
    }

    fn crew(&self, cell: &Cell, address: &Address, number: u32) -> Result<ClientWorkers, CrewError> {
        let whole = Job {
            worker: 0,
            first_client: 0,
            clients: cell.clients,
            host: address.host().to_owned(),
            port: address.port(),
            operation: cell.operation,
            dialect: cell.dialect,
            volume: cell.volume,
            buffer: cell.buffer,
            seed: self.seed,
            trial: number,
            stall_ms: u64::try_from(self.limits.stall.as_millis()).unwrap_or(u64::MAX),
        };
        let log = File::create(self.space.path().join("clients.log"))
            .map_err(|error| CrewError::Failed(format!("no log for the clients: {error}")))?;
        ClientWorkers::start(
            self.clients,
            &client_pool::jobs(cell, &whole),
            &log,
            self.limits.trial,
            self.interrupt,
        )
    }

    /// The timed part, with nothing in it but the clients, the server and a look at their memory now and then.
    fn measure(&self, mut crew: ClientWorkers, subject: &mut Subject) -> Result<Measured, CrewError> {
        let servers = || {
            subject
                .process()
                .map_or_else(Vec::new, |process| process::family(&[process]))
        };
        let clients: Vec<u32> = crew.processes().into_iter().chain([std::process::id()]).collect();
        let mut memory = MemoryWatch::new(servers(), clients.clone());
        let before = (Meter::read(&servers()), Meter::read(&clients));
        let released_ns = crew.release()?;
        crew.listen(self.limits.trial, self.interrupt, || memory.look_if_due())?;
        let after = (Meter::read(&servers()), Meter::read(&clients));
        memory.look();
        let usage = |now: &Meter, earlier: &Meter, peak_memory: Option<ByteSize>| {
            now.since(earlier).map(|usage| Usage { peak_memory, ..usage })
        };
        Ok(Measured {
            server: usage(&after.0, &before.0, memory.server_peak),
            clients: usage(&after.1, &before.1, memory.client_peak),
            outcomes: crew.end(released_ns),
        })
    }

    fn ledger(&self, address: &Address, faults: &mut Vec<Fault>) -> Option<Stats> {
        if !self.has_ledger {
            return None;
        }
        let read = server_stats::read(address, LEDGER_LIMIT);
        read.map_err(|detail| faults.push(fault(FaultKind::Unreadable, detail)))
            .ok()
    }

    /// Sets the server's side beside the clients'. Where connections broke off, a worker or the whole server may have died;
    /// that is known a moment later than it is felt, so it is looked for again and again for [`DEATH_LIMIT`].
    fn close(&self, trial: &mut Trial, subject: &mut Subject, before: Option<&Stats>) {
        let may_tell = before.is_some() || subject.process().is_some();
        let until = Instant::now() + DEATH_LIMIT;
        let is_awaited = may_tell && trial.samples.iter().any(is_broken_off);
        loop {
            if let Some(death) = subject.death() {
                trial.faults.push(fault(FaultKind::ServerDied, death));
                return blame_workers(&mut trial.samples);
            }
            let mut faults = Vec::new();
            let books = before.and_then(|before| {
                let after = self.ledger(&subject.address, &mut faults)?;
                Some(server_stats::difference(before, &after, &trial.cell))
            });
            let is_dead = books.as_ref().is_some_and(has_death);
            if is_awaited && !is_dead && Instant::now() < until && !self.interrupt.is_set() {
                thread::sleep(POLL_INTERVAL);
                continue;
            }
            trial.server_books = books.unwrap_or(ServerBooks::NotReported);
            trial.faults.append(&mut faults);
            if is_dead {
                blame_workers(&mut trial.samples);
            }
            return;
        }
    }

    /// Compares what was uploaded.
    fn compare(&self, trial: &mut Trial, place: &ObjectSite, number: u32) {
        let volume = trial.cell.volume;
        let stream = |client| self.content.uploaded(number, client, volume);
        let spent = place.verify(&mut trial.samples, stream, self.interrupt);
        trial.check_ns = trial
            .check_ns
            .saturating_add(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// A connection that broke off while a worker died broke off because of that.
fn blame_workers(samples: &mut [Sample]) {
    for sample in samples.iter_mut().filter(|sample| is_broken_off(sample)) {
        if let Outcome::Failed(failure) = &mut sample.outcome {
            failure.class = FailureClass::WorkerKilled;
        }
    }
}

fn is_broken_off(sample: &Sample) -> bool {
    matches!(
        sample.outcome.class(),
        Some(FailureClass::Reset | FailureClass::Short)
    )
}

fn has_death(books: &ServerBooks) -> bool {
    match books {
        ServerBooks::Reported(workers) => workers.iter().any(|worker| worker.restarts > 0),
        ServerBooks::NotReported => false,
    }
}

fn fault(kind: FaultKind, detail: impl Into<String>) -> Fault {
    Fault {
        kind,
        detail: detail.into(),
    }
}

/// Removes what a server has left in its folder: everything but the served objects.
fn clear(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(crate::names::SERVED_PREFIX.as_bytes())
        {
            continue;
        }
        let removed = match entry.file_type() {
            Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(entry.path()),
            _ => std::fs::remove_file(entry.path()),
        };
        // What cannot be removed now is removed with the scratch space.
        removed.ok();
    }
}

/// The memory of both sides at its peak.
struct MemoryWatch {
    servers: Vec<u32>,
    clients: Vec<u32>,
    server_peak: Option<ByteSize>,
    client_peak: Option<ByteSize>,
    due: Instant,
}

impl MemoryWatch {
    fn new(servers: Vec<u32>, clients: Vec<u32>) -> Self {
        Self {
            servers,
            clients,
            server_peak: None,
            client_peak: None,
            due: Instant::now() + MEMORY_PAUSE,
        }
    }

    fn look_if_due(&mut self) {
        let begun = Instant::now();
        if begun >= self.due {
            self.look();
            // A look keeps the processes that are looked at from working: it may cost 2% of the time.
            self.due = Instant::now() + MEMORY_PAUSE.max(begun.elapsed() * MEMORY_PAUSE_FACTOR);
        }
    }

    fn look(&mut self) {
        self.server_peak = self.server_peak.max(process::memory(&self.servers));
        self.client_peak = self.client_peak.max(process::memory(&self.clients));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(class: FailureClass) -> Sample {
        Sample {
            client: 0,
            start_ns: 0,
            connected_ns: None,
            first_byte_ns: None,
            last_byte_ns: None,
            durable_ns: None,
            bytes: ByteSize(0),
            verified: false,
            outcome: Outcome::failed(class, "seen"),
        }
    }

    #[test]
    fn only_connections_that_broke_off_are_blamed_on_a_worker_that_died() {
        let classes = [
            FailureClass::Reset,
            FailureClass::Short,
            FailureClass::Refused,
            FailureClass::Corrupt,
        ];
        let mut samples = classes.map(sample);
        blame_workers(&mut samples);
        let blamed = samples.map(|sample| sample.outcome.class());
        let expected = [
            FailureClass::WorkerKilled,
            FailureClass::WorkerKilled,
            FailureClass::Refused,
            FailureClass::Corrupt,
        ];
        assert_eq!(blamed, expected.map(Some));
    }

    #[test]
    fn what_a_server_left_is_cleared_and_the_served_objects_stay() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        let kept = crate::names::served_name(ByteSize(7));
        std::fs::write(root.path().join(&kept), b"x")?;
        std::fs::write(root.path().join(".part"), b"x")?;
        std::fs::create_dir(root.path().join("folder"))?;
        clear(root.path());
        let left: Vec<_> = std::fs::read_dir(root.path())?
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        assert_eq!(left, [std::ffi::OsString::from(kept)]);
        Ok(())
    }
}
