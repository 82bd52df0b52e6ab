//! A whole run: scratch space, objects, ceilings, all trials in the order of the plan, and a journal of everything.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use haul_results::{
    Binary, CeilingKind, Cell, End, Header, Journal, Matrix, PoolSpec, Record, Run, Subject as SubjectFacts,
    SubjectKind, Trial,
};
use jiff::Timestamp;

use crate::ceilings;
use crate::command::CommandLine;
use crate::content::Content;
use crate::descriptors::{DescriptorError, allow_descriptors};
use crate::interrupt::{Interrupt, Interrupted};
use crate::journal::{JOURNAL, JournalFile};
use crate::machine;
use crate::objects::{self, ObjectSite, PutError};
use crate::plan::Plan;
use crate::scratch::{self, ScratchError, ScratchSpace};
use crate::server_stats::{self, SubjectInfo};
use crate::subject::{Subject, SubjectError, SubjectSpec};
use crate::trial::{Limits, TrialRunner};

/// How often each ceiling is measured before the trials; once more after them.
const CEILING_ROUNDS: u32 = 3;

/// Everything that a run needs to know.
#[derive(Debug, Clone)]
pub struct Setup {
    /// All cells.
    pub matrix: Matrix,
    /// How often each cell is measured.
    pub repeats: u32,
    /// From which every order, every interval and all content follow.
    pub seed: u64,
    /// The server.
    pub subject: SubjectSpec,
    /// The program that does a client worker's job, which is appended as its last argument.
    pub clients: CommandLine,
    /// The program that `reap`s: the folder to remove, if any, is appended as its last argument.
    pub reaper: CommandLine,
    /// This program, for the record.
    pub program: Binary,
    /// The command line, for the record.
    pub arguments: Vec<String>,
    /// Where scratch space is to be; `None` chooses.
    pub scratch: Option<PathBuf>,
    /// The folder of the run's results.
    pub folder: PathBuf,
    /// How long to wait for what.
    pub limits: Limits,
    /// How long one measurement of a ceiling takes, about.
    pub ceiling_span: Duration,
}

/// What happens while a run goes on.
#[derive(Debug)]
pub enum Event<'a> {
    /// The run does something other than a trial.
    Phase(&'a str),
    /// Everything is ready for so many trials, which will take about so long.
    Begins {
        /// How many.
        trials: usize,
        /// About how long.
        estimate: Duration,
        /// What was known before.
        header: &'a Header,
    },
    /// A trial begins.
    TrialBegins {
        /// Its cell.
        cell: &'a Cell,
        /// The number of the repetition, from 0.
        replicate: u32,
    },
    /// A trial is over and in the journal.
    TrialEnds {
        /// The trial.
        trial: &'a Trial,
        /// How many are over.
        done: usize,
        /// How many there are.
        trials: usize,
        /// About how long the others take.
        left: Duration,
    },
}

/// Why there is no run, or it could not go on.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// It was interrupted before anything was measured.
    #[error("interrupted before anything was measured")]
    Interrupted,
    /// There is no scratch space for it.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// It needs more descriptors than there are.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
    /// The server cannot be measured.
    #[error("the server under test cannot be measured: {0}")]
    Subject(String),
    /// The journal cannot be written; it ends with its last whole line.
    #[error("the journal in `{folder}` cannot be written: {cause}")]
    Journal {
        /// The folder of the run.
        folder: String,
        /// What the system said.
        cause: io::Error,
    },
    /// There is a run in the folder already.
    #[error("--out: `{0}` holds a run already; continue it with --resume {0}, or name another folder")]
    Taken(String),
    /// What is continued would not be the same run.
    #[error(
        "--resume: {0} since the run began, so what is measured now would not belong to it; begin a new run"
    )]
    Changed(&'static str),
}

