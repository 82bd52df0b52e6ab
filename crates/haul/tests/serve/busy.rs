//! Our own client and a server whose one worker is busy: every command waits in line, says so, and succeeds.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Stdio};

use crate::served::{Served, haul, temporary};
use crate::{content, hex_digest};

#[test]
fn a_busy_server_is_waited_for_by_every_command() {
    let served = Served::with("threads:1", &["-w"]);
    let here = temporary();
    let sent = content("sent", 100_000);
    fs::write(here.path().join("sent"), &sent).unwrap();
    let put = |name: &str| start(&served, here.path(), &["put", "sent", "--to", name]).0;
    assert!(put("folder/a").wait_with_output().unwrap().status.success());

    // The worker is in the middle of an upload.
    let mut busy = served.talk();
    busy.send("WRITE busy 6\r\nabc");
    busy.expect_taken();
    let commands: [&[&str]; 5] = [
        &["ls", "folder"],
        &["stat", "folder/a", "--digest"],
        &["get", "folder/a", "--json"],
        &["get", "-r", "folder"],
        &["put", "sent", "--to", "b", "--json"],
    ];
    // All at once: a peer that is slow for as long as it took one after another is not waited for.
    let started: Vec<_> = commands
        .iter()
        .map(|words| (words, start(&served, here.path(), words)))
        .collect();
    let waiting: Vec<_> = started
        .into_iter()
        .map(|(words, (child, stderr))| {
            expect_line(stderr, "waiting for the server");
            (words, child)
        })
        .collect();
    busy.send(format!("def{}\r\n", hex_digest(b"abcdef")));
    assert_eq!(busy.reply()["status"], "OK");
    for (words, child) in waiting {
        let output = child.wait_with_output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{words:?}: {out}");
        assert!(
            !words.contains(&"--json") || out.contains(r#""verified":true"#),
            "{words:?}: {out}"
        );
    }
    for name in ["a", "folder/a"] {
        assert!(fs::read(here.path().join(name)).unwrap() == sent, "{name}");
    }
    assert!(served.read("b") == sent);
}

fn start(served: &Served, here: &std::path::Path, words: &[&str]) -> (Child, ChildStderr) {
    let mut child = haul()
        .args(words)
        .arg("--server")
        .arg(format!("haul://{}", served.address()))
        .current_dir(here)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stderr = child.stderr.take().unwrap();
    (child, stderr)
}

/// Reads what a command says until it says this. The rest is read in the background, so that it can go on.
fn expect_line(stderr: ChildStderr, part: &str) {
    let mut stderr = BufReader::new(stderr);
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        assert!(
            stderr.read_line(&mut line).unwrap() > 0,
            "the command never said {part}"
        );
    }
    std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
}
