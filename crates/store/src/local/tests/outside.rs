//! What other programs do to the files while the store serves them.

use std::fs::FileTimes;
use std::os::unix::ffi::OsStrExt;

use super::*;
use crate::Commit;
use crate::Condition;
use crate::contract::{bytes, refused};

#[test]
fn a_file_changed_by_another_program_has_another_etag_and_no_digest() {
    let folder = TempDir::new().unwrap();
    let subject = PLAIN.over(folder.path());
    let meta = subject.put("file", b"content");
    let path = folder.path().join("file");
    fs::write(&path, b"changed").unwrap();
    // The modification time is set back, as programs do that copy files.
    let file = File::options().write(true).open(&path).unwrap();
    file.set_times(FileTimes::new().set_modified(meta.modified))
        .unwrap();
    let changed = subject.stat("file").unwrap();
    assert_eq!((changed.size, changed.modified), (meta.size, meta.modified));
    assert_ne!(changed.etag, meta.etag);
    fs::write(&path, b"changed again").unwrap();
    assert_eq!(subject.stat("file").unwrap().digest, None);
    assert_eq!(subject.open("file").unwrap().meta().digest, None);
}

#[test]
fn names_that_no_key_can_say_are_left_out_of_a_listing() {
    let folder = TempDir::new().unwrap();
    for name in [
        &b"not utf-8 \xff"[..],
        b"new\nline",
        b"\x1b[31m",
        b".haul-inflight-00",
        b"fine",
        b".hidden",
    ] {
        fs::write(folder.path().join(std::ffi::OsStr::from_bytes(name)), b"1").unwrap();
    }
    for manner in [PLAIN, PLAIN.offload()] {
        assert_eq!(manner.over(folder.path()).names("").unwrap(), [".hidden", "fine"]);
    }
}

#[test]
fn a_file_that_is_cut_short_while_it_is_read_ends_early() {
    for manner in [PLAIN, PLAIN.offload()] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        subject.put("file", &bytes(10_000, 1));
        let mut reader = subject.open("file").unwrap();
        File::options()
            .write(true)
            .open(folder.path().join("file"))
            .unwrap()
            .set_len(100)
            .unwrap();
        assert_eq!(subject.rest(&mut *reader, 0), bytes(10_000, 1)[..100]);
    }
}

#[test]
fn a_folder_of_many_files_is_listed_whole() {
    let folder = TempDir::new().unwrap();
    for index in 0..3000 {
        fs::write(folder.path().join(format!("{index:040}")), b"").unwrap();
    }
    let listing = PLAIN.over(folder.path()).names("").unwrap();
    assert!(
        listing
            .iter()
            .enumerate()
            .all(|(index, name)| *name == format!("{index:040}"))
    );
    assert_eq!(listing.len(), 3000);
}

#[test]
fn a_folder_that_another_program_put_in_the_way_is_not_replaced() {
    for manner in [PLAIN, NAMED] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        let writer = subject.create("name", Condition::Always).unwrap();
        fs::create_dir(folder.path().join("name")).unwrap();
        refused!(subject.wait(writer.commit(Commit::default())), IsAFolder);
        assert!(folder.path().join("name").is_dir());
        assert_eq!(subject.inspector.residue(), Vec::<String>::new());
    }
}

/// Another program that holds a lease on a file, and gives it up when the kernel asks it to, unless it is
/// deaf.
struct Lease(std::process::Child);

impl Lease {
    /// `None` where no lease is to be had.
    fn take(path: &Path, is_deaf: bool) -> Option<Self> {
        use std::io::Read;
        // The signal by which the kernel asks ends the program, and with it the lease.
        let program = "import fcntl, os, signal, sys\n\
            if sys.argv[2] == 'true': signal.signal(signal.SIGIO, signal.SIG_IGN)\n\
            file = os.open(sys.argv[1], os.O_RDWR)\n\
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)\n\
            os.write(1, b'x')\n\
            while True: signal.pause()\n";
        let mut child = std::process::Command::new("python3")
            .args(["-c", program])
            .arg(path)
            .arg(is_deaf.to_string())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .ok()?;
        let mut told = [0];
        let is_held = child.stdout.take().unwrap().read_exact(&mut told).is_ok();
        let lease = Self(child);
        is_held.then_some(lease)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_file_with_a_lease_is_opened_once_the_lease_is_given_up() {
    for manner in [PLAIN, PLAIN.offload()] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        subject.put("file", b"content");
        let Some(_lease) = Lease::take(&folder.path().join("file"), false) else {
            println!("skipped: no lease is to be had here");
            return;
        };
        assert_eq!(subject.stat("file").unwrap().size, 7);
        assert_eq!(subject.get("file").unwrap(), b"content");
    }
}

#[test]
fn a_file_with_a_lease_that_is_not_given_up_is_busy() {
    // Without /proc a file is opened by its name, and then nothing is waited for.
    for manner in [NAMED, NAMED.offload(), WALK_NAMED] {
        let folder = TempDir::new().unwrap();
        let subject = manner.over(folder.path());
        subject.put("file", b"content");
        let Some(_lease) = Lease::take(&folder.path().join("file"), true) else {
            println!("skipped: no lease is to be had here");
            return;
        };
        refused!(subject.open("file"), Busy);
    }
}
