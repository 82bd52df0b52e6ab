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

    use super::*;

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
