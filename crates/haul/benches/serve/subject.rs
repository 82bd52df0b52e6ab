//! The programs that are measured, each a process of its own on a free port.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// A server that runs until it is dropped.
pub(crate) struct Subject {
    child: Child,
    pub(crate) port: u16,
}

impl Subject {
    /// `haul serve` with a pool, and other flags.
    pub(crate) fn haul(binary: &Path, root: &Path, pool: &str, flags: &[String]) -> Result<Self> {
        let mut child = Command::new(binary)
            .arg("serve")
            .arg(root)
            .args([
                "-w",
                "--durability",
                "buffered",
                "--listen",
                "127.0.0.1:0",
                "--pool",
                pool,
            ])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.with_context(|| format!("haul serve said {line:?}"))?;
        Ok(Self { child, port })
    }

    /// The plain Python server of the family.
    pub(crate) fn plain_python(root: &Path) -> Result<Self> {
        let port = free_port()?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/plain_server.py");
        let child = Command::new("python3")
            .args([script, "--port", &port.to_string(), "--root"])
            .arg(root)
            .stdout(Stdio::null())
            .spawn()?;
        Self { child, port }.until_it_listens()
    }

    /// nginx with two workers and sendfile, as its packages configure it.
    pub(crate) fn nginx(root: &Path, scratch: &Path) -> Result<Self> {
        let port = free_port()?;
        let configuration = scratch.join("nginx.conf");
        fs::write(
            &configuration,
            format!(
                "daemon off; worker_processes 2; pid {0}/nginx.pid; error_log /dev/null; user root;\n\
                 events {{ worker_connections 1024; }}\n\
                 http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {0}/body;\n\
                 server {{ listen 127.0.0.1:{port}; location / {{ root {1}; }} }} }}\n",
                scratch.display(),
                root.display()
            ),
        )?;
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&configuration)
            .stderr(Stdio::null())
            .spawn()?;
        Self { child, port }.until_it_listens()
    }

    fn until_it_listens(self) -> Result<Self> {
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            ensure!(Instant::now() < until, "a server does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(self)
    }

    /// The server's processes: itself and its children.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let own = self.child.id();
        let tasks = format!("/proc/{own}/task");
        let children = fs::read_dir(tasks)
            .into_iter()
            .flatten()
            .flatten()
            .flat_map(|task| {
                let listed = fs::read_to_string(task.path().join("children")).unwrap_or_default();
                listed
                    .split_whitespace()
                    .filter_map(|child| child.parse().ok())
                    .collect::<Vec<u32>>()
            });
        [own].into_iter().chain(children).collect()
    }

    /// Seconds of processor time that the server has used so far, user and system together.
    pub(crate) fn processor_seconds(&self) -> f64 {
        self.processes().into_iter().map(processor_seconds).sum()
    }

    /// Bytes of memory now: proportional set size, summed over the processes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.processes().into_iter().map(proportional_bytes).sum()
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string())
            .status();
        let _ = self.child.wait();
    }
}

fn processor_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The fields after the name, which may hold spaces, in brackets: user and system time are the 12th and 13th.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |index: usize| {
        fields
            .get(index)
            .and_then(|ticks| ticks.parse::<f64>().ok())
            .unwrap_or_default()
    };
    (ticks(11) + ticks(12)) / 100.0
}

fn proportional_bytes(process: u32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024
}

/// One run of iperf3 over loopback, one stream: bytes a second.
pub(crate) fn iperf3(seconds: u32) -> Result<f64> {
    let port = free_port()?.to_string();
    let mut server = Command::new("iperf3")
        .args(["-s", "-1", "-p", &port])
        .stdout(Stdio::null())
        .spawn()?;
    thread::sleep(Duration::from_millis(300));
    let seconds = seconds.to_string();
    let client = Command::new("iperf3")
        .args(["-c", "127.0.0.1", "-p", &port, "-t", &seconds, "-J"])
        .output()?;
    server.wait()?;
    let report: serde_json::Value = serde_json::from_slice(&client.stdout)?;
    let bits = report["end"]["sum_received"]["bits_per_second"].as_f64();
    bits.map(|bits| bits / 8.0).context("iperf3 reported no rate")
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// A folder in memory, removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Result<Self> {
        let folder = PathBuf::from(format!("/dev/shm/haul-bench-{}", std::process::id()));
        if !Path::new("/dev/shm").is_dir() {
            bail!("this comparison needs a file system in memory at /dev/shm");
        }
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
