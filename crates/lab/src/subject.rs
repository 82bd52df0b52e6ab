//! The server under test: started from a command line and always ended, or running already somewhere.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use haul_client::Address;
use haul_results::{StatedDurability, SubjectKind};
use haul_types::{Durability, PoolSpec};
use rustix::process::{Pid, Signal, kill_process};

use crate::command::CommandLine;
use crate::interrupt::{Interrupt, POLL_INTERVAL, Stop};
use crate::reaper::GroupGuard;
use crate::scratch::ScratchSpace;

/// How long a server that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// The pause between two tries to connect, and between two looks at a process that is to end.
const PAUSE: Duration = Duration::from_millis(2);
/// How much of a server's standard error is shown at most, in bytes from the end.
const STDERR_BYTES_MAX: usize = 600;

/// Which server is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectSpec {
    /// Our own, started from this binary.
    Own {
        /// The binary.
        program: PathBuf,
        /// When it counts an upload as stored.
        durability: Durability,
    },
    /// Any other, started from a command.
    Command(ServerCommand),
    /// One that runs already.
    Target(Address),
}

/// A command line with the placeholders `{port}`, `{workers}`, `{root}` and `{pool}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCommand {
    text: String,
    words: Vec<String>,
}

/// A command line that starts no server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServerCommandError {
    /// It has no words, or a quote is not closed.
    #[error(
        "`{0}` is not a command line; an example: python3 server.py --port {{port}} --workers {{workers}} --root {{root}}"
    )]
    Words(String),
    /// The server would not know where to listen.
    #[error("`{0}` has no {{port}}: the lab chooses the port on which the server listens")]
    NoPort(String),
}

impl std::str::FromStr for ServerCommand {
    type Err = ServerCommandError;

    fn from_str(text: &str) -> Result<Self, ServerCommandError> {
        let words = shlex::split(text).filter(|words| !words.is_empty());
        let words = words.ok_or_else(|| ServerCommandError::Words(text.to_owned()))?;
        if !words.iter().any(|word| word.contains("{port}")) {
            return Err(ServerCommandError::NoPort(text.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            words,
        })
    }
}

impl ServerCommand {
    /// Whether the server is told which folder to serve: then the lab looks up uploads in that folder.
    #[must_use]
    pub fn names_root(&self) -> bool {
        self.words.iter().any(|word| word.contains("{root}"))
    }

    /// Whether the number of workers, or the kind of the pool, makes a difference to the command.
    #[must_use]
    pub fn names_workers(&self) -> bool {
        self.words
            .iter()
            .any(|word| word.contains("{workers}") || word.contains("{pool}"))
    }

    /// Whether the kind of the pool makes a difference to the command.
    #[must_use]
    pub fn names_pool(&self) -> bool {
        self.words.iter().any(|word| word.contains("{pool}"))
    }

    /// The command with everything filled in.
    pub(crate) fn fill(&self, port: u16, pool: &PoolSpec, root: &Path) -> CommandLine {
        let root = root.display().to_string();
        let filled = |word: &String| {
            word.replace("{port}", &port.to_string())
                .replace("{workers}", &pool.workers.to_string())
                .replace("{pool}", &pool.to_string())
                .replace("{root}", &root)
        };
        let mut words = self.words.iter().map(filled);
        let program = words.next().expect("a command has at least one word");
        CommandLine::new(program, words)
    }
}

impl SubjectSpec {
    /// The kind of the subject.
    #[must_use]
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Own { .. } => SubjectKind::Own,
            Self::Command(_) => SubjectKind::Command,
            Self::Target(_) => SubjectKind::Target,
        }
    }

    /// The subject as text: the command line with its placeholders, or the address.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Own { durability, .. } => {
                format!(
                    "haul serve {{root}} --writable --pool {{pool}} --durability {durability} --listen 127.0.0.1:0"
                )
            }
            Self::Command(command) => command.text.clone(),
            Self::Target(address) => address.to_string(),
        }
    }

    /// When it counts an upload as stored.
    #[must_use]
    pub fn durability(&self) -> StatedDurability {
        match self {
            Self::Own { durability, .. } => (*durability).into(),
            Self::Command(_) | Self::Target(_) => StatedDurability::Unknown,
        }
    }

    /// Whether the server stores uploads in the scratch space.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Own { .. } => true,
            Self::Command(command) => command.names_root(),
            Self::Target(_) => false,
        }
    }
}

/// A server that can be measured.
#[derive(Debug)]
pub(crate) struct RunningSubject {
    pub(crate) address: Address,
    started: Option<Started>,
    log: PathBuf,
}

/// A server that the lab started.
#[derive(Debug)]
struct Started {
    child: Child,
    guard: GroupGuard,
}

