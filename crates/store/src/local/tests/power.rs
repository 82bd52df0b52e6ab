//! What a power cut leaves of uploads that were not synced. A cut is played by changing the file behind the
//! store's back, with its time set back, and by opening the folder again, as another run of the server does.

use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::time::SystemTime;

use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};

use super::*;
use crate::contract::{bytes, refused};
use crate::{Commit, Condition};

pub(super) const JOURNAL: Manner = PLAIN.on(Medium::Journal);
const ATTRIBUTE: &str = "user.haul.digest";

fn note_of(path: &Path) -> String {
    let mut text = vec![0; 256];
    let length = getxattr(path, ATTRIBUTE, &mut text[..]).unwrap_or(0);
    String::from_utf8(text[..length].to_vec()).unwrap()
}

pub(super) fn is_unsynced(path: &Path) -> bool {
    note_of(path).contains(" unsynced=")
}

/// Changes a file's content and nothing else that tells.
pub(super) fn damage(path: &Path, change: impl Fn(&File)) {
    let file = File::options().write(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    change(&file);
    file.set_modified(modified).unwrap();
}

#[test]
fn what_a_power_cut_has_left_of_an_upload_is_never_served() {
    for manner in [JOURNAL, JOURNAL.offload(), NAMED.on(Medium::Journal)] {
        let folder = TempDir::new().unwrap();
        let content = bytes(300_000, 1);
        let subject = manner.over(folder.path());
        for name in ["empty", "short", "zeros"] {
            subject.put(name, &content);
            assert!(is_unsynced(&folder.path().join(name)));
            assert_eq!(
                subject.get(name).unwrap(),
                content,
                "its own run knows that it is whole"
            );
        }
        damage(&folder.path().join("empty"), |file| file.set_len(0).unwrap());
        damage(&folder.path().join("short"), |file| file.set_len(4096).unwrap());
        damage(&folder.path().join("zeros"), |file| {
            file.write_all_at(&[0; 4096], 8192).unwrap();
        });
        let after = manner.over(folder.path());
        for name in ["empty", "short", "zeros"] {
            refused!(after.open(name), Torn);
            refused!(after.open(name), Torn);
        }
        for name in ["empty", "short"] {
            refused!(after.stat(name), Torn);
        }
        assert_eq!(after.stat("zeros").unwrap().digest, None);
        after.put("zeros", b"again");
        assert_eq!(after.get("zeros").unwrap(), b"again");
        after.remove("empty").unwrap();
    }
}

#[test]
fn what_a_power_cut_has_left_whole_is_compared_once_and_then_trusted() {
    for manner in [JOURNAL, JOURNAL.offload()] {
        let folder = TempDir::new().unwrap();
        let content = bytes(300_000, 1);
        let stored = manner.over(folder.path()).put("file", &content);
        let path = folder.path().join("file");
        let after = manner.over(folder.path());
        assert_eq!(
            after.stat("file").unwrap().digest,
            None,
            "not known before it was compared"
        );
        let meta = after.open("file").unwrap().meta().clone();
        assert_eq!((meta.digest, meta.modified), (stored.digest, stored.modified));
        assert!(!is_unsynced(&path));
        assert_eq!(after.stat("file").unwrap(), meta);
        assert_eq!(after.get("file").unwrap(), content);
        assert_eq!(manner.over(folder.path()).stat("file").unwrap(), meta);
    }
}

#[test]
fn a_note_that_cannot_be_cleared_costs_a_comparison_and_no_content() {
    let folder = TempDir::new().unwrap();
    let subject = JOURNAL.over(folder.path());
    subject.put("file", b"content");
    let path = folder.path().join("file");
    let note = note_of(&path);
    let after = JOURNAL.over(folder.path());
    for _ in 0..3 {
        assert_eq!(after.get("file").unwrap(), b"content");
        // As if the note could not be rewritten.
        setxattr(&path, ATTRIBUTE, note.as_bytes(), XattrFlags::empty()).unwrap();
    }
}

#[test]
fn an_upload_is_synced_where_it_replaces_another_or_its_note_could_not_be_cleared() {
    let folder = TempDir::new().unwrap();
    let subject = JOURNAL.over(folder.path());
    subject.put("replaced", b"old");
    subject.put("replaced", b"new");
    assert!(!is_unsynced(&folder.path().join("replaced")));
    let undigested = subject.put_with("plain", b"1", Condition::Always, Commit::default());
    assert_eq!(undigested.unwrap().digest, None);
    assert_eq!(note_of(&folder.path().join("plain")), "");
    for manner in [
        PLAIN.on(Medium::Memory),
        PLAIN.on(Medium::Unknown),
        JOURNAL.synced(),
    ] {
        let subject = manner.over(folder.path());
        subject.put("other", b"1");
        let path = folder.path().join("other");
        assert!(note_of(&path).starts_with("blake3 ") && !is_unsynced(&path));
        subject.remove("other").unwrap();
    }
}

#[test]
fn an_object_that_another_program_changed_is_not_taken_for_torn() {
    let folder = TempDir::new().unwrap();
    JOURNAL.over(folder.path()).put("file", b"content");
    fs::write(folder.path().join("file"), b"changed!").unwrap();
    let after = JOURNAL.over(folder.path());
    assert_eq!(after.get("file").unwrap(), b"changed!");
    assert_eq!(after.stat("file").unwrap().digest, None);
    // One that was copied by hand has no note at all.
    removexattr(folder.path().join("file"), ATTRIBUTE).unwrap();
    assert_eq!(after.get("file").unwrap(), b"changed!");
}

#[test]
fn a_digest_that_is_kept_later_says_nothing_about_another_run() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), b"content").unwrap();
    let subject = JOURNAL.over(folder.path());
    let digest = blake3::hash(b"content");
    let key = contract::key("file");
    let etag = subject.stat("file").unwrap().etag;
    let kept = subject
        .wait(subject.store.keep_digest(&key, &etag, digest))
        .unwrap();
    assert_eq!(kept.digest, Some(digest));
    assert_eq!(JOURNAL.over(folder.path()).stat("file").unwrap(), kept);
}

#[test]
fn what_is_replaced_keeps_its_permissions_but_no_privilege() {
    for manner in [PLAIN, PLAIN.synced(), NAMED, JOURNAL] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        let path = folder.path().join("file");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        for (before, after) in [(0o600, 0o600), (0o6755, 0o755), (0o444, 0o444), (0o640, 0o640)] {
            fs::write(&path, b"old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(before)).unwrap();
            assert_eq!(subject.put("file", b"new").mode, Some(after));
            assert_eq!(mode(), after);
            subject.remove("file").unwrap();
        }
        fs::write(folder.path().join("target"), b"target").unwrap();
        symlink("target", &path).unwrap();
        subject.put("file", b"new");
        assert!(path.symlink_metadata().unwrap().is_file());
        assert_eq!(fs::read(folder.path().join("target")).unwrap(), b"target");
    }
}

#[test]
fn a_time_that_was_given_does_not_hide_a_power_cut() {
    let folder = TempDir::new().unwrap();
    let facts = Commit {
        digest: Some(blake3::hash(b"content")),
        modified: Some(SystemTime::UNIX_EPOCH),
        mode: Some(0o644),
    };
    let subject = JOURNAL.over(folder.path());
    subject
        .put_with("file", b"content", Condition::Always, facts)
        .unwrap();
    damage(&folder.path().join("file"), |file| {
        file.write_all_at(b"C", 0).unwrap();
    });
    refused!(JOURNAL.over(folder.path()).open("file"), Torn);
}
