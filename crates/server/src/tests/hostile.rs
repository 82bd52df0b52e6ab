//! Bad input. Each attack gets a clear refusal or a closed connection; meanwhile another client is in the
//! middle of an upload and does not notice, and afterwards everything is as it was.

use std::time::Duration;

use super::rows::Outcome::{Content, Names, Refused};
use super::rows::{expect, expect_done, expect_refusal};
use super::served::Served;
use super::talk::Talk;
use super::{base64, content};
use crate::Limits;

/// Runs an attack beside a client in the middle of an upload, and checks what is left of it: nothing.
fn attack(attack: impl FnOnce(&Served)) {
    // The bystander is silent for as long as the attack takes.
    let served = Served::with(|config| {
        config.writable = true;
        config.limits.line_timeout = Duration::from_secs(24 * 3600);
        config.limits.stall_timeout = Duration::from_secs(24 * 3600);
    });
    served.place("kept.txt", "kept");
    served.place("large.bin", content("large", 30_000_000));
    // Warmed up, so that what the server keeps for good is there before anything is counted.
    for _ in 0..4 {
        let mut talk = served.talk();
        expect_done(&talk.ask("UPLOAD warm QUJD\r\n"), "warm");
        expect_done(&talk.ask("DELETE warm\r\n"), "warm");
        talk.finish();
    }
    let before = served.state();
    let mut bystander = served.talk();
    bystander.send("UPLOAD bystander.txt QUJ");
    bystander.expect_taken();
    attack(&served);
    bystander.send("D\r\n");
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

#[test]
fn a_mebibyte_of_garbage_without_a_line_end_is_refused() {
    attack(|served| {
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

#[test]
fn a_name_of_a_mebibyte_is_refused() {
    attack(|served| {
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

#[test]
fn nul_bytes_and_binary_noise_are_refused() {
    attack(|served| {
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
            talk.try_send(&noise);
            talk.half_close();
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

#[test]
fn a_wrong_letter_at_the_very_end_of_100_mib_is_refused() {
    const ENCODED: usize = (100 << 20) / 3 * 4;
    attack(|served| {
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

#[test]
fn a_client_that_reads_16_bytes_at_a_time_gets_everything() {
    let bytes = content("sips", 600_000);
    attack(|served| {
        let mut writer = served.talk();
        writer.send(format!("UPLOAD sips {}\r\n", base64(&bytes)));
        expect_done(&writer.reply(), "sips");
        let mut talk = served.talk();
        talk.send("GET sips\r\n");
        talk.half_close();
        let mut all = Vec::new();
        loop {
            let mut sip = [0; 16];
            let received = talk.sip(&mut sip);
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

#[test]
fn an_upload_that_stalls_is_discarded() {
    let served = Served::with(|config| {
        config.writable = true;
        config.limits.stall_timeout = Duration::from_secs(1);
    });
    served.place("kept.txt", "kept");
    let before = served.state();
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

#[test]
fn a_client_that_takes_nothing_is_reset_when_its_time_is_over() {
    for request in ["GET large.bin\r\n", "READ large.bin\r\n"] {
        let served = Served::with(|_| ());
        served.place("large.bin", content("large", 3_000_000));
        let before = served.state();
        let since = served.now();
        let mut talk = served.talk();
        talk.send(request);
        talk.expect_reset();
        assert_eq!(served.now() - since, Limits::default().stall_timeout);
        served.expect_again(&before);
    }
}

#[test]
fn a_client_that_takes_no_refusals_is_reset_when_its_time_is_over() {
    let served = Served::with(|_| ());
    let mut talk = served.talk();
    let request = format!("GET {}\r\n", "x".repeat(200)).repeat(500);
    while talk.try_send(&request) {}
    talk.expect_reset();
}
