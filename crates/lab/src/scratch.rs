//! Scratch space: where the served objects lie and uploads go. Chosen and checked before the run starts, removed after it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use haul_results::{ByteSize, Scratch};
use tempfile::TempDir;

use crate::command::CommandLine;
use crate::names::SCRATCH_PREFIX;
use crate::reaper::FolderGuard;

/// Space that stays free beside the need of a run.
pub const SPARE: ByteSize = ByteSize::mib(64);
/// Main memory that stays free beside the need of a run whose scratch space lies in memory.
const MEMORY_SPARE: ByteSize = ByteSize::mib(1024);

/// A folder for a run, removed on drop, or by its reaper if the lab is killed.
#[derive(Debug)]
pub(crate) struct ScratchSpace {
    folder: TempDir,
    pub(crate) guard: FolderGuard,
    pub(crate) facts: Scratch,
}

/// Why there is no scratch space.
#[derive(Debug, thiserror::Error)]
pub enum ScratchError {
    /// There is too little room.
    #[error(
        "--scratch: the run needs {need:.0} MiB of scratch space{found}; name a folder with more room with --scratch DIR, \
         or ask for less with --volumes or --clients"
    )]
    TooSmall {
        /// The space that is needed, in MiB.
        need: f64,
        /// The folders that were looked at with the space that is free there, as text that begins with a separator.
        found: String,
    },
    /// Nothing would remove the space if the lab is killed.
    #[error("the reaper of the scratch space cannot be started: {0}")]
    Reaper(io::Error),
    /// The folder cannot be used.
    #[error("--scratch: `{folder}` cannot be used: {cause}")]
    Unusable {
        /// The folder.
        folder: String,
        /// The system's error.
        cause: io::Error,
    },
}

/// A folder in which scratch space may be made, and the space that is free there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScratchDir {
    /// Its folder.
    pub folder: PathBuf,
    /// The kind of its file system.
    pub file_system: String,
    /// Whether it lies in main memory.
    pub in_memory: bool,
    /// Room that may be used.
    pub free: ByteSize,
}

impl ScratchDir {
    /// Looks at a folder.
    ///
    /// # Errors
    ///
    /// If the folder cannot be read.
    pub fn at(folder: &Path) -> Result<Self, ScratchError> {
        let unusable = |cause| ScratchError::Unusable {
            folder: folder.display().to_string(),
            cause,
        };
        let folder = folder.canonicalize().map_err(unusable)?;
        let system = rustix::fs::statvfs(&folder).map_err(|errno| unusable(errno.into()))?;
        let file_system = file_system(&folder);
        let in_memory = matches!(file_system.as_str(), "tmpfs" | "ramfs");
        let mut free = ByteSize(system.f_bavail.saturating_mul(system.f_frsize));
        if in_memory && let Some(available) = memory_available() {
            free = free.min(ByteSize(available.0.saturating_sub(MEMORY_SPARE.0)));
        }
        Ok(Self {
            folder,
            file_system,
            in_memory,
            free,
        })
    }

    fn is_enough(&self, need: ByteSize) -> bool {
        self.free.0 >= need.0.saturating_add(SPARE.0)
    }
}

/// The folder for a run that needs `need` bytes: the one that was asked for, else one in memory where the run fits, else
/// the folder for temporary files.
///
/// # Errors
///
/// If there is too little room, with all folders that were looked at.
pub fn choose(asked: Option<&Path>, need: ByteSize) -> Result<ScratchDir, ScratchError> {
    let candidates = match asked {
        Some(folder) => vec![ScratchDir::at(folder)?],
        None => [
            Path::new("/dev/shm"),
            &std::env::temp_dir(),
            Path::new("/var/tmp"),
        ]
        .into_iter()
        .filter_map(|folder| ScratchDir::at(folder).ok())
        .collect(),
    };
    pick(candidates, need)
}

fn pick(candidates: Vec<ScratchDir>, need: ByteSize) -> Result<ScratchDir, ScratchError> {
    let described = |dir: &ScratchDir| {
        format!(
            ", {} ({}) has {:.0} MiB",
            dir.folder.display(),
            dir.file_system,
            dir.free.as_mib()
        )
    };
    let found = candidates.iter().map(described).collect();
    let fits = candidates.into_iter().find(|dir| dir.is_enough(need));
    fits.ok_or(ScratchError::TooSmall {
        need: ByteSize(need.0 + SPARE.0).as_mib(),
        found,
    })
}

