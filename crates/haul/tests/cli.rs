//! The command line as a program sees it: what is printed where, and with which exit code it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const POOLS: [&str; 3] = ["threads:2", "processes:2", "tasks:2"];

/// The binary under test, with nothing of this test's environment that would configure it.
fn haul() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haul"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"HAUL_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn output(command: &mut Command) -> Output {
    command.output().expect("the binary under test can be started")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// A server that announced itself; killed where a test ends before it does.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    addresses: Vec<String>,
}

impl Serving {
    /// Starts `haul serve` on as many listeners as it is given, and waits until it announced all of them.
    fn start(root: &Path, listeners: usize, flags: &[&str]) -> Self {
        let mut command = haul();
        command.arg("serve").arg(root).args(flags);
        for _ in 0..listeners {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary under test can be started");
        let mut stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let mut addresses = Vec::new();
        for _ in 0..listeners {
            let mut line = String::new();
            stdout.read_line(&mut line).expect("the announcement is UTF-8");
            let address = line
                .strip_prefix("listening on haul://")
                .and_then(|rest| rest.strip_suffix('\n'));
            addresses.push(address.unwrap_or_else(|| panic!("announced {line:?}")).to_owned());
        }
        Self {
            child,
            stdout,
            addresses,
        }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.addresses[0]).expect("an announced listener accepts")
    }

    fn terminate(&self) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).expect("a child that was not waited for exists");
    }

    /// Ends the server with SIGTERM: its exit code, the rest of its standard output, and its standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        self.terminate();
        let (mut out, mut log) = (String::new(), String::new());
        let mut stderr = self.child.stderr.take().expect("standard error is piped");
        stderr.read_to_string(&mut log).expect("the log is UTF-8");
        self.stdout
            .read_to_string(&mut out)
            .expect("standard output is UTF-8");
        let status = self.child.wait().expect("a child can be waited for");
        (status.code(), out, log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Sends `request` and returns the replies to end of file.
fn exchange(mut connection: TcpStream, request: &[u8]) -> String {
    connection.write_all(request).expect("the server takes a request");
    connection
        .shutdown(std::net::Shutdown::Write)
        .expect("a connected stream can be half-closed");
    let mut replies = String::new();
    connection
        .read_to_string(&mut replies)
        .expect("replies are ASCII");
    replies
}

#[test]
fn the_version_is_that_of_the_package() {
    let output = output(haul().arg("--version"));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("haul {}\n", env!("CARGO_PKG_VERSION"))
    );
    assert!(output.status.success());
}

