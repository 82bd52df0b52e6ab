//! Attempts to get out of the root, and links that stay inside. Every test runs over both resolvers.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use rustix::fs::{Mode, RenameFlags, mkfifoat, renameat_with};

use super::*;
use crate::contract::refused;
use crate::{Commit, Condition};

/// A root with `real/file` in it, and beside the root a folder `outside` with a `secret`.
fn ground() -> (TempDir, PathBuf) {
    let ground = TempDir::new().unwrap();
    let root = ground.path().join("root");
    fs::create_dir_all(root.join("real")).unwrap();
    fs::create_dir(ground.path().join("outside")).unwrap();
    fs::write(root.join("real/file"), b"inside").unwrap();
    fs::write(ground.path().join("outside/secret"), b"secret").unwrap();
    (ground, root)
}

fn over_both(test: impl Fn(StoreUnderTest, &Path)) {
    for manner in [PLAIN, PLAIN.offload(), WALK, WALK.offload()] {
        let (_ground, root) = ground();
        test(manner.over(&root), &root);
        assert_eq!(fs::read(root.join("../outside/secret")).unwrap(), b"secret");
        assert_eq!(fs::read_dir(root.join("../outside")).unwrap().count(), 1);
        assert_eq!(reserved_beneath(&root), Vec::<String>::new());
    }
}

#[test]
fn a_link_out_is_refused_and_not_listed() {
    over_both(|subject, root| {
        let absolute = root.join("../outside/secret").canonicalize().unwrap();
        symlink("/etc/passwd", root.join("passwd")).unwrap();
        symlink(absolute, root.join("absolute")).unwrap();
        symlink("../outside/secret", root.join("up")).unwrap();
        symlink("real/../../outside/secret", root.join("zigzag")).unwrap();
        symlink("real/../../../../../../../../../../etc/passwd", root.join("far")).unwrap();
        symlink("up", root.join("twice")).unwrap();
        for name in ["passwd", "absolute", "up", "zigzag", "far", "twice"] {
            refused!(subject.open(name), Escapes);
            refused!(subject.stat(name), Escapes);
            refused!(subject.create(name, Condition::Always), Escapes);
        }
        assert_eq!(subject.names("").unwrap(), ["real"]);
    });
}

#[test]
fn a_folder_that_is_a_link_out_is_never_entered() {
    over_both(|subject, root| {
        symlink(
            root.join("../outside").canonicalize().unwrap(),
            root.join("absolute"),
        )
        .unwrap();
        symlink("../outside", root.join("relative")).unwrap();
        symlink("..", root.join("up")).unwrap();
        symlink("/", root.join("top")).unwrap();
        for name in [
            "absolute/secret",
            "relative/secret",
            "up/outside/secret",
            "top/etc/passwd",
        ] {
            refused!(subject.open(name), Escapes);
            refused!(subject.stat(name), Escapes);
            refused!(subject.remove(name), Escapes);
        }
        for name in [
            "absolute/new",
            "relative/new",
            "relative/new/er",
            "up/new",
            "top/new",
        ] {
            refused!(subject.create(name, Condition::Always), Escapes);
        }
        for folder in ["absolute", "relative", "up", "top"] {
            refused!(subject.names(folder), Escapes);
        }
        assert_eq!(subject.names("").unwrap(), ["real"]);
    });
}

#[test]
fn a_folder_that_becomes_a_link_out_during_an_upload_does_not_take_it_there() {
    over_both(|subject, root| {
        fs::create_dir(root.join("folder")).unwrap();
        let mut writer = subject.create("folder/file", Condition::Always).unwrap();
        subject.wait(writer.write(b"1")).unwrap();
        fs::remove_dir(root.join("folder")).unwrap();
        symlink("../outside", root.join("folder")).unwrap();
        refused!(subject.wait(writer.commit(Commit::default())), Escapes);
    });
}

#[test]
fn a_folder_swapped_for_a_link_out_while_in_use_never_lets_anything_through() {
    const ROUNDS: usize = 400;
    over_both(|subject, root| {
        fs::create_dir(root.join("swap")).unwrap();
        fs::write(root.join("swap/secret"), b"inside").unwrap();
        symlink("../outside", root.join("other")).unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Also when an assertion fails: the scope waits for the thread.
            let _stop = Stop(&done);
            scope.spawn(|| {
                let folder = File::open(root).unwrap();
                while !done.load(Ordering::Relaxed) {
                    renameat_with(&folder, "swap", &folder, "other", RenameFlags::EXCHANGE).unwrap();
                }
            });
            for _ in 0..ROUNDS {
                match subject.get("swap/secret") {
                    Ok(content) => assert_eq!(content, b"inside"),
                    Err(error) => assert!(matches!(error, Error::Escapes), "{error:?}"),
                }
                match subject.put_if("swap/new", b"new", Condition::Always) {
                    Ok(_) => {}
                    Err(error) => assert!(matches!(error, Error::Escapes), "{error:?}"),
                }
            }
        });
    });
}

