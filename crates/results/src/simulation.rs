//! For tests, here and behind the feature `testing`: made-up runs of two kinds. [`run`] has a server whose service time, queue
//! and noise are known, so that every number can be foretold. [`lifelike`] has a server on a machine with two cores, with
//! a little noise of its own, so that reports can be looked at and kept as snapshots.
// Test data: what it is made of is known to be there.
#![allow(clippy::unwrap_used)]

use std::cell::Cell as Counter;

use crate::cell::{Cell, ClientPool, Operation};
use crate::matrix::{Levels, Matrix};
use crate::random::{Random, SeedPurpose};
use crate::run::{
    Binary, Ceiling, CeilingKind, End, FORMAT, Header, Machine, Run, Scratch, StatedDurability, Subject,
    SubjectKind,
};
use crate::sample::{FailureClass, Outcome, Sample};
use crate::trial::{Fault, FaultKind, ServerCounts, Trial, Usage, WorkerCounts};
use haul_types::{ByteSize, PoolKind};

thread_local! {
    static BOOTSTRAPS: Counter<usize> = const { Counter::new(0) };
}

/// How often this thread has computed the intervals of all cells of a run.
#[must_use]
pub fn bootstraps() -> usize {
    BOOTSTRAPS.get()
}

pub(crate) fn count_bootstrap() {
    BOOTSTRAPS.set(BOOTSTRAPS.get() + 1);
}

/// A server that needs the same time for every MiB, and a queue in front of its workers.
#[derive(Debug, Clone, Copy)]
pub struct SimulatedServer {
    /// Service time for each MiB.
    pub mib_ns: u64,
    /// By which all times are multiplied.
    pub pace: f64,
    /// Deviation of the logarithm of a trial's pace.
    pub trial_noise: f64,
    /// Deviation of the logarithm of a replicate's pace, the same for all its cells.
    pub block_noise: f64,
    /// Whether each cell has a noise of its own, from a third to three times `trial_noise`, and rare trials are 30%
    /// slower.
    pub is_uneven: bool,
}

impl Default for SimulatedServer {
    fn default() -> Self {
        Self {
            mib_ns: 1_000_000,
            pace: 1.0,
            trial_noise: 0.0,
            block_noise: 0.0,
            is_uneven: false,
        }
    }
}

/// Some cell.
#[must_use]
pub fn cell() -> Cell {
    Matrix::new(Levels::quick()).unwrap().cells()[0]
}

/// The header of a run of the quick matrix.
#[must_use]
pub fn header(repeats: u32, seed: u64) -> Header {
    let quick = Matrix::new(Levels::quick()).unwrap();
    Header {
        arguments: vec!["bench".to_owned()],
        ..header_of(quick, repeats, seed)
    }
}

/// A whole run of the quick matrix with ceilings that keep the pace of the server's machine.
#[must_use]
pub fn run(server: SimulatedServer, repeats: u32, seed: u64) -> Run {
    let mut run = Run::new(header(repeats, seed));
    let mut random = Random::new(seed, SeedPurpose::Compare, 0);
    for replicate in 0..repeats {
        let block = server.block_noise * random.normal();
        for cell in run.header.matrix.order(seed, replicate) {
            let pace = server.pace * (block + server.noise_of(&cell, &mut random)).exp();
            run.trials.push(server.trial(cell, replicate, pace));
        }
    }
    run
}

/// Ceilings of a machine whose every limit is divided by `pace`.
#[must_use]
pub fn ceilings(pace: f64, seed: u64) -> Vec<Ceiling> {
    let mut random = Random::new(seed, SeedPurpose::Compare, 1);
    let kinds = [
        CeilingKind::Tcp { streams: 1 },
        CeilingKind::Tcp { streams: 5 },
        CeilingKind::Base64Encode,
        CeilingKind::MemoryCopy,
        CeilingKind::FileBuffered,
    ];
    kinds
        .map(|kind| Ceiling {
            kind,
            bytes_per_s: (0..5)
                .map(|_| 4e9 / pace * (0.01 * random.normal()).exp())
                .collect(),
        })
        .to_vec()
}

