//! The objects of a run on the server: put there before, compared after an upload, removed.
//!
//! Where the served folder lies in the scratch space, it is used directly; a server elsewhere is asked over the wire.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use haul_client::{Address, Connection, Error, Options};
use haul_results::{ByteSize, FailureClass, Matrix, Operation, Outcome, Sample};

use crate::content::{Check, CheckResult, ContentStream, RunContent};
use crate::interrupt::{Interrupt, POLL_INTERVAL, Stop};
use crate::job::warm_up;
use crate::names::{served_name, upload_name, warm_up_name};
use crate::transfer::{failure, outcome_of};

/// ByteSize read at a time.
const PIECE_BYTES: usize = 128 * 1024;
/// How long a server may take to remove objects once the run is to stop.
pub(crate) const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
/// The text of an outcome that is never shown, since an interrupted trial does not count.
const STOPPED: &str = "the run is to stop";

/// Where objects are.
#[derive(Debug, Clone)]
pub(crate) enum ObjectSite {
    /// In this folder.
    Folder(PathBuf),
    /// Behind this address; the limit is the longest silence.
    Wire(Address, Duration),
}

/// The volumes of all objects that the downloads of a matrix need, warm-ups among them.
pub(crate) fn served_volumes(matrix: &Matrix) -> BTreeSet<ByteSize> {
    let downloads = matrix
        .cells()
        .iter()
        .filter(|cell| cell.operation == Operation::Download);
    downloads
        .flat_map(|cell| [cell.volume, warm_up(cell.volume)])
        .collect()
}

impl ObjectSite {
    /// Puts the object of a volume on the site.
    pub(crate) fn put(
        &self,
        content: &RunContent,
        volume: ByteSize,
        interrupt: &Interrupt,
    ) -> Result<(), Stop> {
        let mut reader = Interruptible {
            reader: content.served(volume).reader(),
            interrupt: interrupt.clone(),
        };
        let put = match self {
            Self::Folder(root) => {
                Some(write(&root.join(served_name(volume)), &mut reader).map_err(|error| error.to_string()))
            }
            Self::Wire(address, stall) => {
                let (address, stall) = (address.clone(), *stall);
                run_cancellable(interrupt, Duration::ZERO, move || {
                    connect(&address, stall)
                        .and_then(|mut connection| {
                            connection.upload(&served_name(volume), &mut reader, Some(volume.0))
                        })
                        .map_err(|error| error.to_string())
                        .map(drop)
                })
            }
        };
        match put {
            Some(put) if !interrupt.is_set() => put.map_err(Stop::Failed),
            _ => Err(Stop::Interrupted),
        }
    }

    /// Removes objects; a missing object is no failure. Once the run is to stop, a server has [`SHUTDOWN_GRACE`] for it.
    pub(crate) fn remove(&self, names: impl IntoIterator<Item = String>, interrupt: &Interrupt) {
        match self {
            Self::Folder(root) => names.into_iter().for_each(|name| {
                fs::remove_file(root.join(name)).ok();
            }),
            Self::Wire(address, stall) => {
                let (address, stall) = (address.clone(), *stall);
                let names: Vec<String> = names.into_iter().collect();
                run_cancellable(interrupt, SHUTDOWN_GRACE, move || delete(&address, stall, &names));
            }
        }
    }

