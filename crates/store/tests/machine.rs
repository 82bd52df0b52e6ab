//! What takes a disk or a user of its own: each of these tests starts this program again, with only itself to
//! run, where it may mount a file system that no other process sees, or as a user who may not do everything.
//! Where the machine allows neither, the test says that it is skipped.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures_util::FutureExt;
use haul_store::{
    Blocking, Commit, CreateOptions, Durability, Error, IfTaken, Key, Meta, RESERVED_PREFIX, Store, StoreSpec,
};
use tempfile::TempDir;

/// Set for the program that was started again; what it says is where the test may work.
const ROOM: &str = "HAUL_TEST_ROOM";

/// A folder prepared by a shell script (in which `$0` is the folder) in a mount namespace of this test's own.
fn own_mount(test: &str, script: &str) -> Option<PathBuf> {
    if let Some(room) = std::env::var_os(ROOM) {
        return Some(room.into());
    }
    let works = |flags: &&str| {
        Command::new("unshare")
            .args([flags, "true"])
            .output()
            .is_ok_and(|ran| ran.status.success())
    };
    let Some(flags) = ["-rm", "-m"].into_iter().find(works) else {
        println!("skipped: {test} needs a mount namespace, and this machine gives none");
        return None;
    };
    let room = TempDir::new().unwrap();
    let mut again = Command::new("unshare");
    again
        .args([flags, "sh", "-ec", &format!("{script}\nexec \"$@\"")])
        .arg(room.path())
        .arg(std::env::current_exe().unwrap());
    run_again(again, test, room.path());
    None
}

/// A folder in which this test is a user whom permissions bind, which root is not.
fn bound_user(test: &str) -> Option<PathBuf> {
    if let Some(room) = std::env::var_os(ROOM) {
        return Some(room.into());
    }
    const NOBODY: u32 = 65_534;
    let room = TempDir::new().unwrap();
    let program = room.path().join("program");
    // Not by this process: a test that starts a program at this moment would hand it the copy open for
    // writing, and a file that is open for writing cannot be run.
    let copied = Command::new("cp")
        .arg(std::env::current_exe().unwrap())
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    let work = room.path().join("work");
    fs::create_dir(&work).unwrap();
    fs::set_permissions(room.path(), Permissions::from_mode(0o755)).unwrap();
    let mut again = Command::new(program);
    again.current_dir(&work);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&work, Some(NOBODY), Some(NOBODY)).unwrap();
        again.uid(NOBODY).gid(NOBODY);
    }
    run_again(again, test, &work);
    None
}

