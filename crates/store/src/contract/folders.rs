//! Folders that are things of their own.

use super::{StoreUnderTest, refused};
use crate::{Commit, CreateOptions, Parents};

pub fn a_folder_can_be_made_and_is_empty(subject: &StoreUnderTest) {
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

pub fn a_folder_is_made_only_where_nothing_is_and_its_parent_is(subject: &StoreUnderTest) {
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

pub fn an_empty_folder_can_be_removed_and_nothing_else_with_it(subject: &StoreUnderTest) {
    subject.put("a/b/file", b"1");
    subject.put("a/other", b"1");
    subject.remove("a/b/file").unwrap();
    assert_eq!(subject.names("a").unwrap(), ["b", "other"]);
    subject.remove_dir("a/b").unwrap();
    assert_eq!(subject.names("a").unwrap(), ["other"]);
    refused!(subject.remove_dir("a/b"), NotFound);
    subject.put("a/b/file", b"again");
}

pub fn removing_what_is_no_empty_folder_is_refused(subject: &StoreUnderTest) {
    subject.put("a/b/file", b"1");
    refused!(subject.remove_dir("a"), NotEmpty);
    refused!(subject.remove_dir("a/b"), NotEmpty);
    refused!(subject.remove_dir("a/b/file"), NotAFolder);
    refused!(subject.remove_dir("nothing"), NotFound);
    refused!(subject.remove_dir("no/thing"), NotFound);
    refused!(subject.remove_dir("a/b/file/x"), NotFound);
    assert_eq!(subject.get("a/b/file").unwrap(), b"1");
}

pub fn an_upload_that_requires_its_folder_makes_none(subject: &StoreUnderTest) {
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