    /// Compares every acknowledged upload with the content that was sent, and enters the result in its sample. Returns the
    /// time that it took.
    pub(crate) fn verify(
        &self,
        samples: &mut [Sample],
        stream: impl Fn(u32) -> ContentStream + Sync,
        interrupt: &Interrupt,
    ) -> Duration {
        let begun = Instant::now();
        let due: Vec<Mutex<&mut Sample>> = samples
            .iter_mut()
            .filter(|sample| sample.is_ok())
            .map(Mutex::new)
            .collect();
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism()
            .map_or(1, usize::from)
            .min(due.len());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(sample) = due.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let mut sample = sample.lock().expect("each sample is taken by one thread only");
                        let (outcome, verified) =
                            self.compare(&stream(sample.client), sample.client, interrupt);
                        sample.outcome = outcome;
                        sample.verified = verified;
                    }
                });
            }
        });
        begun.elapsed()
    }

    /// The outcome of an upload, and whether every byte of it was compared and right.
    fn compare(&self, stream: &ContentStream, client: u32, interrupt: &Interrupt) -> (Outcome, bool) {
        let mut check = stream.check();
        let name = upload_name(client);
        let read = match self {
            Self::Folder(root) => read(&root.join(name), &mut check, interrupt).map_err(|error| {
                let detail = format!("it was acknowledged, but what was stored cannot be read: {error}");
                Outcome::failed(FailureClass::Short, detail)
            }),
            Self::Wire(address, stall) => {
                let (address, stall) = (address.clone(), *stall);
                let got = run_cancellable(interrupt, Duration::ZERO, move || {
                    let received = get(&address, stall, &name, &mut check);
                    (received, check)
                });
                match got {
                    Some((received, checked)) => {
                        check = checked;
                        received.map_err(|error| failure(&error))
                    }
                    None => return (Outcome::failed(FailureClass::Deadline, STOPPED), false),
                }
            }
        };
        let result = check.result();
        match read {
            Ok(()) => (outcome_of(result), result == CheckResult::Same),
            Err(outcome) => (outcome, false),
        }
    }
}

/// The names of all objects that the uploads of so many clients may leave.
pub(crate) fn uploads(clients: u32) -> impl Iterator<Item = String> {
    (0..clients).flat_map(|client| [upload_name(client), warm_up_name(client)])
}

/// The names of the objects that the warm-ups of so many clients may leave.
pub(crate) fn warm_ups(clients: u32) -> impl Iterator<Item = String> {
    (0..clients).map(warm_up_name)
}

/// Runs `work` on a thread of its own. Once the run is to stop, waits at most `grace` longer and then abandons the work,
/// since a server may stay silent for as long as the stall timeout allows.
fn run_cancellable<T: Send + 'static>(
    interrupt: &Interrupt,
    grace: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, outcome) = mpsc::channel();
    thread::spawn(move || done.send(work()));
    let mut until = None;
    loop {
        match outcome.recv_timeout(POLL_INTERVAL) {
            Ok(outcome) => return Some(outcome),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if interrupt.is_set() => {
                let now = Instant::now();
                if now >= *until.get_or_insert(now + grace) {
                    return None;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Older servers close after each request, so each name has a connection of its own.
fn delete(address: &Address, stall: Duration, names: &[String]) {
    for name in names {
        let removed = connect(address, stall).and_then(|mut connection| connection.delete(name));
        if matches!(removed, Err(Error::Connect { .. })) {
            return;
        }
    }
}

fn get(address: &Address, stall: Duration, name: &str, check: &mut Check) -> Result<(), Error> {
    let mut sink = |piece: &[u8]| {
        check.take(piece);
        Ok(())
    };
    connect(address, stall)
        .and_then(|mut connection| connection.get(name, &mut sink))
        .map(drop)
}

fn connect(address: &Address, stall: Duration) -> Result<Connection, Error> {
    let options = Options {
        timeout: stall,
        queue_timeout: stall,
        work_timeout: stall,
        ..Options::default()
    };
    Connection::open(address, &options)
}

fn write(path: &Path, reader: &mut dyn Read) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut piece)? {
            0 => return Ok(()),
            count => file.write_all(&piece[..count])?,
        }
    }
}

fn read(path: &Path, check: &mut Check, interrupt: &Interrupt) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        stop_if(interrupt)?;
        match file.read(&mut piece)? {
            0 => return Ok(()),
            count => check.take(&piece[..count]),
        }
    }
}

fn stop_if(interrupt: &Interrupt) -> io::Result<()> {
    interrupt.check().map_err(|_| io::Error::other(STOPPED))
}

/// A reader that fails when the run is to stop.
struct Interruptible<R> {
    reader: R,
    interrupt: Interrupt,
}

impl<R: Read> Read for Interruptible<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        stop_if(&self.interrupt)?;
        self.reader.read(buffer)
    }
}
