//! Our own client against our own server, as a person would use both.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use crate::served::{Served, files, haul, temporary};
use crate::{content, expect_soon, under_every_pool};

under_every_pool! {
    a_tree_survives_the_way_there_and_back
    a_tree_survives_the_way_there_and_back_in_the_classic_dialect
    single_files_go_where_they_are_told
    exit_codes_say_how_it_ended
    no_clobber_keeps_what_is_there
    an_interrupted_download_goes_on_where_it_stopped
    a_download_ended_by_ctrl_c_goes_on_where_it_stopped
    an_upload_ended_by_ctrl_c_leaves_what_was_there
    stats_are_shown_as_a_table_and_as_json
}

/// Runs a client command in a folder.
pub(crate) fn run(served: &Served, here: &Path, words: &[&str]) -> Output {
    run_with(&served.address().to_string(), here, words, b"")
}

pub(crate) fn run_with(server: &str, here: &Path, words: &[&str], input: &[u8]) -> Output {
    let mut command = haul();
    command
        .args(words)
        .arg("--server")
        .arg(format!("haul://{server}"))
        .current_dir(here);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may be gone already.
    child.stdin.take().unwrap().write_all(input).ok();
    child.wait_with_output().unwrap()
}

/// Starts a client command and leaves it running. Ctrl-C ends it also where this test runs in the background of a shell,
/// which has everything there ignore it.
fn start(server: &str, here: &Path, words: &[&str]) -> Child {
    let mut command = Command::new("env");
    command
        .arg("--default-signal=INT")
        .arg(haul().get_program())
        .args(words)
        .arg("--server")
        .arg(format!("haul://{server}"))
        .current_dir(here)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Ctrl-C, and the end that it brings.
pub(crate) fn interrupt(child: &mut Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
    let status = expect_soon("the command ends", || child.try_wait().unwrap());
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
}

pub(crate) fn expect_exit(output: &Output, code: i32) -> String {
    let (out, error) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(code), "{out}{error}");
    assert_eq!(
        error.lines().all(is_no_failure),
        code == 0,
        "standard error speaks of a failure exactly when there was one: {error}"
    );
    out.into_owned()
}

/// A last line that counts, or a notice.
fn is_no_failure(line: &str) -> bool {
    (line.contains(" done") && !line.contains("failed")) || line.contains(": not verified")
}

/// A tree of odd names and sizes.
fn tree(under: &Path) -> BTreeMap<String, String> {
    let names = [
        "empty",
        "one byte",
        "sub/deep/er/file.bin",
        "sub/.hidden",
        ".hidden",
        "žluťoučký 文件 🦀.txt",
        "quotes\"'`",
        "100%",
        "a%20b",
        "-dash",
        "#hash?query&x=y",
        "back\\slash",
        "trailing space ",
        " leading",
        "sub dir/x y/z",
        "a+b",
    ];
    for (number, name) in names.iter().enumerate() {
        let path = under.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let length = [0, 1, 5_000_001, 262_144][number.min(2) + usize::from(number > 8)];
        fs::write(path, content(name, if *name == "empty" { 0 } else { length })).unwrap();
    }
    for number in 0..100 {
        fs::write(under.join(format!("sub/small {number}")), number.to_string()).unwrap();
    }
    files(under)
}

fn round_trip(pool: &str, dialect: &str) {
    let served = Served::writable(pool);
    let here = temporary();
    let (from, to) = (here.path().join("tree"), here.path().join("back"));
    fs::create_dir_all(&to).unwrap();
    let sent = tree(&from);
    expect_exit(&run(&served, here.path(), &["put", "-r", "tree"]), 0);
    assert_eq!(files(&served.root().join("tree")), sent);
    let listed = expect_exit(&run(&served, here.path(), &["ls", "-a", "-r", "--json"]), 0);
    for name in sent.keys() {
        let written = serde_json::to_string(&format!("tree/{name}")).unwrap();
        assert!(
            listed.contains(&written) || listed.contains(written.trim_matches('"')),
            "{written}: {listed}"
        );
    }
    expect_exit(
        &run(&served, &to, &["get", "-r", "tree", "--dialect", dialect]),
        0,
    );
    assert_eq!(files(&to.join("tree")), sent);
    assert_eq!(files(&to).len(), sent.len() + 1, "no part file is left behind");
}

