//! Names: what stands for an object, for a folder, and for nothing.

use super::{StoreUnderTest, refused};
use crate::Condition;

pub fn a_folder_is_no_object(subject: &StoreUnderTest) {
    subject.put("folder/file", b"1");
    refused!(subject.open("folder"), IsAFolder);
    refused!(subject.stat("folder"), IsAFolder);
    refused!(subject.remove("folder"), IsAFolder);
    for condition in [
        Condition::Always,
        Condition::Absent,
        Condition::Matches("x".into()),
    ] {
        refused!(subject.create("folder", condition), IsAFolder);
    }
    assert_eq!(subject.names("folder").unwrap(), ["file"]);
}

pub fn an_object_is_no_folder(subject: &StoreUnderTest) {
    subject.put("file", b"1");
    for beneath in ["file/x", "file/x/y"] {
        refused!(subject.create(beneath, Condition::Always), NotAFolder);
        refused!(subject.open(beneath), NotFound);
        refused!(subject.stat(beneath), NotFound);
        refused!(subject.remove(beneath), NotFound);
    }
    assert_eq!(subject.get("file").unwrap(), b"1");
}

pub fn what_is_not_there_is_not_found(subject: &StoreUnderTest) {
    for name in ["nothing", "no/thing"] {
        refused!(subject.open(name), NotFound);
        refused!(subject.stat(name), NotFound);
        refused!(subject.remove(name), NotFound);
    }
    assert!(subject.names("").unwrap().is_empty());
}

pub fn removing_takes_the_object_away_and_nothing_else(subject: &StoreUnderTest) {
    for name in ["a/file", "a/file2", "file"] {
        subject.put(name, b"1");
    }
    subject.remove("a/file").unwrap();
    refused!(subject.open("a/file"), NotFound);
    refused!(subject.remove("a/file"), NotFound);
    assert_eq!(subject.names("a").unwrap(), ["file2"]);
    assert_eq!(subject.get("file").unwrap(), b"1");
}
