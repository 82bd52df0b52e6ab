//! One measured repetition of a cell: its samples, what both sides used, and whether the counts of both sides agree.

use std::collections::BTreeMap;

use haul_types::{ByteSize, closed_list};
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::sample::{FailureClass, Sample};

/// What the processes of one side used during the timed part of a trial, summed over them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Processor time outside the kernel, in microseconds.
    pub user_us: u64,
    /// Processor time inside the kernel, in microseconds.
    pub system_us: u64,
    /// The most memory at once, as proportional set size; `None` where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<ByteSize>,
    /// Context switches, voluntary and not; `None` where they could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_switches: Option<u64>,
}

impl Usage {
    /// All processor time, in seconds.
    #[must_use]
    pub fn cpu_s(&self) -> f64 {
        (self.user_us as f64 + self.system_us as f64) / 1e6
    }
}

/// What one worker of the server counted during a trial: the difference of two readings of STATS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerCounts {
    /// The worker's number, from 0.
    pub worker: u32,
    /// Requests of the trial's operation that were done.
    pub requests_ok: u64,
    /// Requests of the trial's operation that were refused or cut.
    pub requests_failed: u64,
    /// Bytes of content received in requests that were done.
    pub bytes_in: ByteSize,
    /// Bytes of content sent in requests that were done.
    pub bytes_out: ByteSize,
    /// How often it died and was replaced.
    pub restarts: u64,
}

impl WorkerCounts {
    /// Whether it crashed, was killed or failed a request.
    #[must_use]
    pub(crate) fn is_failed(&self) -> bool {
        self.restarts > 0 || self.requests_failed > 0
    }

    /// Whether it served anything.
    #[must_use]
    pub(crate) fn took_part(&self) -> bool {
        self.requests_ok > 0 || self.requests_failed > 0
    }
}

/// What the server counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerCounts {
    /// The server has no ledger that can be read. Never filled from the clients' counts.
    NotReported,
    /// One entry for each worker.
    Reported(Vec<WorkerCounts>),
}

closed_list! {
    /// What went wrong with a trial other than a transfer: it makes the trial invalid.
    pub FaultKind, "a fault" {
        /// The server did not start or did not listen.
        ServerNotStarted = "server-not-started",
        /// The whole server ended in the middle.
        ServerDied = "server-died",
        /// Clients could not be started.
        ClientsNotStarted = "clients-not-started",
        /// What was measured cannot be read, a ledger that was there before for example.
        Unreadable = "unreadable",
        /// The run was interrupted in the middle of the trial.
        Interrupted = "interrupted",
    }
}

/// A fault with what was seen, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// What was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Why a trial is invalid: nothing may be concluded from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "problem")]
pub enum Problem {
    /// Something other than a transfer went wrong.
    Fault(Fault),
    /// Not every client has exactly one sample.
    Samples {
        /// Clients of the cell.
        clients: u32,
        /// Clients with exactly one sample.
        counted: u32,
    },
    /// Transfers that ended well moved other than the volume.
    Volume {
        /// How many.
        transfers: u32,
    },
    /// Transfers that ended well have no end, or end after the makespan.
    Times {
        /// How many.
        transfers: u32,
    },
    /// The requests that clients and server counted do not agree.
    Requests {
        /// Transfers that ended well, by the clients' count.
        clients_ok: u64,
        /// All transfers of the clients.
        clients: u64,
        /// Requests that were done, by the server's count.
        server_ok: u64,
        /// All requests of the server.
        server: u64,
    },
    /// The bytes of content that clients and server counted do not agree.
    Bytes {
        /// Of transfers that ended well, by the clients' count.
        clients: ByteSize,
        /// Of requests that were done, by the server's count.
        server: ByteSize,
    },
}

/// One measured repetition of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// What was measured.
    pub cell: Cell,
    /// The number of the repetition, from 0.
    pub replicate: u32,
    /// One for each client.
    pub samples: Vec<Sample>,
    /// From the release of the barrier to the end of the last transfer, in nanoseconds.
    pub makespan_ns: u64,
    /// What the server counted.
    #[serde(rename = "server_books")]
    pub server_counts: ServerCounts,
    /// What the server used; `None` where it is out of reach.
    pub server_usage: Option<Usage>,
    /// What the clients' side used.
    pub client_usage: Option<Usage>,
    /// What the comparison of the content cost, in nanoseconds, summed over the clients: of downloads as they arrived,
    /// within the clients' times; of uploads after the timed part.
    pub check_ns: u64,
    /// What went wrong other than a transfer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

