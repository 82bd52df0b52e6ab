//! What is typed wrong, and what cannot be begun: refused with the flag that helps, and nothing is left.

use std::process::Command;

use crate::ran::{Place, ran};

#[test]
fn what_makes_no_sense_is_refused_with_the_flag_that_is_wrong() {
    for (flags, named) in [
        ("--workers 0", "--workers"),
        ("--clients 100000", "--clients"),
        ("--clients x", "--clients"),
        ("--volumes 3XB", "--volumes"),
        ("--volumes=", "--volumes"),
        ("--operations steal", "--operations"),
        ("--pools threads:0", "--pools"),
        ("--pools forks", "--pools"),
        ("--client-pools tasks", "--client-pools"),
        ("--buffers 0", "--buffers"),
        ("--front http", "--dialect"),
        ("--repeats 0", "--repeats"),
        ("--seed many", "--seed"),
        ("--deadline 0", "--deadline"),
        ("--fail-if nonsense", "--fail-if"),
        ("--fail-if [clients=51]failed>0", "--fail-if"),
        ("--baseline /no/such/file", "--baseline"),
        ("--server-command server", "--server-command"),
        ("--target 127.0.0.1:99999", "--target"),
        ("--resume /no/such/run", "--resume"),
        ("--volumes 900GiB", "--scratch"),
        ("--no-such-flag", "--no-such-flag"),
    ] {
        let place = Place::new();
        let mut bench = if flags.contains("--resume") {
            place.plain(flags)
        } else {
            place.bench(flags)
        };
        let ran = ran(&mut bench);
        ran.expect_code(2);
        assert!(ran.stderr.contains(named), "{flags}: {}", ran.stderr);
        assert!(!place.out().exists(), "{flags}");
        place.assert_clean();
    }
}

#[test]
fn too_few_descriptors_that_cannot_be_raised_are_refused() {
    let place = Place::new();
    let bench = place.bench("--repeats 1 --volumes 100B --clients 50");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(bench.get_program())
        .args(bench.get_args());
    let ran = ran(&mut shell);
    ran.expect_code(2);
    assert!(
        ran.stderr.contains("--clients") && ran.stderr.contains("ulimit"),
        "{}",
        ran.stderr
    );
    place.assert_clean();
}

#[test]
fn a_dry_run_prints_the_plan_and_does_nothing() {
    let place = Place::new();
    let ran = ran(&mut place.bench("--quick --dry-run --repeats 1 --seed 9"));
    ran.expect_code(0);
    assert_eq!(
        ran.stdout
            .lines()
            .filter(|line| line.contains("client-pool="))
            .count(),
        54
    );
    for part in [
        "54 cells",
        "seed 9",
        "1 repeat,",
        "content: 1.97 GiB, and ",
        "scratch space: 184.",
        "time: about",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(
        ran.stdout.starts_with("54 cells") && ran.stdout.contains("\n1 repeat=1 "),
        "the plan's sums come before its trials: {}",
        ran.stdout
    );
    assert!(!place.out().exists());
    place.assert_clean();
}

#[test]
fn a_run_is_not_written_over_another() {
    let place = Place::new();
    let flags = "--repeats 1 --operations download --volumes 1KiB --clients 1 --workers 1 --pools threads --client-pools threads";
    ran(&mut place.bench(flags)).expect_code(0);
    let before = std::fs::read(place.journal()).unwrap();
    let again = ran(&mut place.bench(flags));
    again.expect_code(2);
    assert!(again.stderr.contains("--resume"), "{}", again.stderr);
    assert_eq!(std::fs::read(place.journal()).unwrap(), before);
}
