//! For the tests: runs against a server whose service time, queue and noise are known.

use crate::cell::{Cell, Operation, Pool};
use crate::matrix::{Levels, Matrix};
use crate::random::{Purpose, Random};
use crate::run::{
    Binary, Ceiling, CeilingKind, Durability, Header, Machine, Run, Scratch, Subject, SubjectKind,
};
use crate::sample::{Outcome, Sample};
use crate::trial::{ServerBooks, Trial, Usage, WorkerBooks};
use crate::units::Bytes;

/// A server that needs the same time for every MiB, and a queue in front of its workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    /// Service time for each MiB.
    pub(crate) mib_ns: u64,
    /// By which all times are multiplied.
    pub(crate) pace: f64,
    /// Deviation of the logarithm of a trial's pace.
    pub(crate) trial_noise: f64,
    /// Deviation of the logarithm of a replicate's pace, the same for all its cells.
    pub(crate) block_noise: f64,
    /// Whether each cell has a noise of its own, from a third to three times `trial_noise`, and rare trials are 30%
    /// slower.
    pub(crate) is_uneven: bool,
}

impl Default for Server {
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
pub(crate) fn cell() -> Cell {
    Matrix::new(Levels::quick()).unwrap().cells()[0]
}

/// The header of a run of the quick matrix.
pub(crate) fn header(repeats: u32, seed: u64) -> Header {
    Header {
        format: crate::run::FORMAT,
        machine: Machine {
            processor: "a simulated processor".to_owned(),
            cores: 2,
            memory: Bytes::mib(8192),
            kernel: "Linux 6.1".to_owned(),
            scratch: Scratch {
                folder: "/dev/shm".to_owned(),
                file_system: "tmpfs".to_owned(),
                in_memory: true,
            },
        },
        subject: Subject {
            kind: SubjectKind::Own,
            command: "haul serve".to_owned(),
            name: Some("haul 0.1.0".to_owned()),
            durability: Durability::Buffered,
        },
        binaries: vec![Binary {
            name: "haul".to_owned(),
            version: None,
            digest: None,
        }],
        arguments: vec!["bench".to_owned()],
        seed,
        matrix: Matrix::new(Levels::quick()).unwrap(),
        repeats,
        started: jiff::Timestamp::UNIX_EPOCH,
        load_before: None,
    }
}

/// A whole run of the quick matrix with ceilings that keep the pace of the server's machine.
pub(crate) fn run(server: Server, repeats: u32, seed: u64) -> Run {
    let mut run = Run::new(header(repeats, seed));
    let mut random = Random::new(seed, Purpose::Compare, 0);
    for replicate in 0..repeats {
        let block = server.block_noise * random.normal();
        for cell in run.header.matrix.order(seed, replicate) {
            let pace = server.pace * (block + server.noise_of(&cell, &mut random)).exp();
            run.enter(server.trial(cell, replicate, pace));
        }
    }
    run
}

/// Ceilings of a machine whose every limit is divided by `pace`.
pub(crate) fn ceilings(pace: f64, seed: u64) -> Vec<Ceiling> {
    let mut random = Random::new(seed, Purpose::Compare, 1);
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

impl Server {
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
    pub(crate) fn trial(&self, cell: Cell, replicate: u32, pace: f64) -> Trial {
        let service_ns = (self.mib_ns as f64 * cell.volume.as_mib() * pace).round() as u64;
        let at_once = cell.pool.capacity();
        let samples: Vec<Sample> = (0..cell.clients)
            .map(|client| sample(cell, client, u64::from(client / at_once) * service_ns, service_ns))
            .collect();
        let makespan_ns = samples.iter().filter_map(Sample::time_ns).max().unwrap();
        let usage = |memory| Usage {
            user_us: makespan_ns / 4000,
            system_us: makespan_ns / 4000,
            peak_memory: Some(Bytes::mib(memory)),
            context_switches: Some(10),
        };
        Trial {
            cell,
            replicate,
            samples,
            makespan_ns,
            server_books: ServerBooks::Reported(books(cell)),
            server_usage: Some(usage(20)),
            client_usage: Some(usage(10)),
            check_ns: 1000,
            faults: Vec::new(),
        }
    }
}

fn sample(cell: Cell, client: u32, queued_ns: u64, service_ns: u64) -> Sample {
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

/// The clients in turn, as the queue hands them out.
fn books(cell: Cell) -> Vec<WorkerBooks> {
    let Pool { workers, .. } = cell.pool;
    let of_worker = |worker: u32| {
        let requests_ok = u64::from(cell.clients / workers + u32::from(worker < cell.clients % workers));
        let moved = cell.volume.times(requests_ok);
        let (bytes_in, bytes_out) = match cell.operation {
            Operation::Download => (Bytes(0), moved),
            Operation::Upload => (moved, Bytes(0)),
        };
        WorkerBooks {
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
