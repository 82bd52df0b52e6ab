//! Copies: whole at once, and objects of their own.

use std::time::SystemTime;

use super::{StoreUnderTest, bytes, refused};
use crate::{Commit, Condition, IfTaken};

pub fn a_copy_is_an_object_of_its_own(subject: &StoreUnderTest) {
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
    let copy = subject.copy("file", "folder/copy", IfTaken::Refuse).unwrap();
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

pub fn a_copy_replaces_an_object_only_where_it_may(subject: &StoreUnderTest) {
    subject.put("from", b"from");
    subject.put("to", b"to");
    subject.put("folder/inner", b"1");
    refused!(subject.copy("from", "to", IfTaken::Refuse), Exists);
    assert_eq!(subject.get("to").unwrap(), b"to");
    subject.copy("from", "to", IfTaken::Replace).unwrap();
    assert_eq!(subject.get("to").unwrap(), b"from");
    refused!(subject.copy("from", "from", IfTaken::Replace), IntoItself);
    refused!(subject.copy("nothing", "new", IfTaken::Refuse), NotFound);
    refused!(subject.copy("folder", "new", IfTaken::Refuse), IsAFolder);
    refused!(subject.copy("from", "folder", IfTaken::Replace), IsAFolder);
    refused!(subject.copy("from", "nothing/new", IfTaken::Refuse), NoParent);
    refused!(subject.copy("from", "to/new", IfTaken::Refuse), NotAFolder);
    assert_eq!(subject.names("").unwrap(), ["folder", "from", "to"]);
}

pub fn an_object_without_a_digest_is_copied_without_one(subject: &StoreUnderTest) {
    let writer = subject.create("file", Condition::Always).unwrap();
    subject.wait(writer.commit(Commit::default())).unwrap();
    let copy = subject.copy("file", "copy", IfTaken::Refuse).unwrap();
    assert_eq!((copy.size, copy.digest), (0, None));
}