impl RunningSubject {
    /// Starts the server, unless it runs already, and waits until it listens, at most for `limit`. `space` holds the served
    /// folder and the server's log.
    pub(crate) fn start(
        spec: &SubjectSpec,
        pool: &PoolSpec,
        space: &ScratchSpace,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<Self, Stop> {
        let (log, root) = (space.path().join("server.log"), space.root());
        let until = Instant::now() + limit;
        match spec {
            SubjectSpec::Target(address) => Ok(Self::new(address.clone(), None, log)),
            SubjectSpec::Own { program, durability } => {
                let line = own(program, *durability, pool, &root);
                let mut started = spawn(&line, &log, Stdio::piped(), space)?;
                let stdout = started.child.stdout.take();
                let stdout = stdout.expect("standard output was asked for as a pipe");
                let mut subject = Self::new(Address::new("127.0.0.1", 1), Some(started), log);
                subject.address = subject.announced(stdout, until, interrupt)?;
                Ok(subject)
            }
            SubjectSpec::Command(command) => {
                let port = free_port().map_err(|error| Stop::Failed(format!("no free port: {error}")))?;
                let started = spawn(&command.fill(port, pool, &root), &log, Stdio::null(), space)?;
                let mut subject = Self::new(Address::new("127.0.0.1", port), Some(started), log);
                subject.until_it_listens(port, until, interrupt)?;
                Ok(subject)
            }
        }
    }

    fn new(address: Address, started: Option<Started>, log: PathBuf) -> Self {
        Self {
            address,
            started,
            log,
        }
    }

    /// The server's process; `None` for one that runs already.
    pub(crate) fn process(&self) -> Option<u32> {
        self.started.as_ref().map(|started| started.child.id())
    }

    /// How the server ended, if it did.
    pub(crate) fn death(&mut self) -> Option<String> {
        let status = self.started.as_mut()?.child.try_wait().ok()??;
        Some(format!("the server ended with {status}{}", self.stderr_tail()))
    }

    /// Reads the address from the line that our own server prints when it listens.
    fn announced(
        &mut self,
        stdout: ChildStdout,
        until: Instant,
        interrupt: &Interrupt,
    ) -> Result<Address, Stop> {
        let (announce, announced) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines();
            announce.send(lines.next().and_then(Result::ok)).ok();
            // A full pipe would stop the server.
            lines.for_each(drop);
        });
        loop {
            match announced.recv_timeout(POLL_INTERVAL) {
                Ok(line) => {
                    let address = line
                        .as_deref()
                        .and_then(|line| line.strip_prefix("listening on "));
                    return address
                        .and_then(|address| address.parse().ok())
                        .ok_or_else(|| self.failed("the server did not say where it listens"));
                }
                Err(_) => self.still_waiting(until, interrupt)?,
            }
        }
    }

    fn until_it_listens(&mut self, port: u16, until: Instant, interrupt: &Interrupt) -> Result<(), Stop> {
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            self.still_waiting(until, interrupt)?;
            thread::sleep(PAUSE);
        }
        // Another process may have taken the port just before; then the server has ended.
        match self.death() {
            Some(death) => Err(Stop::Failed(death)),
            None => Ok(()),
        }
    }

    fn still_waiting(&mut self, until: Instant, interrupt: &Interrupt) -> Result<(), Stop> {
        interrupt.check()?;
        if let Some(death) = self.death() {
            return Err(Stop::Failed(death));
        }
        if Instant::now() > until {
            return Err(self.failed("the server never listened"));
        }
        Ok(())
    }

    fn failed(&self, what: &str) -> Stop {
        Stop::Failed(format!("{what}{}", self.stderr_tail()))
    }

    /// The end of the server's standard error.
    fn stderr_tail(&self) -> String {
        let mut stderr = Vec::new();
        if let Ok(mut file) = File::open(&self.log) {
            file.read_to_end(&mut stderr).ok();
        }
        let tail = stderr.split_at(stderr.len().saturating_sub(STDERR_BYTES_MAX)).1;
        let text = String::from_utf8_lossy(tail);
        let text: Vec<String> = text
            .split_whitespace()
            .map(|word| haul_client::printable(word).to_string())
            .collect();
        if text.is_empty() {
            String::new()
        } else {
            format!("; it said: {}", text.join(" "))
        }
    }
}

/// A server of the lab does not outlive its trial.
impl Drop for RunningSubject {
    fn drop(&mut self) {
        let Some(Started { mut child, guard }) = self.started.take() else {
            return;
        };
        if matches!(child.try_wait(), Ok(None)) {
            kill_process(Pid::from_child(&child), Signal::TERM).ok();
        }
        let until = Instant::now() + GRACE;
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(PAUSE);
        }
        // Kills the rest of the group: the server if it did not end, and children that it forgot.
        drop(guard);
        child.wait().ok();
        fs::remove_file(&self.log).ok();
    }
}