impl SimulatedServer {
    fn noise_of(&self, cell: &Cell, random: &mut Random) -> f64 {
        let drawn = random.normal();
        if !self.is_uneven {
            return self.trial_noise * drawn;
        }
        let place =
            (cell.volume.0 / (1 << 20) + u64::from(cell.clients) + 3 * u64::from(cell.pool.workers)) % 3;
        let own = [1.0 / 3.0, 1.0, 3.0][usize::try_from(place).unwrap()];
        let outlier = if random.below(50) == 0 { 0.3 } else { 0.0 };
        self.trial_noise * own * drawn + outlier
    }

    /// All clients arrive at once and are served in order, each for the same time: with `w` workers client `i` is done
    /// after `i / w + 1` service times.
    #[must_use]
    pub fn trial(&self, cell: Cell, replicate: u32, pace: f64) -> Trial {
        let service_ns = (self.mib_ns as f64 * cell.volume.as_mib() * pace).round() as u64;
        let at_once = cell.pool.capacity();
        let samples: Vec<Sample> = (0..cell.clients)
            .map(|client| exact_sample(cell, client, u64::from(client / at_once) * service_ns, service_ns))
            .collect();
        let makespan_ns = samples.iter().filter_map(Sample::time_ns).max().unwrap();
        let usage = |memory| Usage {
            user_us: makespan_ns / 4000,
            system_us: makespan_ns / 4000,
            peak_memory: Some(ByteSize::mib(memory)),
            context_switches: Some(10),
        };
        Trial {
            cell,
            replicate,
            samples,
            makespan_ns,
            server_counts: ServerCounts::Reported(counts(&cell)),
            server_usage: Some(usage(20)),
            client_usage: Some(usage(10)),
            check_ns: 1000,
            faults: Vec::new(),
        }
    }
}

fn exact_sample(cell: Cell, client: u32, queued_ns: u64, service_ns: u64) -> Sample {
    let end = Some(queued_ns + service_ns);
    Sample {
        client,
        start_ns: 0,
        connected_ns: Some(0),
        first_byte_ns: Some(queued_ns),
        last_byte_ns: end,
        durable_ns: end.filter(|_| cell.operation == Operation::Upload),
        bytes: cell.volume,
        verified: true,
        outcome: Outcome::Ok,
    }
}

/// A generator of numbers that look random (Marsaglia's xorshift).
struct Noise(u64);

impl Noise {
    /// A factor around 1, at most `reach` above or below.
    fn factor(&mut self, reach: f64) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        1.0 + reach * ((self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0)
    }
}

/// A complete and sound run of these levels.
#[must_use]
pub fn lifelike(levels: Levels, repeats: u32) -> Run {
    let matrix = Matrix::new(levels).unwrap();
    let mut run = Run::new(header_of(matrix, repeats, 20_261_122));
    run.ceilings = machine_ceilings();
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    for replicate in 0..repeats {
        for cell in run.header.matrix.order(run.header.seed, replicate) {
            run.trials.push(lifelike_trial(cell, replicate, &mut noise));
        }
    }
    run.end = Some(End {
        at: "2026-11-22T10:06:57Z".parse().unwrap(),
        interrupted: false,
    });
    run
}

/// The default matrix, three times.
#[must_use]
pub fn full() -> Run {
    lifelike(Levels::default(), 3)
}

/// The quick matrix, three times.
#[must_use]
pub fn quick() -> Run {
    lifelike(Levels::quick(), 3)
}

/// The quick matrix with everything that can go wrong: failures of several classes, wrong bytes, a server that died,
/// counts that differ, and cells that were never measured.
#[must_use]
pub fn broken() -> Run {
    let mut run = quick();
    let cells: Vec<Cell> = run.header.matrix.cells().to_vec();
    for trial in &mut run.trials {
        let place = cells.iter().position(|cell| *cell == trial.cell).unwrap();
        match (place, trial.replicate) {
            (8, 1) => fail(
                trial,
                3,
                &Outcome::failed(FailureClass::Reset, "connection reset by peer"),
            ),
            (17, 0) => fail(
                trial,
                1,
                &Outcome::failed(FailureClass::Corrupt, "byte 4096 is 7 instead of 9"),
            ),
            (26, _) => fail(
                trial,
                5,
                &Outcome::rejected("busy", "try again <later> | \"now\""),
            ),
            (35, 2) => {
                trial.samples.clear();
                trial.faults.push(Fault {
                    kind: FaultKind::ServerDied,
                    detail: "signal 9".to_owned(),
                });
            }
            (44, 0) => {
                if let ServerCounts::Reported(workers) = &mut trial.server_counts {
                    workers[0].requests_ok += 1;
                }
            }
            _ => {}
        }
    }
    run.trials
        .retain(|trial| trial.cell != cells[53] && (trial.cell != cells[52] || trial.replicate == 0));
    run.end = Some(End {
        at: run.end.unwrap().at,
        interrupted: true,
    });
    run
}

