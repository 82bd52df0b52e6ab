//! The rules of ARCHITECTURE.md that a compiler does not check: which crate may depend on which, where `unsafe` may
//! stand, and that the papers and the checks name the same test command.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What each crate may depend on of ours, in the program itself and (further) in its tests. A new crate is entered
/// here and in ARCHITECTURE.md.
const ARROWS: [(&str, &[&str], &[&str]); 10] = [
    ("haul-types", &[], &[]),
    ("haul-wire", &["haul-types"], &[]),
    ("haul-store", &["haul-types"], &[]),
    ("haul-client", &["haul-types", "haul-wire"], &[]),
    (
        "haul-server",
        &["haul-types", "haul-wire", "haul-store"],
        &["haul-client"],
    ),
    (
        "haul",
        &[
            "haul-types",
            "haul-client",
            "haul-server",
            "haul-lab",
            "haul-report",
            "haul-results",
        ],
        &["haul-wire"],
    ),
    ("haul-results", &["haul-types"], &[]),
    ("haul-lab", &["haul-types", "haul-client", "haul-results"], &[]),
    ("haul-chart", &["haul-types"], &[]),
    ("haul-report", &["haul-types", "haul-results", "haul-chart"], &[]),
];

/// Libraries that only some crates may use: for each, those crates.
const CONFINED: [(&str, &[&str]); 7] = [
    ("anyhow", &["haul"]),
    ("clap", &["haul"]),
    ("indicatif", &["haul"]),
    ("krilla", &["haul-report"]),
    ("rust_xlsxwriter", &["haul-report"]),
    ("tracing-subscriber", &["haul"]),
    (
        "rustix",
        &["haul-store", "haul-server", "haul-client", "haul-lab", "haul"],
    ),
];

/// The only files with `unsafe` code.
const UNSAFE_FILES: [&str; 2] = [
    "crates/server/src/ledger/memory.rs",
    "crates/server/src/listener/defer.rs",
];

fn root() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate is a folder of crates/");
    crates
        .parent()
        .expect("crates/ is a folder of the workspace")
        .to_owned()
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The packages of the workspace, as cargo describes them.
fn packages() -> Vec<Value> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs this test, so it can be run");
    assert!(
        metadata.status.success(),
        "{}",
        String::from_utf8_lossy(&metadata.stderr)
    );
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo metadata is JSON");
    metadata["packages"]
        .as_array()
        .expect("cargo metadata lists packages")
        .clone()
}

/// For each package its dependencies, those of its tests apart.
fn dependencies() -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let described = |package: &Value| {
        let (mut program, mut tests) = (BTreeSet::new(), BTreeSet::new());
        for dependency in package["dependencies"]
            .as_array()
            .expect("a package lists its dependencies")
        {
            let name = dependency["name"]
                .as_str()
                .expect("a dependency has a name")
                .to_owned();
            let of_tests = dependency["kind"].as_str() == Some("dev");
            if of_tests {
                tests.insert(name)
            } else {
                program.insert(name)
            };
        }
        (
            package["name"].as_str().expect("a package has a name").to_owned(),
            (program, tests),
        )
    };
    packages().iter().map(described).collect()
}

/// All Rust sources of the workspace, by their path from its root.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder can be read") {
            let path = entry.expect("a source folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("it was found beneath the root");
                let name = name.to_str().expect("our sources have plain names").to_owned();
                found.insert(name.clone(), text(&name));
            }
        }
    }
    found
}

/// Whether `word` stands alone on the line, outside a comment.
fn has_word(line: &str, word: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.split(|character: char| !character.is_alphanumeric() && character != '_')
        .any(|found| found == word)
}

