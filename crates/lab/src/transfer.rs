//! One client's transfer: the same code whichever process or thread the client is.

use std::io::{self, Read};
use std::time::Duration;

use haul_client::{Address, Body, Buffers, Code, Condition, Connection, Error, Options, Timings, printable};
use haul_results::{ByteSize, Dialect, FailureClass, Operation, Outcome};

use crate::clock::Moment;
use crate::content::{Check, CheckResult, ContentReader, ContentStream, RunContent};
use crate::job::Job;
use crate::marks::{ClientResult, Marks};
use crate::names::{served_name, upload_name, warm_up_name};

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of a server's text is kept for a failure at most, in characters.
const DETAIL_CHARACTERS_MAX: usize = 200;

/// One client with its buffers, used for the warm-up and for the transfer that counts.
#[derive(Debug)]
pub(crate) struct LoadClient<'a> {
    job: &'a Job,
    content: &'a RunContent,
    number: u32,
    buffers: Option<Buffers>,
}

impl<'a> LoadClient<'a> {
    pub(crate) fn new(job: &'a Job, content: &'a RunContent, number: u32) -> Self {
        Self {
            job,
            content,
            number,
            buffers: None,
        }
    }

    /// Moves a part of the volume. The result is dropped: a server that fails will fail in the trial as well.
    pub(crate) fn warm_up(&mut self) {
        let volume = self.job.warm_up();
        let transfer = match self.job.operation {
            Operation::Download => self.download(&self.content.served(volume)),
            Operation::Upload => {
                let stream = self.content.uploaded(self.job.trial, self.number, volume);
                self.upload(&warm_up_name(self.number), &stream)
            }
        };
        drop(transfer);
    }

    /// The transfer that counts.
    pub(crate) fn transfer(&mut self) -> ClientResult {
        let volume = self.job.volume;
        match self.job.operation {
            Operation::Download => self.download(&self.content.served(volume)),
            Operation::Upload => {
                let stream = self.content.uploaded(self.job.trial, self.number, volume);
                self.upload(&upload_name(self.number), &stream)
            }
        }
    }

    fn connect(&mut self) -> Result<Connection, Error> {
        let address = Address::new(self.job.host.as_str(), self.job.port);
        let stall = Duration::from_millis(self.job.stall_ms);
        let options = Options {
            connect_timeout: CONNECT_TIMEOUT.min(stall),
            timeout: stall,
            queue_timeout: stall,
            work_timeout: stall,
            ..Options::default()
        };
        let wide = usize::try_from(self.job.buffer.0).unwrap_or(usize::MAX);
        let buffers = self.buffers.take().unwrap_or_else(|| Buffers::exact(wide));
        Connection::open_with(&address, &options, buffers)
    }

    fn download(&mut self, stream: &ContentStream) -> ClientResult {
        let mut marks = Marks::starting(Moment::now());
        let mut check = TimedCheck {
            check: stream.check(),
            spent_ns: 0,
        };
        let name = served_name(ByteSize(stream.length()));
        let received = self.connect().and_then(|mut connection| {
            marks.connected = Some(Moment::now());
            let received = fetch(&mut connection, self.job.dialect, &name, &mut check);
            self.buffers = Some(connection.into_buffers());
            received
        });
        let end = Moment::now();
        let found = check.check.result();
        let outcome = match received {
            Ok(timings) => {
                marks.first_byte = Some(marks.start.after(timings.first_byte));
                marks.last_byte = Some(marks.start.after(timings.last_byte));
                outcome_of(found)
            }
            Err(error) => failure(&error),
        };
        ClientResult {
            client: self.number,
            marks,
            end,
            bytes: check.check.bytes(),
            verified: found == CheckResult::Same && outcome == Outcome::Ok,
            outcome,
            check_ns: check.spent_ns,
        }
    }

    fn upload(&mut self, name: &str, stream: &ContentStream) -> ClientResult {
        let mut marks = Marks::starting(Moment::now());
        let mut source = MarkedReader {
            reader: stream.reader(),
            bytes: 0,
            last: None,
            length: stream.length(),
        };
        let sent = self.connect().and_then(|mut connection| {
            marks.connected = Some(Moment::now());
            let sent = send(
                &mut connection,
                self.job.dialect,
                name,
                &mut source,
                stream.length(),
            );
            self.buffers = Some(connection.into_buffers());
            sent
        });
        let end = Moment::now();
        let outcome = match sent {
            Ok(timings) => {
                marks.last_byte = source.last;
                marks.durable = Some(marks.start.after(timings.last_byte));
                Outcome::Ok
            }
            Err(error) => failure(&error),
        };
        ClientResult {
            client: self.number,
            marks,
            end,
            bytes: ByteSize(source.bytes),
            // The stored content is compared after the trial.
            verified: false,
            outcome,
            check_ns: 0,
        }
    }
}

fn fetch(
    connection: &mut Connection,
    dialect: Dialect,
    name: &str,
    check: &mut TimedCheck,
) -> Result<Timings, Error> {
    let mut sink = |piece: &[u8]| {
        check.take(piece);
        Ok(())
    };
    match dialect {
        Dialect::Classic => Ok(connection.get(name, &mut sink)?.timings),
        Dialect::Extended => {
            let head = connection.read(name, 0, None)?;
            Ok(connection.receive(head.length, &mut sink)?.timings)
        }
    }
}

