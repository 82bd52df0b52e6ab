//! One trial, made from the parts that its steps return: a server of its own, clients that are warm, one release; what both
//! sides used, what both sides counted, and every byte compared.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use haul_client::{Address, Stats};
use haul_results::{
    ByteSize, Cell, FailureClass, Fault, FaultKind, Operation, Outcome, Sample, ServerCounts, Trial, Usage,
};

use crate::client_pool::{self, Outcomes, TrialClients};
use crate::command::CommandLine;
use crate::content::RunContent;
use crate::interrupt::{Interrupt, Interrupted, POLL_INTERVAL, Stop};
use crate::job::Job;
use crate::memory::MemoryWatch;
use crate::names::SERVED_PREFIX;
use crate::objects::{self, ObjectSite};
use crate::process::{self, Meter};
use crate::scratch::ScratchSpace;
use crate::server_stats;
use crate::setup::WaitLimits;
use crate::subject::{RunningSubject, SubjectSpec};

/// The longest wait for a ledger.
const LEDGER_LIMIT: Duration = Duration::from_secs(10);
/// How long the lab looks for a dead worker after a connection broke off, at most: the server's supervisor may notice the
/// death later than the client. A trial in which connections broke off for another reason takes that much longer.
const DEATH_LIMIT: Duration = Duration::from_secs(2);

/// Makes trials; holds everything that all trials of a run share.
#[derive(Debug)]
pub(crate) struct TrialRunner<'a> {
    pub(crate) subject: &'a SubjectSpec,
    pub(crate) clients: &'a CommandLine,
    pub(crate) limits: WaitLimits,
    pub(crate) content: RunContent,
    pub(crate) seed: u64,
    /// Where uploads are looked up; `None` asks the server of the trial.
    pub(crate) folder: Option<ObjectSite>,
    /// Where the served folder and the logs of the trial lie.
    pub(crate) space: &'a ScratchSpace,
    pub(crate) has_ledger: bool,
    pub(crate) interrupt: &'a Interrupt,
}

/// The measurements between the release and the end; none by default.
#[derive(Default)]
struct Measured {
    outcomes: Outcomes,
    server: Option<Usage>,
    clients: Option<Usage>,
}

/// The server's side of a trial, as the trial left it.
struct Settled {
    counts: ServerCounts,
    faults: Vec<Fault>,
    /// Whether the server or one of its workers died.
    has_death: bool,
}

/// A trial that is not complete has these faults.
type Aborted = Stop<Vec<Fault>>;

