//! A whole run: scratch space, objects, ceilings, all trials in the order of the plan, and a journal of everything.

use std::io;
use std::time::{Duration, Instant};

use haul_results::{CeilingKind, End, Header, JOURNAL, Journal, JournalLine, Recording, Run};
use jiff::Timestamp;

use crate::ceilings;
use crate::content::RunContent;
use crate::environment::Environment;
use crate::error::LabError;
use crate::event::Event;
use crate::interrupt::Interrupt;
use crate::journal::JournalFile;
use crate::objects::ObjectSite;
use crate::plan::Plan;
use crate::scratch::ScratchError;
use crate::setup::Setup;
use crate::trial::TrialRunner;

/// How often each ceiling is measured before the trials; once more after them.
const CEILING_ROUNDS: u32 = 3;

/// Makes a new run. An interruption ends the run early: the trials that were made are returned, and stand in the journal.
///
/// # Errors
///
/// If the run cannot begin, or its journal cannot be written.
pub fn run(setup: &Setup, interrupt: &Interrupt, watch: &mut dyn FnMut(Event<'_>)) -> Result<Run, LabError> {
    if setup.folder.join(JOURNAL).exists() {
        return Err(LabError::Taken(setup.folder.display().to_string()));
    }
    let environment = Environment::prepare(setup, interrupt, watch)?;
    let header = environment.header(setup);
    let begun = JournalFile::create(&setup.folder).and_then(|mut file| {
        file.append(&JournalLine::Start(Box::new(header.clone())))?;
        Ok(file)
    });
    let runner = Runner {
        setup,
        environment: &environment,
        interrupt,
        file: begun.map_err(|cause| journal_error(setup, cause))?,
        recording: Recording::begin(header),
    };
    runner.go(watch)
}

/// Continues a run with the trials that are missing.
///
/// # Errors
///
/// As [`run`], and if machine, program or server have changed since the run began.
pub fn resume(
    setup: &Setup,
    journal: Journal,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Run, LabError> {
    let environment = Environment::prepare(setup, interrupt, watch)?;
    let now = environment.header(setup);
    compare(&journal.run.header, &now)?;
    let opened = JournalFile::go_on(&setup.folder, &journal);
    let mut runner = Runner {
        setup,
        environment: &environment,
        interrupt,
        file: opened.map_err(|cause| journal_error(setup, cause))?,
        recording: Recording::resume(journal.run),
    };
    runner.record(JournalLine::Resumed(now.started))?;
    runner.go(watch)
}

/// Refuses to continue where the results would not belong together.
fn compare(old: &Header, now: &Header) -> Result<(), LabError> {
    if now.machine.cores != old.machine.cores || now.machine.processor != old.machine.processor {
        return Err(LabError::Changed("the machine has changed"));
    }
    if now.machine.scratch.in_memory != old.machine.scratch.in_memory {
        return Err(LabError::Changed("the kind of scratch space has changed"));
    }
    if now.binaries != old.binaries {
        return Err(LabError::Changed("the programs have changed"));
    }
    Ok(())
}

fn journal_error(setup: &Setup, cause: io::Error) -> LabError {
    LabError::Journal {
        folder: setup.folder.display().to_string(),
        cause,
    }
}

struct Runner<'a> {
    setup: &'a Setup,
    environment: &'a Environment,
    interrupt: &'a Interrupt,
    file: JournalFile,
    recording: Recording,
}

impl Runner<'_> {
    fn go(mut self, watch: &mut dyn FnMut(Event<'_>)) -> Result<Run, LabError> {
        let run = self.recording.run();
        let plan = Plan::of(&run.header.matrix, run.missing());
        watch(Event::Begins {
            trials: plan.trials.len(),
            estimate: plan.estimate,
            header: &run.header,
        });
        let interrupted = match self.measure(&plan, watch) {
            Ok(()) => false,
            Err(LabError::Interrupted) => true,
            Err(error) => return Err(error),
        };
        self.record(JournalLine::End(End {
            at: Timestamp::now(),
            interrupted,
        }))?;
        Ok(self.recording.into_run())
    }

    fn measure(&mut self, plan: &Plan, watch: &mut dyn FnMut(Event<'_>)) -> Result<(), LabError> {
        if plan.trials.is_empty() {
            return Ok(());
        }
        watch(Event::Phase("measuring what the machine can do at best"));
        for _ in 0..CEILING_ROUNDS {
            self.ceilings()?;
        }
        self.trials(plan, watch)?;
        watch(Event::Phase("measuring once more what the machine can do"));
        match self.ceilings() {
            // The trials are made, and the first rounds have measured it already.
            Err(LabError::Scratch(error)) => {
                watch(Event::Phase(&format!("that was not possible: {error}")));
                Ok(())
            }
            measured => measured,
        }
    }

    /// One round over all ceilings, in turn, so that a slow moment of the machine does not meet one of them only.
    fn ceilings(&mut self) -> Result<(), LabError> {
        for kind in ceilings::KINDS {
            self.interrupt.check()?;
            self.ceiling(kind)?;
        }
        Ok(())
    }

    fn ceiling(&mut self, kind: CeilingKind) -> Result<(), LabError> {
        let measured = ceilings::measure(kind, self.environment.space.path(), self.setup.ceiling_span);
        let folder = || self.environment.space.path().display().to_string();
        let bytes_per_s = measured.map_err(|cause| ScratchError::Unusable {
            folder: folder(),
            cause,
        })?;
        let ceiling = ceilings::add(&self.recording.run().ceilings, kind, bytes_per_s);
        self.record(JournalLine::Ceiling(ceiling))
    }

    fn trials(&mut self, plan: &Plan, watch: &mut dyn FnMut(Event<'_>)) -> Result<(), LabError> {
        let (setup, space) = (self.setup, &self.environment.space);
        let runner = TrialRunner {
            subject: &setup.subject,
            clients: &setup.clients,
            limits: setup.limits,
            content: RunContent::new(setup.seed),
            seed: setup.seed,
            folder: setup.subject.is_local().then(|| ObjectSite::Folder(space.root())),
            space,
            has_ledger: self.environment.has_ledger(),
            interrupt: self.interrupt,
        };
        let begun = Instant::now();
        let planned = plan.estimate_from(0);
        for ((replicate, cell), done) in plan.trials.iter().zip(1..) {
            watch(Event::TrialBegins {
                cell,
                replicate: *replicate,
            });
            let number = u32::try_from(self.recording.run().trials.len()).unwrap_or(u32::MAX);
            let trial = runner.trial(*cell, *replicate, number)?;
            self.record(JournalLine::Trial(Box::new(trial.clone())))?;
            watch(Event::TrialEnds {
                trial: &trial,
                done,
                trials: plan.trials.len(),
                left: time_left(begun.elapsed(), planned, plan.estimate_from(done)),
            });
        }
        Ok(())
    }

    /// Appends a record to the journal, then enters it in the run.
    fn record(&mut self, record: JournalLine) -> Result<(), LabError> {
        let appended = self.file.append(&record);
        let entered = appended.and_then(|()| self.recording.apply(record).map_err(io::Error::other));
        entered.map_err(|cause| journal_error(self.setup, cause))
    }
}

/// The time that is left, if the plan goes on at its pace so far.
fn time_left(elapsed: Duration, planned: Duration, planned_left: Duration) -> Duration {
    let done = planned.saturating_sub(planned_left).as_secs_f64();
    let pace = if done > 0.0 {
        elapsed.as_secs_f64() / done
    } else {
        1.0
    };
    planned_left.mul_f64(pace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_pace_so_far() {
        let seconds = Duration::from_secs;
        assert_eq!(time_left(seconds(20), seconds(40), seconds(30)), seconds(60));
        assert_eq!(time_left(seconds(20), seconds(40), seconds(0)), seconds(0));
        assert_eq!(time_left(seconds(0), seconds(40), seconds(40)), seconds(40));
    }
}
