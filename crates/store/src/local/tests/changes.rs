//! Renames, copies, new folders and set times where links, locks, permissions and notes matter.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::SystemTime;

use super::power::{JOURNAL, damage, is_unsynced};
use super::*;
use crate::contract::{bytes, key, refused};
use crate::local::locks::LockMode;
use crate::{Commit, Condition, IfTaken};

const EITHER: [IfTaken; 2] = [IfTaken::Refuse, IfTaken::Replace];

/// Every kind of disk and of name in flight.
fn over_all(test: impl Fn(StoreUnderTest, &Path)) {
    for manner in [
        PLAIN,
        PLAIN.offload(),
        NAMED.synced(),
        WALK,
        JOURNAL,
        PLAIN.on(Medium::Bare),
    ] {
        let ground = TempDir::new().unwrap();
        let root = ground.path().join("root");
        fs::create_dir_all(root.join("real")).unwrap();
        fs::create_dir(ground.path().join("outside")).unwrap();
        fs::write(ground.path().join("outside/secret"), b"secret").unwrap();
        test(manner.over(&root), &root);
        assert_eq!(fs::read(root.join("../outside/secret")).unwrap(), b"secret");
        assert_eq!(fs::read_dir(root.join("../outside")).unwrap().count(), 1);
        assert_eq!(reserved_beneath(&root), Vec::<String>::new());
    }
}

#[test]
fn no_change_goes_through_a_link_that_leads_out() {
    over_all(|subject, root| {
        symlink("../outside", root.join("out")).unwrap();
        symlink("../outside/secret", root.join("secret")).unwrap();
        subject.put("file", b"inside");
        refused!(subject.make_dir("out/new"), Escapes);
        refused!(subject.make_dir("out"), Exists);
        for if_taken in EITHER {
            refused!(subject.rename("file", "out/new", if_taken), Escapes);
            refused!(subject.rename("real", "out/new", if_taken), Escapes);
            refused!(subject.rename("out/secret", "new", if_taken), Escapes);
            refused!(subject.rename("secret", "new", if_taken), Escapes);
            refused!(subject.copy("file", "out/new", if_taken), Escapes);
            refused!(subject.copy("secret", "new", if_taken), Escapes);
            refused!(subject.copy("out/secret", "new", if_taken), Escapes);
        }
        refused!(subject.rename("file", "secret", IfTaken::Replace), Escapes);
        refused!(subject.set_modified("secret", SystemTime::UNIX_EPOCH), Escapes);
        assert_eq!(subject.names("").unwrap(), ["file", "real"]);
    });
}

#[test]
fn a_link_is_not_renamed_and_one_that_is_replaced_leaves_its_target_alone() {
    over_all(|subject, root| {
        subject.put("real/file", b"target");
        subject.put("new", b"new");
        symlink("real/file", root.join("link")).unwrap();
        symlink("real", root.join("folder")).unwrap();
        symlink("nothing", root.join("dangling")).unwrap();
        for if_taken in EITHER {
            refused!(subject.rename("link", "real/file", if_taken), Forbidden);
            refused!(subject.rename("folder", "elsewhere", if_taken), Forbidden);
            refused!(subject.rename("dangling", "elsewhere", if_taken), NotFound);
        }
        refused!(subject.rename("new", "link", IfTaken::Refuse), Exists);
        refused!(subject.rename("new", "dangling", IfTaken::Refuse), Exists);
        subject.rename("new", "link", IfTaken::Replace).unwrap();
        assert_eq!(subject.get("link").unwrap(), b"new");
        assert_eq!(subject.get("real/file").unwrap(), b"target");
        subject.rename("link", "dangling", IfTaken::Replace).unwrap();
        assert_eq!(subject.names("").unwrap(), ["dangling", "real"]);
        // Through a link to a folder beneath the root, as with uploads.
        subject
            .rename("dangling", "folder/inner", IfTaken::Refuse)
            .unwrap();
        assert_eq!(subject.names("real").unwrap(), ["file", "inner"]);
    });
}

