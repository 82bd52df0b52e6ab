//! Each trial in a few numbers, and from them what is known of its cell.
//!
//! Total throughput is all bytes that arrived over the makespan, never a sum of the clients' rates. A cell's estimates
//! come from its valid trials; an invalid trial makes the cell invalid and gives no number.

use std::collections::{BTreeMap, HashMap};

use haul_types::ByteSize;
use serde::{Deserialize, Serialize};

use crate::ceiling::{CeilingShare, ceiling_of};
use crate::cell::Cell;
use crate::random::{Random, SeedPurpose};
use crate::run::Run;
use crate::sample::{FailureClass, Sample};
use crate::statistics::{Estimate, median, quantile};
use crate::trial::{Problem, ServerCounts, Trial, Usage};

/// From how many values on a 95th percentile is given rather than the maximum.
const PERCENTILE_VALUES_MIN: usize = 20;
/// The share of the processors from which on they count as used up.
const USED_UP: f64 = 0.9;

/// How slow the slowest clients are, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tail {
    /// The 95th percentile, from at least 20 values.
    Percentile95(f64),
    /// The slowest, from fewer.
    Maximum(f64),
}

impl Tail {
    fn new(times_s: &[f64]) -> Option<Self> {
        if times_s.len() >= PERCENTILE_VALUES_MIN {
            quantile(times_s, 0.95).map(Self::Percentile95)
        } else {
            times_s.iter().copied().reduce(f64::max).map(Self::Maximum)
        }
    }

    /// The number of seconds, whichever it is.
    #[must_use]
    pub fn seconds(self) -> f64 {
        match self {
            Self::Percentile95(seconds) | Self::Maximum(seconds) => seconds,
        }
    }
}

/// The workers of a server in one trial, by its own ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerTally {
    /// Workers that neither died nor failed a request.
    pub ok: u32,
    /// Workers that crashed, were killed or failed a request.
    pub failed: u32,
    /// Workers that served at least one request.
    pub took_part: u32,
}

/// Processor time for each GiB of content, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CpuCost {
    /// Outside the kernel.
    pub user_s_per_gib: f64,
    /// Inside the kernel.
    pub system_s_per_gib: f64,
}

impl CpuCost {
    fn new(usage: Option<Usage>, content: ByteSize) -> Option<Self> {
        let usage = usage.filter(|_| content > ByteSize(0))?;
        let per_gib = |time_us: u64| time_us as f64 / 1e6 / content.as_gib();
        Some(Self {
            user_s_per_gib: per_gib(usage.user_us),
            system_s_per_gib: per_gib(usage.system_us),
        })
    }

    /// Both together.
    #[must_use]
    pub fn total_s_per_gib(&self) -> f64 {
        self.user_s_per_gib + self.system_s_per_gib
    }
}

/// The medians of the three parts of the clients' times, in seconds. Medians, so they need not add up exactly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PhaseMedians {
    /// From the release to the connection.
    pub connect_s: f64,
    /// From the connection to the first byte: mostly the server's queue.
    pub wait_s: f64,
    /// From the first byte to the end.
    pub transfer_s: f64,
}

impl PhaseMedians {
    fn new<'a>(samples: impl Iterator<Item = &'a Sample>) -> Option<Self> {
        let phases: Vec<_> = samples.filter_map(Sample::phases).collect();
        let middle = |part_ns: fn(&crate::Phases) -> u64| {
            median(
                &phases
                    .iter()
                    .map(|phase| seconds(part_ns(phase)))
                    .collect::<Vec<_>>(),
            )
        };
        Some(Self {
            connect_s: middle(|phase| phase.connect_ns)?,
            wait_s: middle(|phase| phase.wait_ns)?,
            transfer_s: middle(|phase| phase.transfer_ns)?,
        })
    }
}

