//! What haul says of itself: help, manual pages and completion scripts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::process::{Command, Output, Stdio};

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

#[test]
fn completions_exist_for_every_shell_without_the_internal_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = output(haul().args(["completions", shell]));
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && script.contains("max-upload") && script.contains("stats"),
            "{shell}"
        );
        assert!(
            !script.contains("client-worker") && !script.contains("started by a supervisor"),
            "{shell}"
        );
    }
}

/// What bash offers behind these words, the last of which is being typed.
fn bash_offers(words: &[&str]) -> Vec<String> {
    let script = String::from_utf8(output(haul().args(["completions", "bash"])).stdout).unwrap();
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let (last, previous) = (quoted.last().unwrap(), &quoted[quoted.len() - 2]);
    let asked = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _haul haul {last} {previous} 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len() - 1
    );
    let said = output(Command::new("bash").args(["--norc", "-c", &asked]));
    let said = String::from_utf8(said.stdout).unwrap();
    said.lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn completions_offer_what_can_stand_there() {
    if Command::new("bash").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("HAUL_TEST_NO_SKIP").is_none(),
            "there is no bash"
        );
        println!("skipped: there is no bash");
        return;
    }
    // Nothing is offered where an operand is due: bash completes files then.
    assert_eq!(bash_offers(&["haul", "put", ""]), [""; 0]);
    let offers = |words: &[&str], some: &str| {
        let offered = bash_offers(words);
        assert!(
            offered.iter().any(|offer| offer == some),
            "{words:?}: {offered:?}"
        );
    };
    offers(&["haul", ""], "put");
    offers(&["haul", "put", "-"], "--recursive");
    offers(&["haul", "man", ""], "get");
    offers(&["haul", "completions", ""], "zsh");
    offers(&["haul", "serve", "--pool", ""], "threads:50");
    offers(&["haul", "bench", "--operations", ""], "upload");
    offers(&["haul", "get", "--dialect", "c"], "classic");
    assert!(!bash_offers(&["haul", ""]).contains(&"worker".to_owned()));
}

const DOCUMENTED: [&str; 12] = [
    "serve",
    "ls",
    "get",
    "put",
    "rm",
    "stat",
    "stats",
    "bench",
    "report",
    "compare",
    "completions",
    "man",
];

#[test]
fn every_help_has_examples_and_exit_codes() {
    for command in DOCUMENTED {
        let help = String::from_utf8(output(haul().args([command, "--help"])).stdout).unwrap();
        for part in ["Usage: haul ", "Examples:\n", "Exit status:\n  0"] {
            assert!(help.contains(part), "{command}: {part}: {help}");
        }
    }
}

#[test]
fn the_manual_has_a_page_for_each_subcommand_and_hides_the_worker() {
    let whole = output(haul().arg("man"));
    let pages = String::from_utf8(whole.stdout).unwrap();
    assert!(whole.status.success());
    for name in DOCUMENTED {
        let start = format!(".TH haul-{name} 1");
        assert!(pages.lines().any(|line| line.starts_with(&start)), "{name}");
    }
    assert!(
        !pages.contains(".TH haul-worker"),
        "the manual tells of the worker"
    );
    let one = output(haul().args(["man", "serve"]));
    let page = String::from_utf8(one.stdout).unwrap();
    assert_eq!(page.matches(".TH ").count(), 1);
    let footer = format!("\"haul {}\"", env!("CARGO_PKG_VERSION"));
    for part in [
        &footer,
        "haul serve [OPTIONS] [ROOT]",
        ".SH EXAMPLES",
        ".SH \"EXIT STATUS\"",
        ".SH ENVIRONMENT",
        ".SH FILES",
        ".SH \"SEE ALSO\"",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains(".SH EXTRA"), "{page}");
    for unknown in ["fly", "worker"] {
        assert!(
            !output(haul().args(["man", unknown])).status.success(),
            "{unknown}"
        );
    }
}

#[test]
fn the_manual_can_be_written_as_files_that_man_finds() {
    let here = tempfile::tempdir().unwrap();
    let out = here.path().join("man1");
    let written = output(haul().arg("man").arg("--out").arg(&out));
    assert!(written.status.success() && written.stdout.is_empty());
    let mut names: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected: Vec<_> = DOCUMENTED.iter().map(|name| format!("haul-{name}.1")).collect();
    expected.push("haul.1".to_owned());
    expected.sort();
    assert_eq!(names, expected);
    let page = std::fs::read_to_string(out.join("haul-get.1")).unwrap();
    assert!(page.contains(".TH haul-get 1"), "{page}");
}
