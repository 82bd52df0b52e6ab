//! Renames: one step, in which nothing is lost and nothing else changes.

use std::time::{Duration, SystemTime};

use super::{StoreUnderTest, bytes, refused};
use crate::{Commit, Condition, IfTaken};

pub fn a_renamed_object_keeps_everything_but_its_name(subject: &StoreUnderTest) {
    let content = bytes(150_000, 1);
    let facts = Commit {
        digest: Some(blake3::hash(&content)),
        modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)),
        mode: Some(0o640),
    };
    let before = subject
        .put_with("a/old", &content, Condition::Always, facts)
        .unwrap();
    subject.make_dir("b").unwrap();
    for (from, to) in [("a/old", "b/new"), ("b/new", "top"), ("top", "a/old")] {
        subject.rename(from, to, IfTaken::Refuse).unwrap();
        refused!(subject.stat(from), NotFound);
        let meta = subject.stat(to).unwrap();
        assert_eq!(
            (meta.size, meta.digest, meta.modified, meta.mode),
            (before.size, before.digest, before.modified, before.mode)
        );
        assert!(subject.get(to).unwrap() == content);
    }
    assert_eq!(subject.names("").unwrap(), ["a", "b"]);
    assert!(subject.names("b").unwrap().is_empty());
}

pub fn a_rename_replaces_an_object_only_where_it_may(subject: &StoreUnderTest) {
    subject.put("from", b"from");
    subject.put("to", b"to");
    refused!(subject.rename("from", "to", IfTaken::Refuse), Exists);
    refused!(subject.rename("from", "from", IfTaken::Refuse), Exists);
    subject.rename("from", "from", IfTaken::Replace).unwrap();
    assert_eq!(subject.get("from").unwrap(), b"from");
    assert_eq!(subject.get("to").unwrap(), b"to");
    let mut reader = subject.open("to").unwrap();
    subject.rename("from", "to", IfTaken::Replace).unwrap();
    assert_eq!(subject.names("").unwrap(), ["to"]);
    assert_eq!(subject.get("to").unwrap(), b"from");
    assert_eq!(subject.rest(&mut *reader, 0), b"to");
}

/// Some move an object to and fro while others look: one of the two names always leads to it.
pub fn an_object_that_is_renamed_is_never_gone(subject: &StoreUnderTest) {
    const ROUNDS: usize = 15;
    subject.put("there", b"old");
    subject.together(4, |own, index| {
        for round in 0..ROUNDS {
            if index == 0 {
                own.put("here", &bytes(1000, round as u64));
                own.rename("here", "there", IfTaken::Replace).unwrap();
            } else {
                assert!(matches!(own.get("there").unwrap().len(), 3 | 1000));
            }
        }
    });
    assert_eq!(subject.names("").unwrap(), ["there"]);
}

pub fn of_many_that_rename_to_one_name_one_is_let_in(subject: &StoreUnderTest) {
    (0..8).for_each(|index| drop(subject.put(&index.to_string(), index.to_string().as_bytes())));
    let renamed = subject.together(8, |own, index| {
        own.rename(&index.to_string(), "one", IfTaken::Refuse)
    });
    assert_eq!(
        renamed.iter().filter(|renamed| renamed.is_ok()).count(),
        1,
        "{renamed:?}"
    );
    let winner = renamed.iter().position(Result::is_ok).unwrap().to_string();
    assert_eq!(subject.get("one").unwrap(), winner.as_bytes());
    refused!(subject.stat(&winner), NotFound);
    assert_eq!(subject.names("").unwrap().len(), 8);
}

pub fn renames_against_each_other_end_and_lose_nothing(subject: &StoreUnderTest) {
    subject.put("a", b"a");
    subject.put("b", b"b");
    subject.together(2, |own, index| {
        let (from, to) = if index == 0 { ("a", "b") } else { ("b", "a") };
        // The second of two finds nothing left to move, or moves it back.
        (0..50).for_each(|_| drop(own.rename(from, to, IfTaken::Replace)));
    });
    assert_eq!(subject.names("").unwrap().len(), 1);
}

pub fn a_renamed_folder_takes_all_that_is_in_it_along(subject: &StoreUnderTest) {
    subject.put("a/file", b"1");
    subject.put("a/b/c/file", b"2");
    subject.put("a b", b"beside");
    subject.put("other/file", b"3");
    subject.rename("a", "other/new", IfTaken::Refuse).unwrap();
    assert_eq!(subject.names("").unwrap(), ["a b", "other"]);
    assert_eq!(subject.names("other/new").unwrap(), ["b", "file"]);
    assert_eq!(subject.get("other/new/b/c/file").unwrap(), b"2");
    refused!(subject.names("a"), NotFound);
    refused!(subject.stat("a/b/c/file"), NotFound);
    subject.make_dir("empty").unwrap();
    subject.rename("other/new", "empty", IfTaken::Replace).unwrap();
    assert_eq!(subject.get("empty/b/c/file").unwrap(), b"2");
    assert_eq!(subject.names("other").unwrap(), ["file"]);
}

pub fn a_rename_that_makes_no_sense_is_refused_and_changes_nothing(subject: &StoreUnderTest) {
    subject.put("file", b"1");
    subject.put("folder/inner", b"2");
    subject.make_dir("empty").unwrap();
    for if_taken in [IfTaken::Refuse, IfTaken::Replace] {
        refused!(subject.rename("nothing", "new", if_taken), NotFound);
        refused!(subject.rename("file/x", "new", if_taken), NotFound);
        refused!(subject.rename("file", "nothing/new", if_taken), NoParent);
        refused!(subject.rename("folder", "nothing/new", if_taken), NoParent);
        refused!(subject.rename("file", "folder/inner/new", if_taken), NotAFolder);
        refused!(subject.rename("folder", "folder/new", if_taken), IntoItself);
        refused!(subject.rename("folder", "folder/a/b", if_taken), IntoItself);
    }
    refused!(subject.rename("file", "folder", IfTaken::Refuse), Exists);
    refused!(subject.rename("folder", "file", IfTaken::Refuse), Exists);
    refused!(subject.rename("folder", "empty", IfTaken::Refuse), Exists);
    refused!(subject.rename("file", "folder", IfTaken::Replace), IsAFolder);
    refused!(subject.rename("file", "empty", IfTaken::Replace), IsAFolder);
    refused!(subject.rename("folder", "file", IfTaken::Replace), NotAFolder);
    refused!(subject.rename("empty", "folder", IfTaken::Replace), NotEmpty);
    assert_eq!(subject.names("").unwrap(), ["empty", "file", "folder"]);
    assert_eq!(subject.names("folder").unwrap(), ["inner"]);
    assert_eq!(subject.get("file").unwrap(), b"1");
}
