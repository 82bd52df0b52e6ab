//! Servers of the family that are not ours: whatever they make of a request line, no other object is touched, and
//! nothing counts as stored that was not.

mod server;

use std::io::Cursor;

use haul_client::{Client, Code, DialectChoice, Error, Options, SendOptions, StreamTarget, Verified, Verify};

use self::server::{Family, Reads, Tells, owned};
use crate::mock::{Mock, Step, expect, listed, reply};

const OBJECTS: [(&str, &str); 2] = [("my", "bXk="), ("other", "b3RoZXI=")];
/// The same with an object that has a blank in its name and holds "ABC".
const WITH_BLANK: [(&str, &str); 3] = [("my", "bXk="), ("my file.txt", "QUJD"), ("other", "b3RoZXI=")];

fn put(client: &mut Client, name: &str) -> Result<Verified, Error> {
    let sent = client.send(name, &mut Cursor::new(b"ABC"), &SendOptions::default(), &mut ());
    sent.map(|sent| sent.verified)
}

#[test]
fn no_other_object_is_touched_by_a_name_with_a_blank() {
    for reads in [Reads::FirstWord, Reads::Quotes, Reads::RestOfLine] {
        for objects in [&OBJECTS[..], &WITH_BLANK] {
            let server = Family::serve(reads, objects);
            let expect_others = || {
                let mut objects = server.objects();
                objects.retain(|(name, _)| name != "my file.txt");
                assert_eq!(objects, owned(&OBJECTS));
            };
            let _ = server.client().remove("my file.txt", &mut ());
            expect_others();
            let _ = put(&mut server.client(), "my file.txt");
            expect_others();
        }
    }
}

#[test]
fn a_server_that_takes_quotes_and_shows_it_is_written_to() {
    for reads in [Reads::Quotes, Reads::Shell] {
        let server = Family::serve(reads, &WITH_BLANK[1..]);
        let mut client = server.client();
        put(&mut client, "my new.txt").unwrap();
        client.remove("my file.txt", &mut ()).unwrap();
        let names: Vec<String> = server.objects().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["my new.txt", "other"]);
    }
}

/// Names, and beside each the object that some server takes it for.
const READ_OTHERWISE: [(&str, &str); 9] = [
    ("UPPER.TXT", "upper.txt"),
    ("README", "readme"),
    ("dir/in.txt", "in.txt"),
    ("Dir/In.txt", "in.txt"),
    ("\"quoted.txt\"", "quoted.txt"),
    ("it's.txt", "its.txt"),
    ("back\\slash.txt", "backslash.txt"),
    ("say \"hi\".txt", "say"),
    ("my file.txt", "file.txt"),
];
const ALL_READERS: [Reads; 6] = [
    Reads::FirstWord,
    Reads::Quotes,
    Reads::RestOfLine,
    Reads::LowerCase,
    Reads::Basename,
    Reads::Shell,
];

#[test]
fn no_other_object_is_touched_by_a_name_that_can_be_read_otherwise() {
    for reads in ALL_READERS {
        for (name, other) in READ_OTHERWISE {
            for objects in [&[(other, "b3RoZXI=")][..], &[(other, "b3RoZXI="), (name, "QUJD")]] {
                let server = Family::serve(reads, objects);
                let _ = server.client().remove(name, &mut ());
                let _ = put(&mut server.client(), name);
                let empty = &mut Cursor::new(b"");
                let _ = server
                    .client()
                    .send(name, empty, &SendOptions::default(), &mut ());
                assert_eq!(server.objects.lock().unwrap()[other], "b3RoZXI=", "{name}");
            }
        }
    }
}

#[test]
fn content_of_an_object_that_a_name_can_be_read_as_is_not_taken_for_it() {
    for reads in ALL_READERS {
        for (name, other) in READ_OTHERWISE {
            let server = Family::serve(reads, &[(other, "b3RoZXI=")]);
            let fetched = server
                .client()
                .fetch(name, &mut StreamTarget::new(Vec::new()), &mut ());
            assert!(fetched.is_err(), "{name}");
        }
    }
}

#[test]
fn a_name_that_can_be_read_otherwise_is_stored_and_removed_where_nothing_else_can_be_meant() {
    for name in ["UPPER.TXT", "README", "dir/in.txt"] {
        let server = Family::serve(Reads::FirstWord, &OBJECTS);
        put(&mut server.client(), name).unwrap();
        assert_eq!(server.objects().len(), OBJECTS.len() + 1);
        server.client().remove(name, &mut ()).unwrap();
        assert_eq!(server.objects(), owned(&OBJECTS));
    }
}

