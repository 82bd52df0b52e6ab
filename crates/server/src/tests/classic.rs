//! The classic verbs in every form that programs send, cut in every awkward place.

use std::time::Duration;

use super::rows::Outcome::{Content, Deleted, Names, Refused, Stored};
use super::rows::{PHOTO, SPACED, cuts, expect, expect_done, expect_refusal, expect_rows, pieces};
use super::served::Served;
use super::{base64, content};

#[test]
fn each_form_of_list_get_and_delete_is_answered_however_it_is_cut() {
    let names = Names(&["a.jpg", "my file.txt"]);
    let photo = Content("a.jpg", PHOTO);
    let spaced = Content("my file.txt", SPACED);
    expect_rows(
        &Served::writable(),
        &[
            ("LIST\r\n", names),
            ("LIST\n", names),
            ("LIST\r\n\r\n", names),
            ("\r\n\n\r\nLIST\r\n\r\n\r\n", names),
            ("list\r\n", names),
            ("LiSt\n", names),
            ("GET a.jpg\r\n", photo),
            ("GET a.jpg\n", photo),
            ("DOWNLOAD a.jpg\r\n\r\n", photo),
            ("Get a.jpg\r\n", photo),
            ("download a.jpg\n", photo),
            ("get A.JPG\r\n", Refused("not-found")),
            ("GET my file.txt\r\n", spaced),
            ("GET \"my file.txt\"\r\n", spaced),
            ("download 'my file.txt'\n", spaced),
            ("GET \"\"\r\n", Refused("invalid-name")),
            ("DELETE a.jpg\r\n", Deleted("a.jpg")),
            ("delete a.jpg\n", Deleted("a.jpg")),
            ("DELETE my file.txt\r\n\r\n", Deleted("my file.txt")),
            ("Delete \"my file.txt\"\r\n", Deleted("my file.txt")),
            ("DELETE b.jpg\r\n", Refused("not-found")),
            ("FLY away\r\n", Refused("unknown-verb")),
            ("GETa.jpg\r\n", Refused("unknown-verb")),
        ],
    );
}

#[test]
fn each_form_of_upload_stores_its_content_however_it_is_cut() {
    let abc = Stored("a.txt", b"ABC");
    let empty = Stored("a.txt", b"");
    expect_rows(
        &Served::writable(),
        &[
            ("UPLOAD a.txt QUJD\r\n", abc),
            ("PUT a.txt QUJD\n", abc),
            ("post a.txt QUJD\r\n\r\n", abc),
            ("Upload A.txt QUJD\n", Stored("A.txt", b"ABC")),
            ("UPLOAD my file.txt QUJD\r\n", Stored("my file.txt", b"ABC")),
            ("UPLOAD a.txt b'QUJD'\r\n", abc),
            ("UPLOAD a.txt b\"QUJD\"\n", abc),
            ("UPLOAD a.txt 'QUJD'\r\n\r\n", abc),
            ("UPLOAD a.txt \"QUJD\"\r\n", abc),
            ("UPLOAD a.txt QUI=QUI=\r\n", Stored("a.txt", b"ABAB")),
            ("UPLOAD a.txt QQ==QUI=QUJDQQ==\n", Stored("a.txt", b"AABABCA")),
            ("UPLOAD a.txt b'QUI=QUI='\r\n", Stored("a.txt", b"ABAB")),
            ("UPLOAD a.txt\r\nQUJD\r\n\r\n", abc),
            ("UPLOAD a.txt\nQUJD\n", abc),
            ("UPLOAD a.txt\r\n\r\n", Refused("bad-request")),
            ("UPLOAD a.txt \r\n", empty),
            ("UPLOAD a.txt ''\r\n", empty),
            ("UPLOAD a.txt b''\r\n\r\n", empty),
            (
                "UPLOAD sub/folder/a.txt QUJD\r\n",
                Stored("sub/folder/a.txt", b"ABC"),
            ),
        ],
    );
}

#[test]
fn what_is_not_base64_is_refused_and_stores_nothing() {
    let served = Served::writable();
    let whole = "QUJDREVGR0hJ";
    let payloads = [
        "QU!D", "Q", "QU", "QUJ", "QUJD=", "====", "QUJDR===", "__--", "Q\0JD", "QUJD\x7f", "b'QUJD",
        "'QUJD\"", "QUJDRB==", "Q=JD",
    ];
    for payload in payloads
        .map(str::to_owned)
        .into_iter()
        .chain((0..whole.len()).map(|at| {
            // A wrong letter in every place of a quartet.
            format!("{}*{}", &whole[..at], &whole[at + 1..])
        }))
    {
        let before = served.files();
        for cut in cuts(format!("UPLOAD bad.txt {payload}\r\nLIST\r\n").as_bytes()) {
            let mut talk = served.talk();
            talk.send_pieces(cut);
            expect(&mut talk, &served, Refused("invalid-payload"));
            expect(&mut talk, &served, Names(&[]));
            talk.finish();
        }
        assert_eq!(served.files(), before);
    }
}