fn a_tree_survives_the_way_there_and_back(pool: &str) {
    round_trip(pool, "auto");
}

fn a_tree_survives_the_way_there_and_back_in_the_classic_dialect(pool: &str) {
    let served = Served::writable(pool);
    let here = temporary();
    let to = here.path().join("back");
    fs::create_dir_all(&to).unwrap();
    let names = ["empty", "with space", "žluťoučký 文件 🦀", "quotes'\"", "100%"];
    for name in names {
        fs::write(
            here.path().join(name),
            content(name, name.len().saturating_sub(5) * 100_000),
        )
        .unwrap();
    }
    let classic = ["--dialect", "classic"];
    expect_exit(
        &run(&served, here.path(), &[&["put"], &names[..], &classic].concat()),
        0,
    );
    expect_exit(&run(&served, &to, &[&["get"], &names[..], &classic].concat()), 0);
    for name in names {
        assert!(
            served.read(name) == content(name, name.len().saturating_sub(5) * 100_000),
            "{name}"
        );
        assert!(fs::read(to.join(name)).unwrap() == served.read(name), "{name}");
    }
    let listed = expect_exit(&run(&served, &to, &[&["ls"], &classic[..]].concat()), 0);
    assert_eq!(listed.lines().count(), names.len(), "{listed}");
    expect_exit(&run(&served, &to, &[&["rm"], &names[..], &classic].concat()), 0);
    assert!(served.files().is_empty());
}

fn single_files_go_where_they_are_told(pool: &str) {
    let served = Served::writable(pool);
    let here = temporary();
    let bytes = content("single", 2_000_003);
    fs::write(here.path().join("file"), &bytes).unwrap();
    expect_exit(
        &run(&served, here.path(), &["put", "file", "--to", "sub/other name"]),
        0,
    );
    assert!(served.read("sub/other name") == bytes);
    let address = served.address().to_string();
    let output = run_with(&address, here.path(), &["put", "-", "--to", "from input"], &bytes);
    expect_exit(&output, 0);
    assert!(served.read("from input") == bytes);
    let output = run(&served, here.path(), &["get", "from input", "-o", "-"]);
    assert!(
        output.status.success() && output.stdout == bytes,
        "standard output is the content and nothing else"
    );
    expect_exit(
        &run(&served, here.path(), &["get", "sub/other name", "-o", "copy"]),
        0,
    );
    assert!(fs::read(here.path().join("copy")).unwrap() == bytes);
    expect_exit(
        &run(&served, here.path(), &["get", "from input", "-o", "/dev/null"]),
        0,
    );
    let url = format!("haul://{address}/sub/other%20name");
    expect_exit(&run(&served, here.path(), &["get", &url]), 0);
    assert!(fs::read(here.path().join("other name")).unwrap() == bytes);
    let stat = expect_exit(
        &run(
            &served,
            here.path(),
            &["stat", "from input", "--digest", "--json"],
        ),
        0,
    );
    assert!(stat.contains(&crate::hex_digest(&bytes)), "{stat}");
    expect_exit(
        &run(&served, here.path(), &["rm", "from input", "sub/other name"]),
        0,
    );
    assert!(!served.path("from input").exists());
}

fn exit_codes_say_how_it_ended(pool: &str) {
    let served = Served::with(pool, &[]);
    served.place("there", "1");
    let here = temporary();
    fs::write(here.path().join("file"), "x").unwrap();
    expect_exit(&run(&served, here.path(), &["get", "there"]), 0);
    expect_exit(&run(&served, here.path(), &["put", "file"]), 1);
    expect_exit(&run(&served, here.path(), &["put", "no such file"]), 1);
    expect_exit(&run(&served, here.path(), &["rm", "there"]), 1);
    expect_exit(&run(&served, here.path(), &["get"]), 2);
    expect_exit(&run(&served, here.path(), &["get", "nothing"]), 4);
    expect_exit(&run(&served, here.path(), &["stat", "nothing"]), 4);
    assert!(!here.path().join("nothing").exists());
    assert!(served.path("there").exists());
    // A port that was free a moment ago.
    let nobody = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    expect_exit(
        &run_with(&nobody, here.path(), &["get", "there", "--retries", "0"], b""),
        3,
    );
    expect_exit(&run_with(&nobody, here.path(), &["ls", "--retries", "1"], b""), 3);
}