/// One trial in a few numbers. What is a median here is one over its clients that succeeded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialSummary {
    /// The number of the repetition, from 0.
    pub replicate: u32,
    /// Why it is invalid; empty if it is valid.
    pub problems: Vec<Problem>,
    /// From the release of the barrier to the end of the last transfer.
    pub makespan_s: f64,
    /// All bytes that arrived over the makespan; 0 if nothing arrived.
    pub total_bytes_per_s: f64,
    /// The median client's time.
    pub client_s: Option<f64>,
    /// How slow the slowest clients are.
    pub tail: Option<Tail>,
    /// The median client's throughput.
    pub client_bytes_per_s: Option<f64>,
    /// The clients' times split in three.
    pub phases: Option<PhaseMedians>,
    /// Clients that succeeded.
    pub clients_ok: u32,
    /// Clients that failed, by class.
    pub failures: BTreeMap<FailureClass, u32>,
    /// Transfers whose every byte was compared.
    pub verified: u32,
    /// The server's workers; `None` if it does not report them.
    pub workers: Option<WorkerTally>,
    /// The server's processor time.
    pub server_cpu: Option<CpuCost>,
    /// The clients' processor time.
    pub client_cpu: Option<CpuCost>,
    /// The clients' part of the processor time of both sides, 0 to 1.
    pub client_cpu_share: Option<f64>,
    /// The server's memory at its peak.
    pub server_memory: Option<ByteSize>,
    /// The clients' memory at its peak.
    pub client_memory: Option<ByteSize>,
    /// Whether the clients' side used up the processors; `None` if its use is not known.
    pub is_limited_by_client: Option<bool>,
}

impl TrialSummary {
    /// The summary of a trial on a machine with so many processors.
    #[must_use]
    pub fn new(trial: &Trial, cores: u32) -> Self {
        let ok = || trial.samples.iter().filter(|sample| sample.is_ok());
        let times_s: Vec<f64> = ok().filter_map(Sample::time_ns).map(seconds).collect();
        let rates: Vec<f64> = ok().filter_map(rate).collect();
        let content = trial.content_ok();
        Self {
            replicate: trial.replicate,
            problems: trial.problems(),
            makespan_s: seconds(trial.makespan_ns),
            total_bytes_per_s: trial.total_bytes_per_s(),
            client_s: median(&times_s),
            tail: Tail::new(&times_s),
            client_bytes_per_s: median(&rates),
            phases: PhaseMedians::new(ok()),
            clients_ok: whole(ok().count()),
            failures: trial.failures(),
            verified: whole(ok().filter(|sample| sample.verified).count()),
            workers: tally(&trial.server_counts),
            server_cpu: CpuCost::new(trial.server_usage, content),
            client_cpu: CpuCost::new(trial.client_usage, content),
            client_cpu_share: client_share(trial),
            server_memory: trial.server_usage.and_then(|usage| usage.peak_memory),
            client_memory: trial.client_usage.and_then(|usage| usage.peak_memory),
            is_limited_by_client: trial.client_usage.map(|usage| is_limited(trial, usage, cores)),
        }
    }

    /// Clients that failed, whatever the class.
    #[must_use]
    pub fn clients_failed(&self) -> u32 {
        self.failures.values().sum()
    }

    /// Whether anything may be concluded from it.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }
}

fn seconds(time_ns: u64) -> f64 {
    time_ns as f64 / 1e9
}

fn rate(sample: &Sample) -> Option<f64> {
    let time_s = sample.time_ns().map(seconds).filter(|time_s| *time_s > 0.0)?;
    Some(sample.bytes.as_f64() / time_s)
}

