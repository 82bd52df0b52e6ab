//! The facts of an object: etag, digest, time and permissions.

use std::time::{Duration, SystemTime};

use super::{StoreUnderTest, bytes, key, refused};
use crate::{Commit, Condition};

pub fn the_etag_is_the_same_for_all_who_see_one_version(subject: &StoreUnderTest) {
    for round in 0..3 {
        let committed = subject.put("file", &bytes(10, round));
        let opened = subject.open("file").unwrap().meta().clone();
        assert_eq!(
            (&opened, &subject.stat("file").unwrap()),
            (&committed, &committed)
        );
        let word = committed
            .etag
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'"');
        assert!(word && !committed.etag.is_empty(), "{}", committed.etag);
    }
}

pub fn the_etag_changes_with_every_version(subject: &StoreUnderTest) {
    let etags: std::collections::HashSet<_> = (0..50).map(|_| subject.put("file", b"same").etag).collect();
    assert_eq!(etags.len(), 50);
}

pub fn the_digest_is_kept_with_the_object_it_was_given_for(subject: &StoreUnderTest) {
    let digest = blake3::hash(b"content");
    assert_eq!(subject.put("file", b"content").digest, Some(digest));
    assert_eq!(subject.stat("file").unwrap().digest, Some(digest));
    assert_eq!(subject.open("file").unwrap().meta().digest, Some(digest));
    let writer = subject.create("file", Condition::Always).unwrap();
    assert_eq!(
        subject.wait(writer.commit(Commit::default())).unwrap().digest,
        None
    );
    assert_eq!(subject.stat("file").unwrap().digest, None);
}

pub fn reading_changes_neither_etag_nor_time(subject: &StoreUnderTest) {
    let before = SystemTime::now();
    let meta = subject.put("file", &bytes(10_000, 1));
    let window = before - Duration::from_secs(2)..=SystemTime::now() + Duration::from_secs(2);
    assert!(
        window.contains(&meta.modified),
        "{:?} in {window:?}",
        meta.modified
    );
    subject.get("file").unwrap();
    assert_eq!(subject.stat("file").unwrap(), meta);
}

pub fn a_commit_sets_the_time_and_the_permissions_that_it_was_given(subject: &StoreUnderTest) {
    let modified = SystemTime::UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_789);
    let facts = Commit {
        digest: Some(blake3::hash(b"content")),
        modified: Some(modified),
        mode: Some(0o7640),
    };
    let put = |content| {
        subject
            .put_with("file", content, Condition::Always, facts)
            .unwrap()
    };
    let meta = put(b"content");
    assert_eq!(
        (meta.modified, meta.mode, meta.digest),
        (modified, Some(0o640), facts.digest)
    );
    assert_eq!(subject.stat("file").unwrap(), meta);
    assert_eq!(subject.open("file").unwrap().meta(), &meta);
    assert_ne!(put(b"c0ntent").etag, meta.etag);
}

pub fn an_upload_keeps_the_permissions_of_what_it_replaces(subject: &StoreUnderTest) {
    let facts = Commit {
        mode: Some(0o600),
        ..Commit::default()
    };
    subject
        .put_with("file", b"private", Condition::Always, facts)
        .unwrap();
    let replaced = subject.put("file", b"still private");
    assert_eq!(replaced.mode, Some(0o600));
    assert_eq!(subject.stat("file").unwrap(), replaced);
}

pub fn a_digest_computed_later_is_kept_with_its_version_only(subject: &StoreUnderTest) {
    let digest = blake3::hash(b"content");
    let keep = |etag: &str| subject.wait(subject.store.keep_digest(&key("file"), etag, digest));
    let put = || {
        subject
            .put_with("file", b"content", Condition::Always, Commit::default())
            .unwrap()
    };
    refused!(keep("x"), NotFound);
    let first = put();
    assert_eq!(first.digest, None);
    let second = put();
    refused!(keep(&first.etag), ConditionFailed);
    let kept = keep(&second.etag).unwrap();
    assert_eq!(kept.digest, Some(digest));
    assert_eq!(subject.stat("file").unwrap(), kept);
    assert_eq!(subject.open("file").unwrap().meta(), &kept);
    assert_eq!((kept.size, kept.modified), (second.size, second.modified));
    assert_eq!(put().digest, None);
}

pub fn a_time_that_is_set_is_told_and_leaves_the_content_alone(subject: &StoreUnderTest) {
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
