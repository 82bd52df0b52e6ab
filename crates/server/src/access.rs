//! What is written down of a request: its entry in the ledger and its line in the access log.

use std::net::SocketAddr;
use std::time::Instant;

use haul_types::printable;

use crate::ledger::{RequestEntry, Slot};
use crate::service::{Operation, RequestKind};

/// One request in the ledger and in the log. Dropped before it was settled or refused, it has failed: its
/// outcome is `cut`.
#[derive(Debug)]
pub(crate) struct RequestLog {
    entry: RequestEntry,
    peer: SocketAddr,
    worker: u32,
    kind: RequestKind,
    /// As people read it: control characters escaped. Empty where no object was named.
    name: String,
    begun: Instant,
    bytes: u64,
    outcome: RequestOutcome,
}

/// How a request ended, as the access log says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RequestOutcome {
    Ok,
    /// Refused with this code of its protocol.
    Refused(&'static str),
    /// The connection ended first, at either side.
    Cut,
}

/// A success that is counted. Its reply may be sent to the end now, not before.
#[derive(Debug)]
#[must_use]
pub(crate) struct CountedSuccess(());

/// A reply whose last bytes have been sent. There is none that was not counted before, and nothing else can
/// be settled.
#[derive(Debug)]
#[must_use]
pub(crate) struct Replied(());

impl CountedSuccess {
    /// To be called when the last bytes of the reply have been handed to the kernel.
    pub(crate) fn sent(self) -> Replied {
        Replied(())
    }
}

impl RequestLog {
    /// A request whose first bytes are here; what it is may not be known yet.
    pub(crate) fn begin(slot: &Slot, peer: SocketAddr) -> Self {
        Self {
            entry: slot.begin(RequestKind::UNKNOWN),
            peer,
            worker: slot.worker(),
            kind: RequestKind::UNKNOWN,
            name: String::new(),
            begun: Instant::now(),
            bytes: 0,
            outcome: RequestOutcome::Cut,
        }
    }

    /// Enters what kind of request it turns out to be.
    pub(crate) fn identify(&mut self, kind: RequestKind) {
        self.entry.identify(kind);
        self.kind = kind;
    }

    /// Enters the operation, in the protocol that is known already.
    pub(crate) fn identify_operation(&mut self, operation: Operation) {
        self.identify(RequestKind::new(operation, self.kind.protocol));
    }

    /// Enters the object that it is about.
    pub(crate) fn name_object(&mut self, name: &str) {
        self.name = printable(name).to_string();
    }

    pub(crate) fn kind(&self) -> RequestKind {
        self.kind
    }

    /// The object's name as people read it; empty where none was named.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Counts a success: see [`RequestEntry::succeed`].
    pub(crate) fn succeed(&mut self, bytes_in: u64, bytes_out: u64) -> CountedSuccess {
        self.entry.succeed(bytes_in, bytes_out);
        self.bytes = bytes_in + bytes_out;
        CountedSuccess(())
    }

    /// Ends the request as a success.
    pub(crate) fn settle(mut self, _: Replied) {
        self.entry.settle();
        self.outcome = RequestOutcome::Ok;
    }

    /// Counts a refusal. To be called before it is sent.
    pub(crate) fn refuse(&mut self, code: &'static str) {
        self.entry.fail();
        self.outcome = RequestOutcome::Refused(code);
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        let outcome = match self.outcome {
            RequestOutcome::Ok => "ok",
            RequestOutcome::Refused(code) => code,
            RequestOutcome::Cut => "cut",
        };
        tracing::info!(
            target: "haul::access",
            peer = %self.peer,
            verb = self.kind.as_str(),
            name = %self.name,
            bytes = self.bytes,
            ms = self.begun.elapsed().as_secs_f64() * 1e3,
            outcome,
            worker = self.worker,
        );
    }
}
