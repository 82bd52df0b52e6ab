//! What is promised of folders that are made, and of objects and folders that are renamed, copied, or set to a time.

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use super::refused;
use super::subject::{StoreUnderTest, bytes, key};
use crate::{Commit, Condition, CreateOptions, Detail, Existing, Page, Parents};

pub(crate) fn a_folder_can_be_made_and_is_empty(subject: &StoreUnderTest) {
    subject.make_dir("a").unwrap();
    subject.make_dir("a/b").unwrap();
    assert_eq!(subject.names("").unwrap(), ["a"]);
    assert_eq!(subject.names("a").unwrap(), ["b"]);
    assert!(subject.names("a/b").unwrap().is_empty());
    refused!(subject.stat("a"), IsAFolder);
    subject.put("a/b/file", b"1");
    subject.remove("a/b/file").unwrap();
    subject.remove_dir("a/b").unwrap();
    subject.make_dir("a/b").unwrap();
}

pub(crate) fn a_folder_is_made_only_where_nothing_is_and_its_parent_is(subject: &StoreUnderTest) {
    subject.put("file", b"1");
    subject.make_dir("folder").unwrap();
    refused!(subject.make_dir("folder"), Exists);
    refused!(subject.make_dir("file"), Exists);
    refused!(subject.make_dir("nothing/new"), NoParent);
    refused!(subject.make_dir("file/new"), NotAFolder);
    assert_eq!(subject.names("").unwrap(), ["file", "folder"]);
    let made = subject.together(8, |own, _| own.make_dir("one"));
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "{made:?}");
}

pub(crate) fn an_upload_that_requires_its_folder_makes_none(subject: &StoreUnderTest) {
    let options = CreateOptions {
        parents: Parents::Require,
        ..CreateOptions::default()
    };
    refused!(subject.create_with("folder/file", options.clone()), NoParent);
    assert!(subject.names("").unwrap().is_empty());
    subject.make_dir("folder").unwrap();
    let late = subject.create_with("folder/file", options.clone()).unwrap();
    subject.remove_dir("folder").unwrap();
    refused!(subject.wait(late.commit(Commit::default())), NoParent);
    assert!(subject.names("").unwrap().is_empty());
    subject.make_dir("folder").unwrap();
    let writer = subject.create_with("folder/file", options).unwrap();
    subject.wait(writer.commit(Commit::default())).unwrap();
    assert_eq!(subject.names("folder").unwrap(), ["file"]);
}

pub(crate) fn a_size_hint_binds_nobody(subject: &StoreUnderTest) {
    for (hint, content) in [(0, &b"content"[..]), (100, b"content"), (100, b"")] {
        let options = CreateOptions {
            size_hint: Some(hint),
            ..CreateOptions::default()
        };
        let mut writer = subject.create_with("file", options).unwrap();
        subject.wait(writer.write(content)).unwrap();
        subject.wait(writer.commit(Commit::default())).unwrap();
        assert_eq!(subject.get("file").unwrap(), content);
    }
}

pub(crate) fn an_aborted_writer_leaves_nothing(subject: &StoreUnderTest) {
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

pub(crate) fn pages_hold_each_entry_once_and_in_order(subject: &StoreUnderTest) {
    let names: Vec<String> = (0..25).map(|number| format!("{:02}", number * 7 % 25)).collect();
    for name in &names {
        subject.put(&format!("folder/{name}"), b"1");
        subject.put(&format!("folder/{name} folder/inner"), b"1");
    }
    let (folder, whole) = (key("folder"), subject.names("folder").unwrap());
    assert_eq!(whole.len(), 50);
    for limit in [1, 7, 49, 50, 51] {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = Page {
                after: after.as_deref(),
                limit: NonZeroUsize::new(limit).unwrap(),
            };
            let listed = subject.store.list(Some(&folder), page, Detail::Full);
            let listed = subject.wait(listed).unwrap();
            assert!(listed.len() <= limit);
            seen.extend(listed.iter().map(|entry| entry.name.to_owned()));
            let Some(next) = listed.next() else { break };
            after = Some(next.to_owned());
        }
        assert_eq!(seen, whole, "pages of {limit}");
    }
}