/// The quick matrix against a server that reports nothing of itself, once.
#[must_use]
pub fn foreign() -> Run {
    let mut run = lifelike(Levels::quick(), 1);
    run.header.subject = Subject {
        kind: SubjectKind::Command,
        command: "python3 server.py --port {port} --workers {workers} --root {root}".to_owned(),
        name: None,
        durability: StatedDurability::Unknown,
    };
    for trial in &mut run.trials {
        trial.server_counts = ServerCounts::NotReported;
        trial.server_usage = None;
    }
    run.ceilings.clear();
    run
}

fn fail(trial: &mut Trial, clients: usize, outcome: &Outcome) {
    for sample in trial.samples.iter_mut().take(clients) {
        sample.outcome = outcome.clone();
        sample.verified = false;
    }
    trial.server_counts = ServerCounts::NotReported;
}

fn header_of(matrix: Matrix, repeats: u32, seed: u64) -> Header {
    Header {
        format: FORMAT,
        machine: Machine {
            processor: "AMD EPYC 7B13".to_owned(),
            cores: 2,
            memory: ByteSize::mib(8192),
            kernel: "Linux 6.12.9".to_owned(),
            scratch: Scratch {
                folder: "/dev/shm/haul-scratch".to_owned(),
                file_system: "tmpfs".to_owned(),
                in_memory: true,
            },
        },
        subject: Subject {
            kind: SubjectKind::Own,
            command: "haul serve {root} --writable --listen 127.0.0.1:{port} --pool {pool}:{workers}"
                .to_owned(),
            name: Some("haul 0.1.0".to_owned()),
            durability: StatedDurability::Buffered,
        },
        binaries: vec![Binary {
            name: "haul".to_owned(),
            version: Some("0.1.0".to_owned()),
            digest: Some("3b1f6a5c9d2e4870aa11c34f5e6d7b8890fedcba76543210f0e1d2c3b4a59687".to_owned()),
        }],
        arguments: vec!["bench".to_owned(), "--repeats".to_owned(), repeats.to_string()],
        seed,
        matrix,
        repeats,
        started: "2026-11-22T10:00:00Z".parse().unwrap(),
        load_before: Some([0.08, 0.11, 0.09]),
    }
}

fn machine_ceilings() -> Vec<Ceiling> {
    let kinds = [
        (CeilingKind::Tcp { streams: 1 }, 4.1e9),
        (CeilingKind::Tcp { streams: 5 }, 5.2e9),
        (CeilingKind::Tcp { streams: 50 }, 5.0e9),
        (CeilingKind::Base64Encode, 9.1e9),
        (CeilingKind::Base64Decode, 8.4e9),
        (CeilingKind::MemoryCopy, 11.0e9),
        (CeilingKind::FileBuffered, 3.9e9),
        (CeilingKind::FileSynced, 3.8e9),
    ];
    kinds
        .map(|(kind, rate)| Ceiling {
            kind,
            bytes_per_s: vec![rate * 0.97, rate, rate * 0.99],
        })
        .to_vec()
}

/// Total throughput of a cell that is served without waiting for anything else, in bytes per second.
fn pace(cell: &Cell) -> f64 {
    let single = match cell.operation {
        Operation::Download => 2.1e9,
        Operation::Upload => 1.45e9,
    };
    let at_once = f64::from(cell.clients.min(cell.pool.capacity()));
    // The second core helps; from then on more at once only get into each other's way.
    let gain = 1.0 + 0.42 * (1.0 - (-(at_once - 1.0) / 2.5).exp()) - 0.0015 * at_once;
    let kind = match cell.pool.kind {
        PoolKind::Threads => 1.0,
        PoolKind::Processes => 0.96,
        PoolKind::Tasks => 1.03,
    };
    let start = cell.volume.as_f64() / (cell.volume.as_f64() + 1.2e6);
    single
        * gain
        * kind
        * start
        * if cell.client_pool == ClientPool::Processes {
            0.98
        } else {
            1.0
        }
}

