//! What the disk does to a server: full, vanished, forbidden; and both durabilities.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;

use rustix::fs::{FlockOperation, flock};
use rustix::mount::MountFlags;

use crate::mount::Mount;
use crate::rows::Outcome::{Content, Deleted, Names, Refused, Stored};
use crate::rows::{expect, expect_done, expect_refusal};
use crate::served::{Served, temporary};
use crate::{base64, content, hex_digest, under_every_pool};

under_every_pool! {
    reads_of_many_clients_at_once_are_whole
    an_object_that_becomes_shorter_under_many_reads_resets_them
    both_durabilities_store_replace_and_delete
    a_full_disk_refuses_with_no_space_and_changes_nothing
    a_vanished_folder_is_an_internal_error_and_the_server_lives_on
    what_the_system_forbids_is_forbidden
    nested_folders_appear_with_their_first_file_only
    whoever_may_read_the_folder_cannot_hold_up_uploads
}

fn whoever_may_read_the_folder_cannot_hold_up_uploads(pool: &str) {
    let served = Served::writable(pool);
    served.place("sub/old", "old");
    let locked = [
        served.root().to_owned(),
        served.path("sub"),
        served.path("sub/old"),
    ]
    .map(|path| {
        let held = File::open(path).unwrap();
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        held
    });
    let mut talk = served.talk();
    for name in ["new", "sub/new", "sub/old"] {
        talk.send(format!("UPLOAD {name} QUJD\r\n"));
        expect(&mut talk, &served, Stored(name, b"ABC"));
        talk.send(format!("DELETE {name}\r\n"));
        expect(&mut talk, &served, Deleted(name));
    }
    talk.finish();
    drop(locked);
}

fn both_durabilities_store_replace_and_delete(pool: &str) {
    for durability in ["synced", "buffered"] {
        let served = Served::with(pool, &["-w", "--durability", durability]);
        let bytes = content(durability, 300_000);
        let mut talk = served.talk();
        for name in ["a", "sub/folder/b"] {
            for bytes in [&bytes[..], b"", b"ABC"] {
                talk.send(format!("UPLOAD {name} {}\r\n", base64(bytes)));
                expect(&mut talk, &served, Stored(name, bytes));
                talk.send(format!("WRITE {name} {}\r\n", bytes.len()));
                talk.send([bytes, hex_digest(bytes).as_bytes(), b"\r\n"].concat());
                assert_eq!(talk.reply()["digest"], hex_digest(bytes));
                talk.send(format!("GET {name}\r\n"));
                expect(&mut talk, &served, Content(name, bytes));
            }
            talk.send(format!("DELETE {name}\r\n"));
            expect(&mut talk, &served, Deleted(name));
        }
        talk.finish();
    }
}

fn a_full_disk_refuses_with_no_space_and_changes_nothing(pool: &str) {
    let place = temporary();
    let Some(_mount) = Mount::tmpfs(place.path(), "size=1m") else {
        return;
    };
    for durability in ["synced", "buffered"] {
        let served = Served::start(pool, 1, Some(place.path()), &["-w", "--durability", durability]);
        served.clear();
        served.place("kept", content("kept", 300_000));
        let before = served.quiet_state();
        let large = content("large", 2_000_000);
        let mut talk = served.talk();
        for name in ["large", "kept", "new/folder/large"] {
            talk.send(format!("UPLOAD {name} {}\r\n", base64(&large)));
            expect(&mut talk, &served, Refused("no-space"));
            talk.send(format!("WRITE {name} {}\r\n", large.len()));
            talk.send([&large[..], hex_digest(&large).as_bytes(), b"\r\n"].concat());
            expect(&mut talk, &served, Refused("no-space"));
        }
        // The server lives on, reads, and stores what fits.
        talk.send("GET kept\r\nUPLOAD small QUJD\r\n");
        expect(&mut talk, &served, Content("kept", &content("kept", 300_000)));
        expect(&mut talk, &served, Stored("small", b"ABC"));
        talk.send("DELETE small\r\n");
        expect(&mut talk, &served, Deleted("small"));
        talk.finish();
        served.expect_again(&before);
    }
}

fn a_vanished_folder_is_an_internal_error_and_the_server_lives_on(pool: &str) {
    let served = Served::writable(pool);
    served.place("a", "A");
    let before = served.quiet_state();
    fs::remove_dir_all(served.root()).unwrap();
    let mut talk = served.talk();
    for request in [
        "LIST\r\n",
        "GET a\r\n",
        "UPLOAD a QUJD\r\n",
        "DELETE a\r\n",
        "LS\r\n",
        "STAT a\r\n",
    ] {
        let reply = talk.ask(request);
        let code = reply["code"].as_str().unwrap_or("none").to_owned();
        assert!(code == "internal" || code == "not-found", "{request}: {reply}");
        expect_refusal(&reply, &code, &served);
    }
    assert_eq!(talk.ask("HELLO\r\n")["status"], "OK");
    talk.finish();
    fs::create_dir(served.root()).unwrap();
    let now = served.quiet_state();
    assert_eq!(
        (now.descriptors, now.processes),
        (before.descriptors, before.processes)
    );
    assert!(now.files.is_empty(), "{now:?}");
}

