//! Servers that do not start, lie, refuse, or die in the middle.

use std::fs;

use crate::mock::Mock;
use crate::ran::{Place, outcomes, ran};

const ONE: &str = "--repeats 1 --volumes 1KiB --clients 2 --workers 1 --client-pools threads";

/// A server of the family in a few lines; `{twist}` is what it does with a name, some content and its store of objects.
const LIAR: &str = r#"
import base64, json, os, socketserver, sys

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        words = self.rfile.readline().decode().split()
        verb, name = words[0], (words + [""])[1]
        path = os.path.join(sys.argv[2], name)
        reply = {"status": "ERROR", "data": "no"}
        if verb == "GET":
            content = open(path, "rb").read()
            TWIST
            reply = {"status": "OK", "data_namafile": name, "data_file": base64.b64encode(content).decode()}
        elif verb == "UPLOAD":
            content = base64.b64decode(words[2])
            TWIST
            open(path, "wb").write(content)
            reply = {"status": "OK", "data": "stored"}
        self.wfile.write(json.dumps(reply).encode() + b"\r\n\r\n")

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

fn liar(place: &Place, twist: &str) -> String {
    let script = place.file("liar.py");
    fs::write(&script, LIAR.replace("TWIST", twist)).unwrap();
    format!("python3 {} {{port}} {{root}}", script.display())
}

#[test]
fn a_server_that_does_not_start_is_refused_with_what_it_said() {
    for (command, said) in [
        ("/no/such/server {port}", "/no/such/server"),
        ("sh -c 'echo out of luck >&2; exit 7' {port}", "out of luck"),
        ("sleep 1000 {port}", "never listened"),
    ] {
        let place = Place::new();
        let mut bench = place.bench(ONE);
        bench.args(["--server-command", command]);
        // The others end of their own accord.
        if said == "never listened" {
            bench.args(["--start-timeout", "1s"]);
        }
        let ran = ran(&mut bench);
        ran.expect_code(5);
        assert!(ran.stderr.contains(said), "{command}: {}", ran.stderr);
        assert!(!place.out().exists(), "{command}");
        place.assert_clean();
    }
}

#[test]
fn wrong_bytes_of_the_right_length_are_corrupt_in_both_directions() {
    let place = Place::new();
    let command = liar(&place, "content = content[:-1] + bytes([content[-1] ^ 1])");
    let ran = ran(place.bench(ONE).args(["--server-command", &command]));
    ran.expect_code(3);
    let trials = place.trials();
    assert_eq!(trials.len(), 2);
    for trial in &trials {
        assert_eq!(outcomes(trial), ["corrupt", "corrupt"], "{trial}");
        assert!(
            trial["samples"]
                .as_array()
                .unwrap()
                .iter()
                .all(|sample| sample["verified"] == false)
        );
    }
}

#[test]
fn content_that_is_too_short_is_short() {
    let place = Place::new();
    let command = liar(&place, "content = content[:-1]");
    ran(place.bench(ONE).args(["--server-command", &command])).expect_code(1);
    for trial in place.trials() {
        assert_eq!(outcomes(&trial), ["short", "short"], "{trial}");
    }
}

#[test]
fn a_server_that_dies_in_the_middle_fails_its_cell_and_the_run_goes_on() {
    let place = Place::new();
    let command = liar(&place, "if verb == 'UPLOAD' and '-upload-' in name: os._exit(9)");
    let ran = ran(place.bench(ONE).args(["--server-command", &command]));
    let trials = place.trials();
    assert_eq!(trials.len(), 2, "{}", ran.stderr);
    for trial in trials {
        match trial["cell"]["operation"].as_str() {
            Some("download") => assert_eq!(outcomes(&trial), ["ok", "ok"]),
            _ => {
                assert!(outcomes(&trial).contains(&"worker-killed".to_owned()), "{trial}");
                assert_eq!(trial["faults"][0]["kind"], "server-died");
            }
        }
    }
    assert_ne!(ran.code, Some(0));
    place.assert_clean();
}

#[test]
fn refusals_are_counted_by_their_class_and_code_and_nothing_is_left_on_the_server() {
    for (code, class) in [("no-space", "no-space"), ("forbidden", "rejected")] {
        let place = Place::new();
        let mock = Mock::refusing_uploads(code);
        ran(&mut place.bench(&format!("{ONE} {}", mock.flags()).replace("--workers 1", ""))).expect_code(1);
        for trial in place.trials() {
            match trial["cell"]["operation"].as_str() {
                Some("download") => assert_eq!(outcomes(&trial), ["ok", "ok"]),
                _ => {
                    assert_eq!(outcomes(&trial), [class, class]);
                    assert_eq!(trial["samples"][0]["outcome"]["failed"]["code"], code);
                }
            }
        }
        assert_eq!(mock.objects(), 0);
    }
}

#[test]
fn a_server_that_keeps_its_objects_elsewhere_is_left_as_it_was_found() {
    let place = Place::new();
    let kept = place.file("kept");
    fs::create_dir(&kept).unwrap();
    fs::write(kept.join("mine"), "mine").unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/plain_server.py");
    let command = format!("python3 {script} --port {{port}} --root {}", kept.display());
    ran(place.bench(ONE).args(["--server-command", &command])).expect_code(0);
    let left: Vec<_> = fs::read_dir(&kept)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["mine"]);
    place.assert_clean();
}