#[test]
fn each_form_of_json_command_is_answered_however_it_is_cut() {
    let abc = Stored("a", b"ABC");
    expect_rows(
        &Served::writable(),
        &[
            (r#"{"command":"upload","filename":"a","filedata":"QUJD"}"#, abc),
            (
                "{\"command\":\"UPLOAD\",\"filename\":\"a\",\"filedata\":\"QUJD\"}\r\n\r\n",
                abc,
            ),
            (
                "{ \"filename\" : \"a\", \"command\" : \"Put\", \"filedata\" : \"QUJD\" }\r\n",
                abc,
            ),
            (
                "{\"command\":\"post\",\"filedata\":\"QUJD\",\"filename\":\"a\"}\n",
                abc,
            ),
            (
                "{\"command\":\"upload\",\"filename\":\"a\",\"filedata\":\"\\u0051UJD\"}\n",
                abc,
            ),
            (
                "{\"command\":\"upload\",\"filename\":\"b\\/c d\",\"filedata\":\"QUJD\"}\n",
                Stored("b/c d", b"ABC"),
            ),
            (
                "{\"command\":\"upload\",\"filename\":\"a\",\"filedata\":\"\"}\r\n",
                Stored("a", b""),
            ),
            (
                "{\"command\":\"upload\",\"filename\":\"a\",\"filedata\":\"QU*D\"}\r\n",
                Refused("invalid-payload"),
            ),
            (
                "{\"command\":\"upload\",\"filedata\":\"QUJD\"}\r\n",
                Refused("bad-request"),
            ),
            ("{\"command\":\"list\"}\r\n", Names(&["a.jpg", "my file.txt"])),
            (
                "{\"command\":\"Get\",\"filename\":\"my file.txt\"}\r\n",
                Content("my file.txt", SPACED),
            ),
            (
                "{\"command\":\"download\",\"filename\":\"a.jpg\"}\n",
                Content("a.jpg", PHOTO),
            ),
            (
                "{\"command\":\"DELETE\",\"filename\":\"a.jpg\"}\n",
                Deleted("a.jpg"),
            ),
            ("{\"command\":\"get\"}\n", Refused("bad-request")),
            ("{\"command\":\"fly\"}\n", Refused("unknown-verb")),
            ("{\"command\":\r\n", Refused("bad-request")),
        ],
    );
}

#[test]
fn json_commands_take_content_and_params_however_they_are_cut() {
    let abc = Stored("a", b"ABC");
    expect_rows(
        &Served::writable(),
        &[
            (
                "{\"command\":\"upload\",\"filename\":\"a\",\"content\":\"QUJD\"}\r\n",
                abc,
            ),
            (
                "{\"command\":\"upload\",\"params\":[\"a\",\"QUJD\"]}\r\n\r\n",
                abc,
            ),
            ("{\"params\":[\"a\",\"QUJD\"],\"command\":\"upload\"}", abc),
            (
                "{\"command\":\"upload\",\"filename\":\"a\",\"params\":[\"b\",\"QUJD\"]}\n",
                Refused("bad-request"),
            ),
            (
                "{\"command\":\"get\",\"params\":[\"a.jpg\"]}\n",
                Content("a.jpg", PHOTO),
            ),
        ],
    );
}

#[test]
fn a_read_without_a_line_end_is_answered_after_a_silence_or_at_half_close() {
    let served = Served::with(|_| ());
    served.place("a.jpg", PHOTO);
    for (request, outcome) in [
        ("LIST", Names(&["a.jpg"])),
        ("list", Names(&["a.jpg"])),
        ("LIST\r", Names(&["a.jpg"])),
        ("GET a.jpg", Content("a.jpg", PHOTO)),
        ("DOWNLOAD a.jpg", Content("a.jpg", PHOTO)),
        ("GET nothing", Refused("not-found")),
    ] {
        let mut silent = served.talk();
        silent.send(request);
        expect(&mut silent, &served, outcome);
        // The line end that comes late is none of a second request.
        silent.send("\r\n");
        silent.finish();
        let mut closing = served.talk();
        closing.send(request);
        closing.half_close();
        expect(&mut closing, &served, outcome);
        closing.expect_end();
    }
}

#[test]
fn a_write_without_a_line_end_is_never_guessed() {
    // Longer than any silence after which a request might be completed.
    let served = Served::with(|config| {
        config.writable = true;
        config.limits.line_timeout = Duration::from_millis(1500);
        config.limits.stall_timeout = Duration::from_millis(1500);
    });
    served.place("keep.txt", "kept");
    let before = served.state();
    let requests = [
        "UPLOAD new.txt QUJD",
        "UPLOAD keep.txt QUJD",
        "DELETE keep.txt",
        "PUT new.txt\r\nQUJD",
        "UPLOAD new.txt ",
        "DELETE keep.txt\r",
    ];
    for request in requests {
        let mut closing = served.talk();
        closing.send(request);
        closing.half_close();
        assert_eq!(closing.reply()["status"], "ERROR", "{request}");
        closing.expect_end();
    }
    for requests in requests.chunks(3) {
        let mut silent: Vec<_> = requests.iter().map(|_| served.talk()).collect();
        for (talk, request) in silent.iter_mut().zip(requests) {
            talk.send(request);
        }
        for mut talk in silent {
            expect(&mut talk, &served, Refused("timeout"));
            talk.expect_end();
        }
    }
    served.expect_again(&before);
}

#[test]
fn unterminated_writes_are_obeyed_where_they_are_allowed() {
    let served = Served::with(|config| {
        config.writable = true;
        config.unterminated_writes = true;
    });
    for closes in [true, false] {
        for (request, outcome) in [
            ("UPLOAD a.txt QUJD", Stored("a.txt", b"ABC")),
            ("UPLOAD a.txt QUI=QUI=", Stored("a.txt", b"ABAB")),
            ("POST b.txt\r\nb'QUJD'", Stored("b.txt", b"ABC")),
            ("DELETE a.txt", Deleted("a.txt")),
        ] {
            let mut talk = served.talk();
            talk.send(request);
            if closes {
                talk.half_close();
            }
            expect(&mut talk, &served, outcome);
            talk.half_close();
            talk.expect_end();
        }
    }
    // What cannot be whole is not completed either.
    let mut talk = served.talk();
    talk.send("UPLOAD c.txt QUJ");
    talk.half_close();
    assert_eq!(talk.reply()["status"], "ERROR");
    talk.expect_end();
    assert!(!served.exists("c.txt"));
}

#[test]
fn a_second_line_end_after_the_reply_is_no_request() {
    let served = Served::writable();
    for request in [
        "UPLOAD a.txt QUJD",
        "FLY",
        "UPLOAD b.txt QU*D",
        "GET a.txt",
        "DELETE a.txt",
    ] {
        let mut talk = served.talk();
        talk.send(request);
        talk.send("\r\n");
        talk.reply();
        talk.send("\r\n");
        talk.finish();
    }
}

#[test]
fn names_that_are_not_ascii_travel_as_escapes() {
    let served = Served::writable();
    let name = "žluťoučký 文件 🦀.txt";
    let request = format!("UPLOAD {name} QUJD\r\nGET {name}\r\nLIST\r\nDELETE {name}\r\nGET {name}\r\n");
    let mut talk = served.talk();
    talk.send_pieces(pieces(request.as_bytes(), 1..request.len()));
    expect_done(&talk.reply(), name);
    expect(&mut talk, &served, Content(name, b"ABC"));
    let list = talk.reply_text();
    assert!(
        list.contains("\\ud83e\\udd80") || list.contains("\\uD83E\\uDD80"),
        "{list}"
    );
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&list).unwrap()["data"][0],
        name
    );
    expect(&mut talk, &served, Deleted(name));
    let refusal = talk.reply();
    expect_refusal(&refusal, "not-found");
    assert!(refusal["data"].as_str().unwrap().contains(name));
    talk.finish();
}

