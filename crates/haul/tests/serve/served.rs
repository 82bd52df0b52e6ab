//! A server under test: started, watched from outside through /proc, and always ended.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::talk::Talk;
use crate::{DEADLINE, expect_soon, hex_digest};

/// A folder in memory where the system has one, so that tests cost no disk.
pub(crate) fn temporary() -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    };
    tempfile::Builder::new()
        .prefix("haul-serve-")
        .tempdir_in(place)
        .unwrap()
}

/// The binary under test, with nothing of this test's environment that would configure it.
pub(crate) fn haul() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haul"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"HAUL_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// The store of [`Served::in_memory`].
const MEMORY: &str = "memory:1MiB";

/// A running server.
pub(crate) struct Served {
    child: Child,
    /// Kept open: whoever starts a server may read what it says.
    _stdout: BufReader<ChildStdout>,
    addresses: Vec<SocketAddr>,
    root: PathBuf,
    folder: TempDir,
}

/// What must be the same again after an attack: files (hidden ones too), descriptors of all processes, processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) descriptors: usize,
    pub(crate) processes: usize,
}

impl Served {
    /// Serves a folder of its own, writable.
    pub(crate) fn writable(pool: &str) -> Self {
        Self::with(pool, &["-w"])
    }

    /// Serves a folder of its own.
    pub(crate) fn with(pool: &str, flags: &[&str]) -> Self {
        Self::start(pool, 1, None, flags)
    }

    /// Serves `root`, or a folder of its own, on as many listeners.
    pub(crate) fn start(pool: &str, listeners: usize, root: Option<&Path>, flags: &[&str]) -> Self {
        Self::start_as(haul(), pool, listeners, root, flags)
    }

    /// Serves a store in memory.
    pub(crate) fn in_memory(pool: &str) -> Self {
        Self::start(pool, 1, Some(Path::new(MEMORY)), &["-w"])
    }

    /// Serves a folder of its own with room for so many open files.
    pub(crate) fn with_descriptors(descriptors: u32, pool: &str, flags: &[&str]) -> Self {
        let binary = haul();
        let mut limited = Command::new("sh");
        limited
            .arg("-c")
            .arg(format!("ulimit -n {descriptors}; exec \"$0\" \"$@\""))
            .arg(binary.get_program())
            .stdin(Stdio::null());
        Self::start_as(limited, pool, 1, None, flags)
    }

    fn start_as(
        mut command: Command,
        pool: &str,
        listeners: usize,
        root: Option<&Path>,
        flags: &[&str],
    ) -> Self {
        let folder = temporary();
        let root = root.map_or_else(|| folder.path().join("root"), Path::to_owned);
        if !root.starts_with(MEMORY) {
            fs::create_dir_all(&root).unwrap();
        }
        let log = File::create(folder.path().join("log")).unwrap();
        command.arg("serve").arg(&root).args(["--pool", pool]).args(flags);
        for _ in 0..listeners {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut announced = || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            let address = line
                .strip_prefix("listening on haul://")
                .and_then(|rest| rest.strip_suffix('\n'));
            address.and_then(|address| address.parse().ok())
        };
        let addresses: Option<Vec<SocketAddr>> = (0..listeners).map(|_| announced()).collect();
        let Some(addresses) = addresses else {
            let ended = child.kill().and_then(|()| child.wait());
            let log = fs::read_to_string(folder.path().join("log"));
            panic!("the server announced nothing: {ended:?} {log:?}");
        };
        Self {
            child,
            _stdout: stdout,
            addresses,
            root,
            folder,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(crate) fn talk(&self) -> Talk {
        self.talk_to(0)
    }

    /// A connection to one of several listeners.
    pub(crate) fn talk_to(&self, listener: usize) -> Talk {
        Talk::connect(self.addresses[listener])
    }

    /// Where `name` lies on this machine.
    pub(crate) fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.root.join(Path::new(name.as_ref()))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A place beside the root, which no client may reach.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file into the root behind the server's back.
    pub(crate) fn place(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Empties the root.
    pub(crate) fn clear(&self) {
        for entry in fs::read_dir(&self.root).unwrap().map(Result::unwrap) {
            let removed = match entry.file_type().unwrap().is_dir() {
                true => fs::remove_dir_all(entry.path()),
                false => fs::remove_file(entry.path()),
            };
            removed.unwrap();
        }
    }

    pub(crate) fn stats(&self) -> Value {
        self.talk().ask("STATS\r\n")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The worker processes, dead ones that nobody has waited for among them.
    pub(crate) fn children(&self) -> Vec<u32> {
        children_of(self.pid())
    }

    /// The worker processes once there are as many as there should be.
    pub(crate) fn workers(&self, wanted: usize) -> Vec<u32> {
        expect_soon("all workers are there", || {
            Some(self.children()).filter(|found| found.len() == wanted)
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// What Ctrl-C does in a terminal: the signal reaches the supervisor and its workers alike.
    pub(crate) fn signal_group(&self, signal: Signal) {
        kill_process_group(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the server's end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        expect_soon("the server ends", || child.try_wait().unwrap())
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        files(&self.root)
    }

    pub(crate) fn state(&self) -> State {
        let pids: Vec<u32> = self.children().into_iter().chain([self.pid()]).collect();
        State {
            files: self.files(),
            descriptors: pids.iter().map(|&pid| descriptors(pid)).sum(),
            processes: pids.len(),
        }
    }

    /// The state once nothing is going on: the same several times in a row.
    pub(crate) fn quiet_state(&self) -> State {
        let mut last = self.state();
        let mut same = 0;
        expect_soon("the server is quiet", || {
            let now = self.state();
            same = if now == last { same + 1 } else { 0 };
            last = now;
            (same >= 20).then(|| last.clone())
        })
    }

    /// Waits until everything is again as it was: no file changed, no descriptor, process or part file left behind.
    pub(crate) fn expect_again(&self, before: &State) {
        let since = Instant::now();
        loop {
            let now = self.state();
            if now == *before {
                return;
            }
            assert!(
                since.elapsed() < DEADLINE,
                "something was left behind: {now:?}, and it was {before:?}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let workers = self.children();
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(15).collect();
            println!(
                "the server's log, its end: {}",
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
            return;
        }
        expect_soon("the workers have ended with their supervisor", || {
            workers.iter().all(|&pid| !is_alive(pid)).then_some(())
        });
    }
}

/// Every file beneath a folder with its digest, also hidden ones, folders and links.
pub(crate) fn files(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(root, root, &mut found);
    found
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            found.insert(name, "folder".to_owned());
            collect(root, &path, found);
        } else if kind.is_file() {
            found.insert(
                name,
                fs::read(&path).map_or_else(|_| "gone".to_owned(), |bytes| hex_digest(&bytes)),
            );
        } else {
            found.insert(name, format!("{kind:?}"));
        }
    }
}

/// The process ids of a process's children.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid| stat_of(pid).is_some_and(|(_, its_parent)| its_parent == parent))
        .collect()
}

/// Whether a process exists and has not ended.
pub(crate) fn is_alive(pid: u32) -> bool {
    stat_of(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// Whether a process has ended and nobody has waited for it.
pub(crate) fn is_zombie(pid: u32) -> bool {
    stat_of(pid).is_some_and(|(state, _)| state == 'Z')
}

/// State and parent of a process, from /proc/PID/stat.
fn stat_of(pid: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}