/// Counts of clients and workers are bounded far below.
fn whole(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn tally(counts: &ServerCounts) -> Option<WorkerTally> {
    let ServerCounts::Reported(workers) = counts else {
        return None;
    };
    let failed = whole(workers.iter().filter(|worker| worker.is_failed()).count());
    Some(WorkerTally {
        ok: whole(workers.len()) - failed,
        failed,
        took_part: whole(workers.iter().filter(|worker| worker.took_part()).count()),
    })
}

fn client_share(trial: &Trial) -> Option<f64> {
    let client = trial.client_usage?.cpu_s();
    let both = client + trial.server_usage?.cpu_s();
    (both > 0.0).then(|| client / both)
}

/// The clients' side used up either all the processors that so few clients can use, or the larger part of all of them.
fn is_limited(trial: &Trial, client: Usage, cores: u32) -> bool {
    let makespan_s = seconds(trial.makespan_ns);
    let usable = f64::from(trial.cell.clients.min(cores).max(1)) * makespan_s;
    let all = f64::from(cores.max(1)) * makespan_s;
    let server_s = trial.server_usage.map_or(0.0, |usage| usage.cpu_s());
    let client_s = client.cpu_s();
    let alone = client_s >= USED_UP * usable;
    let together = client_s + server_s >= USED_UP * all && client_s > server_s;
    makespan_s > 0.0 && (alone || together)
}

/// What is known of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellSummary {
    /// The cell.
    pub cell: Cell,
    /// Its trials, by replicate; fewer than the run's repeats if it is not complete.
    pub trials: Vec<TrialSummary>,
    /// The median client's time in seconds.
    pub client_s: Option<Estimate>,
    /// The median client's throughput in bytes per second.
    pub client_bytes_per_s: Option<Estimate>,
    /// The total throughput in bytes per second.
    pub total_bytes_per_s: Option<Estimate>,
    /// How slow the slowest clients of all valid trials are.
    pub tail: Option<Tail>,
    /// The clients' times split in three: medians over the valid trials.
    pub phases: Option<PhaseMedians>,
    /// The server's processor time: medians over the valid trials.
    pub server_cpu: Option<CpuCost>,
    /// The clients' processor time: medians over the valid trials.
    pub client_cpu: Option<CpuCost>,
    /// The clients' part of the processor time of both sides: median over the valid trials.
    pub client_cpu_share: Option<f64>,
    /// The server's memory at its peak, the highest of all trials.
    pub server_memory: Option<ByteSize>,
    /// The clients' memory at its peak, the highest of all trials.
    pub client_memory: Option<ByteSize>,
    /// The share of the lowest ceiling that holds for it.
    pub ceiling: Option<CeilingShare>,
    /// Whether the clients' side used up the processors in at least half of the valid trials.
    pub is_limited_by_client: bool,
}

impl CellSummary {
    /// Clients that succeeded in all trials together.
    #[must_use]
    pub fn clients_ok(&self) -> u32 {
        self.trials.iter().map(|trial| trial.clients_ok).sum()
    }

    /// Clients that failed in all trials together.
    #[must_use]
    pub fn clients_failed(&self) -> u32 {
        self.trials.iter().map(TrialSummary::clients_failed).sum()
    }

    /// Failed clients of all trials, by class.
    #[must_use]
    pub fn failures(&self) -> BTreeMap<FailureClass, u32> {
        let mut sum = BTreeMap::new();
        for (class, count) in self.trials.iter().flat_map(|trial| &trial.failures) {
            *sum.entry(*class).or_default() += count;
        }
        sum
    }

    /// The trial with the most failed clients; of several the first.
    #[must_use]
    pub fn worst_trial(&self) -> Option<&TrialSummary> {
        let last_first = self.trials.iter().rev();
        last_first.max_by_key(|trial| trial.clients_failed())
    }

    /// Workers of the trial with the most failed ones; of several the one in which the fewest took part.
    #[must_use]
    pub fn workers(&self) -> Option<WorkerTally> {
        let tallies = self.trials.iter().filter_map(|trial| trial.workers);
        tallies.max_by_key(|tally| (tally.failed, std::cmp::Reverse(tally.took_part)))
    }

    /// Transfers whose every byte was compared, in all trials together.
    #[must_use]
    pub fn verified(&self) -> u32 {
        self.trials.iter().map(|trial| trial.verified).sum()
    }

    /// Whether every trial is valid.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.trials.iter().all(TrialSummary::is_valid)
    }

    /// Whether it was measured, every trial is valid and no transfer failed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.trials.is_empty() && self.is_valid() && self.clients_failed() == 0
    }

    /// The valid trials.
    pub fn valid_trials(&self) -> impl Iterator<Item = &TrialSummary> {
        self.trials.iter().filter(|trial| trial.is_valid())
    }
}

impl Run {
    /// What is known of each cell of the matrix, in the order of the report; a cell without trials has no numbers.
    pub(crate) fn summaries(&self) -> Vec<CellSummary> {
        #[cfg(any(test, feature = "testing"))]
        crate::simulation::count_bootstrap();
        let cells = self.trials_by_cell().into_iter().zip(0..);
        cells
            .map(|((cell, trials), index)| {
                let mut random = Random::new(self.header.seed, SeedPurpose::Estimate, index);
                summarise(self, cell, &trials, &mut random)
            })
            .collect()
    }