fn send(
    connection: &mut Connection,
    dialect: Dialect,
    name: &str,
    source: &mut dyn Read,
    length_bytes: u64,
) -> Result<Timings, Error> {
    match dialect {
        Dialect::Classic => Ok(connection.upload(name, source, Some(length_bytes))?.timings),
        Dialect::Extended => {
            let body = Body {
                source,
                length_bytes,
                digest: None,
            };
            Ok(connection.write(name, body, Condition::Always)?.1.timings)
        }
    }
}

/// A check that measures its own time.
#[derive(Debug)]
struct TimedCheck {
    check: Check,
    spent_ns: u64,
}

impl TimedCheck {
    fn take(&mut self, piece: &[u8]) {
        let begun = Moment::now();
        self.check.take(piece);
        self.spent_ns += Moment::now().ns_since(begun);
    }
}

/// Content to send that notes when the last of it was taken.
#[derive(Debug)]
struct MarkedReader {
    reader: ContentReader,
    bytes: u64,
    length: u64,
    last: Option<Moment>,
}

impl Read for MarkedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes += count as u64;
        if self.bytes == self.length && self.last.is_none() {
            self.last = Some(Moment::now());
        }
        Ok(count)
    }
}

/// The outcome of a transfer that ended in order and whose content was compared.
pub(crate) fn outcome_of(result: CheckResult) -> Outcome {
    match result {
        CheckResult::Same => Outcome::Ok,
        CheckResult::Short(bytes) => Outcome::failed(
            FailureClass::Short,
            format!("it ended in order after {bytes} bytes"),
        ),
        CheckResult::Long(bytes) => Outcome::failed(
            FailureClass::Corrupt,
            format!("{bytes} bytes are more than there should be"),
        ),
        CheckResult::Wrong(at) => Outcome::failed(
            FailureClass::Corrupt,
            format!("the bytes from {at} on are not what they should be"),
        ),
    }
}

/// The class under which a transfer that broke off is counted.
pub(crate) fn failure(error: &Error) -> Outcome {
    let detail = detail(error);
    let class = match error {
        Error::Connect { cause, .. } if cause.kind() == io::ErrorKind::TimedOut => {
            FailureClass::ConnectTimeout
        }
        Error::Connect { .. } => FailureClass::Refused,
        Error::Refused(refusal) if refusal.code == Code::NoSpace => {
            return Outcome::Failed(haul_results::Failure {
                class: FailureClass::NoSpace,
                code: Some(refusal.code.as_str().to_owned()),
                detail,
            });
        }
        Error::Refused(refusal) => return Outcome::rejected(refusal.code.as_str(), detail),
        Error::Interrupted(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => FailureClass::Short,
        Error::Interrupted(_) => FailureClass::Reset,
        Error::Timeout(_) | Error::NoAnswer(_) => FailureClass::Stalled,
        Error::Corrupt(_) => FailureClass::Corrupt,
        Error::Local(_) | Error::Protocol(_) | Error::Unsupported(_) => FailureClass::Rejected,
    };
    Outcome::failed(class, detail)
}

/// The text of a failure, bounded, since it may come from the network.
fn detail(error: &Error) -> String {
    let text: String = error.to_string().chars().take(DETAIL_CHARACTERS_MAX).collect();
    printable(&text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: Code) -> Error {
        Error::Refused(haul_client::Refusal {
            code,
            sentence: "no".to_owned(),
        })
    }

    fn connect(kind: io::ErrorKind) -> Error {
        Error::Connect {
            address: Address::new("h", 1),
            cause: kind.into(),
        }
    }

    #[test]
    fn every_way_of_failing_has_its_class() {
        let classes = [
            (connect(io::ErrorKind::ConnectionRefused), FailureClass::Refused),
            (connect(io::ErrorKind::TimedOut), FailureClass::ConnectTimeout),
            (
                Error::Interrupted(io::ErrorKind::ConnectionReset.into()),
                FailureClass::Reset,
            ),
            (
                Error::Interrupted(io::ErrorKind::BrokenPipe.into()),
                FailureClass::Reset,
            ),
            (
                Error::Interrupted(io::ErrorKind::UnexpectedEof.into()),
                FailureClass::Short,
            ),
            (Error::Timeout(Duration::from_secs(1)), FailureClass::Stalled),
            (Error::NoAnswer(Duration::from_secs(1)), FailureClass::Stalled),
            (Error::Corrupt("x".to_owned()), FailureClass::Corrupt),
            (refused(Code::Busy), FailureClass::Rejected),
            (refused(Code::NoSpace), FailureClass::NoSpace),
        ];
        for (error, class) in classes {
            assert_eq!(failure(&error).class(), Some(class), "{error}");
        }
    }

    #[test]
    fn what_a_server_says_of_a_failure_is_bounded_and_printable() {
        let sentence = "\u{1b}[2J".repeat(10_000);
        let Outcome::Failed(seen) = failure(&Error::Refused(haul_client::Refusal {
            code: Code::Internal,
            sentence,
        })) else {
            panic!("a refusal is a failure");
        };
        assert!(seen.detail.len() < crate::job::LINE_BYTES_MAX / 2);
        assert!(!seen.detail.contains('\u{1b}'));
    }
}
