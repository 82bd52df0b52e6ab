//! A run of the lab in a folder of its own, and what it leaves.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{expect_soon, soon};

/// Stands in the environment of every process of a run, with the run's place.
const MARK: &str = "LAB_TEST_PLACE";

/// A place for one run's results and scratch space.
pub(crate) struct Place(TempDir);

/// How a run ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let place = Self(
            tempfile::Builder::new()
                .prefix("haul-lab-")
                .tempdir_in(parent)
                .unwrap(),
        );
        fs::create_dir(place.scratch()).unwrap();
        place
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.0.path().join("out")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.0.path().join("scratch")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `haul bench` with flags separated by spaces, its results and scratch space here.
    pub(crate) fn bench(&self, flags: &str) -> Command {
        let mut command = self.plain(flags);
        command.arg("--out").arg(self.out());
        command
    }

    /// `haul bench` without a folder for the results.
    pub(crate) fn plain(&self, flags: &str) -> Command {
        let mut command = haul();
        command
            .arg("bench")
            .arg("--scratch")
            .arg(self.scratch())
            .args(flags.split_whitespace());
        command
            .current_dir(self.0.path())
            .env(MARK, self.0.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// All records of the journal.
    pub(crate) fn records(&self) -> Vec<Value> {
        let journal = fs::read_to_string(self.journal()).unwrap();
        journal
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(crate) fn trials(&self) -> Vec<Value> {
        self.records()
            .iter()
            .filter_map(|record| record.get("trial"))
            .cloned()
            .collect()
    }

    /// A file of the report.
    pub(crate) fn report(&self, name: &str) -> String {
        fs::read_to_string(self.out().join(name)).unwrap()
    }

    /// The rows of `table.csv` by its headings.
    pub(crate) fn table(&self) -> Vec<HashMap<String, String>> {
        let text = self.report("table.csv");
        let mut lines = text.lines().map(fields);
        let headings = lines.next().unwrap();
        lines
            .map(|row| headings.iter().cloned().zip(row).collect())
            .collect()
    }

    /// How many files of uploads there are in the scratch space.
    pub(crate) fn uploads(&self) -> usize {
        let run = fs::read_dir(self.scratch()).unwrap().flatten().next().unwrap();
        let files = fs::read_dir(run.path().join("root")).unwrap().flatten();
        files
            .filter(|file| {
                !file
                    .file_name()
                    .to_string_lossy()
                    .starts_with("haul-bench-volume-")
            })
            .count()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.out().join("journal.jsonl")
    }

    /// All processes of the run that have not ended.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = format!("{MARK}={}", self.0.path().display());
        let is_of_run = |process: &u32| {
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == mark.as_bytes())
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter(is_of_run).collect()
    }

    /// Nothing is left in the scratch space, and no process.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        // What was killed is gone when the system has got round to it.
        expect_soon("no process of the run is left", || {
            self.processes().is_empty().then_some(())
        });
        let left: Vec<_> = fs::read_dir(self.scratch())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(left.is_empty(), "{left:?} are left behind");
    }
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

/// Waits for the end of a run, which is killed if it does not come.
#[track_caller]
pub(crate) fn ended(mut child: Child) -> Ran {
    let end = soon(|| child.try_wait().unwrap());
    if end.is_none() {
        child.kill().unwrap();
    }
    let ran: Ran = child.wait_with_output().unwrap().into();
    assert!(end.is_some(), "the run does not end: {}", ran.stderr);
    ran
}

pub(crate) fn signal(process: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(process).unwrap()).unwrap(), signal).unwrap();
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stderr, self.stdout);
    }
}

/// The binary under test.
pub(crate) fn haul() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_haul"));
    command.stdin(Stdio::null());
    command
}

/// A run whose progress was read up to some line.
pub(crate) struct Said {
    pub(crate) child: Child,
    stderr: BufReader<ChildStderr>,
}

/// Reads a run's progress until a line is as it should be.
pub(crate) fn said(mut child: Child, is_meant: impl Fn(&str) -> bool) -> Said {
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !is_meant(&line) {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "the run has ended");
    }
    Said { child, stderr }
}

impl Said {
    pub(crate) fn ended(mut self) -> Ran {
        let mut ran = ended(self.child);
        self.stderr.read_to_string(&mut ran.stderr).unwrap();
        ran
    }
}

/// The fields of a line of comma-separated values. Quotes within a field are none of our tables'.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            letter => fields.last_mut().unwrap().push(letter),
        }
    }
    fields
}

/// How often each class of failures, or `ok`, is among a trial's samples.
pub(crate) fn outcomes(trial: &Value) -> Vec<String> {
    let outcome = |sample: &Value| match &sample["outcome"] {
        Value::String(ok) => ok.clone(),
        failed => failed["failed"]["class"].as_str().unwrap().to_owned(),
    };
    let mut outcomes: Vec<String> = trial["samples"].as_array().unwrap().iter().map(outcome).collect();
    outcomes.sort();
    outcomes
}

/// The direct children of a process whose command line holds a word.
pub(crate) fn children(parent: u32, word: &str) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{parent}/task"))
        .into_iter()
        .flatten()
        .flatten();
    let listed = tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
    let all: Vec<u32> = listed.flat_map(|list| numbers(&list)).collect();
    let is_meant = |process: &u32| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())
    };
    all.into_iter().filter(is_meant).collect()
}

fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect()
}
