//! Ctrl-C, whatever the run is at: it ends soon, leaves a report of what is there, and no process and no file behind.

use std::process::{Child, Command};

use rustix::process::Signal;

use crate::expect_soon;
use crate::mock::Mock;
use crate::ran::{Place, Ran, children, ended, said, signal};

/// Waits that an interrupted run must not sit out.
const PATIENT: &str =
    "--repeats 1 --clients 2 --client-pools threads --start-timeout 1h --stall-timeout 1h --deadline 1h";

/// Interrupts a run once `is_there`; nothing may be left behind.
#[track_caller]
fn interrupted(place: &Place, bench: &mut Command, is_there: impl FnMut(&Child) -> Option<()>) -> Ran {
    let bench = bench.spawn().unwrap();
    let mut is_there = is_there;
    expect_soon("the run has come to the phase", || is_there(&bench));
    signal(bench.id(), Signal::INT);
    let ran = ended(bench);
    ran.expect_code(5);
    place.assert_clean();
    ran
}

#[track_caller]
fn assert_reported(place: &Place, ran: &Ran) {
    assert_eq!(place.records().last().unwrap()["end"]["interrupted"], true);
    let last = ran.stdout.lines().last().unwrap_or_default();
    assert!(
        last.ends_with(".html") && std::path::Path::new(last).is_file(),
        "{last}"
    );
}

#[test]
fn while_the_server_starts() {
    let place = Place::new();
    let mut bench = place.bench(&format!("{PATIENT} --volumes 1KiB"));
    bench.args(["--server-command", "sleep 100000 {port}"]);
    let ran = interrupted(&place, &mut bench, |bench| {
        (!children(bench.id(), "sleep").is_empty()).then_some(())
    });
    assert!(
        ran.stderr.contains("interrupted before anything was measured"),
        "{}",
        ran.stderr
    );
    assert!(!place.out().exists());
}

#[test]
fn while_objects_are_put_on_a_server() {
    let place = Place::new();
    let mock = Mock::holding(|verb, _| verb == "UPLOAD");
    let mut bench = place.bench(&format!("{PATIENT} --volumes 1KiB {}", mock.flags()));
    let ran = interrupted(&place, &mut bench, |_| (mock.waiting() == 1).then_some(()));
    assert!(
        ran.stderr.contains("interrupted before anything was measured"),
        "{}",
        ran.stderr
    );
    assert!(!place.out().exists());
}

#[test]
fn while_ceilings_are_measured() {
    let place = Place::new();
    // So much content that the ceilings take seconds.
    let mut bench = place.bench("--volumes 128MiB --clients 2 --workers 1");
    let bench = bench.spawn().unwrap();
    let bench = said(bench, |line| {
        line.starts_with("measuring what the machine can do")
    });
    signal(bench.child.id(), Signal::INT);
    let ran = bench.ended();
    ran.expect_code(5);
    assert_eq!(place.trials().len(), 0);
    assert_reported(&place, &ran);
    place.assert_clean();
}

#[test]
fn while_clients_warm_up() {
    let place = Place::new();
    let mock = Mock::holding_after(0);
    let mut bench = place.bench(&format!(
        "{PATIENT} --operations download --volumes 1KiB {}",
        mock.flags()
    ));
    let ran = interrupted(&place, &mut bench, |_| (mock.waiting() == 2).then_some(()));
    assert_reported(&place, &ran);
    assert_eq!(mock.objects(), 0);
}

#[test]
fn while_uploads_are_under_way_and_one_has_arrived() {
    let place = Place::new();
    let mock = Mock::holding(|verb, name| verb == "UPLOAD" && name.ends_with("-upload-0001.bin"));
    let mut bench = place.bench(&format!(
        "{PATIENT} --operations upload --volumes 1KiB {}",
        mock.flags()
    ));
    let ran = interrupted(&place, &mut bench, |_| {
        (mock.waiting() == 1 && mock.has("haul-bench-upload-0000.bin")).then_some(())
    });
    assert_reported(&place, &ran);
    assert_eq!(mock.objects(), 0);
}

#[test]
fn while_uploads_are_compared_over_the_wire() {
    let place = Place::new();
    let mock = Mock::holding(|verb, name| verb == "GET" && name.contains("-upload-"));
    let mut bench = place.bench(&format!(
        "{PATIENT} --operations upload --volumes 1KiB {}",
        mock.flags()
    ));
    let ran = interrupted(&place, &mut bench, |_| (mock.waiting() > 0).then_some(()));
    assert_reported(&place, &ran);
    assert_eq!(mock.objects(), 0);
}

#[test]
fn while_what_was_uploaded_is_removed() {
    let place = Place::new();
    let mock = Mock::holding(|verb, _| verb == "DELETE");
    let mut bench = place.bench(&format!(
        "{PATIENT} --operations upload --volumes 1KiB {}",
        mock.flags()
    ));
    let ran = interrupted(&place, &mut bench, |_| (mock.waiting() > 0).then_some(()));
    assert_reported(&place, &ran);
}

#[test]
fn while_our_own_server_is_at_work() {
    let place = Place::new();
    let flags = "--volumes 1MiB --clients 3 --pools processes:2,threads:2 --client-pools processes";
    let ran = interrupted(&place, &mut place.bench(flags), |bench| {
        (!children(bench.id(), "client-worker").is_empty()).then_some(())
    });
    assert_reported(&place, &ran);
}
