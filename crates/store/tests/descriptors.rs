//! Descriptors are counted for the whole process, so this test has one of its own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use futures_util::FutureExt;
use haul_store::{
    Blocking, Commit, Condition, CreateOptions, Detail, Durability, IfTaken, Key, Page, Store, StoreSpec,
};

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Every operation once, with its refusals.
fn rounds_of_everything(store: &dyn Store) {
    let key = |name: &str| name.parse::<Key>().unwrap();
    let put = |name: &str, condition| {
        let mut writer = store
            .create(&key(name), CreateOptions::with_condition(condition))
            .now_or_never()
            .unwrap()?;
        writer.write(b"content").now_or_never().unwrap()?;
        writer.commit(Commit::default()).now_or_never().unwrap()
    };
    put("a/b/file", Condition::Always).unwrap();
    put("a/b/file", Condition::Always).unwrap();
    put("a/b/file", Condition::Absent).unwrap_err();
    put("a/b", Condition::Always).unwrap_err();
    put("a/b/file/x", Condition::Always).unwrap_err();
    drop(
        store
            .create(&key("dropped"), CreateOptions::default())
            .now_or_never()
            .unwrap()
            .unwrap(),
    );
    let mut reader = store.open(&key("a/b/file")).now_or_never().unwrap().unwrap();
    assert_eq!(
        reader.read_at(0, &mut [0; 100]).now_or_never().unwrap().unwrap(),
        7
    );
    assert!(store.open(&key("a/b")).now_or_never().unwrap().is_err());
    assert!(store.stat(&key("a/nothing")).now_or_never().unwrap().is_err());
    assert_eq!(
        store
            .list(Some(&key("a/b")), Page::WHOLE, Detail::Full)
            .now_or_never()
            .unwrap()
            .unwrap()
            .len(),
        1
    );
    let rename = |from, to| {
        store
            .rename(&key(from), &key(to), IfTaken::Replace)
            .now_or_never()
            .unwrap()
    };
    store.make_dir(&key("a/c")).now_or_never().unwrap().unwrap();
    assert!(store.make_dir(&key("a/c")).now_or_never().unwrap().is_err());
    rename("a/c", "a/d").unwrap();
    rename("a/nothing", "a/d").unwrap_err();
    store
        .copy(&key("a/b/file"), &key("a/d/copy"), IfTaken::Refuse)
        .now_or_never()
        .unwrap()
        .unwrap();
    assert!(
        store
            .copy(&key("a/b/file"), &key("a/d/copy"), IfTaken::Refuse)
            .now_or_never()
            .unwrap()
            .is_err()
    );
    rename("a/d/copy", "a/b/file").unwrap();
    store
        .set_modified(&key("a/b/file"), std::time::SystemTime::UNIX_EPOCH)
        .now_or_never()
        .unwrap()
        .unwrap();
    store.remove_dir(&key("a/d")).now_or_never().unwrap().unwrap();
    assert_eq!(store.maintain().now_or_never().unwrap().unwrap().swept, 0);
    store.remove(&key("a/b/file")).now_or_never().unwrap().unwrap();
}

#[test]
fn no_operation_and_no_refusal_keeps_a_descriptor() {
    let folder = tempfile::TempDir::new().unwrap();
    for durability in [Durability::Synced, Durability::Buffered] {
        let spec = StoreSpec::Local {
            root: folder.path().to_owned(),
            durability,
        };
        let store = spec.open(Blocking::Inline).unwrap();
        rounds_of_everything(&*store);
        let before = open_descriptors();
        (0..5).for_each(|_| rounds_of_everything(&*store));
        assert_eq!(open_descriptors(), before);
    }
}
