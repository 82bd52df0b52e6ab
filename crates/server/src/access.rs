//! What is written down of a request: its entry in the ledger and its line in the access log.

use std::net::SocketAddr;
use std::time::Instant;

use haul_wire::{Code, Name, Request, Verb};

use crate::context::WorkerContext;
use crate::ledger::RequestEntry;

/// One request in the books and in the log. Dropped before it ended, it is a failure whose outcome is `cut`.
#[derive(Debug)]
pub(crate) struct RequestLog {
    entry: RequestEntry,
    peer: SocketAddr,
    worker: u32,
    verb: Option<Verb>,
    /// As it is logged: control characters escaped.
    name: String,
    begun: Instant,
    bytes: u64,
    outcome: RequestOutcome,
}

/// How a request ended, as the access log says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestOutcome {
    Ok,
    Refused(Code),
    /// The connection ended first, whoever ended it.
    Cut,
}

impl RequestLog {
    /// A request whose first bytes are here; what it is may not be known yet.
    pub(crate) fn open(worker: &WorkerContext, peer: SocketAddr) -> Self {
        Self {
            entry: worker.slot.begin(None),
            peer,
            worker: worker.slot.worker(),
            verb: None,
            name: String::new(),
            begun: Instant::now(),
            bytes: 0,
            outcome: RequestOutcome::Cut,
        }
    }

    /// It turns out to be a request of this verb.
    pub(crate) fn is_a(&mut self, verb: Option<Verb>) {
        self.entry.rename(verb);
        self.verb = verb;
    }

    /// It turns out to be this request.
    pub(crate) fn is(&mut self, request: &Request) {
        self.is_a(Some(request.verb()));
        self.name = request.name().map(ToString::to_string).unwrap_or_default();
    }

    /// It turns out to be about an object of this name.
    pub(crate) fn is_about(&mut self, name: &Name) {
        self.name = name.to_string();
    }

    /// To be called before the last bytes of the reply are sent: see [`RequestEntry::succeed`].
    pub(crate) fn succeed(&mut self, bytes_in: u64, bytes_out: u64) {
        self.entry.succeed(bytes_in, bytes_out);
        self.bytes = bytes_in + bytes_out;
    }

    /// The last bytes of the reply have been sent.
    pub(crate) fn settle(mut self) {
        self.entry.settle();
        self.outcome = RequestOutcome::Ok;
    }

    /// To be called before the refusal is sent.
    pub(crate) fn refuse(&mut self, code: Code) {
        self.entry.fail();
        self.outcome = RequestOutcome::Refused(code);
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let outcome = match self.outcome {
            RequestOutcome::Ok => "ok",
            RequestOutcome::Refused(code) => code.as_str(),
            RequestOutcome::Cut => "cut",
        };
        tracing::info!(
            target: "haul::access",
            peer = %self.peer,
            verb = self.verb.map_or("unknown", Verb::as_str),
            name = %self.name,
            bytes = self.bytes,
            ms = self.begun.elapsed().as_secs_f64() * 1e3,
            outcome,
            worker = self.worker,
        );
    }
}