fn own(program: &Path, durability: Durability, pool: &PoolSpec, root: &Path) -> CommandLine {
    let mut command = CommandLine::new(program, ["serve"]);
    command.arguments.push(root.into());
    let durability = durability.to_string();
    let pool = pool.to_string();
    let flags = [
        "--writable",
        "--listen",
        "127.0.0.1:0",
        "--pool",
        &pool,
        "--durability",
        &durability,
        "--log-level",
        "warn",
    ];
    command.arguments.extend(flags.map(Into::into));
    command
}

/// Starts the server in the process group of a reaper.
fn spawn(command: &CommandLine, log: &Path, stdout: Stdio, space: &ScratchSpace) -> Result<Started, Stop> {
    let program = command.program.display();
    let failed = |error: std::io::Error| Stop::Failed(format!("`{program}` cannot be started: {error}"));
    let log = File::create(log).map_err(failed)?;
    let guard = space.guard.guard_group();
    let guard = guard.map_err(|error| Stop::Failed(format!("its reaper cannot be started: {error}")))?;
    let child = command
        .prepare()
        .process_group(guard.group())
        .stdout(stdout)
        .stderr(log)
        .spawn()
        .map_err(failed)?;
    Ok(Started { child, guard })
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;
    use std::net::Ipv4Addr;

    fn start(command: &str, limit: Duration) -> Result<RunningSubject, Stop> {
        // It waits for its end as a reaper does, and does nothing then.
        let reaper = CommandLine::new("sh", ["-c", "cat >/dev/null"]);
        let place = crate::scratch::ScratchDir::at(&std::env::temp_dir()).unwrap();
        let space = ScratchSpace::create(&place, &reaper).unwrap();
        let spec = SubjectSpec::Command(command.parse().unwrap());
        let pool = "threads:3".parse().unwrap();
        RunningSubject::start(&spec, &pool, &space, limit, &Interrupt::default())
    }

    fn refusal(command: &str, limit: Duration) -> String {
        match start(command, limit) {
            Err(Stop::Failed(what)) => what,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn placeholders_are_filled_in_and_a_space_in_the_root_makes_no_new_word() {
        let command: ServerCommand = "python3 'my server.py' --port={port} -w {workers} {root} {pool}"
            .parse()
            .unwrap();
        let filled = command.fill(81, &"processes:2x8".parse().unwrap(), Path::new("/a b"));
        let words = ["my server.py", "--port=81", "-w", "2", "/a b", "processes:2x8"];
        assert_eq!(filled, CommandLine::new("python3", words));
        assert!(command.names_root());
    }

    #[test]
    fn a_command_without_a_port_or_with_an_open_quote_is_refused() {
        assert!(
            "server"
                .parse::<ServerCommand>()
                .unwrap_err()
                .to_string()
                .contains("{port}")
        );
        assert!("server 'x {port}".parse::<ServerCommand>().is_err());
        assert!(" ".parse::<ServerCommand>().is_err());
    }

    #[test]
    fn a_command_that_does_not_exist_is_named() {
        let what = refusal("/no/such/server {port}", Duration::from_secs(60));
        assert!(what.contains("/no/such/server"), "{what}");
    }

    #[test]
    fn a_server_that_exits_at_once_is_quoted() {
        let what = refusal(
            "sh -c 'echo no luck on {port} >&2; exit 3'",
            Duration::from_secs(60),
        );
        assert!(
            what.contains("exit status: 3") && what.contains("no luck"),
            "{what}"
        );
    }

    #[test]
    fn a_server_that_never_listens_is_ended_after_the_limit() {
        let what = refusal("sh -c 'exec sleep 1000 # {port}'", Duration::from_millis(50));
        assert!(what.contains("never listened"), "{what}");
    }

    #[test]
    fn a_server_is_ended_with_the_children_that_it_forgets() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let script = format!(
            "sh -c 'sleep 1000 & exec python3 -c \"import socket; s = socket.create_server((\\\"127.0.0.1\\\", {{port}})); \
             s.accept(); s.accept()\" # {}'",
            listener.local_addr().unwrap()
        );
        let subject = start(&script, Duration::from_secs(60)).unwrap();
        let family = crate::process::family(&[subject.process().unwrap()]);
        assert_eq!(family.len(), 2, "the server and what it forgets");
        drop(subject);
        // A killed process is gone a moment later; a zombie has only not been waited for.
        let is_there = |process: &u32| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            stat.rsplit_once(") ")
                .is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
        };
        let until = Instant::now() + Duration::from_secs(60);
        while family.iter().any(is_there) {
            assert!(Instant::now() < until, "{family:?} are still there");
            thread::yield_now();
        }
    }
}