fn run_again(mut program: Command, test: &str, room: &Path) {
    let ran = program
        .args(["--exact", test, "--nocapture"])
        .env(ROOM, room)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

fn key(name: &str) -> Key {
    name.parse().unwrap()
}

fn open(root: &Path) -> Arc<dyn Store> {
    let spec = StoreSpec::Local {
        root: root.to_owned(),
        durability: Durability::Synced,
    };
    spec.open(Blocking::Inline).unwrap()
}

fn put(store: &dyn Store, name: &str, content: &[u8]) -> Result<Meta, Error> {
    let mut writer = store
        .create(&key(name), CreateOptions::default())
        .now_or_never()
        .unwrap()?;
    writer.write(content).now_or_never().unwrap()?;
    let facts = Commit {
        digest: Some(blake3::hash(content)),
        ..Commit::default()
    };
    writer.commit(facts).now_or_never().unwrap()
}

fn remove(store: &dyn Store, name: &str) -> Result<(), Error> {
    store.remove(&key(name)).now_or_never().unwrap()
}

fn swept(store: &dyn Store) -> usize {
    store.maintain().now_or_never().unwrap().unwrap().swept
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_refuses_what_does_not_fit_and_keeps_what_is_there() {
    let test = "a_full_disk_refuses_what_does_not_fit_and_keeps_what_is_there";
    let Some(room) = own_mount(test, "mount -t tmpfs -o size=1m tmpfs \"$0\"") else {
        return;
    };
    let store = open(&room);
    let kept = vec![1; 300_000];
    put(&*store, "kept", &kept).unwrap();
    for name in ["new", "kept", "folder/new"] {
        assert!(
            matches!(put(&*store, name, &vec![2; 2_000_000]), Err(Error::NoSpace)),
            "{name}"
        );
        assert_eq!(names(&room), ["kept"]);
    }
    assert_eq!(fs::read(room.join("kept")).unwrap(), kept);
    put(&*store, "fits", &vec![3; 500_000]).unwrap();
}

#[test]
fn a_disk_mounted_beneath_the_root_is_written_and_swept_like_the_rest() {
    let test = "a_disk_mounted_beneath_the_root_is_written_and_swept_like_the_rest";
    let script = "mkdir \"$0/other disk\"; mount -t tmpfs tmpfs \"$0/other disk\"";
    let Some(root) = own_mount(test, script) else {
        return;
    };
    let store = open(&root);
    for content in [&b"first"[..], b"second"] {
        put(&*store, "other disk/folder/file", content).unwrap();
        assert_eq!(fs::read(root.join("other disk/folder/file")).unwrap(), content);
    }
    assert_eq!(names(&root.join("other disk/folder")), ["file"]);
    put(&*store, "here", b"here").unwrap();
    store.make_dir(&key("folder")).now_or_never().unwrap().unwrap();
    for if_taken in [IfTaken::Refuse, IfTaken::Replace] {
        for (from, to) in [
            ("here", "other disk/there"),
            ("other disk/folder/file", "there"),
            ("folder", "other disk/there"),
        ] {
            let renamed = store
                .rename(&key(from), &key(to), if_taken)
                .now_or_never()
                .unwrap();
            assert!(matches!(renamed, Err(Error::Unsupported)), "{from}: {renamed:?}");
        }
    }
    let [there, here] = [key("other disk/folder/file"), key("here")];
    let copied = store.copy(&there, &here, IfTaken::Replace);
    assert_eq!(copied.now_or_never().unwrap().unwrap().size, 6);
    let mounted = store.remove_dir(&key("other disk")).now_or_never().unwrap();
    assert!(matches!(mounted, Err(Error::Forbidden)), "{mounted:?}");
    remove(&*store, "here").unwrap();
    store.remove_dir(&key("folder")).now_or_never().unwrap().unwrap();
    for folder in ["", "other disk", "other disk/folder"] {
        fs::write(root.join(folder).join(format!("{RESERVED_PREFIX}dead")), b"half").unwrap();
    }
    assert_eq!(swept(&*store), 3);
    assert_eq!(names(&root.join("other disk/folder")), ["file"]);
    assert_eq!(names(&root), ["other disk"]);
}

#[test]
fn a_read_only_disk_can_be_read_and_forbids_the_rest() {
    let test = "a_read_only_disk_can_be_read_and_forbids_the_rest";
    let script = "mount -t tmpfs tmpfs \"$0\"; echo content >\"$0/file\"; mount -o remount,ro \"$0\"";
    let Some(root) = own_mount(test, script) else {
        return;
    };
    let store = open(&root);
    assert_eq!(store.stat(&key("file")).now_or_never().unwrap().unwrap().size, 8);
    for name in ["file", "new", "folder/new"] {
        assert!(
            matches!(put(&*store, name, b"1"), Err(Error::Forbidden)),
            "{name}"
        );
    }
    assert!(matches!(remove(&*store, "file"), Err(Error::Forbidden)));
    let [file, new] = [key("file"), key("new")];
    let made = store.make_dir(&new).now_or_never().unwrap();
    let renamed = store.rename(&file, &new, IfTaken::Refuse).now_or_never().unwrap();
    let set = store
        .set_modified(&file, std::time::SystemTime::UNIX_EPOCH)
        .now_or_never()
        .unwrap();
    let copied = store.copy(&file, &new, IfTaken::Refuse).now_or_never().unwrap();
    for refused in [made, renamed, set.map(drop), copied.map(drop)] {
        assert!(matches!(refused, Err(Error::Forbidden)), "{refused:?}");
    }
    assert_eq!(swept(&*store), 0);
}

#[test]
fn a_missing_permission_is_forbidden_and_nothing_more_than_needed_is_asked() {
    let test = "a_missing_permission_is_forbidden_and_nothing_more_than_needed_is_asked";
    let Some(root) = bound_user(test) else { return };
    let store = open(&root);
    let permit =
        |name: &str, mode| fs::set_permissions(root.join(name), Permissions::from_mode(mode)).unwrap();
    let meta = put(&*store, "secret", b"content").unwrap();
    put(&*store, "fixed/file", b"content").unwrap();
    permit("secret", 0o000);
    permit("fixed", 0o555);
    assert!(matches!(
        store.open(&key("secret")).now_or_never().unwrap(),
        Err(Error::Forbidden)
    ));
    assert_eq!(
        store.stat(&key("secret")).now_or_never().unwrap().unwrap().size,
        meta.size
    );
    for name in ["fixed/new", "fixed/file", "fixed/folder/new"] {
        assert!(
            matches!(put(&*store, name, b"1"), Err(Error::Forbidden)),
            "{name}"
        );
    }
    assert!(matches!(remove(&*store, "fixed/file"), Err(Error::Forbidden)));
    assert_eq!(put(&*store, "secret", b"replaced").unwrap().mode, Some(0));
    permit("secret", 0o600);
    assert_eq!(fs::read(root.join("secret")).unwrap(), b"replaced");
    fs::write(root.join("fixed/file"), b"unharmed").unwrap();
    permit("fixed", 0o755);
}

#[test]
fn a_folder_that_may_be_written_to_in_a_root_that_may_not_is_served_and_swept() {
    let test = "a_folder_that_may_be_written_to_in_a_root_that_may_not_is_served_and_swept";
    let Some(root) = bound_user(test) else { return };
    fs::create_dir_all(root.join("uploads/deep")).unwrap();
    fs::set_permissions(&root, Permissions::from_mode(0o555)).unwrap();
    let store = open(&root);
    for content in [&b"first"[..], b"second"] {
        put(&*store, "uploads/file", content).unwrap();
        assert_eq!(fs::read(root.join("uploads/file")).unwrap(), content);
    }
    assert!(matches!(put(&*store, "file", b"1"), Err(Error::Forbidden)));
    fs::write(root.join(format!("uploads/deep/{RESERVED_PREFIX}dead")), b"half").unwrap();
    assert_eq!(swept(&*store), 1);
    assert_eq!(names(&root.join("uploads")), ["deep", "file"]);
    fs::set_permissions(&root, Permissions::from_mode(0o755)).unwrap();
}