fn no_clobber_keeps_what_is_there(pool: &str) {
    let served = Served::writable(pool);
    served.place("file", "theirs");
    let here = temporary();
    fs::write(here.path().join("file"), "ours").unwrap();
    expect_exit(&run(&served, here.path(), &["put", "--no-clobber", "file"]), 1);
    expect_exit(&run(&served, here.path(), &["get", "--no-clobber", "file"]), 1);
    assert_eq!(served.read("file"), b"theirs");
    assert_eq!(fs::read(here.path().join("file")).unwrap(), b"ours");
}

/// Stands between client and server, and cuts the first connection that asks for content after so many bytes of it.
/// Returns its address and, at the end, what each connection asked.
fn cutting_proxy(served: &Served, after: usize) -> (String, thread::JoinHandle<Vec<String>>) {
    cutting_proxy_that(served, after, || ())
}

/// The same, and does something before it cuts, when nothing moves any more.
fn cutting_proxy_that(
    served: &Served,
    after: usize,
    before_it_cuts: impl FnOnce() + Send + 'static,
) -> (String, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = served.address();
    let proxy = thread::spawn(move || {
        let mut asked = Vec::new();
        let mut cut = Some(before_it_cuts);
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut upstream = TcpStream::connect(server).unwrap();
            let (mut from_client, mut to_server) =
                (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            let requests = thread::spawn(move || {
                let mut all = Vec::new();
                let mut piece = [0; 4096];
                while let Ok(received @ 1..) = from_client.read(&mut piece) {
                    all.extend_from_slice(&piece[..received]);
                    to_server.write_all(&piece[..received]).ok();
                }
                to_server.shutdown(Shutdown::Write).ok();
                String::from_utf8_lossy(&all).into_owned()
            });
            let mut passed = 0;
            let mut piece = [0; 65_536];
            while let Ok(received @ 1..) = upstream.read(&mut piece) {
                passed += received;
                if client.write_all(&piece[..received]).is_err() {
                    break;
                }
                if passed > after
                    && let Some(before_it_cuts) = cut.take()
                {
                    before_it_cuts();
                    break;
                }
            }
            client.shutdown(Shutdown::Both).ok();
            upstream.shutdown(Shutdown::Both).ok();
            let request = requests.join().unwrap();
            let is_last = request.contains("STOP");
            asked.push(request);
            if is_last {
                break;
            }
        }
        asked
    });
    (address, proxy)
}

/// Ends a cutting proxy; what it was asked.
fn stop(proxy: &str, proxying: thread::JoinHandle<Vec<String>>) -> Vec<String> {
    TcpStream::connect(proxy).unwrap().write_all(b"STOP\r\n").unwrap();
    proxying.join().unwrap()
}

