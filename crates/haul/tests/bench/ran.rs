//! A run of the lab in a folder of its own, and what it leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

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
        let mut command = Command::new(env!("CARGO_BIN_EXE_haul"));
        command
            .arg("bench")
            .arg("--scratch")
            .arg(self.scratch())
            .args(flags.split_whitespace());
        command
            .current_dir(self.0.path())
            .stdin(Stdio::null())
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

    pub(crate) fn journal(&self) -> PathBuf {
        self.out().join("journal.jsonl")
    }

    /// Nothing is left in the scratch space.
    pub(crate) fn assert_clean(&self) {
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

pub(crate) fn ended(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
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
