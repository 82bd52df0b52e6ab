//! Bad input. Each attack gets a clear refusal or a closed connection; meanwhile another client is in the middle of
//! an upload and does not notice, and afterwards everything is as it was.

use std::io::{Read as _, Write as _};

use crate::rows::Outcome::{Content, Names, Refused};
use crate::rows::{expect, expect_done, expect_refusal};
use crate::served::Served;
use crate::talk::Talk;
use crate::{base64, content, expect_soon, hex_digest, under_every_pool};

under_every_pool! {
    a_mebibyte_of_garbage_without_a_line_end_is_refused
    a_name_of_a_mebibyte_is_refused
    nul_bytes_and_binary_noise_are_refused
    a_wrong_letter_at_the_very_end_of_100_mib_is_refused
    a_client_that_reads_16_bytes_at_a_time_gets_everything
    a_client_that_never_reads_is_cut
    a_client_that_never_reads_a_pipeline_of_replies_is_cut
    clients_that_vanish_in_the_middle_leave_nothing
    an_upload_that_stalls_is_discarded
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

fn a_mebibyte_of_garbage_without_a_line_end_is_refused(pool: &str) {
    attack(pool, &[], |served| {
        for letter in ["x", "{", "\u{0}", " ", "b'", "LIST "] {
            let mut talk = served.talk();
            talk.send(&letter.repeat(1 << 20)[..1 << 20]);
            talk.half_close();
            let rest = String::from_utf8(talk.rest()).unwrap();
            if letter == " " {
                // A line of nothing but blanks is blank, however long.
                assert!(rest.is_empty() || rest.contains("\"ERROR\""), "{rest}");
            } else {
                assert_eq!(rest.matches("\"ERROR\"").count(), 1, "{letter:?}: {rest}");
            }
        }
        // The same with a line end at last: the next request is answered.
        let mut talk = served.talk();
        talk.send("x".repeat(1 << 20));
        expect(&mut talk, served, Refused("unknown-verb"));
        talk.send("x\r\nGET kept.txt\r\n");
        expect(&mut talk, served, Content("kept.txt", b"kept"));
        talk.finish();
    });
}

fn a_name_of_a_mebibyte_is_refused(pool: &str) {
    attack(pool, &[], |served| {
        let name = "n".repeat(1 << 20);
        for request in [
            format!("GET {name}\r\n"),
            format!("DELETE {name}\r\n"),
            format!("DOWNLOAD \"{name}\"\r\n"),
            format!("STAT {name}\r\n"),
            format!("READ {name} 0 1\r\n"),
            format!("LS {name}\r\n"),
            format!("{{\"command\":\"get\",\"filename\":\"{name}\"}}\r\n"),
            format!("{{\"command\":\"upload\",\"filename\":\"{name}\",\"filedata\":\"QUJD\"}}\r\n"),
        ] {
            let mut talk = served.talk();
            let reply = talk.ask(request);
            let code = reply["code"].as_str().unwrap().to_owned();
            expect_refusal(
                &reply,
                if code == "bad-request" {
                    "bad-request"
                } else {
                    "invalid-name"
                },
                served,
            );
            talk.send("GET kept.txt\r\n");
            expect(&mut talk, served, Content("kept.txt", b"kept"));
            talk.finish();
        }
        // No space within the first 4 KiB: no name ends there. And a WRITE whose length nobody can see.
        for request in [format!("UPLOAD {name} QUJD\r\n"), format!("WRITE {name} 3\r\n")] {
            let mut talk = served.talk();
            talk.send(request);
            talk.half_close();
            let reply = talk.reply();
            assert_eq!(reply["status"], "ERROR");
            assert!(reply.to_string().len() < 2000);
            talk.expect_end();
        }
    });
}

fn nul_bytes_and_binary_noise_are_refused(pool: &str) {
    attack(pool, &[], |served| {
        for (request, code) in [
            (&b"\0\r\n"[..], "unknown-verb"),
            (b"\0LIST\r\n", "unknown-verb"),
            (b"GET a\0b\r\n", "invalid-name"),
            (b"DELETE kept.txt\0\r\n", "invalid-name"),
            (b"UPLOAD a\0b QUJD\r\n", "invalid-name"),
            (b"UPLOAD a QU\0JD\r\n", "invalid-payload"),
            (b"\xff\xfe\xfd\r\n", "unknown-verb"),
            (b"GET \xff\xfe\r\n", "invalid-name"),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", "unknown-verb"),
        ] {
            let mut talk = served.talk();
            talk.send(request);
            expect(&mut talk, served, Refused(code));
            talk.send("GET kept.txt\r\n");
            expect(&mut talk, served, Content("kept.txt", b"kept"));
            talk.finish();
        }
        for seed in 0..20 {
            let mut talk = served.talk();
            let noise = content(&format!("noise {seed}"), 20_000);
            // The server may have given up this connection before all of it was sent.
            talk.stream.write_all(&noise).ok();
            talk.stream.shutdown(std::net::Shutdown::Write).ok();
            let rest = talk.rest();
            assert!(rest.is_ascii());
        }
    });
}

/// `total` bytes of base64, sent in pieces that are no multiple of a quartet.
fn send_base64(talk: &mut Talk, total: usize) {
    let piece = "QUJDREVGR0hJSktM".repeat(16 * 1024);
    let mut left = total;
    while left > 0 {
        let length = left.min(piece.len());
        talk.send(&piece[..length]);
        left -= length;
    }
}

fn a_wrong_letter_at_the_very_end_of_100_mib_is_refused(pool: &str) {
    const ENCODED: usize = (100 << 20) / 3 * 4;
    attack(pool, &[], |served| {
        for end in ["QUJ*\r\n", "QUJ\r\n", "Q=JD\r\n"] {
            let mut talk = served.talk();
            talk.send("UPLOAD kept.txt ");
            send_base64(&mut talk, ENCODED);
            talk.send(end);
            expect(&mut talk, served, Refused("invalid-payload"));
            assert_eq!(served.read("kept.txt"), b"kept");
            talk.send("GET kept.txt\r\n");
            expect(&mut talk, served, Content("kept.txt", b"kept"));
            talk.finish();
        }
    });
}

fn a_client_that_reads_16_bytes_at_a_time_gets_everything(pool: &str) {
    let bytes = content("sips", 600_000);
    attack(pool, &[], |served| {
        let mut writer = served.talk();
        writer.send(format!("UPLOAD sips {}\r\n", base64(&bytes)));
        expect_done(&writer.reply(), "sips");
        let mut talk = served.talk();
        talk.send("GET sips\r\n");
        talk.half_close();
        let mut all = Vec::new();
        loop {
            let mut sip = [0; 16];
            let received = talk.stream.read(&mut sip).unwrap();
            assert!(
                std::str::from_utf8(&sip[..received]).is_ok(),
                "each piece can be decoded on its own"
            );
            all.extend_from_slice(&sip[..received]);
            if received == 0 {
                break;
            }
        }
        let reply: serde_json::Value = serde_json::from_slice(all.trim_ascii_end()).unwrap();
        assert!(reply["data_file"] == base64(&bytes).as_str());
        expect_done(&writer.ask("DELETE sips\r\n"), "sips");
        writer.finish();
    });
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

fn an_upload_that_stalls_is_discarded(pool: &str) {
    let served = Served::with(pool, &["-w", "--stall-timeout", "1s"]);
    served.place("kept.txt", "kept");
    let before = served.quiet_state();
    // Short content is still in the line, long content is not.
    let (short, long) = ("QUJD".to_owned(), "QUJD".repeat(5000));
    let json = "{\"command\":\"upload\",\"filename\":\"kept.txt\",\"filedata\":\"";
    for requests in [
        [
            format!("UPLOAD kept.txt {short}"),
            format!("UPLOAD kept.txt {long}"),
            format!("PUT kept.txt\r\n{short}"),
        ],
        [
            "WRITE kept.txt 9\r\nABC".to_owned(),
            format!("{json}{short}"),
            format!("{json}{long}"),
        ],
    ] {
        let mut talks: Vec<_> = requests.iter().map(|_| served.talk()).collect();
        for (talk, request) in talks.iter_mut().zip(requests) {
            talk.send(request);
        }
        for mut talk in talks {
            expect(&mut talk, &served, Refused("timeout"));
            talk.expect_end();
        }
    }
    served.expect_again(&before);
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
