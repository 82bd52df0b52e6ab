//! The environment of a run: scratch space, a server that was seen to work, and the objects that its clients download.

use std::path::Path;
use std::time::Duration;

use haul_results::{Header, Matrix, PoolSpec, Subject, SubjectKind};
use jiff::Timestamp;

use crate::content::RunContent;
use crate::descriptors::allow_descriptors;
use crate::error::LabError;
use crate::event::Event;
use crate::interrupt::{Interrupt, Stop};
use crate::machine;
use crate::names::served_name;
use crate::objects::{self, ObjectSite};
use crate::plan::Plan;
use crate::scratch::{self, ScratchError, ScratchSpace};
use crate::server_stats::{self, SubjectInfo};
use crate::setup::Setup;
use crate::subject::{RunningSubject, SubjectSpec};

/// Scratch space with the objects in it, and the facts that the server states of itself.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) space: ScratchSpace,
    info: Option<SubjectInfo>,
    /// Objects elsewhere than in the scratch space, to be removed.
    placed: Option<PlacedObjects>,
    interrupt: Interrupt,
}

/// Objects on a server that keeps them elsewhere than in the scratch space.
#[derive(Debug)]
struct PlacedObjects {
    site: ObjectSite,
    names: Vec<String>,
    /// How to start the server again, if the lab starts it: another process than the one that received the objects then
    /// removes them.
    restart: Option<ServerStart>,
}

#[derive(Debug)]
struct ServerStart {
    spec: SubjectSpec,
    pool: PoolSpec,
    limit: Duration,
}

impl Environment {
    pub(crate) fn prepare(
        setup: &Setup,
        interrupt: &Interrupt,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<Self, LabError> {
        allow_descriptors(Plan::descriptors(&setup.matrix))?;
        let space = scratch_space(setup)?;
        watch(Event::Phase(match &setup.subject {
            SubjectSpec::Target(_) => "asking the server once, to see that it works",
            SubjectSpec::Own { .. } | SubjectSpec::Command(_) => {
                "starting the server once, to see that it works"
            }
        }));
        let mut subject = RunningSubject::start(
            &setup.subject,
            &smallest_pool(&setup.matrix),
            &space,
            setup.limits.start,
            interrupt,
        )?;
        let mut environment = Self {
            space,
            info: server_stats::info(&subject.address),
            placed: None,
            interrupt: interrupt.clone(),
        };
        watch(Event::Phase("preparing the objects"));
        environment.put_objects(setup, &mut subject)?;
        Ok(environment)
    }

    fn put_objects(&mut self, setup: &Setup, subject: &mut RunningSubject) -> Result<(), LabError> {
        let volumes = objects::served_volumes(&setup.matrix);
        let site = if setup.subject.is_local() {
            ObjectSite::Folder(self.space.root())
        } else {
            ObjectSite::Wire(subject.address.clone(), setup.limits.stall)
        };
        if !setup.subject.is_local() {
            self.placed = Some(PlacedObjects {
                site: site.clone(),
                names: volumes.iter().map(|volume| served_name(*volume)).collect(),
                restart: restart(setup),
            });
        }
        let content = RunContent::new(setup.seed);
        for volume in volumes {
            let put = site.put(&content, volume, &self.interrupt);
            put.map_err(|stop: Stop| {
                stop.map(|detail| {
                    let death = subject.death().map(|death| format!(" ({death})"));
                    let death = death.unwrap_or_default();
                    format!("an object of {volume} cannot be put there: {detail}{death}")
                })
            })?;
        }
        Ok(())
    }

    /// Whether the server has a ledger.
    pub(crate) fn has_ledger(&self) -> bool {
        self.info.as_ref().is_some_and(|info| info.has_ledger)
    }

    /// The facts that are known before the first trial.
    pub(crate) fn header(&self, setup: &Setup) -> Header {
        let mut binaries = vec![setup.program.clone()];
        if let SubjectSpec::Command(command) = &setup.subject {
            let pool = smallest_pool(&setup.matrix);
            binaries.extend(machine::binaries_of(&command.fill(0, &pool, Path::new("{root}"))));
        }
        Header {
            format: haul_results::FORMAT,
            machine: machine::machine(self.space.facts.clone()),
            subject: Subject {
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
        let Some(PlacedObjects { site, names, restart }) = self.placed.take() else {
            return;
        };
        let Some(ServerStart { spec, pool, limit }) = restart else {
            return site.remove(names, &self.interrupt);
        };
        let limit = if self.interrupt.is_set() {
            limit.min(objects::SHUTDOWN_GRACE)
        } else {
            limit
        };
        // The objects stay if the server does not start again.
        if let Ok(server) = RunningSubject::start(&spec, &pool, &self.space, limit, &Interrupt::default()) {
            ObjectSite::Wire(server.address.clone(), limit).remove(names, &self.interrupt);
        }
    }
}

fn scratch_space(setup: &Setup) -> Result<ScratchSpace, ScratchError> {
    let need = Plan::new(&setup.matrix, 1, setup.seed).scratch;
    let dir = scratch::choose(setup.scratch.as_deref(), need)?;
    let space = ScratchSpace::create(&dir, &setup.reaper)?;
    let root = space.root();
    std::fs::create_dir(&root).map_err(|cause| ScratchError::Unusable {
        folder: root.display().to_string(),
        cause,
    })?;
    Ok(space)
}

fn restart(setup: &Setup) -> Option<ServerStart> {
    let is_started = setup.subject.kind() == SubjectKind::Command;
    is_started.then(|| ServerStart {
        spec: setup.subject.clone(),
        pool: smallest_pool(&setup.matrix),
        limit: setup.limits.start,
    })
}

/// The pool with the fewest workers: enough to see whether a server works.
fn smallest_pool(matrix: &Matrix) -> PoolSpec {
    let pools = matrix.cells().iter().map(|cell| cell.pool);
    pools
        .min_by_key(|pool| pool.workers)
        .expect("a matrix has at least one cell")
}
