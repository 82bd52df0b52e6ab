//! What our own client says of what it did and did not do: nothing that was asked of it is left out of the account.

use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::commands::{expect_exit, run, run_with};
use crate::served::{Served, haul, temporary};

const POOL: &str = "threads:4";

fn write(folder: &Path, name: &str, content: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn set_time(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let file = File::options().write(true).open(path).unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
}

fn records(output: &str) -> Vec<Value> {
    output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The last record, which counts: done, skipped, failed, not tried.
fn counts(output: &str) -> [u64; 4] {
    let summary = records(output).pop().unwrap();
    assert_eq!(summary["summary"], true, "{summary}");
    ["done", "skipped", "failed", "not_tried"].map(|key| summary[key].as_u64().unwrap())
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn of_two_files_with_one_name_only_the_first_is_sent_and_the_other_is_named() {
    let served = Served::writable(POOL);
    let here = temporary();
    for name in ["x/n", "y/n", "p1/s/n", "p2/s/n"] {
        write(here.path(), name, name);
    }
    for _ in 0..3 {
        let output = run(&served, here.path(), &["put", "x/n", "y/n"]);
        expect_exit(&output, 1);
        assert!(
            said(&output).contains("put y/n: another operand has the same name"),
            "{}",
            said(&output)
        );
        assert_eq!(served.read("n"), b"x/n");
    }
    expect_exit(&run(&served, here.path(), &["put", "-r", "p1/s", "p2/s"]), 1);
    assert_eq!(served.read("s/n"), b"p1/s/n");
    // The same the other way round.
    served.place("a/n", "a");
    served.place("b/n", "b");
    expect_exit(
        &run(&served, here.path(), &["get", "-r", "a/", "b/", "-o", "back"]),
        1,
    );
    assert_eq!(fs::read(here.path().join("back/n")).unwrap(), b"a");
}

#[test]
fn everything_that_was_not_tried_is_named_after_a_lost_connection() {
    let here = temporary();
    for number in 0..41 {
        write(here.path(), &format!("tree/{number}"), "x");
    }
    // A port that was free a moment ago.
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let words = ["put", "-r", "tree", "-j", "1", "--retries", "0"];
    let output = run_with(&nobody, here.path(), &words, b"");
    expect_exit(&output, 3);
    let line = said(&output);
    assert!(
        line.contains("put: 0 done, 1 failed, 40 not tried; 0 B in "),
        "{line}"
    );
    let output = run_with(&nobody, here.path(), &[&words[..], &["--json"]].concat(), b"");
    let out = expect_exit(&output, 3);
    assert_eq!(counts(&out), [0, 0, 1, 40]);
    let mut names: Vec<_> = records(&out)
        .iter()
        .filter(|record| record["outcome"] == "not-tried" || record["outcome"] == "failed")
        .map(|record| record["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 41);
    let names: Vec<String> = (0..5).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for verb in ["get", "rm"] {
        let words = [&[verb], &names[..], &["--json", "--retries", "0"]].concat();
        let out = expect_exit(&run_with(&nobody, here.path(), &words, b""), 3);
        let [done, skipped, failed, not_tried] = counts(&out);
        assert_eq!((done, skipped, failed + not_tried), (0, 0, 5), "{verb}");
    }
}

#[test]
fn folders_are_removed_with_what_is_in_them_and_only_when_that_is_asked() {
    let served = Served::writable(POOL);
    let here = temporary();
    for name in ["photos/a", "photos/deep/er/b", "photos/.hidden", "other"] {
        served.place(name, name);
    }
    let refused = run(&served, here.path(), &["rm", "photos"]);
    expect_exit(&refused, 1);
    assert!(said(&refused).contains("add -r"), "{}", said(&refused));
    assert!(served.path("photos/a").exists());
    for top in [".", "./", "/"] {
        expect_exit(&run(&served, here.path(), &["rm", "-r", top]), 2);
    }
    let output = run(&served, here.path(), &["rm", "-r", "photos", "--json"]);
    let out = expect_exit(&output, 0);
    assert_eq!(counts(&out), [6, 0, 0, 0], "three files and three folders: {out}");
    assert_eq!(served.files().into_keys().collect::<Vec<_>>(), ["other"]);
    expect_exit(&run(&served, here.path(), &["rm", "-r", "other"]), 0);
    expect_exit(&run(&served, here.path(), &["rm", "-r", "other"]), 4);
}

#[test]
fn an_interrupted_tree_is_continued_without_moving_what_is_there() {
    let served = Served::writable(POOL);
    let here = temporary();
    for number in 0..5 {
        write(
            here.path(),
            &format!("tree/{number}"),
            &format!("content {number}"),
        );
    }
    let put = |flags: &[&str]| {
        let words = [&["put", "-r", "tree", "--json"], flags].concat();
        counts(&expect_exit(&run(&served, here.path(), &words), 0))
    };
    expect_exit(
        &run(
            &served,
            here.path(),
            &["put", "tree/0", "tree/1", "--to", "tree/"],
        ),
        0,
    );
    assert_eq!(put(&["--update"]), [3, 2, 0, 0]);
    assert_eq!(put(&["--update"]), [0, 5, 0, 0]);
    // Another time alone is no change where the digests are the same; another content of the same size is one.
    set_time(&here.path().join("tree/1"), 1_000_000_000);
    write(here.path(), "tree/2", "CONTENT 2");
    assert_eq!(put(&["--update"]), [1, 4, 0, 0]);
    assert_eq!(served.read("tree/2"), b"CONTENT 2");
    // The same size and time, and still another content: only the digest tells.
    let time = fs::metadata(here.path().join("tree/3"))
        .unwrap()
        .modified()
        .unwrap();
    write(here.path(), "tree/3", "CONTENT 3");
    let file = File::options()
        .write(true)
        .open(here.path().join("tree/3"))
        .unwrap();
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
    assert_eq!(put(&["--update"]), [0, 5, 0, 0]);
    assert_eq!(put(&["--checksum"]), [1, 4, 0, 0]);
    write(here.path(), "tree/4", "something else");
    assert_eq!(put(&["--skip-existing"]), [0, 5, 0, 0]);
    assert_eq!(served.read("tree/4"), b"content 4");

    let get = |flags: &[&str]| {
        let words = [&["get", "-r", "tree", "-o", "back", "--json"], flags].concat();
        counts(&expect_exit(&run(&served, here.path(), &words), 0))
    };
    expect_exit(
        &run(&served, here.path(), &["get", "tree/0", "-o", "back/tree/"]),
        0,
    );
    assert_eq!(get(&["--update"]), [4, 1, 0, 0]);
    assert_eq!(get(&["--update"]), [0, 5, 0, 0]);
    write(here.path(), "back/tree/0", "CONTENT 0");
    assert_eq!(get(&["--skip-existing"]), [0, 5, 0, 0]);
    assert_eq!(get(&["--checksum"]), [1, 4, 0, 0]);
    assert_eq!(fs::read(here.path().join("back/tree/0")).unwrap(), b"content 0");
}

#[test]
fn times_are_kept_both_ways_and_permissions_where_that_is_asked() {
    let served = Served::writable(POOL);
    let here = temporary();
    write(here.path(), "program", "#!/bin/sh");
    let program = here.path().join("program");
    fs::set_permissions(&program, Permissions::from_mode(0o750)).unwrap();
    set_time(&program, 1_234_567_890);
    let facts = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        (
            metadata.modified().unwrap(),
            metadata.permissions().mode() & 0o777,
        )
    };
    let kept = facts(&program);
    expect_exit(
        &run(&served, here.path(), &["put", "program", "--to", "plain"]),
        0,
    );
    assert_eq!(facts(&served.path("plain")).0, kept.0);
    assert_ne!(facts(&served.path("plain")).1, 0o750, "only -p keeps permissions");
    expect_exit(&run(&served, here.path(), &["put", "-p", "program"]), 0);
    assert_eq!(facts(&served.path("program")), kept);
    expect_exit(
        &run(&served, here.path(), &["get", "-p", "program", "-o", "back"]),
        0,
    );
    assert_eq!(facts(&here.path().join("back")), kept);
    expect_exit(&run(&served, here.path(), &["get", "program", "-o", "plain"]), 0);
    assert_eq!(facts(&here.path().join("plain")).0, kept.0);
}

#[test]
fn a_download_that_could_not_be_verified_says_so() {
    let served = Served::with(POOL, &[]);
    served.place("placed", "by other ways");
    served.place("second", "by other ways");
    let here = temporary();
    let output = run(&served, here.path(), &["get", "placed"]);
    expect_exit(&output, 0);
    let line = said(&output);
    assert!(
        line.contains("get placed: not verified: the server has no digest"),
        "{line}"
    );
    let several = run(&served, here.path(), &["get", "placed", "second"]);
    let line = said(&several);
    assert!(
        line.contains("; 2 not verified: the server has no digest"),
        "{line}"
    );
    let record = |flags: &[&str]| {
        let out = expect_exit(
            &run(
                &served,
                here.path(),
                &[&["get", "placed", "--json"], flags].concat(),
            ),
            0,
        );
        records(&out).pop().unwrap()
    };
    let plain = record(&[]);
    assert_eq!(
        (&plain["verified"], &plain["not_verified"]),
        (&false.into(), &"no-digest".into())
    );
    let unasked = record(&["--no-verify"]);
    assert_eq!(unasked["not_verified"], "not-asked");
    let verified = record(&["--verify"]);
    assert_eq!(
        (&verified["verified"], &verified["not_verified"]),
        (&true.into(), &Value::Null)
    );
    let output = run(&served, here.path(), &["get", "placed", "--verify"]);
    assert_eq!(said(&output), "", "what is verified needs no word");
}

#[test]
fn what_failed_is_a_record_too_with_its_local_file_and_its_code() {
    let served = Served::with(POOL, &[]);
    let here = temporary();
    write(here.path(), "file", "x");
    for (words, code, key, named, exit) in [
        (&["put", "nothere"][..], "local", "local", "nothere", 1),
        (&["put", "file"], "forbidden", "local", "file", 1),
        (&["get", "nothere"], "not-found", "name", "nothere", 4),
        (&["rm", "nothere"], "forbidden", "name", "nothere", 1),
        (&["stat", "nothere"], "not-found", "name", "nothere", 4),
        (&["ls", "nothere"], "not-found", "name", "nothere", 4),
    ] {
        let out = expect_exit(&run(&served, here.path(), &[words, &["--json"]].concat()), exit);
        let record = &records(&out)[0];
        let found = (&record["outcome"], &record["code"], &record[key]);
        assert_eq!(
            found,
            (&"failed".into(), &code.into(), &named.into()),
            "{words:?}: {record}"
        );
        assert!(
            record["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
    }
}

#[test]
fn several_objects_need_a_folder_to_go_to() {
    let served = Served::with(POOL, &[]);
    served.place("a", "A");
    served.place("b", "B");
    let here = temporary();
    let output = run(&served, here.path(), &["get", "a", "b", "-o", "single.txt"]);
    expect_exit(&output, 2);
    assert!(
        said(&output).contains("write -o single.txt/"),
        "{}",
        said(&output)
    );
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 0);
    expect_exit(&run(&served, here.path(), &["get", "a", "b", "-o", "both/"]), 0);
    assert_eq!(fs::read(here.path().join("both/b")).unwrap(), b"B");
    let output = run(&served, here.path(), &["cat", "a", "b"]);
    assert_eq!(output.stdout, b"AB");
}

#[test]
fn an_object_and_an_address_can_be_listed() {
    let served = Served::with(POOL, &[]);
    served.place("photos/a.txt", "A");
    let here = temporary();
    let listed = |words: &[&str]| expect_exit(&run(&served, here.path(), words), 0);
    assert_eq!(listed(&["ls", "photos/a.txt"]), "photos/a.txt\n");
    assert!(listed(&["ls", "-l", "photos/a.txt"]).starts_with("        1 B  2"));
    let address = served.address().to_string();
    let elsewhere = |words: &[&str]| {
        let words = [words, &["--server", "127.0.0.1:1"]].concat();
        let mut command = haul();
        let output = command.args(&words).output().unwrap();
        expect_exit(&output, 0)
    };
    assert_eq!(elsewhere(&["ls", &address]), "photos/\n");
    assert_eq!(elsewhere(&["ls", &format!("{address}/photos")]), "a.txt\n");
    // A folder has no size.
    let json = listed(&["ls", "-r", "--json"]);
    assert_eq!(
        (&records(&json)[0]["size"], &records(&json)[1]["size"]),
        (&Value::Null, &1.into())
    );
    // A tree that is fetched counts no request as failed.
    expect_exit(&run(&served, here.path(), &["get", "-r", "photos"]), 0);
    let stats = served.stats();
    let failed = |verb: &str| crate::supervision::Sums::of(&stats).verb(verb).1;
    assert_eq!(failed("stat"), 0, "{stats}");
}

#[test]
fn a_client_that_waits_in_line_says_so_and_is_served_in_the_end() {
    let served = Served::with(POOL, &[]);
    served.place("a", "A");
    let here = temporary();
    // Whoever connects here waits until the test lets the connection through, as before a pool that is full.
    let line = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut child = haul()
        .args([
            "get",
            "a",
            "--verify",
            "--server",
            &line.local_addr().unwrap().to_string(),
        ])
        .current_dir(here.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    stderr.read_line(&mut first).unwrap();
    assert_eq!(first, "haul: get a: waiting for the server…\n");
    let through = thread::spawn(move || {
        let mut client = line.accept().unwrap().0;
        let mut upstream = TcpStream::connect(served.address()).unwrap();
        let (mut to_client, mut from_server) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
        let replies = thread::spawn(move || io::copy(&mut from_server, &mut to_client).ok());
        io::copy(&mut client, &mut upstream).ok();
        upstream.shutdown(Shutdown::Write).ok();
        replies.join().unwrap();
        drop(served);
    });
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
    through.join().unwrap();
    assert_eq!(fs::read(here.path().join("a")).unwrap(), b"A");
}
