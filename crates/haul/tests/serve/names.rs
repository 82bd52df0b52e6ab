//! Names on a disk: what LIST shows of it, and that nothing leads out of the served folder.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::rows::Outcome::{Content, Names};
use crate::rows::{expect, expect_refusal};
use crate::served::Served;
use crate::{base64, under_every_pool};

under_every_pool! {
    list_shows_the_visible_regular_files_sorted
    a_listing_of_a_hundred_thousand_files_is_whole
    folders_and_special_files_are_no_objects
    no_link_leads_out_of_the_served_folder
    a_link_that_is_swapped_while_in_use_never_leads_out
    a_link_within_the_folder_is_served
}

const SECRET: &[u8] = b"nobody may see this";

fn list_shows_the_visible_regular_files_sorted(pool: &str) {
    let served = Served::with(pool, &[]);
    for name in [
        "b",
        "a.txt",
        "A",
        "no extension",
        "é",
        "10",
        "9",
        "sub/inner",
        ".hidden",
        "..odd",
        "quote\"'\\",
    ] {
        served.place(name, "");
    }
    fs::write(served.path(OsStr::from_bytes(b"not-utf8-\xff")), "").unwrap();
    fs::write(served.path("control\x01"), "").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        served.path("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let mut talk = served.talk();
    talk.send("LIST\r\n");
    expect(
        &mut talk,
        &served,
        Names(&["10", "9", "A", "a.txt", "b", "no extension", "quote\"'\\", "é"]),
    );
    talk.finish();
}

fn a_listing_of_a_hundred_thousand_files_is_whole(pool: &str) {
    let served = Served::with(pool, &[]);
    let names: Vec<String> = (0..100_000)
        .map(|number| format!("file number {number:06} é.txt"))
        .collect();
    for name in &names {
        fs::File::create(served.path(name)).unwrap();
    }
    let mut talk = served.talk();
    let list = talk.ask("LIST\r\n");
    let listed: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(listed == names, "{} names of 100,000", listed.len());
    let facts = talk.ask("LS\r\n");
    assert_eq!(facts["data"].as_array().unwrap().len(), 100_000);
    assert_eq!(facts["data"][99_999]["name"], names[99_999].as_str());
    talk.finish();
}

fn folders_and_special_files_are_no_objects(pool: &str) {
    let served = Served::writable(pool);
    served.place("dir/file", "kept");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        served.path("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let before = served.quiet_state();
    let mut talk = served.talk();
    for request in ["GET dir", "DELETE dir", "UPLOAD dir QUJD", "READ dir", "STAT dir"] {
        expect_refusal(&talk.ask(format!("{request}\r\n")), "is-a-directory", &served);
    }
    for request in [
        "GET dir/file/x",
        "DELETE dir/file/x",
        "READ dir/file/x",
        "GET nowhere/x",
    ] {
        expect_refusal(&talk.ask(format!("{request}\r\n")), "not-found", &served);
    }
    assert_eq!(talk.ask("UPLOAD dir/file/x QUJD\r\n")["status"], "ERROR");
    expect_refusal(&talk.ask("GET pipe\r\n"), "forbidden", &served);
    talk.finish();
    served.expect_again(&before);
}

fn no_link_leads_out_of_the_served_folder(pool: &str) {
    let served = Served::writable(pool);
    let outside = served.outside("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), SECRET).unwrap();
    symlink(outside.join("secret"), served.path("absolute")).unwrap();
    symlink("../outside/secret", served.path("relative")).unwrap();
    symlink(&outside, served.path("folder")).unwrap();
    symlink("..", served.path("up")).unwrap();
    symlink("/proc/self/root", served.path("magic")).unwrap();
    symlink("/etc/passwd", served.path("passwd")).unwrap();
    symlink("loop", served.path("loop")).unwrap();
    let mut talk = served.talk();
    for name in [
        "absolute",
        "relative",
        "folder/secret",
        "up/outside/secret",
        "passwd",
        "magic/etc/passwd",
        "loop",
        "loop/x",
    ] {
        println!("{name}");
        for verb in ["GET", "READ", "STAT"] {
            let reply = talk.ask(format!("{verb} {name}\r\n"));
            assert_eq!(reply["status"], "ERROR", "{verb} {name}");
            assert!(
                !reply
                    .to_string()
                    .contains(outside.parent().unwrap().to_str().unwrap()),
                "no path of the machine: {reply}"
            );
        }
        if name.contains('/') {
            for request in [
                format!("DELETE {name}"),
                format!("UPLOAD {name} QUJD"),
                format!("UPLOAD {name}2 QUJD"),
            ] {
                assert_eq!(talk.ask(format!("{request}\r\n"))["status"], "ERROR", "{request}");
            }
        }
    }
    for folder in ["folder", "up", "magic", "loop"] {
        assert_eq!(
            talk.ask(format!("LS {folder}\r\n"))["status"],
            "ERROR",
            "{folder}"
        );
    }
    assert_eq!(talk.ask("LIST\r\n")["data"], json!([]));
    // What replaces or removes a link does so to the link, never to what it leads to; refusing it is as good.
    talk.ask("UPLOAD absolute QUJD\r\n");
    talk.ask("DELETE relative\r\n");
    talk.finish();
    assert_eq!(fs::read(outside.join("secret")).unwrap(), SECRET);
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

fn a_link_that_is_swapped_while_in_use_never_leads_out(pool: &str) {
    let served = Served::writable(pool);
    let outside = served.outside("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), SECRET).unwrap();
    served.place("inside/file", "harmless");
    symlink("inside", served.path("here")).unwrap();
    symlink(&outside, served.path("there")).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (here, there) = (served.path("here"), served.path("there"));
            while !done.load(Ordering::Relaxed) {
                rustix::fs::renameat_with(
                    rustix::fs::CWD,
                    &here,
                    rustix::fs::CWD,
                    &there,
                    rustix::fs::RenameFlags::EXCHANGE,
                )
                .unwrap();
            }
        });
        let mut talk = served.talk();
        for _ in 0..400 {
            let reply = talk.ask("GET here/file\r\n");
            assert!(
                reply["status"] == "ERROR" || reply["data_file"] == base64(b"harmless"),
                "{reply}"
            );
            let reply = talk.ask("UPLOAD here/new QUJD\r\n");
            assert!(reply["status"] == "ERROR" || reply["data_namafile"] == "here/new");
            talk.ask("DELETE here/new\r\n");
            let reply = talk.ask("LS here\r\n").to_string();
            assert!(reply.contains("ERROR") || reply.contains("\"size\":8"), "{reply}");
        }
        done.store(true, Ordering::Relaxed);
        talk.finish();
    });
    let left: Vec<_> = fs::read_dir(&outside)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["file"]);
    assert_eq!(fs::read(outside.join("file")).unwrap(), SECRET);
    assert!(
        served.files().keys().all(|name| !name.contains(".haul")),
        "{:?}",
        served.files()
    );
}

fn a_link_within_the_folder_is_served(pool: &str) {
    let served = Served::with(pool, &[]);
    served.place("dir/file", "linked");
    symlink("dir/file", served.path("link")).unwrap();
    symlink("dir", served.path("other")).unwrap();
    let mut talk = served.talk();
    talk.send("GET link\r\nGET other/file\r\nLIST\r\n");
    expect(&mut talk, &served, Content("link", b"linked"));
    expect(&mut talk, &served, Content("other/file", b"linked"));
    expect(&mut talk, &served, Names(&["link"]));
    talk.finish();
}
