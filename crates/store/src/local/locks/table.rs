//! The file that the processes of a server share: a lock and the last changes for each bucket of names, and
//! the server's run.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, fcntl};
use rustix::fs::{
    CWD, MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, fstat, ftruncate, memfd_create, openat,
};
use rustix::io::{Errno, pread, pwrite};
use rustix::time::{ClockId, clock_gettime};

use crate::Key;
use crate::local::{descriptor_path, random};

const BUCKETS: u64 = 1 << 14;
/// How many names of one bucket are remembered. A further name takes the place of the one that changed first.
pub(super) const RECORDS: usize = 4;
const RECORD_BYTES: usize = 24;
const BUCKET_BYTES: usize = RECORDS * RECORD_BYTES;
const RUN_BYTES: usize = 16;
const FILE_BYTES: u64 = RUN_BYTES as u64 + BUCKETS * BUCKET_BYTES as u64;

/// One run of a server, from the opening of its root to the end of its last process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::local) struct ServerRun(pub(in crate::local) u128);

/// When a change was asked for, on the clock that all processes of a machine share. For an upload, when its
/// last byte had arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::local) struct Ticket(pub(super) u64);

impl Ticket {
    /// Nanoseconds since the machine started, which never go back.
    pub(in crate::local) fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or(0);
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds))
    }
}

/// A key as the table knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct LockName {
    id: [u8; 16],
    pub(super) bucket: u64,
}

/// The shared file.
#[derive(Debug)]
pub(super) struct LockTable {
    file: OwnedFd,
    run: ServerRun,
}

/// The last change of one name. All zero means that there was none.
#[derive(Debug, Clone, Copy, Default)]
struct LastChange {
    id: [u8; 16],
    ticket: u64,
}

impl LockTable {
    /// A new table, for a new run.
    pub(super) fn create() -> io::Result<Self> {
        let file = memfd_create("haul-locks", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, FILE_BYTES)?;
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let run = random()?;
        pwrite(&file, &run.to_ne_bytes(), 0)?;
        Self::over(file)
    }

    /// The table that another process has made.
    pub(super) fn join(file: OwnedFd) -> io::Result<Self> {
        // A descriptor that was passed on shares its description, and so its locks, with the one that passed
        // it.
        let flags = OFlags::RDWR | OFlags::CLOEXEC;
        match openat(CWD, descriptor_path(&file), flags, Mode::empty()) {
            Ok(own) => Self::over(own),
            Err(error) => {
                tracing::warn!(%error, "without /proc, workers do not wait for each other at one name");
                Self::over(file)
            }
        }
    }

    fn over(file: OwnedFd) -> io::Result<Self> {
        let mut run = [0; RUN_BYTES];
        if u64::try_from(fstat(&file)?.st_size) != Ok(FILE_BYTES)
            || pread(&file, &mut run[..], 0)? != RUN_BYTES
        {
            return Err(Errno::INVAL.into());
        }
        Ok(Self {
            file,
            run: ServerRun(u128::from_ne_bytes(run)),
        })
    }

    /// Takes the lock of a bucket for this process, if it is free. A process that has it gets it again.
    pub(super) fn try_lock(&self, name: LockName) -> Result<bool, Errno> {
        match self.set_lock(name, libc::F_WRLCK) {
            Ok(()) => Ok(true),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    pub(super) fn unlock(&self, name: LockName) -> Result<(), Errno> {
        self.set_lock(name, libc::F_UNLCK)
    }

    pub(super) fn run(&self) -> ServerRun {
        self.run
    }

    fn set_lock(&self, name: LockName, kind: libc::c_int) -> Result<(), Errno> {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "the kinds are small, and the table has 2 MB at most"
        )]
        let lock = libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: name.offset() as libc::off_t,
            l_len: 1,
            l_pid: 0,
        };
        match fcntl(&self.file, FcntlArg::F_OFD_SETLK(&lock)) {
            Ok(_) => Ok(()),
            Err(errno) => Err(Errno::from_raw_os_error(errno as i32)),
        }
    }

    /// Whether a change of a name that was asked for later than `ticket` has taken effect already. The caller
    /// holds the turn of the name.
    pub(super) fn is_overtaken(&self, name: LockName, ticket: Ticket) -> Result<bool, Errno> {
        let bucket = self.read(name)?;
        Ok(bucket
            .iter()
            .any(|record| record.id == name.id && record.ticket > ticket.0))
    }

    /// Records the last change of a name, whose turn the caller holds.
    pub(super) fn record(&self, name: LockName, ticket: Ticket) -> Result<(), Errno> {
        let mut bucket = self.read(name)?;
        let known = bucket.iter_mut().find(|record| record.id == name.id);
        match known {
            Some(record) => record.ticket = record.ticket.max(ticket.0),
            None => {
                let first = bucket.iter_mut().min_by_key(|record| record.ticket);
                if let Some(record) = first {
                    *record = LastChange {
                        id: name.id,
                        ticket: ticket.0,
                    };
                }
            }
        }
        self.write(name, &bucket)
    }

    fn read(&self, name: LockName) -> Result<[LastChange; RECORDS], Errno> {
        let mut bytes = [0; BUCKET_BYTES];
        if pread(&self.file, &mut bytes[..], name.offset())? != BUCKET_BYTES {
            return Err(Errno::IO);
        }
        let mut records = [LastChange::default(); RECORDS];
        for (record, bytes) in records.iter_mut().zip(bytes.chunks_exact(RECORD_BYTES)) {
            let (id, ticket) = bytes.split_at(16);
            record.id.copy_from_slice(id);
            record.ticket = ticket
                .iter()
                .rev()
                .fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        }
        Ok(records)
    }

    fn write(&self, name: LockName, records: &[LastChange; RECORDS]) -> Result<(), Errno> {
        let mut bytes = [0; BUCKET_BYTES];
        for (record, bytes) in records.iter().zip(bytes.chunks_exact_mut(RECORD_BYTES)) {
            let (id, ticket) = bytes.split_at_mut(16);
            id.copy_from_slice(&record.id);
            ticket.copy_from_slice(&record.ticket.to_le_bytes());
        }
        pwrite(&self.file, &bytes, name.offset())?;
        Ok(())
    }
}

impl AsFd for LockTable {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl LockName {
    pub(super) fn of(key: &Key) -> Self {
        let digest = blake3::hash(key.as_str().as_bytes());
        let (id, rest) = digest.as_bytes().split_at(16);
        let mut name = Self {
            id: [0; 16],
            bucket: (u64::from(rest[0]) << 8 | u64::from(rest[1])) % BUCKETS,
        };
        name.id.copy_from_slice(id);
        name
    }

    fn offset(self) -> u64 {
        RUN_BYTES as u64 + self.bucket * BUCKET_BYTES as u64
    }
}
