//! Scratch space that is too small, and scratch space that fills up.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use rustix::process::Signal;

use crate::expect_soon;
use crate::mount::Mount;
use crate::ran::{Place, children, ended, haul, outcomes, ran, signal};

/// Writes until there is no room for a single byte.
fn fill(path: &Path) {
    let mut filler = File::create(path).unwrap();
    for piece in [vec![0; 1 << 20], vec![0; 1]] {
        let error = loop {
            if let Err(error) = filler.write_all(&piece) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}

#[test]
fn too_little_scratch_space_is_refused_with_what_is_needed_what_there_is_and_what_helps() {
    let place = Place::new();
    let flags = "--volumes 900GiB --operations download --clients 1";
    let refused = ran(&mut place.bench(flags));
    refused.expect_code(2);
    let folder = place.scratch().display().to_string();
    // The object, that of the warm-up, and what stays free.
    let need = format!("the run needs {} MiB of scratch space", 900 * 1024 + 8 + 64);
    for part in [
        &need,
        &folder,
        " MiB; name a folder with more room with --scratch DIR",
        "--volumes",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    // Without a folder of its own choice it says where it looked.
    let mut bench = haul();
    bench
        .arg("bench")
        .args(flags.split(' '))
        .arg("--out")
        .arg(place.out());
    let refused = ran(bench.env("TMPDIR", place.scratch()));
    refused.expect_code(2);
    for part in [&need, &folder, "/var/tmp"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert!(!place.out().exists());
    place.assert_clean();
}

#[test]
fn scratch_space_that_fills_up_fails_uploads_with_no_space_and_the_run_goes_on() {
    let place = Place::new();
    // What the run needs, what stays free, and the file of the ceilings.
    let scratch = place.scratch();
    let Some(_mount) = Mount::tmpfs(&scratch, "size=72m") else {
        return;
    };
    let flags = "--repeats 20 --volumes 1MiB --clients 2 --workers 2 --pools threads --client-pools threads";
    let bench = place.bench(flags).spawn().unwrap();
    // Between two trials nothing is in flight that would make room again.
    expect_soon("the lab is between two trials", || {
        let journal = fs::read_to_string(place.journal()).unwrap_or_default();
        if !journal.contains("{\"trial\"") {
            return None;
        }
        signal(bench.id(), Signal::STOP);
        let is_between = children(bench.id(), "client-worker").is_empty() && place.uploads() == 0;
        if !is_between {
            signal(bench.id(), Signal::CONT);
        }
        is_between.then_some(())
    });
    let before = place.trials().len();
    fill(&scratch.join("filler"));
    signal(bench.id(), Signal::CONT);
    let ran = ended(bench);
    ran.expect_code(1);

    let trials = place.trials();
    assert_eq!(trials.len(), 40);
    let (mut full, mut fine) = (0, 0);
    for trial in &trials[before..] {
        if trial["cell"]["operation"] == "upload" {
            assert_eq!(outcomes(trial), ["no-space", "no-space"], "{trial}");
            full += 1;
        } else {
            assert_eq!(outcomes(trial), ["ok", "ok"], "{trial}");
            fine += 1;
        }
    }
    assert!(full > 0 && fine > 0, "{full} {fine}");
    assert_eq!(place.records().last().unwrap()["end"]["interrupted"], false);
    assert!(place.report("report.html").contains("no-space"));
    fs::remove_file(scratch.join("filler")).unwrap();
    place.assert_clean();
}