impl ScratchSpace {
    /// A new folder in `dir`; `reaper` is the program of the reapers.
    pub(crate) fn create(dir: &ScratchDir, reaper: &CommandLine) -> Result<Self, ScratchError> {
        let folder = tempfile::Builder::new()
            .prefix(SCRATCH_PREFIX)
            .tempdir_in(&dir.folder);
        let folder = folder.map_err(|cause| ScratchError::Unusable {
            folder: dir.folder.display().to_string(),
            cause,
        })?;
        let facts = Scratch {
            folder: dir.folder.display().to_string(),
            file_system: dir.file_system.clone(),
            in_memory: dir.in_memory,
        };
        let guard = FolderGuard::start(reaper, folder.path()).map_err(ScratchError::Reaper)?;
        Ok(Self { folder, guard, facts })
    }

    /// The folder that is served.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The kind of the file system on which a folder lies, as the system names it.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    file_system_in(&mounts, folder).unwrap_or_else(|| "unknown".to_owned())
}

/// The mount with the longest path above the folder; of several on one path the last, which covers the others.
fn file_system_in(mounts: &str, folder: &Path) -> Option<String> {
    let mount = |line: &str| {
        let (before, after) = line.split_once(" - ")?;
        let point = PathBuf::from(before.split(' ').nth(4)?.replace("\\040", " "));
        folder.starts_with(&point).then(|| {
            (
                point.components().count(),
                after.split(' ').next().map(str::to_owned),
            )
        })
    };
    let covering = mounts.lines().filter_map(mount);
    covering.max_by_key(|(depth, _)| *depth)?.1
}

fn memory_available() -> Option<ByteSize> {
    crate::machine::memory_line("MemAvailable:")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    fn place(folder: &str, in_memory: bool, free: ByteSize) -> ScratchDir {
        let file_system = if in_memory { "tmpfs" } else { "ext4" }.to_owned();
        ScratchDir {
            folder: folder.into(),
            file_system,
            in_memory,
            free,
        }
    }

    #[test]
    fn memory_is_taken_where_the_run_fits_with_room_to_spare() {
        let places = |free| {
            vec![
                place("/shm", true, free),
                place("/tmp", false, ByteSize::mib(1 << 20)),
            ]
        };
        let fits = pick(places(ByteSize::mib(100)), ByteSize::mib(36)).unwrap();
        assert!(fits.in_memory);
        let tight = pick(places(ByteSize::mib(100)), ByteSize::mib(37)).unwrap();
        assert_eq!(tight.folder, Path::new("/tmp"));
    }

    #[test]
    fn too_little_room_is_refused_with_what_is_needed_and_what_there_is() {
        let error = pick(vec![place("/shm", true, ByteSize::mib(10))], ByteSize::mib(100))
            .unwrap_err()
            .to_string();
        for part in ["--scratch", "164 MiB", "/shm (tmpfs) has 10 MiB"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn the_innermost_mount_says_the_file_system() {
        let mounts = "1 0 8:1 / / rw shared:1 - ext4 /dev/a rw\n2 1 0:5 / /dev/shm rw - tmpfs shm rw\n\
                      3 1 0:6 / /a\\040b rw - xfs c rw\n4 1 0:6 / /dev/shm rw - ramfs c rw\n";
        let found = |folder: &str| file_system_in(mounts, Path::new(folder)).unwrap();
        assert_eq!(found("/dev/shm/x"), "ramfs");
        assert_eq!(found("/dev/shmx"), "ext4");
        assert_eq!(found("/a b/c"), "xfs");
    }

    #[test]
    fn a_space_is_removed_with_all_that_is_in_it() {
        let place = ScratchDir::at(&std::env::temp_dir()).unwrap();
        let space = ScratchSpace::create(&place, &CommandLine::new("true", [""])).unwrap();
        let root = space.root();
        fs::create_dir(&root).unwrap();
        fs::write(root.join("object"), b"x").unwrap();
        drop(space);
        assert!(!root.exists());
        assert!(
            ScratchDir::at(Path::new("/no/such/folder"))
                .unwrap_err()
                .to_string()
                .contains("/no/such/folder")
        );
    }
}
