//! Uploads and removals of one name that overtake each other.

use std::os::fd::OwnedFd;
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

use super::*;
use crate::contract::{key, refused};
use crate::local::locks::LockMode;
use crate::local::publish::{Publication, PublishOutcome, UploadTarget, begin};
use crate::local::writer::LocalWriter;
use crate::{Commit, Condition, Parents, Writer};

/// An upload that is complete, but held up before it is published.
pub(super) fn held_up(store: &LocalStore, name: &str, content: &[u8], condition: Condition) -> Publication {
    let target = UploadTarget {
        key: key(name),
        condition,
        parents: Parents::Make,
    };
    let begun = begin(&store.disk, &target).unwrap();
    let mut writer = LocalWriter::new(Arc::clone(&store.disk), target, begun);
    Executor::Ready.wait(writer.write(content)).unwrap();
    writer.seal(Commit::default()).unwrap()
}

pub(super) fn publish(mut upload: Publication) -> Result<Meta, Error> {
    match upload.publish(LockMode::Block)? {
        PublishOutcome::Published(meta) => Ok(meta),
        PublishOutcome::WouldWait => panic!("it waits until it has named_by"),
    }
}

fn over_all(test: impl Fn(&LocalStore, &StoreUnderTest)) {
    for manner in [
        PLAIN,
        PLAIN.synced(),
        NAMED,
        NAMED.synced(),
        PLAIN.on(Medium::Journal),
        PLAIN.on(Medium::Bare),
    ] {
        let folder = TempDir::new().unwrap();
        let store = manner.open(folder.path());
        let mut subject = manner.over(folder.path());
        // Another store of the same server.
        subject.store = Arc::new(store.beside());
        test(&store, &subject);
        assert_eq!(reserved_beneath(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn an_upload_that_was_held_up_does_not_replace_a_later_one() {
    over_all(|store, subject| {
        for name in ["file", "new/folder/file"] {
            let first = held_up(store, name, b"first", Condition::Always);
            let second = subject.put(name, b"second");
            assert_eq!(publish(first).unwrap().size, 5);
            assert_eq!(subject.get(name).unwrap(), b"second");
            assert_eq!(subject.stat(name).unwrap(), second);
        }
    });
}

#[test]
fn an_upload_that_was_held_up_does_not_undo_a_later_removal() {
    over_all(|store, subject| {
        subject.put("file", b"old");
        let first = held_up(store, "file", b"first", Condition::Always);
        subject.remove("file").unwrap();
        publish(first).unwrap();
        refused!(subject.stat("file"), NotFound);

        subject.put("folder/file", b"old");
        let first = held_up(store, "folder/file", b"first", Condition::Always);
        subject.remove("folder/file").unwrap();
        subject.remove_dir("folder").unwrap();
        publish(first).unwrap();
        assert!(subject.names("").unwrap().is_empty());
    });
}

#[test]
fn an_upload_with_a_condition_that_was_overtaken_is_refused() {
    over_all(|store, subject| {
        let absent = held_up(store, "file", b"first", Condition::Absent);
        let etag = subject.put("file", b"second").etag;
        let matches = held_up(store, "file", b"third", Condition::Matches(etag));
        subject.remove("file").unwrap();
        refused!(publish(absent), Exists);
        refused!(publish(matches), ConditionFailed);
        refused!(subject.stat("file"), NotFound);
    });
}

#[test]
fn an_upload_that_was_not_overtaken_lands_however_late() {
    over_all(|store, subject| {
        subject.put("file", b"old");
        subject.remove("file").unwrap();
        let first = held_up(store, "file", b"first", Condition::Absent);
        subject.put("other", b"later");
        publish(first).unwrap();
        assert_eq!(subject.get("file").unwrap(), b"first");
    });
}

#[test]
fn a_name_whose_lock_does_not_come_free_is_busy_and_others_are_not() {
    for manner in [PLAIN, PLAIN.offload(), PLAIN.offload().synced()] {
        let folder = TempDir::new().unwrap();
        let others = Locks::create().unwrap();
        let own = Locks::join(others.as_fd().try_clone_to_owned().unwrap()).unwrap();
        let mut subject = manner.over(folder.path());
        subject.store = Arc::new(manner.open_with(folder.path(), own.impatient()));
        subject.put("file", b"old");
        // As a worker process that was stopped in the middle of a publication.
        let turn = others.lock(&key("file"), LockMode::Try).unwrap().unwrap();
        refused!(subject.put_if("file", b"new", Condition::Always), Busy);
        refused!(subject.remove("file"), Busy);
        subject.put("other", b"new");
        assert_eq!(subject.get("file").unwrap(), b"old");
        drop(turn);
        subject.put("file", b"new");
    }
}

#[test]
fn a_lock_that_anybody_could_hold_on_a_folder_or_file_holds_up_nothing() {
    for manner in [PLAIN, NAMED, NAMED.synced()] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        subject.put("sub/file", b"old");
        let _held = ["", "sub", "sub/file"].map(|name| {
            let held = OwnedFd::from(File::open(folder.path().join(name)).unwrap());
            flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
            held
        });
        subject.put("sub/file", b"new");
        subject.put("sub/new", b"new");
        subject.remove("sub/file").unwrap();
        fs::write(folder.path().join(format!("{RESERVED_PREFIX}dead")), b"half").unwrap();
        assert_eq!(manner.open(folder.path()).swept(), 1);
    }
}

#[test]
fn a_file_in_flight_can_be_opened_by_nobody_else_until_it_lands() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let subject = NAMED.over(folder.path());
    let mut writer = subject.create("file", Condition::Always).unwrap();
    subject.wait(writer.write(b"1")).unwrap();
    let reserved = reserved_beneath(folder.path());
    let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&reserved[0]), 0o600);
    subject.wait(writer.commit(Commit::default())).unwrap();
    fs::write(folder.path().join("plain"), b"1").unwrap();
    let [file, plain] = ["file", "plain"].map(|name| folder.path().join(name).display().to_string());
    assert_eq!(mode(&file), mode(&plain));
}

#[test]
fn a_time_that_a_sender_sets_again_and_again_makes_no_old_etag_true() {
    let facts = Commit {
        digest: Some(blake3::hash(b"same")),
        modified: Some(SystemTime::UNIX_EPOCH),
        mode: None,
    };
    for manner in [PLAIN, PLAIN.synced(), NAMED] {
        let subject = manner.subject();
        let etags: std::collections::HashSet<_> = (0..50)
            .map(|_| {
                subject
                    .put_with("file", b"same", Condition::Always, facts)
                    .unwrap()
                    .etag
            })
            .collect();
        assert_eq!(etags.len(), 50);
    }
}
