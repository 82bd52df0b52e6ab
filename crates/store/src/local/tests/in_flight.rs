//! Files in flight: out of sight while they live, swept when they are dead, and never before.

use std::os::unix::fs::MetadataExt;

use super::*;
use crate::contract::{bytes, refused};
use crate::{Commit, Condition};

#[test]
fn a_file_without_a_name_is_nowhere_to_be_seen() {
    let subject = PLAIN.subject();
    let mut writer = subject.create("deep/er/file", Condition::Always).unwrap();
    subject.wait(writer.write(b"1")).unwrap();
    assert_eq!(subject.inspector.residue(), Vec::<String>::new());
    assert!(subject.names("").unwrap().is_empty());
}

#[test]
fn a_reserved_name_is_neither_listed_nor_a_key_and_makes_no_folders() {
    let subject = NAMED.subject();
    let mut writer = subject.create("deep/er/file", Condition::Always).unwrap();
    subject.wait(writer.write(b"1")).unwrap();
    assert_eq!(subject.inspector.residue().len(), 1);
    assert!(subject.names("").unwrap().is_empty());
    drop(writer);
    assert!(subject.inspector.residue().is_empty());
}

#[test]
fn a_sweep_removes_the_dead_and_spares_the_living() {
    for manner in [NAMED, WALK_NAMED] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        subject.put("object", b"kept");
        for dead in ["dead", "0123"] {
            fs::write(folder.path().join(format!("{RESERVED_PREFIX}{dead}")), b"half").unwrap();
        }
        let mut writer = subject.create("file", Condition::Always).unwrap();
        subject.wait(writer.write(b"whole")).unwrap();
        // Another store, as another process would have one.
        assert_eq!(manner.open(folder.path()).swept(), 2);
        assert_eq!(subject.inspector.residue().len(), 1);
        subject.wait(writer.commit(Commit::default())).unwrap();
        assert_eq!(manner.open(folder.path()).swept(), 0);
        assert_eq!(subject.names("").unwrap(), ["file", "object"]);
        assert_eq!(subject.get("file").unwrap(), b"whole");
    }
}

#[test]
fn a_sweep_leaves_alone_what_only_looks_like_a_file_in_flight() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join(format!("{RESERVED_PREFIX}folder"))).unwrap();
    fs::write(folder.path().join("target"), b"1").unwrap();
    std::os::unix::fs::symlink("target", folder.path().join(format!("{RESERVED_PREFIX}link"))).unwrap();
    assert_eq!(PLAIN.open(folder.path()).swept(), 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn sweeping_all_the_time_harms_no_upload() {
    for manner in [PLAIN, NAMED] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sweeper = manner.open(folder.path());
            let _stop = Stop(&done);
            let done = &done;
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    sweeper.swept();
                }
            });
            for round in 0..300 {
                let content = bytes(100, round);
                subject.put("file", &content);
                assert_eq!(subject.get("file").unwrap(), content);
            }
        });
        assert_eq!(reserved_beneath(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn a_new_object_has_the_permissions_that_any_new_file_has() {
    for manner in [PLAIN, NAMED] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        subject.put("object", b"1");
        fs::write(folder.path().join("file"), b"1").unwrap();
        let mode = |name| fs::metadata(folder.path().join(name)).unwrap().mode();
        assert_eq!(mode("object"), mode("file"));
        subject.put("object", b"replaced");
        assert_eq!(mode("object"), mode("file"));
    }
}

#[test]
fn an_object_has_one_name_only() {
    for manner in [PLAIN, NAMED] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        for _ in 0..2 {
            subject.put("file", b"1");
            assert_eq!(fs::metadata(folder.path().join("file")).unwrap().nlink(), 1);
        }
    }
}

#[test]
fn a_vanished_root_is_gone_for_every_operation_and_its_successor_is_not_touched() {
    for manner in [PLAIN, WALK, NAMED, PLAIN.offload()] {
        let ground = TempDir::new().unwrap();
        let root = ground.path().join("root");
        fs::create_dir(&root).unwrap();
        let subject = manner.over(&root);
        let writer = subject.create("late", Condition::Always).unwrap();
        fs::remove_dir_all(&root).unwrap();
        fs::create_dir(&root).unwrap();
        refused!(subject.open("file"), Gone);
        refused!(subject.stat("file"), Gone);
        refused!(subject.names(""), Gone);
        refused!(subject.remove("file"), Gone);
        refused!(subject.create("file", Condition::Always), Gone);
        refused!(subject.create("a/file", Condition::Always), Gone);
        refused!(subject.wait(writer.commit(Commit::default())), Gone);
        assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    }
}

#[test]
fn a_commit_that_finds_its_folder_removed_makes_it_again() {
    for manner in [PLAIN, WALK, NAMED] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        subject.put("a/b/other", b"1");
        let writer = subject.create("a/b/file", Condition::Always).unwrap();
        fs::remove_dir_all(folder.path().join("a")).unwrap();
        subject.wait(writer.commit(Commit::default())).unwrap();
        assert_eq!(subject.names("a/b").unwrap(), ["file"]);
    }
}

#[test]
fn a_commit_that_fails_after_it_made_folders_takes_them_away_again() {
    let folder = TempDir::new().unwrap();
    let subject = NAMED.over(folder.path());
    fs::create_dir(folder.path().join("kept")).unwrap();
    let writer = subject.create("kept/new/er/file", Condition::Always).unwrap();
    // Another program removes the file in flight, so that there is nothing to give its name to.
    for reserved in reserved_beneath(folder.path()) {
        fs::remove_file(reserved).unwrap();
    }
    refused!(subject.wait(writer.commit(Commit::default())), Io);
    assert_eq!(fs::read_dir(folder.path().join("kept")).unwrap().count(), 0);
}

#[test]
fn a_file_that_does_not_land_on_a_bare_disk_leaves_no_name_behind() {
    let folder = TempDir::new().unwrap();
    let subject = PLAIN.on(Medium::Bare).over(folder.path());
    let etag = subject.put("file", b"first").etag;
    let outdated = Condition::Matches(etag);
    let mut writer = subject.create("file", outdated).unwrap();
    subject.wait(writer.write(b"second")).unwrap();
    subject.put("file", b"third");
    refused!(subject.wait(writer.commit(Commit::default())), ConditionFailed);
    refused!(
        subject.put_with(
            "new/folder/file",
            b"4",
            Condition::Matches("other".into()),
            Commit::default()
        ),
        ConditionFailed
    );
    assert_eq!(subject.inspector.residue(), Vec::<String>::new());
    assert_eq!(subject.names("").unwrap(), ["file"]);
}