impl TrialRunner<'_> {
    /// Makes a trial; `number` tells it from all others of the run. A trial that fails has faults and no samples.
    pub(crate) fn trial(&self, cell: Cell, replicate: u32, number: u32) -> Result<Trial, Interrupted> {
        let found = self.run(&cell, number);
        if let Some(ObjectSite::Folder(root)) = &self.folder {
            clear(root);
        }
        self.interrupt.check()?;
        let (measured, settled) = match found {
            Ok(found) => found,
            Err(Stop::Interrupted) => return Err(Interrupted),
            Err(Stop::Failed(faults)) => (Measured::default(), Settled::unknown(faults)),
        };
        Ok(Trial {
            cell,
            replicate,
            samples: measured.outcomes.samples,
            makespan_ns: measured.outcomes.makespan_ns,
            server_counts: settled.counts,
            server_usage: measured.server,
            client_usage: measured.clients,
            check_ns: measured.outcomes.check_ns,
            faults: settled.faults,
        })
    }

    /// The trial's own server, from its start to its end.
    fn run(&self, cell: &Cell, number: u32) -> Result<(Measured, Settled), Aborted> {
        let limit = self.limits.start;
        let mut subject = RunningSubject::start(self.subject, &cell.pool, self.space, limit, self.interrupt)
            .map_err(|stop| stop.map(|detail| vec![fault(FaultKind::ServerNotStarted, detail)]))?;
        let on_server = || ObjectSite::Wire(subject.address.clone(), self.limits.stall);
        let site = self.folder.clone().unwrap_or_else(on_server);
        let found = self.transfers(cell, &mut subject, &site, number);
        if cell.operation == Operation::Upload {
            site.remove(objects::uploads(cell.clients), self.interrupt);
        }
        self.interrupt.check()?;
        found
    }

    /// From the first client to the last byte compared.
    fn transfers(
        &self,
        cell: &Cell,
        subject: &mut RunningSubject,
        site: &ObjectSite,
        number: u32,
    ) -> Result<(Measured, Settled), Aborted> {
        if self.has_ledger {
            let read = || server_stats::read(&subject.address, LEDGER_LIMIT);
            server_stats::wait_until_up(read, self.limits.start, self.interrupt)?;
        }
        let clients = self
            .warm_clients(cell, &subject.address, number)
            .map_err(|stop| stop.map(|detail| no_clients(subject.death(), detail)))?;
        if cell.operation == Operation::Upload {
            site.remove(objects::warm_ups(cell.clients), self.interrupt);
        }
        let before = self.read_stats(&subject.address);
        let mut measured = self.measure(clients, subject).map_err(|stop| {
            let failed = |detail| fault(FaultKind::ClientsNotStarted, detail);
            let unread = before.as_ref().err().cloned();
            stop.map(|detail| unread.into_iter().chain([failed(detail)]).collect())
        })?;
        let settled = self.settle(subject, cell, before, &measured.outcomes.samples);
        if settled.has_death {
            blame_workers(&mut measured.outcomes.samples);
        }
        if cell.operation == Operation::Upload {
            measured.outcomes = self.verify(measured.outcomes, cell, site, number);
        }
        Ok((measured, settled))
    }

    fn warm_clients(&self, cell: &Cell, address: &Address, number: u32) -> Result<TrialClients, Stop> {
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
            .map_err(|error| Stop::Failed(format!("no log for the clients: {error}")))?;
        TrialClients::start(
            self.clients,
            &client_pool::jobs(cell, &whole),
            &log,
            self.limits.trial,
            self.interrupt,
        )
    }

    /// The timed part. Only the clients and the server run in it, and the lab looks at their memory at intervals.
    fn measure(&self, mut clients: TrialClients, subject: &RunningSubject) -> Result<Measured, Stop> {
        let servers = || {
            subject
                .process()
                .map_or_else(Vec::new, |process| process::family(&[process]))
        };
        let client_side: Vec<u32> = clients
            .processes()
            .into_iter()
            .chain([std::process::id()])
            .collect();
        let mut memory = MemoryWatch::new(servers(), client_side.clone());
        let before = (Meter::read(&servers()), Meter::read(&client_side));
        let release = clients.release()?;
        clients.collect(self.limits.trial, self.interrupt, || memory.look_if_due())?;
        let after = (Meter::read(&servers()), Meter::read(&client_side));
        memory.look();
        let usage = |now: &Meter, earlier: &Meter, peak_memory: Option<ByteSize>| {
            now.since(earlier).map(|usage| Usage { peak_memory, ..usage })
        };
        Ok(Measured {
            server: usage(&after.0, &before.0, memory.server_peak),
            clients: usage(&after.1, &before.1, memory.client_peak),
            outcomes: clients.finish(release),
        })
    }

    /// The server's counts up to now; `None` without a ledger.
    fn read_stats(&self, address: &Address) -> Result<Option<Stats>, Fault> {
        if !self.has_ledger {
            return Ok(None);
        }
        let read = server_stats::read(address, LEDGER_LIMIT);
        read.map(Some)
            .map_err(|detail| fault(FaultKind::Unreadable, detail))
    }

    /// Reads the server's counts since `before`. Where connections broke off, a worker or the whole server may have
    /// died, which the server reports later than the clients notice it, so the lab looks again for [`DEATH_LIMIT`].
    fn settle(
        &self,
        subject: &mut RunningSubject,
        cell: &Cell,
        before: Result<Option<Stats>, Fault>,
        samples: &[Sample],
    ) -> Settled {
        let (before, unread) = match before {
            Ok(before) => (before, None),
            Err(fault) => (None, Some(fault)),
        };
        let may_report_death = before.is_some() || subject.process().is_some();
        let until = Instant::now() + DEATH_LIMIT;
        let is_awaited = may_report_death && samples.iter().any(is_broken_off);
        let mut settled = self.server_side(subject, cell, before.as_ref());
        while is_awaited && !settled.has_death && Instant::now() < until && !self.interrupt.is_set() {
            thread::sleep(POLL_INTERVAL);
            settled = self.server_side(subject, cell, before.as_ref());
        }
        settled.faults.splice(0..0, unread);
        settled
    }

    fn server_side(&self, subject: &mut RunningSubject, cell: &Cell, before: Option<&Stats>) -> Settled {
        match subject.death() {
            Some(death) => Settled::dead(death),
            None => self.difference(subject, cell, before),
        }
    }

    fn difference(&self, subject: &RunningSubject, cell: &Cell, before: Option<&Stats>) -> Settled {
        let after = before.map_or(Ok(None), |_| self.read_stats(&subject.address));
        let (after, fault) = match after {
            Ok(after) => (after, None),
            Err(fault) => (None, Some(fault)),
        };
        let stats = before
            .zip(after)
            .map(|(before, after)| server_stats::difference(before, &after, cell));
        Settled {
            has_death: stats.as_ref().is_some_and(has_restart),
            counts: stats.unwrap_or(ServerCounts::NotReported),
            faults: fault.into_iter().collect(),
        }
    }

    /// Compares every acknowledged upload with the content that was sent.
    fn verify(&self, mut outcomes: Outcomes, cell: &Cell, site: &ObjectSite, number: u32) -> Outcomes {
        let stream = |client| self.content.uploaded(number, client, cell.volume);
        let spent = site.verify(&mut outcomes.samples, stream, self.interrupt);
        let spent_ns = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX);
        Outcomes {
            check_ns: outcomes.check_ns.saturating_add(spent_ns),
            ..outcomes
        }
    }
}

impl Settled {
    fn unknown(faults: Vec<Fault>) -> Self {
        Self {
            counts: ServerCounts::NotReported,
            faults,
            has_death: false,
        }
    }

    /// The whole server died, so it cannot be asked any more.
    fn dead(death: String) -> Self {
        Self {
            has_death: true,
            ..Self::unknown(vec![fault(FaultKind::ServerDied, death)])
        }
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

fn has_restart(stats: &ServerCounts) -> bool {
    match stats {
        ServerCounts::Reported(workers) => workers.iter().any(|worker| worker.restarts > 0),
        ServerCounts::NotReported => false,
    }
}

fn no_clients(death: Option<String>, detail: String) -> Vec<Fault> {
    let death = death.map(|death| fault(FaultKind::ServerDied, death));
    death
        .into_iter()
        .chain([fault(FaultKind::ClientsNotStarted, detail)])
        .collect()
}

fn fault(kind: FaultKind, detail: impl Into<String>) -> Fault {
    Fault {
        kind,
        detail: detail.into(),
    }
}

/// Removes everything from the server's folder but the served objects.
fn clear(root: &Path) {
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if entry
            .file_name()
            .as_encoded_bytes()
            .starts_with(SERVED_PREFIX.as_bytes())
        {
            continue;
        }
        let removed = match entry.file_type() {
            Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(entry.path()),
            _ => std::fs::remove_file(entry.path()),
        };
        // The rest is removed with the scratch space.
        removed.ok();
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