#[test]
fn an_upload_that_is_stored_under_another_reading_of_its_name_is_an_error() {
    for (reads, name, stored) in [
        (Reads::LowerCase, "UPPER.TXT", "upper.txt"),
        (Reads::Basename, "dir/in.txt", "in.txt"),
    ] {
        let server = Family::serve_as(reads, Tells::Nothing, &OBJECTS);
        let sentence = put(&mut server.client(), name).unwrap_err().to_string();
        assert!(
            sentence.contains(&format!("does not list `{name}`")),
            "{sentence}"
        );
        assert!(sentence.contains(stored), "{sentence}");
    }
}

#[test]
fn empty_content_under_a_name_with_a_blank_is_sent_where_quotes_are_understood_and_else_refused() {
    for (reads, is_sent) in [
        (Reads::Shell, true),
        (Reads::Quotes, true),
        (Reads::FirstWord, false),
    ] {
        let server = Family::serve(reads, &WITH_BLANK[1..]);
        let empty = &mut Cursor::new(b"");
        let sent = server
            .client()
            .send("new empty.txt", empty, &SendOptions::default(), &mut ());
        assert_eq!(sent.is_ok(), is_sent);
        let mut objects = server.objects();
        objects.retain(|(name, _)| name != "new empty.txt");
        assert_eq!(objects, owned(&WITH_BLANK[1..]));
    }
}

#[test]
fn an_upload_makes_no_object_that_was_not_named() {
    for (reads, name) in [
        (Reads::ShellButUploads, "my new.txt"),
        (Reads::ShellButUploads, "it's.txt"),
        (Reads::LowerCase, "Fresh.Bin"),
        (Reads::Basename, "dir/in.txt"),
        (Reads::BasenameInUploads, "dir/in.txt"),
        (Reads::BasenameInUploads, "dir/In.txt"),
    ] {
        let objects = [("my file.txt", "QUJD"), ("other", "b3RoZXI=")];
        let server = Family::serve_telling(reads, &objects);
        let sent = put(&mut server.client(), name);
        assert_eq!(sent.unwrap_err().code(), Some(Code::InvalidName), "{name}");
        assert_eq!(server.objects(), owned(&objects), "{name}");
    }
}

#[test]
fn a_server_that_keeps_names_as_they_are_is_written_to_under_any() {
    let server = Family::serve(Reads::Shell, &[("my file.txt", "QUJD")]);
    let names = ["Fresh.Bin", "dir/in.txt", "it's.txt", "my file.txt", "my new.txt"];
    for name in names {
        put(&mut server.client(), name).unwrap();
    }
    let there: Vec<String> = server.objects().into_iter().map(|(name, _)| name).collect();
    assert_eq!(there, names);
}

#[test]
fn a_server_that_has_shown_nothing_is_not_written_to_under_a_name_with_a_blank() {
    for reads in [Reads::FirstWord, Reads::Quotes, Reads::RestOfLine] {
        let server = Family::serve(reads, &OBJECTS);
        let sent = put(&mut server.client(), "my file.txt");
        assert_eq!(sent.unwrap_err().code(), Some(Code::InvalidName));
        let removed = server.client().remove("my file.txt", &mut ());
        assert_eq!(removed.unwrap_err().code(), Some(Code::InvalidName));
        assert_eq!(server.objects(), owned(&OBJECTS));
    }
}

#[test]
fn a_name_with_a_blank_is_fetched_as_itself_or_not_at_all() {
    for reads in [Reads::FirstWord, Reads::Quotes, Reads::RestOfLine] {
        let server = Family::serve(reads, &WITH_BLANK);
        let mut received = Vec::new();
        let fetched = server
            .client()
            .fetch("my file.txt", &mut StreamTarget::new(&mut received), &mut ());
        if reads == Reads::FirstWord {
            assert!(fetched.unwrap_err().is_not_found());
            assert!(received.is_empty());
        } else {
            assert_eq!(fetched.unwrap().verified, Verified::NotPossible);
            assert_eq!(received, b"ABC");
        }
    }
}

