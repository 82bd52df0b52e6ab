//! The client's subcommands: what was typed becomes operations of the client library, and their outcomes become
//! lines, JSON objects and an exit code.

mod advice;
mod batch;
pub(crate) mod cat;
mod console;
mod existing;
pub(crate) mod get;
mod interrupt;
mod layout;
mod live;
pub(crate) mod ls;
mod operand;
pub(crate) mod put;
mod rate;
mod record;
pub(crate) mod rm;
pub(crate) mod stat;
pub(crate) mod stats;
mod tally;
mod transfer;

use std::process::ExitCode;
use std::time::Duration;

use haul_client::{Address, Client, DialectChoice, Error, Options};

/// What every client subcommand is told.
#[derive(Debug, Clone)]
pub(crate) struct RemoteOptions {
    /// The server of names that are no `haul://` URL.
    pub(crate) server: Address,
    /// The verbs to use.
    pub(crate) dialect: DialectChoice,
    /// The longest silence in the middle of a transfer.
    pub(crate) timeout: Duration,
    /// How long an operation that makes no progress is tried again.
    pub(crate) retry_for: Duration,
    /// How many further tries there are at most; `None` for no limit but the time.
    pub(crate) retries: Option<u32>,
    /// Whether to print JSON for machines.
    pub(crate) json: bool,
    /// Whether to show nothing but results and errors.
    pub(crate) quiet: bool,
}

/// How a subcommand ended; each is an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandOutcome {
    /// 0: everything was done.
    Done,
    /// 1: something failed, or several things for several reasons.
    Failed,
    /// 2: what was typed makes no sense.
    Usage,
    /// 3: there was no connection.
    NotConnected,
    /// 4: the server has no such object.
    NotFound,
}

impl CommandOutcome {
    /// The outcome of two things: the failure of one, the reason that both share, or else a failure without a reason.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Done, outcome) | (outcome, Self::Done) => outcome,
            (one, same) if one == same => one,
            _ => Self::Failed,
        }
    }
}

impl From<CommandOutcome> for ExitCode {
    fn from(outcome: CommandOutcome) -> Self {
        Self::from(match outcome {
            CommandOutcome::Done => 0,
            CommandOutcome::Failed => 1,
            CommandOutcome::Usage => 2,
            CommandOutcome::NotConnected => 3,
            CommandOutcome::NotFound => 4,
        })
    }
}

impl From<&Error> for CommandOutcome {
    fn from(error: &Error) -> Self {
        match error {
            Error::Connect { .. } => Self::NotConnected,
            error if error.is_not_found() => Self::NotFound,
            _ => Self::Failed,
        }
    }
}

impl RemoteOptions {
    fn client_options(&self) -> Options {
        Options {
            dialect: self.dialect,
            timeout: self.timeout,
            retry_time: self.retry_for,
            retries: self.retries,
            ..Options::default()
        }
    }

    fn client(&self, address: &Address) -> Client {
        Client::new(address.clone(), self.client_options())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use haul_client::{Code, Refusal};

    use super::*;

    #[test]
    fn an_error_decides_the_exit_code() {
        let refused = |code| {
            Error::Refused(Refusal {
                code,
                sentence: String::new(),
            })
        };
        let cause = io::ErrorKind::ConnectionRefused.into();
        assert_eq!(
            CommandOutcome::from(&refused(Code::NotFound)),
            CommandOutcome::NotFound
        );
        assert_eq!(
            CommandOutcome::from(&refused(Code::Forbidden)),
            CommandOutcome::Failed
        );
        let address = Address::new("h", 1);
        assert_eq!(
            CommandOutcome::from(&Error::Connect { address, cause }),
            CommandOutcome::NotConnected
        );
    }

    #[test]
    fn several_outcomes_are_one() {
        use CommandOutcome::*;
        for (one, other, both) in [
            (Done, Done, Done),
            (Done, NotFound, NotFound),
            (NotFound, NotFound, NotFound),
            (NotFound, Failed, Failed),
        ] {
            assert_eq!(one.and(other), both);
            assert_eq!(other.and(one), both);
        }
    }
}