fn what_the_system_forbids_is_forbidden(pool: &str) {
    // Whoever is root may read and write anything but what is on a read-only file system.
    let place = temporary();
    let Some(_mount) = Mount::tmpfs(place.path(), "size=1m") else {
        return;
    };
    fs::write(place.path().join("a"), "A").unwrap();
    fs::set_permissions(place.path().join("a"), fs::Permissions::from_mode(0o644)).unwrap();
    rustix::mount::mount_remount(place.path(), MountFlags::RDONLY, "").unwrap();
    let served = Served::start(pool, 1, Some(place.path()), &["-w"]);
    let before = served.quiet_state();
    let mut talk = served.talk();
    let digest = hex_digest(b"ABC");
    for request in [
        "UPLOAD a QUJD\r\n",
        "UPLOAD b QUJD\r\n",
        "DELETE a\r\n",
        "UPLOAD new/b QUJD\r\n",
        &format!("WRITE b 3\r\nABC{digest}\r\n"),
    ] {
        talk.send(request);
        expect(&mut talk, &served, Refused("forbidden"));
    }
    talk.send("GET a\r\nLIST\r\n");
    expect(&mut talk, &served, Content("a", b"A"));
    expect(&mut talk, &served, Names(&["a"]));
    talk.finish();
    served.expect_again(&before);
}

fn nested_folders_appear_with_their_first_file_only(pool: &str) {
    let served = Served::writable(pool);
    let mut talk = served.talk();
    for request in [
        "UPLOAD a/b/c QU*D\r\n",
        "WRITE a/b/c 3\r\nABC0000000000000000000000000000000000000000000000000000000000000000\r\n",
    ] {
        assert_eq!(talk.ask(request)["status"], "ERROR");
        assert!(served.files().is_empty(), "{:?}", served.files());
    }
    talk.send("UPLOAD a/b/c QUJD\r\n");
    expect(&mut talk, &served, Stored("a/b/c", b"ABC"));
    assert_eq!(served.files().len(), 3);
    talk.finish();
}

/// So many at once that the kernel is left to send the files itself.
fn reads_of_many_clients_at_once_are_whole(pool: &str) {
    let served = Served::with(pool, &["--max-connections", "64"]);
    let bytes = content("large", (20 << 20) + 7);
    served.place("large", &bytes);
    let ranges = [(0, bytes.len()), (1, 18 << 20), (5 << 20, 2 << 20), (3, 100)];
    thread::scope(|scope| {
        for client in 0..8 {
            let (served, bytes) = (&served, &bytes);
            scope.spawn(move || {
                let mut talk = served.talk();
                for turn in 0..ranges.len() {
                    let (offset, length) = ranges[(client + turn) % ranges.len()];
                    let reply = talk.ask(format!("READ large {offset} {length}\r\n"));
                    let due = length.min(bytes.len() - offset);
                    assert_eq!(reply["length"], due, "{reply}");
                    assert!(
                        talk.raw(due) == bytes[offset..offset + due],
                        "READ {offset} {length}"
                    );
                }
                talk.finish();
            });
        }
    });
}

fn an_object_that_becomes_shorter_under_many_reads_resets_them(pool: &str) {
    // As many clients as the pool serves at once, each in the middle of the object, before it is cut.
    let served = Served::writable(pool);
    let bytes = content("large", 40 << 20);
    served.place("large", &bytes);
    let talks: Vec<_> = (0..3)
        .map(|_| {
            let mut talk = served.talk();
            assert_eq!(talk.ask("READ large\r\n")["length"], bytes.len());
            talk.raw(1 << 20);
            talk
        })
        .collect();
    File::options()
        .write(true)
        .open(served.path("large"))
        .unwrap()
        .set_len(8 << 20)
        .unwrap();
    for talk in talks {
        talk.expect_reset();
    }
}

#[test]
fn a_store_in_memory_is_served_by_threads_and_tasks_and_has_a_limit() {
    for pool in ["threads:4", "threads:2x8", "tasks"] {
        let served = Served::in_memory(pool);
        let bytes = content("memory", 700_000);
        let mut talk = served.talk();
        talk.send(format!("UPLOAD folder/a.bin {}\r\n", base64(&bytes)));
        expect_done(&talk.reply(), "folder/a.bin");
        talk.send(format!("UPLOAD b.bin {}\r\n", base64(&bytes)));
        expect_refusal(&talk.reply(), "no-space", &served);
        // Another connection, and with that another worker.
        let mut other = served.talk();
        other.send("GET folder/a.bin\r\n");
        expect(&mut other, &served, Content("folder/a.bin", &bytes));
        expect_done(&other.ask("DELETE folder/a.bin\r\n"), "folder/a.bin");
        talk.send("GET folder/a.bin\r\n");
        expect(&mut talk, &served, Refused("not-found"));
    }
}