#[test]
fn content_under_another_name_is_an_error() {
    let mock = Mock::serve(vec![vec![
        expect("GET a\r\n\r\n"),
        reply(r#"{"status":"OK","data_namafile":"b","data_file":"QUJD"}"#),
    ]]);
    let fetched = mock
        .client(DialectChoice::Classic)
        .fetch("a", &mut StreamTarget::new(Vec::new()), &mut ());
    assert!(matches!(fetched, Err(Error::Protocol(_))));
    mock.finish();
}

/// An upload of "ABC" as `a` that is answered so.
fn upload(answer: &str, then: Vec<Vec<Step>>, verify: Verify) -> Result<Verified, Error> {
    let mut scripts = vec![vec![expect("UPLOAD a QUJD\r\n\r\n"), reply(answer)]];
    scripts.extend(then);
    let mock = Mock::serve(scripts);
    let options = Options {
        verify,
        ..mock.options(DialectChoice::Classic)
    };
    let verified = put(&mut Client::new(mock.address.clone(), options), "a");
    mock.finish();
    verified
}

const OK: &str = r#"{"status":"OK","data":"stored"}"#;

#[test]
fn an_upload_that_is_not_listed_is_an_error() {
    let missing = reply(r#"{"status":"ERROR","data":"File tidak ditemukan"}"#);
    let looked_for = vec![expect("GET a\r\n\r\n"), missing];
    let error = upload(OK, vec![listed(&["hasil.txt"]), looked_for], Verify::Digest).unwrap_err();
    let sentence = error.to_string();
    assert!(
        sentence.contains("does not list `a`; it lists hasil.txt"),
        "{sentence}"
    );
}

#[test]
fn a_listed_upload_is_stored_but_not_verified() {
    let verified = upload(OK, vec![listed(&["a", "b"])], Verify::Digest).unwrap();
    assert_eq!(verified, Verified::NotAsked);
}

#[test]
fn an_upload_is_read_back_and_compared_where_that_was_asked_for() {
    let back = |content: &str| {
        let content = format!(r#"{{"status":"OK","data_namafile":"a","data_file":"{content}"}}"#);
        vec![listed(&["a"]), vec![expect("GET a\r\n\r\n"), reply(&content)]]
    };
    assert_eq!(upload(OK, back("QUJD"), Verify::Ask).unwrap(), Verified::Yes);
    for other in ["", "YWJj"] {
        assert!(matches!(
            upload(OK, back(other), Verify::Ask),
            Err(Error::Corrupt(_))
        ));
    }
}

#[test]
fn an_upload_that_cannot_be_read_back_is_no_refused_upload() {
    let missing = r#"{"status":"ERROR","data":"File not found"}"#;
    let then = vec![listed(&["a", "b"]), vec![expect("GET a\r\n\r\n"), reply(missing)]];
    let error = upload(OK, then, Verify::Ask).unwrap_err();
    assert!(!error.is_not_found());
    assert!(
        error.to_string().contains("cannot be read back and compared"),
        "{error}"
    );
}

#[test]
fn a_second_reply_behind_the_first_is_an_error() {
    let error = upload(&format!("{OK}\r\n\r\n{OK}"), vec![], Verify::Digest).unwrap_err();
    assert!(error.to_string().contains("answered twice"), "{error}");
}

#[test]
fn a_server_that_keeps_the_line_end_in_the_name_gets_the_bare_request() {
    let missing = r#"{"status":"ERROR","data":"[Errno 2] No such file or directory: 'a\\r\\n\\r\\n'"}"#;
    let content = r#"{"status":"OK","data_namafile":"a","data_file":"QUJD"}"#;
    let mock = Mock::serve(vec![
        vec![expect("GET a\r\n\r\n"), reply(missing)],
        vec![expect("GET a"), reply(content)],
        vec![expect("GET a"), reply(content)],
    ]);
    let mut client = mock.client(DialectChoice::Classic);
    for _ in 0..2 {
        let mut received = Vec::new();
        client
            .fetch("a", &mut StreamTarget::new(&mut received), &mut ())
            .unwrap();
        assert_eq!(received, b"ABC");
    }
    mock.finish();
}

#[test]
fn what_a_server_says_is_told_as_its_words_and_not_found_is_known_in_both_languages() {
    for (sentence, is_not_found) in [
        ("[Errno 2] No such file or directory: 'a'", true),
        ("File a tidak ditemukan", true),
        ("file tidak ada", true),
        ("disk penuh", false),
    ] {
        let mock = Mock::serve(vec![vec![
            expect("DELETE a\r\n\r\n"),
            reply(&format!(r#"{{"status":"ERROR","data":"{sentence}"}}"#)),
        ]]);
        let error = mock
            .client(DialectChoice::Classic)
            .remove("a", &mut ())
            .unwrap_err();
        assert_eq!(error.is_not_found(), is_not_found, "{sentence}");
        assert_eq!(error.to_string(), format!("the server says: {sentence}"));
        mock.finish();
    }
}

#[test]
fn a_large_upload_goes_as_json_to_a_server_that_has_shown_that_it_takes_it() {
    let content = vec![1; 256 << 10];
    let letters = content.len().div_ceil(3) * 4;
    for (reads, is_json) in [
        (Reads::Json, true),
        (Reads::FirstWord, false),
        (Reads::LowerCase, false),
    ] {
        let server = Family::serve(reads, &[]);
        let mut client = server.client();
        client
            .send(
                "large.bin",
                &mut Cursor::new(&content),
                &SendOptions::default(),
                &mut (),
            )
            .unwrap();
        put(&mut client, "small.bin").unwrap();
        let objects = server.objects();
        let names: Vec<&str> = objects.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["large.bin", "small.bin"]);
        assert_eq!(objects[0].1 == format!("as JSON: {letters} letters"), is_json);
        // Base64 of "ABC", in lower case where the server reads lines so.
        assert!(objects[1].1.eq_ignore_ascii_case("QUJD"), "{}", objects[1].1);
    }
}
