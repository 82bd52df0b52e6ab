//! A client worker: some of a trial's clients as threads of this process, warmed up, released together, each one's
//! transfer reported as soon as it is over.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::thread;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::content::RunContent;
use crate::interrupt::POLL_INTERVAL;
use crate::job::{ClientMessage, Job};
use crate::transfer::LoadClient;

/// The stack of a client's thread, in bytes: it holds no buffer.
const STACK_BYTES: usize = 256 * 1024;

/// Why a client worker could not do its job.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The job is no job of this version.
    #[error("this subcommand is started by `haul bench` only: {0}")]
    Job(#[source] serde_json::Error),
    /// Threads, or the pipes to the lab, failed.
    #[error("the client worker failed: {0}")]
    Io(#[from] io::Error),
}

/// Does a job that the lab gave as text. `control` releases and ends it, `reports` takes its messages. Returns when
/// `control` ends; transfers that are not over then are left to the end of the process.
///
/// # Errors
///
/// If the job cannot be read, or threads or pipes fail.
pub fn work<W: Write + Send + 'static>(job: &str, control: impl AsFd, reports: W) -> Result<(), LoadError> {
    let job: Job = serde_json::from_str(job).map_err(LoadError::Job)?;
    let worker = job.worker;
    let clients = job.clients;
    let context = Arc::new(JobContext {
        content: RunContent::new(job.seed),
        // The clients and this thread.
        barrier: Barrier::new(clients as usize + 1),
        reports: Mutex::new(reports),
        job,
    });
    let (warm, is_warm) = mpsc::channel();
    for client in 0..clients {
        let (context, warm) = (Arc::clone(&context), warm.clone());
        thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || context.run_client(client, &warm))?;
    }
    drop(warm);
    if !all_warm(&is_warm, clients, control.as_fd())? {
        return Ok(());
    }
    context.report(&ClientMessage::Ready { worker });
    if !released(control.as_fd())? {
        return Ok(());
    }
    context.barrier.wait();
    // The clients stay, so that what they used can still be read, until the lab has read it.
    until_hung_up(control.as_fd())
}

/// Waits until all clients are warm; `false` if the lab is gone before.
fn all_warm(is_warm: &Receiver<()>, clients: u32, control: BorrowedFd<'_>) -> Result<bool, LoadError> {
    let mut warm = 0;
    while warm < clients {
        match is_warm.recv_timeout(POLL_INTERVAL) {
            Ok(()) => warm += 1,
            Err(RecvTimeoutError::Timeout) if is_hung_up(control, Some(&Timespec::default()))? => {
                return Ok(false);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(io::Error::other("a client ended before its warm-up was over").into());
            }
        }
    }
    Ok(true)
}

/// Takes one byte, and only one: the others are for the other workers at the same pipe. At its end there is none.
fn released(control: BorrowedFd<'_>) -> Result<bool, LoadError> {
    loop {
        match rustix::io::read(control, &mut [0_u8; 1]) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(LoadError::Io(errno.into())),
        }
    }
}

/// Waits for the end of the pipe and leaves the bytes that are still in it.
fn until_hung_up(control: BorrowedFd<'_>) -> Result<(), LoadError> {
    while !is_hung_up(control, None)? {}
    Ok(())
}

/// Whether the pipe has ended, or does so within the time; without one it waits for the end.
fn is_hung_up(control: BorrowedFd<'_>, within: Option<&Timespec>) -> Result<bool, LoadError> {
    match poll(
        &mut [PollFd::from_borrowed_fd(control, PollFlags::empty())],
        within,
    ) {
        Ok(ended) => Ok(ended > 0),
        Err(Errno::INTR) => Ok(false),
        Err(errno) => Err(LoadError::Io(errno.into())),
    }
}

#[derive(Debug)]
struct JobContext<W> {
    job: Job,
    content: RunContent,
    barrier: Barrier,
    reports: Mutex<W>,
}

impl<W: Write> JobContext<W> {
    fn run_client(&self, client: u32, warm: &mpsc::Sender<()>) {
        let mut client = LoadClient::new(&self.job, &self.content, self.job.first_client + client);
        client.warm_up();
        if warm.send(()).is_err() {
            return;
        }
        self.barrier.wait();
        let result = client.transfer();
        self.report(&ClientMessage::Done(Box::new(result)));
        // The system's counts of a thread end with the thread.
        loop {
            thread::park();
        }
    }

    /// Sends a message in one write. A lab that is gone needs no message.
    fn report(&self, message: &ClientMessage) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.write_all(message.to_line().as_bytes()).ok();
        reports.flush().ok();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use std::io::{BufRead as _, BufReader, Read as _};
    use std::net::TcpListener;

