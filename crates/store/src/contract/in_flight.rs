//! Objects in flight: invisible, and without a trace once they are given up.

use std::time::SystemTime;

use super::{StoreUnderTest, bytes, key, refused};
use crate::{Commit, Condition, Error, IfTaken};

pub fn nothing_is_seen_of_a_file_in_flight(subject: &StoreUnderTest) {
    let mut writer = subject.create("file", Condition::Always).unwrap();
    subject.wait(writer.write(b"half")).unwrap();
    assert!(subject.names("").unwrap().is_empty());
    refused!(subject.open("file"), NotFound);
    subject.wait(writer.write(b" and whole")).unwrap();
    subject.wait(writer.commit(Commit::default())).unwrap();
    assert_eq!(subject.get("file").unwrap(), b"half and whole");
}

pub fn a_writer_that_is_dropped_leaves_nothing(subject: &StoreUnderTest) {
    for name in ["file", "deep/er/file"] {
        let mut writer = subject.create(name, Condition::Always).unwrap();
        subject.wait(writer.write(&bytes(200_000, 1))).unwrap();
        drop(writer);
        refused!(subject.stat(name), NotFound);
    }
    assert!(subject.names("").unwrap().is_empty(), "{:?}", subject.names(""));
}

pub fn an_aborted_writer_leaves_nothing(subject: &StoreUnderTest) {
    subject.put("kept", b"old");
    for name in ["file", "deep/er/file", "kept"] {
        let mut writer = subject.create(name, Condition::Always).unwrap();
        subject.wait(writer.write(&bytes(200_000, 1))).unwrap();
        subject.wait(writer.abort()).unwrap();
    }
    assert_eq!(subject.names("").unwrap(), ["kept"]);
    assert_eq!(subject.get("kept").unwrap(), b"old");
    assert_eq!(subject.wait(subject.store.maintain()).unwrap().swept, 0);
}

pub fn a_refused_commit_leaves_nothing(subject: &StoreUnderTest) {
    let blocked = subject.create("a/b/c/file", Condition::Always).unwrap();
    subject.put("a/b", b"in the way");
    refused!(subject.wait(blocked.commit(Commit::default())), NotAFolder);
    assert_eq!(subject.names("a").unwrap(), ["b"]);

    let blocked = subject.create("x", Condition::Always).unwrap();
    subject.put("x/y", b"in the way");
    refused!(subject.wait(blocked.commit(Commit::default())), IsAFolder);
    assert_eq!(subject.names("x").unwrap(), ["y"]);
}

pub fn a_writer_that_is_given_another_key_is_published_under_that_only(subject: &StoreUnderTest) {
    for (first, second) in [
        ("file 3", "file"),
        ("new/file 3", "new/file"),
        ("here", "else/where"),
        ("some/where", "top"),
    ] {
        let mut writer = subject.create(first, Condition::Always).unwrap();
        subject.wait(writer.write(b"new")).unwrap();
        writer.publish_as(key(second));
        subject.wait(writer.commit(Commit::default())).unwrap();
        refused!(subject.stat(first), NotFound);
        assert_eq!(subject.get(second).unwrap(), b"new");
    }
    assert_eq!(subject.names("").unwrap(), ["else", "file", "new", "top"]);

    subject.put("taken", b"old");
    let mut writer = subject.create("free", Condition::Absent).unwrap();
    writer.publish_as(key("taken"));
    refused!(subject.wait(writer.commit(Commit::default())), Exists);
    assert_eq!(subject.get("taken").unwrap(), b"old");
}

pub fn an_upload_that_is_given_up_while_it_is_published_is_whole_or_was_never_there(
    subject: &StoreUnderTest,
) {
    let content = bytes(200_000, 1);
    for name in ["file", "new/file"] {
        let mut writer = subject.create(name, Condition::Always).unwrap();
        subject.wait(writer.write(&content)).unwrap();
        subject.executor.give_up(writer.commit(Commit::default()));
        match subject.get(name) {
            Ok(stored) => assert!(stored == content),
            Err(error) => assert!(matches!(error, Error::NotFound), "{error:?}"),
        }
        let writer = subject.create("other", Condition::Always).unwrap();
        subject.executor.give_up(writer.abort());
        refused!(subject.stat("other"), NotFound);
    }
}

pub fn a_change_that_is_given_up_happens_wholly_or_not_at_all(subject: &StoreUnderTest) {
    let content = bytes(500_000, 1);
    let (old, new, copy) = (key("old"), key("new"), key("copy"));
    subject.put("old", &content);
    let executor = subject.executor;
    executor.give_up(subject.store.rename(&old, &new, IfTaken::Replace));
    let found: Vec<_> = ["old", "new"]
        .into_iter()
        .filter_map(|name| subject.get(name).ok())
        .collect();
    assert!(found == [content.clone()], "{} objects", found.len());
    let name = subject.names("").unwrap().remove(0);
    executor.give_up(subject.store.copy(&key(&name), &copy, IfTaken::Replace));
    match subject.get("copy") {
        Ok(copied) => assert!(copied == content),
        Err(error) => assert!(matches!(error, Error::NotFound), "{error:?}"),
    }
    executor.give_up(subject.store.set_modified(&key(&name), SystemTime::UNIX_EPOCH));
    assert!(subject.get(&name).unwrap() == content);
    executor.give_up(subject.store.make_dir(&key("folder")));
    executor.give_up(subject.store.remove(&key(&name)));
    executor.give_up(subject.store.maintain());
}