#[test]
fn content_encoded_in_pieces_of_any_size_arrives_whole() {
    let served = Served::writable();
    let bytes = content("pieces", 3_000_001);
    for piece in [1, 2, 100, 4096, 65_536, 1_000_000, 5_000_000] {
        let bytes = if piece < 100 { &bytes[..20_000] } else { &bytes[..] };
        let payload: String = bytes.chunks(piece).map(base64).collect();
        for head in [
            "UPLOAD p.bin ",
            "UPLOAD p.bin b'",
            "{\"command\":\"upload\",\"filename\":\"p.bin\",\"filedata\":\"",
        ] {
            let end = if head.ends_with('\'') {
                "'\r\n"
            } else if head.starts_with('{') {
                "\"}"
            } else {
                "\r\n"
            };
            let mut talk = served.talk();
            talk.send(head);
            for part in payload.as_bytes().chunks(99_991) {
                talk.send(part);
            }
            talk.send(end);
            expect(&mut talk, &served, Stored("p.bin", bytes));
            talk.send("GET p.bin\r\n");
            expect(&mut talk, &served, Content("p.bin", bytes));
            talk.finish();
        }
    }
}

#[test]
fn a_read_only_server_refuses_writes_and_names_the_flag() {
    let served = Served::with(|_| ());
    served.place("a.txt", "kept");
    let before = served.state();
    let digest = super::hex_digest(b"ABC");
    for request in [
        "UPLOAD a.txt QUJD\r\n",
        "DELETE a.txt\r\n",
        &format!("WRITE a.txt 3\r\nABC{digest}\r\n"),
    ] {
        let mut talk = served.talk();
        let refusal = talk.ask(request);
        expect_refusal(&refusal, "forbidden");
        assert!(
            refusal["data"].as_str().unwrap().contains("--writable"),
            "{refusal}"
        );
        talk.send("GET a.txt\r\n");
        expect(&mut talk, &served, Content("a.txt", b"kept"));
        talk.finish();
    }
    served.expect_again(&before);
}