pub(crate) fn a_renamed_object_keeps_everything_but_its_name(subject: &StoreUnderTest) {
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
        subject.rename(from, to, Existing::Refuse).unwrap();
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

pub(crate) fn a_rename_replaces_an_object_only_where_it_may(subject: &StoreUnderTest) {
    subject.put("from", b"from");
    subject.put("to", b"to");
    refused!(subject.rename("from", "to", Existing::Refuse), Exists);
    refused!(subject.rename("from", "from", Existing::Refuse), Exists);
    subject.rename("from", "from", Existing::Replace).unwrap();
    assert_eq!(subject.get("from").unwrap(), b"from");
    assert_eq!(subject.get("to").unwrap(), b"to");
    let mut reader = subject.open("to").unwrap();
    subject.rename("from", "to", Existing::Replace).unwrap();
    assert_eq!(subject.names("").unwrap(), ["to"]);
    assert_eq!(subject.get("to").unwrap(), b"from");
    assert_eq!(subject.rest(&mut *reader, 0), b"to");
}

pub(crate) fn a_rename_that_makes_no_sense_is_refused_and_changes_nothing(subject: &StoreUnderTest) {
    subject.put("file", b"1");
    subject.put("folder/inner", b"2");
    subject.make_dir("empty").unwrap();
    for existing in [Existing::Refuse, Existing::Replace] {
        refused!(subject.rename("nothing", "new", existing), NotFound);
        refused!(subject.rename("file/x", "new", existing), NotFound);
        refused!(subject.rename("file", "nothing/new", existing), NoParent);
        refused!(subject.rename("folder", "nothing/new", existing), NoParent);
        refused!(subject.rename("file", "folder/inner/new", existing), NotAFolder);
        refused!(subject.rename("folder", "folder/new", existing), IntoItself);
        refused!(subject.rename("folder", "folder/a/b", existing), IntoItself);
    }
    refused!(subject.rename("file", "folder", Existing::Refuse), Exists);
    refused!(subject.rename("folder", "file", Existing::Refuse), Exists);
    refused!(subject.rename("folder", "empty", Existing::Refuse), Exists);
    refused!(subject.rename("file", "folder", Existing::Replace), IsAFolder);
    refused!(subject.rename("file", "empty", Existing::Replace), IsAFolder);
    refused!(subject.rename("folder", "file", Existing::Replace), NotAFolder);
    refused!(subject.rename("empty", "folder", Existing::Replace), NotEmpty);
    assert_eq!(subject.names("").unwrap(), ["empty", "file", "folder"]);
    assert_eq!(subject.names("folder").unwrap(), ["inner"]);
    assert_eq!(subject.get("file").unwrap(), b"1");
}

pub(crate) fn a_renamed_folder_takes_all_that_is_in_it_along(subject: &StoreUnderTest) {
    subject.put("a/file", b"1");
    subject.put("a/b/c/file", b"2");
    subject.put("a b", b"beside");
    subject.put("other/file", b"3");
    subject.rename("a", "other/new", Existing::Refuse).unwrap();
    assert_eq!(subject.names("").unwrap(), ["a b", "other"]);
    assert_eq!(subject.names("other/new").unwrap(), ["b", "file"]);
    assert_eq!(subject.get("other/new/b/c/file").unwrap(), b"2");
    refused!(subject.names("a"), NotFound);
    refused!(subject.stat("a/b/c/file"), NotFound);
    subject.make_dir("empty").unwrap();
    subject.rename("other/new", "empty", Existing::Replace).unwrap();
    assert_eq!(subject.get("empty/b/c/file").unwrap(), b"2");
    assert_eq!(subject.names("other").unwrap(), ["file"]);
}

/// Some move an object to and fro while others look: one of the two names always leads to it.
pub(crate) fn an_object_that_is_renamed_is_never_gone(subject: &StoreUnderTest) {
    const ROUNDS: usize = 50;
    subject.put("there", b"old");
    subject.together(4, |own, index| {
        for round in 0..ROUNDS {
            if index == 0 {
                own.put("here", &bytes(1000, round as u64));
                own.rename("here", "there", Existing::Replace).unwrap();
            } else {
                assert!(matches!(own.get("there").unwrap().len(), 3 | 1000));
            }
        }
    });
    assert_eq!(subject.names("").unwrap(), ["there"]);
}

pub(crate) fn of_many_that_rename_to_one_name_one_is_let_in(subject: &StoreUnderTest) {
    (0..8).for_each(|index| drop(subject.put(&index.to_string(), index.to_string().as_bytes())));
    let renamed = subject.together(8, |own, index| {
        own.rename(&index.to_string(), "one", Existing::Refuse)
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

pub(crate) fn renames_against_each_other_end_and_lose_nothing(subject: &StoreUnderTest) {
    subject.put("a", b"a");
    subject.put("b", b"b");
    subject.together(2, |own, index| {
        let (from, to) = if index == 0 { ("a", "b") } else { ("b", "a") };
        // Whoever comes second finds nothing left to move, or moves it back.
        (0..50).for_each(|_| drop(own.rename(from, to, Existing::Replace)));
    });
    assert_eq!(subject.names("").unwrap().len(), 1);
}

pub(crate) fn a_copy_is_an_object_of_its_own(subject: &StoreUnderTest) {
    let content = bytes(300_000, 1);
    let facts = Commit {
        digest: Some(blake3::hash(&content)),
        modified: Some(SystemTime::UNIX_EPOCH),
        mode: Some(0o640),
    };
    let source = subject
        .put_with("file", &content, Condition::Always, facts)
        .unwrap();
    subject.make_dir("folder").unwrap();
    let copy = subject.copy("file", "folder/copy", Existing::Refuse).unwrap();
    assert_eq!(
        (copy.size, copy.digest, copy.mode),
        (source.size, source.digest, source.mode)
    );
    assert!(copy.modified > source.modified);
    assert_eq!(subject.stat("folder/copy").unwrap(), copy);
    assert_eq!(subject.stat("file").unwrap(), source);
    subject.put("file", b"another");
    assert!(subject.get("folder/copy").unwrap() == content);
    subject.remove("folder/copy").unwrap();
    assert_eq!(subject.get("file").unwrap(), b"another");
}

pub(crate) fn a_copy_replaces_an_object_only_where_it_may(subject: &StoreUnderTest) {
    subject.put("from", b"from");
    subject.put("to", b"to");
    subject.put("folder/inner", b"1");
    refused!(subject.copy("from", "to", Existing::Refuse), Exists);
    assert_eq!(subject.get("to").unwrap(), b"to");
    subject.copy("from", "to", Existing::Replace).unwrap();
    assert_eq!(subject.get("to").unwrap(), b"from");
    refused!(subject.copy("from", "from", Existing::Replace), IntoItself);
    refused!(subject.copy("nothing", "new", Existing::Refuse), NotFound);
    refused!(subject.copy("folder", "new", Existing::Refuse), IsAFolder);
    refused!(subject.copy("from", "folder", Existing::Replace), IsAFolder);
    refused!(subject.copy("from", "nothing/new", Existing::Refuse), NoParent);
    refused!(subject.copy("from", "to/new", Existing::Refuse), NotAFolder);
    assert_eq!(subject.names("").unwrap(), ["folder", "from", "to"]);
}

pub(crate) fn an_object_without_a_digest_is_copied_without_one(subject: &StoreUnderTest) {
    let writer = subject.create("file", Condition::Always).unwrap();
    subject.wait(writer.commit(Commit::default())).unwrap();
    let copy = subject.copy("file", "copy", Existing::Refuse).unwrap();
    assert_eq!((copy.size, copy.digest), (0, None));
}

pub(crate) fn a_time_that_is_set_is_told_and_leaves_the_content_alone(subject: &StoreUnderTest) {
    let content = bytes(10_000, 1);
    let before = subject.put("file", &content);
    for seconds in [0, 1_000_000_000, 1_000_000_000] {
        let modified = SystemTime::UNIX_EPOCH + Duration::new(seconds, 123_456_789);
        let meta = subject.set_modified("file", modified).unwrap();
        assert_eq!(
            (meta.modified, meta.digest, meta.mode),
            (modified, before.digest, before.mode)
        );
        assert_eq!(subject.stat("file").unwrap(), meta);
        assert!(subject.get("file").unwrap() == content);
    }
    subject.make_dir("folder").unwrap();
    refused!(subject.set_modified("folder", SystemTime::UNIX_EPOCH), IsAFolder);
    refused!(subject.set_modified("nothing", SystemTime::UNIX_EPOCH), NotFound);
}