    /// The same trials as [`Run::trials_by_cell`], each in a few numbers.
    pub(crate) fn trial_summaries(&self) -> Vec<(Cell, Vec<TrialSummary>)> {
        let cores = self.header.machine.cores;
        let summary = |trial: &&Trial| TrialSummary::new(trial, cores);
        self.trials_by_cell()
            .into_iter()
            .map(|(cell, trials)| (cell, trials.iter().map(summary).collect()))
            .collect()
    }

    /// The trials of each cell of the matrix by replicate, the cells in the order of the report.
    fn trials_by_cell(&self) -> Vec<(Cell, Vec<&Trial>)> {
        let mut by_cell: HashMap<Cell, Vec<&Trial>> = HashMap::new();
        for trial in &self.trials {
            by_cell.entry(trial.cell).or_default().push(trial);
        }
        let sorted = |cell: &Cell| {
            let mut trials = by_cell.remove(cell).unwrap_or_default();
            trials.sort_by_key(|trial| trial.replicate);
            (*cell, trials)
        };
        self.header.matrix.cells().iter().map(sorted).collect()
    }
}

fn summarise(run: &Run, cell: Cell, made: &[&Trial], random: &mut Random) -> CellSummary {
    let cores = run.header.machine.cores;
    let trials: Vec<_> = made.iter().map(|trial| TrialSummary::new(trial, cores)).collect();
    let valid: Vec<_> = trials.iter().filter(|trial| trial.is_valid()).collect();
    let mut estimate = |of: fn(&TrialSummary) -> Option<f64>| {
        let values: Vec<f64> = valid.iter().filter_map(|trial| of(trial)).collect();
        Estimate::new(&values, random)
    };
    let total_bytes_per_s = estimate(|trial| Some(trial.total_bytes_per_s));
    let client_s = estimate(|trial| trial.client_s);
    let client_bytes_per_s = estimate(|trial| trial.client_bytes_per_s);
    let ceiling = ceiling_of(&cell, run)
        .zip(total_bytes_per_s)
        .map(|((kind, bytes_per_s), total)| CeilingShare {
            kind,
            bytes_per_s,
            share: total.median / bytes_per_s,
        });
    let valid_samples = made.iter().filter(|trial| trial.problems().is_empty());
    let times_s: Vec<f64> = valid_samples
        .flat_map(|trial| &trial.samples)
        .filter_map(Sample::time_ns)
        .map(seconds)
        .collect();
    let limited = valid
        .iter()
        .filter(|trial| trial.is_limited_by_client == Some(true))
        .count();
    CellSummary {
        cell,
        client_s,
        client_bytes_per_s,
        total_bytes_per_s,
        tail: Tail::new(&times_s),
        phases: middle_phases(&valid),
        server_cpu: middle_cost(&valid, |trial| trial.server_cpu),
        client_cpu: middle_cost(&valid, |trial| trial.client_cpu),
        client_cpu_share: middle(&valid, |trial| trial.client_cpu_share),
        server_memory: trials.iter().filter_map(|trial| trial.server_memory).max(),
        client_memory: trials.iter().filter_map(|trial| trial.client_memory).max(),
        ceiling,
        is_limited_by_client: limited > 0 && limited * 2 >= valid.len(),
        trials,
    }
}

fn middle(trials: &[&TrialSummary], of: impl Fn(&TrialSummary) -> Option<f64>) -> Option<f64> {
    median(&trials.iter().filter_map(|trial| of(trial)).collect::<Vec<_>>())
}

fn middle_phases(trials: &[&TrialSummary]) -> Option<PhaseMedians> {
    let part = |of: fn(PhaseMedians) -> f64| middle(trials, |trial| trial.phases.map(of));
    Some(PhaseMedians {
        connect_s: part(|phases| phases.connect_s)?,
        wait_s: part(|phases| phases.wait_s)?,
        transfer_s: part(|phases| phases.transfer_s)?,
    })
}

fn middle_cost(trials: &[&TrialSummary], of: fn(&TrialSummary) -> Option<CpuCost>) -> Option<CpuCost> {
    Some(CpuCost {
        user_s_per_gib: middle(trials, |trial| of(trial).map(|cost| cost.user_s_per_gib))?,
        system_s_per_gib: middle(trials, |trial| of(trial).map(|cost| cost.system_s_per_gib))?,
    })
}

#[cfg(test)]
mod tests;
