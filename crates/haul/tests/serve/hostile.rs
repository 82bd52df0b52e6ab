//! Bad input. Each attack gets a clear refusal or a closed connection; meanwhile another client is in the middle of
//! an upload and does not notice, and afterwards everything is as it was.

use std::io::Write as _;

use crate::rows::Outcome::{Content, Names};
use crate::rows::{expect, expect_done};
use crate::served::Served;
use crate::talk::Talk;
use crate::{base64, content, expect_soon, hex_digest, under_every_pool};

under_every_pool! {
    a_client_that_never_reads_is_cut
    a_client_that_never_reads_a_pipeline_of_replies_is_cut
    clients_that_vanish_in_the_middle_leave_nothing
    an_object_that_shrinks_while_it_is_sent_resets_the_connection
    four_thousand_silent_connections_harm_nobody
    a_flood_of_requests_without_reading_is_held_back
}

/// Runs an attack beside a client in the middle of an upload, and checks what is left of it: nothing.
fn attack(pool: &str, flags: &[&str], attack: impl FnOnce(&Served)) {
    let served = Served::with(pool, &[&["-w"], flags].concat());
    served.place("kept.txt", "kept");
    served.place("large.bin", content("large", 30_000_000));
    // Warmed up, so that what the server keeps for good is there before anything is counted.
    for _ in 0..4 {
        let mut talk = served.talk();
        expect_done(&talk.ask("UPLOAD warm QUJD\r\n"), "warm");
        expect_done(&talk.ask("DELETE warm\r\n"), "warm");
        talk.finish();
    }
    let before = served.quiet_state();
    let mut bystander = served.talk();
    // Where a stall is cut soon, the bystander may not be one that stalls.
    let upload = if flags.contains(&"--stall-timeout") {
        ("LIST\r\n", "UPLOAD bystander.txt QUJD\r\n")
    } else {
        ("UPLOAD bystander.txt QUJ", "D\r\n")
    };
    bystander.send(upload.0);
    bystander.expect_taken();
    if upload.0 == "LIST\r\n" {
        expect(&mut bystander, &served, Names(&["kept.txt", "large.bin"]));
    }
    attack(&served);
    bystander.send(upload.1);
    expect_done(&bystander.reply(), "bystander.txt");
    bystander.send("GET bystander.txt\r\n");
    expect(&mut bystander, &served, Content("bystander.txt", b"ABC"));
    expect_done(&bystander.ask("DELETE bystander.txt\r\n"), "bystander.txt");
    bystander.finish();
    served.expect_again(&before);
    let mut talk = served.talk();
    talk.send("LIST\r\n");
    expect(&mut talk, &served, Names(&["kept.txt", "large.bin"]));
    talk.finish();
}

fn a_client_that_never_reads_is_cut(pool: &str) {
    attack(pool, &["--stall-timeout", "1s"], |served| {
        for request in ["GET large.bin\r\n", "READ large.bin\r\n"] {
            let mut talk = served.talk();
            talk.send(request);
            // More than a socket holds is to come; nobody takes it, until the connection is gone.
            expect_soon("the server gives up", || {
                let stats = served.stats();
                let sums = crate::supervision::Sums::of(&stats);
                let verb = if request.starts_with("GET") { "get" } else { "read" };
                (sums.verb(verb).1 == 1).then_some(())
            });
            talk.expect_reset();
        }
    });
}

fn a_client_that_never_reads_a_pipeline_of_replies_is_cut(pool: &str) {
    attack(pool, &["--stall-timeout", "1s"], |served| {
        let mut talk = served.talk();
        let request = format!("GET {}\r\n", "x".repeat(200)).repeat(500);
        talk.stream.set_write_timeout(Some(crate::DEADLINE)).unwrap();
        let error = loop {
            if let Err(error) = talk.stream.write_all(request.as_bytes()) {
                break error;
            }
        };
        assert!(
            matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
            ),
            "{error}"
        );
    });
}

fn clients_that_vanish_in_the_middle_leave_nothing(pool: &str) {
    attack(pool, &[], |served| {
        let half = base64(&content("half", 3_000_000));
        let json = "{\"command\":\"upload\",\"filename\":\"kept.txt\",\"filedata\":\"";
        for resets in [false, true] {
            for request in [
                "UPLOAD kept.txt ".to_owned() + &half,
                "UPLOAD new/folder/file.txt ".to_owned() + &half,
                "PUT kept.txt\r\n".to_owned() + &half,
                json.to_owned() + &half,
                "WRITE kept.txt 9999999\r\n".to_owned() + &half,
                format!("WRITE kept.txt 3\r\nABC{}", &hex_digest(b"ABC")[..63]),
                "UPLOAD kept.t".to_owned(),
                "GET large.bin\r\n".to_owned(),
                "READ large.bin\r\n".to_owned(),
                "LIST\r\n".repeat(50),
            ] {
                let mut talk = served.talk();
                talk.send(request);
                if resets {
                    rustix::net::sockopt::set_socket_linger(&talk.stream, Some(std::time::Duration::ZERO))
                        .unwrap();
                }
                drop(talk);
            }
        }
    });
}

fn an_object_that_shrinks_while_it_is_sent_resets_the_connection(pool: &str) {
    attack(pool, &[], |served| {
        for request in ["GET shrinking\r\n", "READ shrinking\r\n"] {
            served.place("shrinking", content("shrinking", 30_000_000));
            let mut talk = served.talk();
            talk.send(request);
            talk.raw(1000);
            let file = std::fs::OpenOptions::new()
                .write(true)
                .open(served.path("shrinking"))
                .unwrap();
            file.set_len(1000).unwrap();
            talk.expect_reset();
            std::fs::remove_file(served.path("shrinking")).unwrap();
        }
    });
}

fn four_thousand_silent_connections_harm_nobody(pool: &str) {
    // One test at a time may hold so many: the system counts every socket of this process.
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    rustix::process::setrlimit(rustix::process::Resource::Nofile, {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        rustix::process::Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        }
    })
    .unwrap();
    attack(pool, &[], |served| {
        let silent: Vec<Talk> = (0..4000).map(|_| served.talk()).collect();
        for round in 0..5 {
            let mut talk = served.talk();
            expect_done(
                &talk.ask(format!("UPLOAD round{round} QUJD\r\n")),
                &format!("round{round}"),
            );
            talk.send(format!("GET round{round}\r\n"));
            expect(&mut talk, served, Content(&format!("round{round}"), b"ABC"));
            expect_done(
                &talk.ask(format!("DELETE round{round}\r\n")),
                &format!("round{round}"),
            );
            talk.finish();
        }
        drop(silent);
    });
}

fn a_flood_of_requests_without_reading_is_held_back(pool: &str) {
    attack(pool, &[], |served| {
        let mut talk = served.talk();
        let mut sender = talk.stream.try_clone().unwrap();
        const REQUESTS: usize = 40_000;
        let sending =
            std::thread::spawn(move || sender.write_all("GET kept.txt\r\n".repeat(REQUESTS).as_bytes()));
        for _ in 0..REQUESTS {
            let reply = talk.reply_text();
            assert!(reply.ends_with("\"data_file\":\"a2VwdA==\"}"), "{reply}");
        }
        sending.join().unwrap().unwrap();
        talk.finish();
    });
}