fn lifelike_trial(cell: Cell, replicate: u32, noise: &mut Noise) -> Trial {
    let rate = pace(&cell) * noise.factor(0.02);
    let at_once = cell.clients.min(cell.pool.capacity());
    let wave_s = cell.volume.as_f64() * f64::from(at_once) / rate;
    let start_s = if cell.client_pool == ClientPool::Processes {
        0.000_9
    } else {
        0.000_2
    };
    let samples: Vec<Sample> = (0..cell.clients)
        .map(|client| {
            let wave = f64::from(client / at_once);
            let rank = f64::from(client % at_once + 1) / f64::from(at_once);
            let connected_s = start_s * noise.factor(0.4) + 0.000_004 * f64::from(client);
            let first_byte_s = connected_s.max(wave * wave_s) + 0.000_3 * noise.factor(0.5);
            let last_byte_s = first_byte_s + wave_s * (0.93 + 0.07 * rank) * noise.factor(0.01);
            sample(cell, client, [connected_s, first_byte_s, last_byte_s])
        })
        .collect();
    let makespan_ns = samples.iter().filter_map(Sample::time_ns).max().unwrap() + 20_000;
    let busy_us = makespan_ns as f64 / 1000.0;
    Trial {
        cell,
        replicate,
        samples,
        makespan_ns,
        server_counts: ServerCounts::Reported(counts(&cell)),
        server_usage: Some(usage(
            busy_us * 0.74 * noise.factor(0.05),
            server_memory(&cell) * noise.factor(0.03),
        )),
        client_usage: Some(usage(
            busy_us * 0.66 * noise.factor(0.05),
            client_memory(&cell) * noise.factor(0.03),
        )),
        check_ns: cell.content().0 / 9,
        faults: Vec::new(),
    }
}

fn sample(cell: Cell, client: u32, [connected_s, first_byte_s, last_byte_s]: [f64; 3]) -> Sample {
    let nanoseconds = |seconds: f64| (seconds * 1e9) as u64;
    let is_upload = cell.operation == Operation::Upload;
    Sample {
        client,
        start_ns: 20_000,
        connected_ns: Some(nanoseconds(connected_s)),
        first_byte_ns: Some(nanoseconds(first_byte_s)),
        last_byte_ns: Some(nanoseconds(last_byte_s)),
        durable_ns: is_upload.then(|| nanoseconds(last_byte_s + 0.000_1)),
        bytes: cell.volume,
        verified: true,
        outcome: Outcome::Ok,
    }
}

fn server_memory(cell: &Cell) -> f64 {
    let workers = f64::from(cell.pool.workers);
    let busy = f64::from(cell.clients.min(cell.pool.workers));
    match cell.pool.kind {
        PoolKind::Processes => 7.5 + 1.7 * workers + 0.5 * busy,
        PoolKind::Threads | PoolKind::Tasks => 6.0 + 0.06 * workers + 0.55 * busy,
    }
}

fn client_memory(cell: &Cell) -> f64 {
    let clients = f64::from(cell.clients);
    match cell.client_pool {
        ClientPool::Processes => 8.0 + 4.1 * clients,
        ClientPool::Threads => 8.0 + 0.6 * clients,
    }
}

fn usage(cpu_us: f64, memory_mib: f64) -> Usage {
    Usage {
        user_us: (cpu_us * 0.36) as u64,
        system_us: (cpu_us * 0.64) as u64,
        peak_memory: Some(ByteSize((memory_mib * 1_048_576.0) as u64)),
        context_switches: Some((cpu_us / 90.0) as u64),
    }
}

/// The clients in turn, as the queue hands them out.
fn counts(cell: &Cell) -> Vec<WorkerCounts> {
    let workers = cell.pool.workers;
    let of_worker = |worker: u32| {
        let requests_ok = u64::from(cell.clients / workers + u32::from(worker < cell.clients % workers));
        let moved = cell.volume.times(requests_ok);
        let (bytes_in, bytes_out) = match cell.operation {
            Operation::Download => (ByteSize(0), moved),
            Operation::Upload => (moved, ByteSize(0)),
        };
        WorkerCounts {
            worker,
            requests_ok,
            requests_failed: 0,
            bytes_in,
            bytes_out,
            restarts: 0,
        }
    };
    (0..workers).map(of_worker).collect()
}