#[test]
fn a_copy_of_a_link_is_an_object_and_a_link_takes_no_copy() {
    over_all(|subject, root| {
        subject.put("real/file", b"target");
        symlink("real/file", root.join("link")).unwrap();
        subject.copy("link", "copy", IfTaken::Refuse).unwrap();
        assert!(root.join("copy").symlink_metadata().unwrap().is_file());
        subject.put("other", b"other");
        subject.copy("other", "link", IfTaken::Replace).unwrap();
        assert!(root.join("link").symlink_metadata().unwrap().is_file());
        assert_eq!(subject.get("real/file").unwrap(), b"target");
    });
}

#[test]
fn of_two_names_of_one_file_a_rename_leaves_the_new_one() {
    over_all(|subject, root| {
        subject.put("one", b"content");
        fs::hard_link(root.join("one"), root.join("two")).unwrap();
        refused!(subject.rename("one", "two", IfTaken::Refuse), Exists);
        subject.rename("one", "two", IfTaken::Replace).unwrap();
        assert_eq!(subject.names("").unwrap(), ["real", "two"]);
        assert_eq!(subject.get("two").unwrap(), b"content");
        assert_eq!(fs::metadata(root.join("two")).unwrap().nlink(), 1);
    });
}

#[test]
fn an_upload_that_was_held_up_does_not_replace_what_was_renamed_to_its_name_later() {
    for manner in [PLAIN, NAMED.synced(), PLAIN.on(Medium::Bare)] {
        let folder = TempDir::new().unwrap();
        let store = manner.open(folder.path());
        let mut subject = manner.over(folder.path());
        subject.store = Arc::new(store.beside());
        subject.put("other", b"renamed");
        let first = order::held_up(&store, "name", b"first", Condition::Always);
        subject.rename("other", "name", IfTaken::Refuse).unwrap();
        order::publish(first).unwrap();
        assert_eq!(subject.get("name").unwrap(), b"renamed");
        // The old name of a rename is as free as any other.
        let second = order::held_up(&store, "name", b"second", Condition::Always);
        subject.rename("name", "other", IfTaken::Refuse).unwrap();
        order::publish(second).unwrap();
        assert_eq!(subject.get("name").unwrap(), b"second");
        assert_eq!(subject.get("other").unwrap(), b"renamed");
    }
}

#[test]
fn a_rename_waits_for_the_locks_of_both_names_and_holds_neither_for_long() {
    for name in ["from", "to"] {
        let folder = TempDir::new().unwrap();
        let others = Locks::create().unwrap();
        let own = Locks::join(others.as_fd().try_clone_to_owned().unwrap()).unwrap();
        let mut subject = PLAIN.over(folder.path());
        subject.store = Arc::new(PLAIN.open_with(folder.path(), own.impatient()));
        subject.put("from", b"1");
        let turn = others.lock(&key(name), LockMode::Try).unwrap().unwrap();
        for if_taken in EITHER {
            refused!(subject.rename("from", "to", if_taken), Busy);
        }
        if name == "from" {
            refused!(subject.set_modified("from", SystemTime::UNIX_EPOCH), Busy);
        }
        drop(turn);
        subject.rename("from", "to", IfTaken::Replace).unwrap();
        assert!(others.lock(&key(name), LockMode::Try).unwrap().is_some());
    }
}

#[test]
fn an_upload_that_was_not_synced_is_so_before_it_replaces_another_by_a_rename() {
    let folder = TempDir::new().unwrap();
    let subject = JOURNAL.over(folder.path());
    subject.put("old", b"old");
    subject.put("new", &bytes(100_000, 1));
    let before = subject.stat("new").unwrap();
    subject.rename("new", "old", IfTaken::Replace).unwrap();
    let after = subject.stat("old").unwrap();
    assert_eq!((after.digest, after.modified), (before.digest, before.modified));
    // Another run compares it with its digest all the same.
    assert!(JOURNAL.over(folder.path()).get("old").unwrap() == bytes(100_000, 1));
}