    use haul_results::{ByteSize, Dialect, FailureClass, Operation, Sample};

    use super::*;
    use crate::clock::Moment;

    const VOLUME: ByteSize = ByteSize(70_000);
    const CLIENTS: u32 = 2;

    fn job(port: u16) -> String {
        let job = Job {
            worker: 7,
            first_client: 4,
            clients: CLIENTS,
            host: "127.0.0.1".to_owned(),
            port,
            operation: Operation::Download,
            dialect: Dialect::Classic,
            volume: VOLUME,
            buffer: ByteSize::kib(4),
            seed: 3,
            trial: 0,
            stall_ms: 60_000,
        };
        serde_json::to_string(&job).unwrap()
    }

    /// Answers a GET of each client's warm-up and transfer, with content of this seed.
    fn serve(listener: &TcpListener, seed: u64) {
        let mut content = Vec::new();
        let mut reader = RunContent::new(seed).served(VOLUME).reader();
        reader.read_to_end(&mut content).unwrap();
        let text = base64_turbo::STANDARD.encode(content);
        for _ in 0..2 * CLIENTS {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            stream.read_line(&mut String::new()).unwrap();
            let reply =
                format!("{{\"status\":\"OK\",\"data_namafile\":\"x\",\"data_file\":\"{text}\"}}\r\n\r\n");
            stream.get_mut().write_all(reply.as_bytes()).unwrap();
        }
    }

    /// The samples of a worker whose server serves content of this seed.
    fn samples(seed: u64) -> Vec<Sample> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let job = job(listener.local_addr().unwrap().port());
        let server = thread::spawn(move || serve(&listener, seed));
        let (control, mut lab) = io::pipe().unwrap();
        let (reports, report) = io::pipe().unwrap();
        let worker = thread::spawn(move || work(&job, control, report));
        let mut lines = BufReader::new(reports).lines();
        let mut message = || serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(message(), ClientMessage::Ready { worker: 7 });
        let release = Moment::now();
        lab.write_all(b"\n").unwrap();
        let samples = (0..CLIENTS).map(|_| match message() {
            ClientMessage::Done(result) => result.since(release),
            ready @ ClientMessage::Ready { .. } => panic!("{ready:?}"),
        });
        let mut samples: Vec<_> = samples.collect();
        samples.sort_by_key(|sample| sample.client);
        drop(lab);
        worker.join().unwrap().unwrap();
        server.join().unwrap();
        samples
    }

    #[test]
    fn a_worker_reports_one_whole_transfer_for_each_of_its_clients() {
        let samples = samples(3);
        assert_eq!(
            samples.iter().map(|sample| sample.client).collect::<Vec<_>>(),
            [4, 5]
        );
        for sample in samples {
            assert!(sample.is_ok() && sample.verified, "{sample:?}");
            assert_eq!((sample.bytes, sample.durable_ns), (VOLUME, None));
            assert!(sample.connected_ns >= Some(sample.start_ns), "{sample:?}");
            assert!(
                sample.first_byte_ns.is_some() && sample.first_byte_ns <= sample.last_byte_ns,
                "{sample:?}"
            );
        }
    }

    #[test]
    fn content_of_another_run_is_corrupt() {
        for sample in samples(4) {
            assert_eq!(sample.outcome.class(), Some(FailureClass::Corrupt));
            assert!(!sample.verified);
        }
    }

    #[test]
    fn a_release_takes_one_byte_and_leaves_the_others_to_the_other_workers() {
        let (control, mut lab) = io::pipe().unwrap();
        lab.write_all(b"\n\n").unwrap();
        assert!(released(control.as_fd()).unwrap());
        assert!(released(control.as_fd()).unwrap());
        drop(lab);
        assert!(!released(control.as_fd()).unwrap());
    }

    #[test]
    fn the_end_of_the_lab_is_noticed_while_bytes_for_others_are_still_there() {
        let (control, mut lab) = io::pipe().unwrap();
        lab.write_all(b"\n").unwrap();
        drop(lab);
        until_hung_up(control.as_fd()).unwrap();
        assert!(released(control.as_fd()).unwrap(), "the byte was left there");
    }

    #[test]
    fn the_end_of_the_lab_is_noticed_while_clients_are_still_warming_up() {
        let (control, lab) = io::pipe().unwrap();
        let (warm, is_warm) = mpsc::channel();
        warm.send(()).unwrap();
        assert!(all_warm(&is_warm, 1, control.as_fd()).unwrap());
        drop(lab);
        assert!(!all_warm(&is_warm, 1, control.as_fd()).unwrap());
    }
}