fn an_interrupted_download_goes_on_where_it_stopped(pool: &str) {
    let served = Served::with(pool, &[]);
    let bytes = content("resumed", 8_000_000);
    served.place("big", &bytes);
    let here = temporary();
    let (proxy, proxying) = cutting_proxy(&served, 3_000_000);
    // The first run is interrupted, the second goes on.
    let flags = ["get", "big", "--retries", "0", "--json"];
    let first = run_with(&proxy, here.path(), &flags, b"");
    let record: serde_json::Value = serde_json::from_str(&expect_exit(&first, 1)).unwrap();
    let part = fs::metadata(here.path().join(".big.haul-part")).unwrap().len();
    assert_eq!(record["bytes"], part, "what is kept for the next run: {record}");
    assert!(
        !here.path().join("big").exists(),
        "what is not whole does not take the name"
    );
    expect_exit(&run_with(&proxy, here.path(), &["get", "big"], b""), 0);
    assert!(fs::read(here.path().join("big")).unwrap() == bytes);
    assert_eq!(
        fs::read_dir(here.path()).unwrap().count(),
        1,
        "no part file is left behind"
    );
    let asked = stop(&proxy, proxying);
    let reads: Vec<&str> = asked
        .iter()
        .flat_map(|requests| requests.lines())
        .filter(|line| line.starts_with("READ"))
        .collect();
    assert_eq!(reads.len(), 2, "{asked:?}");
    let offset: usize = reads[1].split(' ').nth(2).expect("an offset").parse().unwrap();
    assert!(offset > 0 && offset <= 3_100_000, "{reads:?}");
    // Interrupted within one run: tried again by itself.
    let (proxy, proxying) = cutting_proxy(&served, 5_000_000);
    let output = run_with(
        &proxy,
        here.path(),
        &["get", "big", "-o", "again", "--retries", "3"],
        b"",
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(fs::read(here.path().join("again")).unwrap() == bytes);
    stop(&proxy, proxying);
}

fn a_download_ended_by_ctrl_c_goes_on_where_it_stopped(pool: &str) {
    let served = Served::with(pool, &[]);
    let bytes = content("resumed", 8_000_000);
    served.place("big", &bytes);
    let here = temporary();
    let (came, comes) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let (proxy, proxying) = cutting_proxy_that(&served, 3_000_000, move || {
        came.send(()).unwrap();
        goes.recv().unwrap();
    });
    let mut child = start(&proxy, here.path(), &["get", "big", "-o", "big"]);
    comes.recv().unwrap();
    let part = here.path().join(".big.haul-part");
    expect_soon("some of it has been kept", || {
        fs::metadata(&part).ok().filter(|part| part.len() > 0)
    });
    interrupt(&mut child);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(
        said.contains("are kept: run the same command again to continue"),
        "{said}"
    );
    assert!(
        !here.path().join("big").exists(),
        "what is not whole does not take the name"
    );
    go.send(()).unwrap();
    expect_exit(&run_with(&proxy, here.path(), &["get", "big"], b""), 0);
    assert!(fs::read(here.path().join("big")).unwrap() == bytes);
    assert_eq!(
        fs::read_dir(here.path()).unwrap().count(),
        1,
        "no part file is left behind"
    );
    let offsets: Vec<usize> = stop(&proxy, proxying)
        .iter()
        .flat_map(|requests| requests.lines())
        .filter(|line| line.starts_with("READ"))
        .map(|line| line.split(' ').nth(2).map_or(0, |offset| offset.parse().unwrap()))
        .collect();
    assert_eq!(offsets.len(), 2, "{offsets:?}");
    assert!(offsets[1] > 0, "{offsets:?}");
}

fn an_upload_ended_by_ctrl_c_leaves_what_was_there(pool: &str) {
    let served = Served::writable(pool);
    served.place("big", "before");
    let before = served.quiet_state();
    let here = temporary();
    fs::write(here.path().join("big"), content("upload", 8_000_000)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap().to_string();
    let mut child = start(&proxy, here.path(), &["put", "big"]);
    let mut client = listener.accept().unwrap().0;
    let mut upstream = TcpStream::connect(served.address()).unwrap();
    let (mut to_client, mut from_server) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
    let replies = thread::spawn(move || io::copy(&mut from_server, &mut to_client));
    let passed = io::copy(&mut (&client).take(3_000_000), &mut upstream).unwrap();
    assert_eq!(passed, 3_000_000);
    interrupt(&mut child);
    let rest = io::copy(&mut client, &mut upstream).unwrap_or_default();
    assert!(rest < 5_000_000, "it was interrupted in the middle");
    upstream.shutdown(Shutdown::Write).unwrap();
    replies.join().unwrap().ok();
    served.expect_again(&before);
    assert_eq!(served.read("big"), b"before");
}

fn stats_are_shown_as_a_table_and_as_json(pool: &str) {
    let served = Served::with(pool, &[]);
    served.place("a", "A");
    let here = temporary();
    expect_exit(&run(&served, here.path(), &["get", "a"]), 0);
    let totals = expect_exit(&run(&served, here.path(), &["stats"]), 0);
    assert!(
        totals.contains("requests ") && !totals.contains("verb"),
        "{totals}"
    );
    let address = served.address().to_string();
    let table = expect_exit(&run(&served, here.path(), &["stats", "-v", &address]), 0);
    assert!(table.contains("worker") && table.contains("read"), "{table}");
    assert!(table.lines().all(|line| line.len() <= 80), "{table}");
    let json = expect_exit(&run(&served, here.path(), &["stats", "--json"]), 0);
    let stats: serde_json::Value = serde_json::from_str(&json).unwrap();
    let sums = crate::supervision::Sums::of(&stats);
    assert_eq!((sums.verb("read"), sums.bytes_out), ((1, 0), 1));
}