#[test]
fn a_time_that_is_set_hides_no_power_cut() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file");
    let subject = JOURNAL.over(folder.path());
    let stored = subject.put("file", b"content");
    assert!(is_unsynced(&path));
    let meta = subject.set_modified("file", SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(meta.digest, stored.digest);
    assert!(!is_unsynced(&path), "its content was synced first");
    subject.put("torn", b"content");
    damage(&folder.path().join("torn"), |file| file.set_len(3).unwrap());
    let after = JOURNAL.over(folder.path());
    refused!(after.set_modified("torn", SystemTime::UNIX_EPOCH), Torn);
    refused!(after.copy("torn", "copy", IfTaken::Refuse), Torn);
    refused!(after.stat("torn"), Torn);
}

#[test]
fn a_time_that_is_set_to_the_same_again_makes_no_old_etag_true() {
    let subject = PLAIN.subject();
    let mut etags = std::collections::HashSet::new();
    for _ in 0..50 {
        assert!(etags.insert(subject.put("file", b"same").etag));
        assert!(etags.insert(subject.set_modified("file", SystemTime::UNIX_EPOCH).unwrap().etag));
    }
}

#[test]
fn a_copy_has_the_permissions_of_its_source_and_no_privilege() {
    let folder = TempDir::new().unwrap();
    let subject = PLAIN.over(folder.path());
    let path = |name: &str| folder.path().join(name);
    for (before, after) in [(0o600, 0o600), (0o6755, 0o755), (0o444, 0o444)] {
        fs::write(path("file"), b"content").unwrap();
        fs::set_permissions(path("file"), fs::Permissions::from_mode(before)).unwrap();
        assert_eq!(
            subject.copy("file", "copy", IfTaken::Replace).unwrap().mode,
            Some(after)
        );
        assert_eq!(
            fs::metadata(path("copy")).unwrap().permissions().mode() & 0o7777,
            after
        );
        subject.remove("file").unwrap();
    }
}

#[test]
fn a_copy_of_what_another_program_writes_to_is_no_version_with_a_digest() {
    let folder = TempDir::new().unwrap();
    let subject = PLAIN.over(folder.path());
    subject.put("file", b"content");
    fs::write(folder.path().join("file"), b"changed by another program").unwrap();
    let copy = subject.copy("file", "copy", IfTaken::Refuse).unwrap();
    assert_eq!((copy.size, copy.digest), (26, None));
}

#[test]
fn pipes_are_neither_renamed_nor_copied() {
    over_all(|subject, root| {
        rustix::fs::mkfifoat(CWD, root.join("pipe"), rustix::fs::Mode::from_raw_mode(0o666)).unwrap();
        subject.put("file", b"1");
        for if_taken in EITHER {
            refused!(subject.rename("pipe", "new", if_taken), Forbidden);
            refused!(subject.copy("pipe", "new", if_taken), Forbidden);
        }
        refused!(subject.rename("file", "pipe", IfTaken::Replace), Forbidden);
        refused!(subject.copy("file", "pipe", IfTaken::Replace), Forbidden);
        refused!(subject.set_modified("pipe", SystemTime::UNIX_EPOCH), Forbidden);
        refused!(subject.make_dir("pipe"), Exists);
    });
}

#[test]
fn a_rename_may_use_a_folder_that_was_written_to_before() {
    let facts = Commit::default();
    for manner in [PLAIN.synced(), PLAIN.on(Medium::Bare)] {
        let subject = manner.subject();
        for round in 0..3_u8 {
            subject
                .put_with("a/b/file", &[round], Condition::Always, facts)
                .unwrap();
            subject.rename("a", "c", IfTaken::Refuse).unwrap();
            subject.rename("c/b", "d", IfTaken::Refuse).unwrap();
            subject.remove_dir("c").unwrap();
            subject.rename("d/file", "file", IfTaken::Replace).unwrap();
            assert_eq!(subject.get("file").unwrap(), [round]);
            subject.remove_dir("d").unwrap();
        }
    }
}