#[test]
fn the_crates_depend_only_on_what_the_architecture_allows() {
    let dependencies = dependencies();
    let ours: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    for (name, (program, tests)) in &dependencies {
        let arrows = ARROWS.into_iter().find(|(drawn, ..)| drawn == name);
        let (_, may, tests_may) =
            arrows.unwrap_or_else(|| panic!("{name} is missing from the table of arrows"));
        for used in program
            .iter()
            .map(String::as_str)
            .filter(|used| ours.contains(used))
        {
            assert!(may.contains(&used), "{name} must not depend on {used}");
        }
        for used in tests
            .iter()
            .map(String::as_str)
            .filter(|used| ours.contains(used))
        {
            let allowed = may.contains(&used) || tests_may.contains(&used);
            assert!(allowed, "the tests of {name} must not depend on {used}");
        }
    }
}

#[test]
fn some_libraries_are_confined_to_some_crates() {
    for (name, (program, _)) in dependencies() {
        for (library, users) in CONFINED {
            assert!(
                !program.contains(library) || users.contains(&name.as_str()),
                "{name} must not use {library}"
            );
        }
    }
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    for package in packages() {
        let manifest = package["manifest_path"]
            .as_str()
            .expect("a package has a manifest");
        let manifest = std::fs::read_to_string(manifest).expect("cargo has just read it");
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} sets lints of its own",
            package["name"]
        );
    }
}

#[test]
fn unsafe_code_stands_only_in_named_files() {
    let mut found = BTreeSet::new();
    for (name, source) in sources() {
        if name == "crates/haul/tests/architecture.rs" {
            continue;
        }
        // A content security policy has a word of its own that begins so.
        let keyword_only = source.replace("'unsafe-inline'", "");
        let is_unsafe = keyword_only.lines().any(|line| has_word(line, "unsafe"));
        let is_allowed = source
            .lines()
            .any(|line| has_word(line, "unsafe_code") && has_word(line, "allow"));
        if is_unsafe || is_allowed {
            found.insert(name);
        }
    }
    let named: BTreeSet<String> = UNSAFE_FILES.iter().map(ToString::to_string).collect();
    let unnamed: Vec<_> = found.difference(&named).collect();
    assert!(
        unnamed.is_empty(),
        "{unnamed:?}: `unsafe` belongs to {named:?} only"
    );
    for name in &found {
        assert!(
            text(name).contains("SAFETY:"),
            "{name} does not say why it is sound"
        );
    }
}

#[test]
fn a_front_knows_no_store_no_socket_and_no_pool_and_only_the_service_calls_a_store() {
    let calls_stores = ["Store", "Reader", "Writer", "StoreSpec"];
    let beyond_fronts = [
        "TcpStream",
        "TcpListener",
        "Ledger",
        "Slot",
        "Pool",
        "PoolKind",
        "Permissions",
    ];
    for (name, source) in sources() {
        let Some(module) = name.strip_prefix("crates/server/src/") else {
            continue;
        };
        let is_front = module.starts_with("front");
        // These open the store and hand it on.
        let opens = ["config.rs", "context.rs", "pool.rs", "server.rs"].contains(&module);
        let may_call = opens || module.starts_with("service") || module.starts_with("tests");
        for (number, line) in source.lines().enumerate() {
            let line_has = |words: &[&str]| words.iter().any(|word| has_word(line, word));
            let is_forbidden =
                (!may_call && line_has(&calls_stores)) || (is_front && line_has(&beyond_fronts));
            assert!(!is_forbidden, "{name}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn only_the_command_line_prints_and_reads_arguments() {
    for (name, source) in sources() {
        let is_program = name.contains("/src/") && !name.starts_with("crates/haul/");
        if !is_program {
            continue;
        }
        for (number, line) in source.lines().enumerate() {
            let prints = has_word(line, "print_stdout") || has_word(line, "print_stderr");
            let reads = line.contains("env::args");
            assert!(!prints && !reads, "{name}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn the_readme_and_the_checks_run_the_same_tests() {
    let readme = text("README.md");
    let marked = readme
        .split_once("<!-- command: test -->")
        .expect("the README marks its test command")
        .1;
    let command = marked
        .lines()
        .find(|line| line.starts_with("cargo "))
        .expect("a marked command follows its mark");
    assert!(
        text(".ci/run").lines().any(|line| line == command),
        "`.ci/run` does not run `{command}`"
    );
}