#[test]
fn what_cannot_be_understood_ends_with_2() {
    for words in [
        &[][..],
        &["fly"],
        &["serve", "--wings"],
        &["serve", "a", "b"],
        &["ls", "--dialect", "latin"],
    ] {
        let output = output(haul().args(words));
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn a_wrong_setting_ends_with_2_and_names_its_layer() {
    let here = folder();
    let file = here.path().join("haul.toml");
    std::fs::write(&file, "pool = \"forks:3\"\n").unwrap();
    let name = file.display().to_string();
    for (flags, variables, start) in [
        (
            &["--pool", "forks:3"][..],
            &[][..],
            "haul: --pool: `forks:3`".to_owned(),
        ),
        (
            &[],
            &[("HAUL_POOL", "forks:3")],
            "haul: HAUL_POOL: `forks:3`".to_owned(),
        ),
        (
            &["--config", &name],
            &[],
            format!("haul: {name}: pool: `forks:3`"),
        ),
        (
            &[],
            &[("HAUL_CONFIG", name.as_str())],
            format!("haul: {name}: pool: `forks:3`"),
        ),
        (
            &["--config", "/no/such/file"],
            &[],
            "haul: --config: cannot read `/no/such/file`: ".to_owned(),
        ),
        (
            &[],
            &[("HAUL_CONFIG", "/no/such/file")],
            "haul: HAUL_CONFIG: cannot read ".to_owned(),
        ),
    ] {
        let output = output(haul().arg("serve").args(flags).envs(variables.iter().copied()));
        assert_eq!(output.status.code(), Some(2), "{flags:?} {variables:?}");
        assert!(
            stderr(&output).starts_with(&start),
            "{start}: {}",
            stderr(&output)
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_root_that_is_no_folder_ends_with_2_and_says_so() {
    let here = folder();
    let file = here.path().join("file");
    std::fs::write(&file, "").unwrap();
    let missing = here.path().join("missing");
    for (root, problem) in [(file, "is not a folder"), (missing, "does not exist")] {
        let output = output(haul().arg("serve").arg(&root));
        assert_eq!(output.status.code(), Some(2));
        let expected = format!("haul: ROOT: `{}` {problem}", root.display());
        assert!(stderr(&output).starts_with(&expected), "{}", stderr(&output));
    }
}

#[test]
fn processes_are_refused_for_a_store_in_memory_and_the_others_are_named() {
    let output = output(haul().args(["serve", "memory:", "--pool", "processes:2"]));
    assert_eq!(output.status.code(), Some(2));
    let stderr = stderr(&output);
    assert!(
        stderr.starts_with("haul: ROOT: memory:1GiB is served by threads or tasks"),
        "{stderr}"
    );
    assert!(stderr.contains("--pool threads:N or --pool tasks"), "{stderr}");
}

#[test]
fn an_address_that_is_taken_ends_with_1_and_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let here = folder();
    let output = output(haul().arg("serve").arg(here.path()).args(["--listen", &address]));
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for part in [&address, "-p PORT", "--listen 127.0.0.1:0"] {
        assert!(said.contains(part) && output.stdout.is_empty(), "{part}: {said}");
    }
}

#[test]
fn a_server_says_once_in_its_log_what_it_serves_and_how_to_reach_it() {
    let here = folder();
    for (flags, mode) in [(&[][..], "read-only"), (&["-w"], "writable")] {
        let serving = Serving::start(here.path(), 1, flags);
        let address = serving.addresses[0].clone();
        let (_, _, log) = serving.end();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(" serving ")).collect();
        assert_eq!(lines.len(), 1, "{log}");
        let root = std::fs::canonicalize(here.path()).unwrap();
        for part in [
            format!("root={}", root.display()),
            format!("mode={mode}"),
            "pool=tasks".to_owned(),
            format!("addresses=haul://{address}"),
        ] {
            assert!(lines[0].contains(&part), "{part}: {}", lines[0]);
        }
        assert!(!log.contains("WARN"), "nothing is risky here: {log}");
    }
}

#[test]
fn a_port_alone_listens_on_this_machine() {
    let here = folder();
    let mut command = haul();
    command.arg("serve").arg(here.path()).args(["-p", "0"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary under test can be started");
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
    stdout.read_line(&mut line).expect("the announcement is UTF-8");
    child
        .kill()
        .and_then(|()| child.wait())
        .expect("a child can be ended");
    assert!(line.starts_with("listening on haul://127.0.0.1:"), "{line}");
    let both = output(haul().args(["serve", "-p", "0", "--listen", "127.0.0.1:0"]));
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn a_variable_that_is_no_setting_is_named_once_and_ignored() {
    let here = folder();
    let mut command = haul();
    command
        .arg("ls")
        .args(["--server", "127.0.0.1:1", "--retries", "0"]);
    let said = stderr(&output(command.env("HAUL_POOOL", "tasks")));
    assert_eq!(said.matches("HAUL_POOOL is ignored").count(), 1, "{said}");
    let file = here.path().join("haul.toml");
    std::fs::write(&file, "grace = 1\npool = threads:5\n").unwrap();
    let said = stderr(&output(haul().arg("serve").arg("--config").arg(&file)));
    assert!(
        said.contains("line 2: ") && said.contains("; write pool = \"threads:5\""),
        "{said}"
    );
}

#[test]
fn words_of_the_protocol_and_of_other_programs_are_understood() {
    for (words, part) in [
        (&["upload", "--help"][..], "haul put"),
        (&["download", "--help"], "haul get"),
        (&["delete", "--help"], "haul rm"),
        (&["cat", "--help"], "haul cat"),
    ] {
        let output = output(haul().args(words));
        let help = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && help.contains(part),
            "{words:?}: {help}"
        );
    }
    // The server may be named before the command, as a flag of every command.
    let output = output(haul().args(["--server", "127.0.0.1:x", "ls"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("`x` is not a port"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_server_announces_each_listener_prints_nothing_else_and_ends_with_0() {
    let here = folder();
    for pool in POOLS {
        let serving = Serving::start(here.path(), 2, &["--pool", pool]);
        for address in &serving.addresses {
            let connection = TcpStream::connect(address).unwrap();
            assert!(
                exchange(connection, b"LIST\r\n").starts_with("{\"status\":"),
                "{pool}"
            );
        }
        let (code, out, log) = serving.end();
        assert_eq!((code, out.as_str()), (Some(0), ""), "{pool}: {log}");
    }
}

#[test]
fn flags_environment_and_file_all_reach_the_server() {
    let here = folder();
    let file = here.path().join("haul.toml");
    std::fs::write(
        &file,
        "pool = \"threads:3\"\nwritable = true\nlog_format = \"json\"\n",
    )
    .unwrap();
    let served = here.path().join("served");
    std::fs::create_dir(&served).unwrap();
    let serving = Serving::start(
        &served,
        1,
        &["--config", file.to_str().unwrap(), "--max-upload", "3"],
    );
    let replies = exchange(
        serving.connect(),
        b"HELLO\r\nUPLOAD a QUJD\r\nUPLOAD b QUJDRA==\r\n",
    );
    assert!(
        replies.contains("threads:3") && replies.contains("too-large"),
        "{replies}"
    );
    assert_eq!(std::fs::read(served.join("a")).unwrap(), b"ABC");
    assert!(!served.join("b").exists());
    let (_, _, log) = serving.end();
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[test]
fn every_request_is_one_access_line_under_every_pool() {
    let here = folder();
    std::fs::write(here.path().join("a b"), "ABC").unwrap();
    for pool in POOLS {
        let serving = Serving::start(here.path(), 1, &["--pool", pool]);
        let peer = serving.connect();
        let address = peer.local_addr().unwrap().to_string();
        exchange(peer, b"GET a b\r\nGET no\x1bne\r\n");
        let (_, _, log) = serving.end();
        let lines: Vec<_> = log.lines().filter(|line| line.contains("access ")).collect();
        assert_eq!(lines.len(), 2, "{pool}: {log}");
        for field in [
            &format!("peer={address}"),
            "name=\"a b\"",
            "bytes=",
            "ms=",
            "outcome=ok",
            "worker=",
        ] {
            assert!(lines[0].contains(field), "{pool}: {field}: {}", lines[0]);
        }
        assert!(
            lines[1].contains("invalid-name") && !lines[1].contains('\x1b'),
            "{pool}: {}",
            lines[1]
        );
    }
}

#[test]
fn a_log_that_nobody_reads_holds_up_no_request_and_no_end() {
    let here = folder();
    // More lines than the pipe and the queue of a worker take together.
    let requests = 10_000;
    for pool in ["threads:1", "processes:1", "tasks:1"] {
        let mut serving = Serving::start(here.path(), 1, &["--pool", pool]);
        let connection = serving.connect();
        let writer = connection.try_clone().unwrap();
        let sender = std::thread::spawn(move || (&writer).write_all(&b"LIST\n".repeat(requests)));
        let mut replies = BufReader::new(connection);
        for _ in 0..requests {
            let (mut reply, mut blank) = (String::new(), String::new());
            replies.read_line(&mut reply).unwrap();
            replies.read_line(&mut blank).unwrap();
            assert!(
                reply.starts_with("{\"status\":\"OK\"") && blank == "\r\n",
                "{pool}: {reply:?} {blank:?}"
            );
        }
        sender.join().unwrap().unwrap();
        drop(replies);
        serving.terminate();
        assert_eq!(serving.child.wait().unwrap().code(), Some(0), "{pool}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    for words in [&["man"][..], &["completions", "bash"], &["--help"]] {
        let mut child = haul()
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), stderr(&output)),
            (Some(0), String::new()),
            "{words:?}"
        );
    }
}