impl Trial {
    /// Bytes of content of the transfers that ended well.
    #[must_use]
    pub fn content_ok(&self) -> ByteSize {
        self.samples
            .iter()
            .filter(|sample| sample.is_ok())
            .map(|sample| sample.bytes)
            .sum()
    }

    /// Bytes of content of the transfers that ended well over the makespan; 0 if none did.
    #[must_use]
    pub fn total_bytes_per_s(&self) -> f64 {
        match self.makespan_ns {
            0 => 0.0,
            makespan_ns => self.content_ok().as_f64() / (makespan_ns as f64 / 1e9),
        }
    }

    /// Clients that failed, by class.
    #[must_use]
    pub fn failures(&self) -> BTreeMap<FailureClass, u32> {
        let mut failures = BTreeMap::new();
        for class in self.samples.iter().filter_map(|sample| sample.outcome.class()) {
            *failures.entry(class).or_default() += 1;
        }
        failures
    }

    /// Everything that makes the trial invalid; empty if it is valid. A failed transfer is a result, not a problem.
    ///
    /// Where all transfers ended well, both sides must have counted the same requests and the same bytes. After a
    /// failure the server may have done what the client did not see finished, and may never have heard of a client, so
    /// then its counts must lie between what ended well and what was tried.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<_> = self.faults.iter().cloned().map(Problem::Fault).collect();
        problems.extend(self.sample_problems());
        if let ServerCounts::Reported(workers) = &self.server_counts {
            problems.extend(self.book_problems(workers));
        }
        problems
    }

    fn sample_problems(&self) -> impl Iterator<Item = Problem> {
        let clients = self.cell.clients;
        let mut seen = vec![0_u32; clients as usize];
        let mut strangers = 0_usize;
        for sample in &self.samples {
            match seen.get_mut(sample.client as usize) {
                Some(count) => *count += 1,
                None => strangers += 1,
            }
        }
        let counted = count(&seen, |&&times| times == 1);
        let samples = (counted < clients || strangers > 0).then_some(Problem::Samples { clients, counted });

        let ok: Vec<_> = self.samples.iter().filter(|sample| sample.is_ok()).collect();
        let wrong_volume = count(&ok, |sample| sample.bytes != self.cell.volume);
        let wrong_time = count(&ok, |sample| {
            sample
                .time_ns()
                .is_none_or(|time| time == 0 || time > self.makespan_ns)
        });
        let volume = (wrong_volume > 0).then_some(Problem::Volume {
            transfers: wrong_volume,
        });
        let times = (wrong_time > 0).then_some(Problem::Times {
            transfers: wrong_time,
        });
        [samples, volume, times].into_iter().flatten()
    }

    fn book_problems(&self, workers: &[WorkerCounts]) -> impl Iterator<Item = Problem> {
        let clients = self.samples.len() as u64;
        let clients_ok = u64::from(count(&self.samples, |sample| sample.is_ok()));
        let sum = |of: fn(&WorkerCounts) -> u64| workers.iter().map(of).fold(0, u64::saturating_add);
        let server_ok = sum(|worker| worker.requests_ok);
        let server = server_ok.saturating_add(sum(|worker| worker.requests_failed));
        let requests = if clients == clients_ok {
            server_ok == clients && server == clients
        } else {
            (clients_ok..=clients).contains(&server_ok) && server <= clients
        };
        let requests = (!requests).then_some(Problem::Requests {
            clients_ok,
            clients,
            server_ok,
            server,
        });

        let moved: ByteSize = workers
            .iter()
            .map(|worker| ByteSize(worker.bytes_in.0.saturating_add(worker.bytes_out.0)))
            .sum();
        let content_ok = self.content_ok();
        let most = ByteSize(
            content_ok
                .0
                .saturating_add(self.cell.volume.times(clients - clients_ok).0),
        );
        let bytes = !(content_ok..=most).contains(&moved);
        let bytes = bytes.then_some(Problem::Bytes {
            clients: content_ok,
            server: moved,
        });
        [requests, bytes].into_iter().flatten()
    }
}

/// How many of `items` are so. A trial has at most [`crate::Matrix::CLIENTS_MAX`] clients, a pool as many workers.
fn count<T>(items: &[T], is_so: impl FnMut(&&T) -> bool) -> u32 {
    u32::try_from(items.iter().filter(is_so).count()).unwrap_or(u32::MAX)
}