impl From<Interrupted> for LabError {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// Makes a new run. An interruption ends it early: what was measured is returned, and stands in the journal.
///
/// # Errors
///
/// If it cannot begin, or its journal cannot be written.
pub fn run(setup: &Setup, interrupt: &Interrupt, watch: &mut dyn FnMut(Event<'_>)) -> Result<Run, LabError> {
    if setup.folder.join(JOURNAL).exists() {
        return Err(LabError::Taken(setup.folder.display().to_string()));
    }
    let environment = Environment::prepare(setup, interrupt, watch)?;
    let run = Run::new(environment.header(setup));
    let begun = JournalFile::create(&setup.folder).and_then(|mut journal| {
        journal.append(&Record::Start(Box::new(run.header.clone())))?;
        Ok(journal)
    });
    let journal = begun.map_err(|cause| journal_error(setup, cause))?;
    Runner {
        setup,
        environment: &environment,
        interrupt,
        journal,
        run,
    }
    .go(watch)
}

/// Continues a run with the trials that are missing.
///
/// # Errors
///
/// As [`run`], and if machine, program or server have changed since it began.
pub fn resume(
    setup: &Setup,
    journal: Journal,
    interrupt: &Interrupt,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Run, LabError> {
    let environment = Environment::prepare(setup, interrupt, watch)?;
    let now = environment.header(setup);
    let old = &journal.run.header;
    if now.machine.cores != old.machine.cores || now.machine.processor != old.machine.processor {
        return Err(LabError::Changed("the machine has changed"));
    }
    if now.machine.scratch.in_memory != old.machine.scratch.in_memory {
        return Err(LabError::Changed("the kind of scratch space has changed"));
    }
    if now.binaries != old.binaries {
        return Err(LabError::Changed("the programs have changed"));
    }
    let resumed = now.started;
    let opened = JournalFile::go_on(&setup.folder, &journal).and_then(|mut file| {
        file.append(&Record::Resumed(resumed))?;
        Ok(file)
    });
    let file = opened.map_err(|cause| journal_error(setup, cause))?;
    let mut run = journal.run;
    run.resumed.push(resumed);
    run.end = None;
    Runner {
        setup,
        environment: &environment,
        interrupt,
        journal: file,
        run,
    }
    .go(watch)
}

fn journal_error(setup: &Setup, cause: io::Error) -> LabError {
    LabError::Journal {
        folder: setup.folder.display().to_string(),
        cause,
    }
}

/// What a run stands on: scratch space with the objects in it, and a server that was seen to work.
struct Environment {
    space: ScratchSpace,
    info: Option<SubjectInfo>,
    /// What was put on a server that is not ours, to be removed.
    put: Option<Put>,
    interrupt: Interrupt,
}

/// Objects on a server that keeps them elsewhere than in the scratch space.
struct Put {
    place: ObjectSite,
    names: Vec<String>,
    /// The server, if the lab starts it: then another one than that to which they were sent removes them.
    starts: Option<(SubjectSpec, PoolSpec, Duration)>,
}

impl Environment {
    fn prepare(
        setup: &Setup,
        interrupt: &Interrupt,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self, LabError> {
        allow_descriptors(Plan::descriptors(&setup.matrix))?;
        let need = Plan::new(&setup.matrix, 1, setup.seed).scratch;
        let place = scratch::choose(setup.scratch.as_deref(), need)?;
        let space = ScratchSpace::create(&place, &setup.reaper)?;
        let root = space.root();
        std::fs::create_dir(&root).map_err(|cause| ScratchError::Unusable {
            folder: root.display().to_string(),
            cause,
        })?;
        watch(Event::Phase(match &setup.subject {
            SubjectSpec::Target(_) => "asking the server once, to see that it works",
            SubjectSpec::Own { .. } | SubjectSpec::Command(_) => {
                "starting the server once, to see that it works"
            }
        }));
        let subject = Subject::start(
            &setup.subject,
            &smallest_pool(&setup.matrix),
            &space,
            setup.limits.start,
            interrupt,
        );
        let mut subject = subject.map_err(|error| match error {
            SubjectError::Interrupted => LabError::Interrupted,
            SubjectError::Failed(detail) => LabError::Subject(detail),
        })?;
        let info = server_stats::info(&subject.address);
        let mut environment = Self {
            space,
            info,
            put: None,
            interrupt: interrupt.clone(),
        };
        watch(Event::Phase("preparing the objects"));
        environment.put(setup, &mut subject, interrupt)?;
        Ok(environment)
    }

    fn put(&mut self, setup: &Setup, subject: &mut Subject, interrupt: &Interrupt) -> Result<(), LabError> {
        let content = Content::new(setup.seed);
        let volumes = objects::served_volumes(&setup.matrix);
        let place = match setup.subject.is_local() {
            true => ObjectSite::Folder(self.space.root()),
            false => ObjectSite::Wire(subject.address.clone(), setup.limits.stall),
        };
        if !setup.subject.is_local() {
            let names = volumes
                .iter()
                .map(|volume| crate::names::served_name(*volume))
                .collect();
            let is_started = setup.subject.kind() == SubjectKind::Command;
            let starts = is_started.then(|| {
                let pool = smallest_pool(&setup.matrix);
                (setup.subject.clone(), pool, setup.limits.start)
            });
            let place = place.clone();
            self.put = Some(Put { place, names, starts });
        }
        for volume in volumes {
            place
                .put(&content, volume, interrupt)
                .map_err(|error| match error {
                    PutError::Interrupted => LabError::Interrupted,
                    PutError::Failed(detail) => {
                        let death = subject
                            .death()
                            .map(|death| format!(" ({death})"))
                            .unwrap_or_default();
                        LabError::Subject(format!(
                            "an object of {volume} cannot be put there: {detail}{death}"
                        ))
                    }
                })?;
        }
        Ok(())
    }

    fn header(&self, setup: &Setup) -> Header {
        let mut binaries = vec![setup.program.clone()];
        if let SubjectSpec::Command(command) = &setup.subject {
            let pool = smallest_pool(&setup.matrix);
            binaries.extend(machine::binaries_of(&command.fill(0, &pool, Path::new("{root}"))));
        }
        Header {
            format: haul_results::FORMAT,
            machine: machine::machine(self.space.facts.clone()),
            subject: SubjectFacts {
                kind: setup.subject.kind(),
                command: setup.subject.shown(),
                name: self.info.as_ref().map(|info| info.name.clone()),
                durability: setup.subject.durability(),
            },
            binaries,
            arguments: setup.arguments.clone(),
            seed: setup.seed,
            matrix: setup.matrix.clone(),
            repeats: setup.repeats,
            started: Timestamp::now(),
            load_before: machine::load(),
        }
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        let Some(Put { place, names, starts }) = self.put.take() else {
            return;
        };
        let Some((spec, pool, limit)) = starts else {
            return place.remove(names, &self.interrupt);
        };
        let limit = if self.interrupt.is_set() {
            limit.min(objects::SHUTDOWN_GRACE)
        } else {
            limit
        };
        // What it stores stays there if it does not start again.
        if let Ok(server) = Subject::start(&spec, &pool, &self.space, limit, &Interrupt::default()) {
            ObjectSite::Wire(server.address.clone(), limit).remove(names, &self.interrupt);
        }
    }
}

/// The pool with the fewest workers: enough to see whether a server works.
fn smallest_pool(matrix: &Matrix) -> PoolSpec {
    let pools = matrix.cells().iter().map(|cell| cell.pool);
    pools
        .min_by_key(|pool| pool.workers)
        .expect("a matrix has at least one cell")
}

struct Runner<'a> {
    setup: &'a Setup,
    environment: &'a Environment,
    interrupt: &'a Interrupt,
    journal: JournalFile,
    run: Run,
}

impl Runner<'_> {
    fn go(mut self, watch: &mut dyn FnMut(Event<'_>)) -> Result<Run, LabError> {
        let missing = self.run.missing();
        let plan = Plan::of(&self.run.header.matrix, missing);
        watch(Event::Begins {
            trials: plan.trials.len(),
            estimate: plan.estimate,
            header: &self.run.header,
        });
        let measured = self.measure(&plan, watch);
        let interrupted = match measured {
            Ok(()) => false,
            Err(LabError::Interrupted) => true,
            Err(error) => return Err(error),
        };
        let end = End {
            at: Timestamp::now(),
            interrupted,
        };
        self.append(&Record::End(end.clone()))?;
        self.run.end = Some(end);
        Ok(self.run)
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
        let ceiling = ceilings::add(&self.run.ceilings, kind, bytes_per_s);
        self.append(&Record::Ceiling(ceiling.clone()))?;
        self.run.enter_ceiling(ceiling);
        Ok(())
    }

    fn trials(&mut self, plan: &Plan, watch: &mut dyn FnMut(Event<'_>)) -> Result<(), LabError> {
        let space = &self.environment.space;
        let bench = TrialRunner {
            subject: &self.setup.subject,
            clients: &self.setup.clients,
            limits: self.setup.limits,
            content: Content::new(self.setup.seed),
            seed: self.setup.seed,
            folder: self
                .setup
                .subject
                .is_local()
                .then(|| ObjectSite::Folder(space.root())),
            space,
            has_ledger: self.environment.info.as_ref().is_some_and(|info| info.has_ledger),
            interrupt: self.interrupt,
        };
        let begun = Instant::now();
        let planned = plan.estimate_from(0);
        for ((replicate, cell), done) in plan.trials.iter().zip(1..) {
            watch(Event::TrialBegins {
                cell,
                replicate: *replicate,
            });
            let number = u32::try_from(self.run.trials.len()).unwrap_or(u32::MAX);
            let trial = bench.trial(*cell, *replicate, number)?;
            self.append(&Record::Trial(Box::new(trial.clone())))?;
            let left = time_left(begun.elapsed(), planned, plan.estimate_from(done));
            watch(Event::TrialEnds {
                trial: &trial,
                done,
                trials: plan.trials.len(),
                left,
            });
            self.run.enter(trial);
        }
        Ok(())
    }

    fn append(&mut self, record: &Record) -> Result<(), LabError> {
        self.journal
            .append(record)
            .map_err(|cause| journal_error(self.setup, cause))
    }
}

/// What is left of a plan, if it goes on as fast as it went so far.
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