#[test]
fn links_inside_the_root_lead_where_they_point() {
    over_both(|subject, root| {
        fs::create_dir_all(root.join("a/b")).unwrap();
        symlink("real/file", root.join("link")).unwrap();
        symlink("real", root.join("folder")).unwrap();
        symlink("../../real/./file", root.join("a/b/up")).unwrap();
        symlink("a/b/up", root.join("chain")).unwrap();
        symlink("a/b/../../folder/", root.join("slash")).unwrap();
        for name in ["link", "folder/file", "a/b/up", "chain", "slash/file"] {
            assert_eq!(subject.get(name).unwrap(), b"inside", "{name}");
            assert_eq!(subject.stat(name).unwrap().size, 6);
        }
        for name in ["folder", "slash"] {
            refused!(subject.open(name), IsAFolder);
            refused!(subject.stat(name), IsAFolder);
            refused!(subject.create(name, Condition::Always), IsAFolder);
            refused!(subject.remove(name), IsAFolder);
            assert_eq!(subject.names(name).unwrap(), ["file"]);
        }
        subject.put("folder/new", b"through a link");
        assert_eq!(fs::read(root.join("real/new")).unwrap(), b"through a link");
    });
}

#[test]
fn a_listing_shows_links_to_objects_only() {
    over_both(|subject, root| {
        symlink("real/file", root.join("link")).unwrap();
        symlink("real", root.join("folder")).unwrap();
        symlink("nothing", root.join("dangling")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        symlink("../file", root.join("real/broken")).unwrap();
        symlink("file", root.join("real/beside")).unwrap();
        assert_eq!(subject.names("").unwrap(), ["link", "real"]);
        assert_eq!(subject.names("real").unwrap(), ["beside", "file"]);
        let listing = subject
            .wait(subject.store.list(None, Page::WHOLE, Detail::Full))
            .unwrap();
        let link = listing.entry(0).unwrap();
        assert_eq!((link.kind, link.size), (crate::NodeKind::File, 6));
        refused!(subject.open("loop"), Escapes);
        refused!(subject.open("dangling"), NotFound);
    });
}

#[test]
fn a_replaced_or_removed_link_leaves_its_target_alone() {
    over_both(|subject, root| {
        for name in ["replaced", "removed"] {
            symlink("real/file", root.join(name)).unwrap();
        }
        symlink("../outside/secret", root.join("out")).unwrap();
        symlink("nothing", root.join("dangling")).unwrap();
        subject.put("replaced", b"new");
        subject.remove("removed").unwrap();
        subject.remove("out").unwrap();
        refused!(subject.put_if("dangling", b"new", Condition::Absent), Exists);
        subject.put("dangling", b"new");
        assert_eq!(fs::read(root.join("real/file")).unwrap(), b"inside");
        assert_eq!(subject.names("").unwrap(), ["dangling", "real", "replaced"]);
        assert!(root.join("replaced").symlink_metadata().unwrap().is_file());
        assert!(!root.join("nothing").exists());
    });
}

#[test]
fn pipes_and_sockets_are_no_objects_and_nobody_waits_for_them() {
    over_both(|subject, root| {
        mkfifoat(CWD, root.join("pipe"), Mode::from_raw_mode(0o666)).unwrap();
        let _socket = UnixListener::bind(root.join("socket")).unwrap();
        symlink("pipe", root.join("link")).unwrap();
        for name in ["pipe", "socket", "link"] {
            refused!(subject.open(name), Forbidden);
            refused!(subject.stat(name), Forbidden);
            refused!(subject.create(name, Condition::Always), Forbidden);
        }
        refused!(subject.remove("pipe"), Forbidden);
        refused!(subject.remove("socket"), Forbidden);
        assert_eq!(subject.names("").unwrap(), ["real"]);
    });
}

#[test]
fn the_links_of_proc_lead_nowhere() {
    if !Path::new("/proc/self/root").exists() {
        println!("skipped: /proc is not mounted here");
        return;
    }
    for manner in [PLAIN, WALK] {
        let subject = manner.over(Path::new("/proc/self"));
        for name in ["root/etc/passwd", "cwd/Cargo.toml", "exe"] {
            refused!(subject.open(name), Escapes);
            refused!(subject.stat(name), Escapes);
        }
    }
}

/// Waits until a thread of this process sleeps in a system call.
fn expect_asleep(thread: rustix::thread::Pid) {
    let status = format!("/proc/self/task/{}/stat", thread.as_raw_nonzero());
    for _ in 0..10_000 {
        let line = fs::read_to_string(&status).unwrap();
        if line.rsplit_once(')').unwrap().1.starts_with(" S") {
            return;
        }
        std::thread::yield_now();
    }
    panic!("the thread does not come to wait");
}

#[test]
fn a_pipe_is_not_opened_and_its_writer_waits_on() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    mkfifoat(CWD, &pipe, Mode::from_raw_mode(0o666)).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let write = {
        let pipe = pipe.clone();
        std::thread::spawn(move || {
            tell.send(rustix::thread::gettid()).unwrap();
            fs::write(pipe, b"for the reader")
        })
    };
    expect_asleep(told.recv().unwrap());
    for manner in [PLAIN, PLAIN.offload(), WALK] {
        refused!(manner.over(folder.path()).open("pipe"), Forbidden);
    }
    assert_eq!(fs::read(pipe).unwrap(), b"for the reader");
    write.join().unwrap().unwrap();
}
