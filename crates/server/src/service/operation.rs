//! What can be asked of a server, whatever the protocol, and the rows in which the ledger counts it.

/// What is asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Not known: the request is not whole yet, or never was one.
    Unknown,
    /// A folder's entries.
    List,
    /// One object's facts.
    Stat,
    /// An object's content, or a range of it.
    Read,
    /// Content for an object.
    Write,
    /// An object is to go.
    Remove,
    /// An empty folder is to go.
    RemoveFolder,
    /// What the server is, and its limits.
    Describe,
    /// The ledger.
    Stats,
}

impl Operation {
    /// Every operation, in the order of the ledger's rows.
    pub(crate) const ALL: [Self; 9] = [
        Self::Unknown,
        Self::List,
        Self::Stat,
        Self::Read,
        Self::Write,
        Self::Remove,
        Self::RemoveFolder,
        Self::Describe,
        Self::Stats,
    ];

    /// Whether it changes what is stored.
    pub(crate) fn changes_store(self) -> bool {
        matches!(self, Self::Write | Self::Remove | Self::RemoveFolder)
    }
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// The line protocol's verbs with content in base64.
    Classic,
    /// The line protocol's verbs with content as it is.
    Extended,
}

impl Protocol {
    /// Every protocol, in the order of the ledger's rows.
    pub(crate) const ALL: [Self; 2] = [Self::Classic, Self::Extended];
}

/// An operation in a protocol: what the ledger has a row of counters for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestKind {
    pub(crate) operation: Operation,
    pub(crate) protocol: Protocol,
}

impl RequestKind {
    /// A request of which nothing is known yet.
    pub(crate) const UNKNOWN: Self = Self::new(Operation::Unknown, Protocol::Classic);

    /// How many kinds there are.
    pub(crate) const COUNT: usize = Operation::ALL.len() * Protocol::ALL.len();

    pub(crate) const fn new(operation: Operation, protocol: Protocol) -> Self {
        Self { operation, protocol }
    }

    /// Every kind, in the order of [`RequestKind::index`].
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let of_operation = |operation| {
            Protocol::ALL
                .into_iter()
                .map(move |protocol| Self::new(operation, protocol))
        };
        Operation::ALL.into_iter().flat_map(of_operation)
    }

    /// The kind's row in the ledger.
    pub(crate) fn index(self) -> usize {
        self.operation as usize * Protocol::ALL.len() + self.protocol as usize
    }

    /// The word for it in STATS and in the access log. What has one word is counted as one there.
    pub(crate) fn as_str(self) -> &'static str {
        match (self.operation, self.protocol) {
            (Operation::Unknown, _) => "unknown",
            (Operation::List, Protocol::Classic) => "list",
            (Operation::List, Protocol::Extended) => "ls",
            (Operation::Stat, _) => "stat",
            (Operation::Read, Protocol::Classic) => "get",
            (Operation::Read, Protocol::Extended) => "read",
            (Operation::Write, Protocol::Classic) => "upload",
            (Operation::Write, Protocol::Extended) => "write",
            (Operation::Remove, _) => "delete",
            (Operation::RemoveFolder, _) => "rmdir",
            (Operation::Describe, _) => "hello",
            (Operation::Stats, _) => "stats",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_request_has_a_row_of_its_own() {
        let rows: Vec<usize> = RequestKind::all().map(RequestKind::index).collect();
        assert_eq!(rows, (0..RequestKind::COUNT).collect::<Vec<_>>());
    }
}
