//! Fetching: what arrives, what is verified, and what a lying or broken server cannot do.

use std::fs;
use std::io;
use std::time::Duration;

use haul_client::{
    Client, Code, Connection, DialectChoice, Error, Existing, Held, Options, PartFile, Progress,
    StreamTarget, Target, Verify,
};

use crate::mock::{Mock, Step, content, digest, expect, expect_hello, head, hello, refusal, reply};

fn fetch(client: &mut Client) -> (Result<haul_client::Fetched, Error>, Vec<u8>) {
    let mut content = Vec::new();
    let fetched = client.fetch("a", &mut StreamTarget::new(&mut content), &mut ());
    (fetched, content)
}

/// `GET`'s reply, in a Python server's spelling.
fn base64_reply(encoded: &str) -> Vec<u8> {
    format!("{{\"status\": \"OK\", \"data_namafile\": \"a\", \"data_file\": \"{encoded}\"}}\r\n\r\n")
        .into_bytes()
}

#[test]
fn raw_content_arrives_whole_and_verified_however_it_is_cut() {
    let content = content(100_000);
    for size in [1 << 20, 4096, 97] {
        let mock = Mock::serve(vec![vec![
            expect_hello(),
            hello(),
            expect("READ a\r\n"),
            head(content.len(), 0, "e", Some(&digest(&content))),
            Step::Dribble(content.clone(), size),
            expect("READ a\r\n"),
            head(0, 0, "e", None),
        ]]);
        let mut client = mock.client(DialectChoice::Auto);
        let (fetched, received) = fetch(&mut client);
        let fetched = fetched.unwrap();
        assert!(received == content && fetched.verified.is_yes() && fetched.bytes == content.len() as u64);
        assert!(fetched.timings.first_byte <= fetched.timings.last_byte);
        let (fetched, received) = fetch(&mut client);
        assert!(received.is_empty() && !fetched.unwrap().verified.is_yes());
        mock.finish();
    }
}

#[test]
fn content_with_another_digest_is_damaged_unless_only_its_length_matters() {
    for verify in [Verify::Digest, Verify::Ask, Verify::Length] {
        let mock = Mock::serve(vec![vec![
            expect("READ a\r\n"),
            head(3, 0, "e", Some(&digest(b"xyz"))),
            Step::Send(b"abc".to_vec()),
        ]]);
        let options = Options {
            verify,
            ..mock.options(DialectChoice::Extended)
        };
        let (fetched, _) = fetch(&mut Client::new(mock.address.clone(), options));
        match verify {
            Verify::Digest | Verify::Ask => assert!(matches!(fetched, Err(Error::Corrupt(_)))),
            Verify::Length => assert!(!fetched.unwrap().verified.is_yes()),
        }
        mock.finish();
    }
}

#[test]
fn another_range_than_was_asked_for_is_no_answer() {
    let mut short = r#"{"status":"OK","size":9,"offset":0,"length":5,"etag":"e"}"#;
    for _ in 0..2 {
        let mock = Mock::serve(vec![vec![
            expect("READ a\r\n"),
            reply(short),
            Step::Send(b"abcde".to_vec()),
        ]]);
        assert!(matches!(
            fetch(&mut mock.client(DialectChoice::Extended)).0,
            Err(Error::Protocol(_))
        ));
        mock.finish();
        short = r#"{"status":"OK","size":5,"offset":9,"length":5,"etag":"e"}"#;
    }
}

#[test]
fn classic_content_is_decoded_however_it_is_cut() {
    for size in [1 << 20, 16, 3, 1] {
        let mock = Mock::serve(vec![vec![
            expect("GET a\r\n\r\n"),
            Step::Dribble(base64_reply("aGVsbG8sIHdvcmxkIQ=="), size),
            Step::Drain,
        ]]);
        let (fetched, received) = fetch(&mut mock.client(DialectChoice::Classic));
        assert_eq!(
            (fetched.unwrap().bytes, received.as_slice()),
            (13, &b"hello, world!"[..])
        );
        mock.finish();
    }
}

#[test]
fn a_classic_reply_may_end_with_the_connection() {
    let reply = base64_reply("QUJD");
    let mock = Mock::serve(vec![vec![
        expect("GET a\r\n\r\n"),
        Step::Send(reply[..reply.len() - 4].to_vec()),
    ]]);
    assert_eq!(fetch(&mut mock.client(DialectChoice::Classic)).1, b"ABC");
    mock.finish();
}

#[test]
fn an_empty_classic_object_is_fetched_too() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::serve(vec![vec![expect("GET a\r\n\r\n"), Step::Send(base64_reply(""))]]);
    let mut part = PartFile::new(&folder.path().join("a"), Existing::Replace, &mock.address, "a").unwrap();
    mock.client(DialectChoice::Classic)
        .fetch("a", &mut part, &mut ())
        .unwrap();
    part.publish().unwrap();
    assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"");
    mock.finish();
}

#[test]
fn classic_content_that_is_no_base64_is_damaged() {
    let mock = Mock::serve(vec![vec![
        expect("GET a\r\n\r\n"),
        Step::Send(base64_reply("QUJD!UJD")),
        Step::Drain,
    ]]);
    assert!(matches!(
        fetch(&mut mock.client(DialectChoice::Classic)).0,
        Err(Error::Corrupt(_))
    ));
    mock.finish();
}

#[test]
fn a_reply_to_get_without_content_is_no_answer() {
    let mock = Mock::serve(vec![vec![
        expect("GET a\r\n\r\n"),
        reply(r#"{"status":"OK"}"#),
        Step::Drain,
    ]]);
    assert!(matches!(
        fetch(&mut mock.client(DialectChoice::Classic)).0,
        Err(Error::Protocol(_))
    ));
    mock.finish();
}

#[test]
fn a_classic_transfer_that_breaks_off_is_not_whole() {
    let reply = base64_reply("QUJDREVG");
    let cut = reply[..reply.len() - 8].to_vec();
    for ending in [Step::Finish, Step::Reset] {
        let mock = Mock::serve(vec![vec![
            expect("GET a\r\n\r\n"),
            Step::Send(cut.clone()),
            ending,
        ]]);
        assert!(matches!(
            fetch(&mut mock.client(DialectChoice::Classic)).0,
            Err(Error::Interrupted(_))
        ));
        mock.finish();
    }
}

#[test]
fn silence_in_the_middle_ends_after_the_timeout() {
    let mock = Mock::serve(vec![vec![
        expect("READ a\r\n"),
        head(9, 0, "e", None),
        Step::Send(b"abc".to_vec()),
        Step::Hold,
    ]]);
    let timeout = Duration::from_millis(30);
    let options = Options {
        timeout,
        retries: Some(0),
        ..mock.options(DialectChoice::Extended)
    };
    let (fetched, received) = fetch(&mut Client::new(mock.address.clone(), options));
    assert!(matches!(fetched, Err(Error::Timeout(after)) if after == timeout));
    assert_eq!(received, b"abc");
    mock.finish();
}

#[test]
fn a_target_that_fails_ends_the_fetch_as_our_own_failure() {
    struct Full;
    impl Target for Full {
        fn held(&self) -> Option<Held> {
            None
        }
        fn begin(&mut self, _: u64, _: Option<&str>) -> io::Result<()> {
            Ok(())
        }
        fn write(&mut self, _: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn replay(&mut self, _: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
            Ok(false)
        }
    }
    let mock = Mock::serve(vec![
        vec![
            expect("READ a\r\n"),
            head(3, 0, "e", None),
            Step::Send(b"abc".to_vec()),
        ],
        vec![
            expect("GET a\r\n\r\n"),
            Step::Send(base64_reply("QUJD")),
            Step::Drain,
        ],
    ]);
    for dialect in [DialectChoice::Extended, DialectChoice::Classic] {
        let fetched = mock.persistent_client(dialect).fetch("a", &mut Full, &mut ());
        assert!(matches!(fetched, Err(Error::Local(error)) if error.kind() == io::ErrorKind::StorageFull));
    }
    mock.finish();
}

#[test]
fn a_refused_fetch_leaves_no_file_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mock = Mock::serve(vec![vec![expect("READ a\r\n"), refusal("forbidden")]]);
    let mut part = PartFile::new(&folder.path().join("a"), Existing::Replace, &mock.address, "a").unwrap();
    let fetched = mock
        .persistent_client(DialectChoice::Extended)
        .fetch("a", &mut part, &mut ());
    assert_eq!(fetched.unwrap_err().code(), Some(Code::Forbidden));
    drop(part);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    mock.finish();
}

#[test]
fn progress_tells_each_try_from_its_beginning() {
    #[derive(Default)]
    struct Seen(Vec<String>);
    impl Progress for Seen {
        fn begin(&mut self, position: u64, total_bytes: Option<u64>) {
            self.0.push(format!("from {position} of {total_bytes:?}"));
        }
        fn moved(&mut self, bytes: u64) {
            self.0.push(format!("{bytes} bytes"));
        }
        fn retrying(&mut self, _: &Error, pause: Duration) {
            self.0.push(format!("again after {pause:?}"));
        }
    }
    let mock = Mock::serve(vec![
        vec![
            expect("READ a\r\n"),
            head(6, 0, "e", None),
            Step::Send(b"abc".to_vec()),
        ],
        vec![
            expect("READ a 3\r\n"),
            head(6, 3, "e", None),
            Step::Send(b"def".to_vec()),
        ],
    ]);
    let mut seen = Seen::default();
    let mut target = StreamTarget::new(io::sink());
    mock.persistent_client(DialectChoice::Extended)
        .fetch("a", &mut target, &mut seen)
        .unwrap();
    assert_eq!(
        seen.0,
        [
            "from 0 of Some(6)",
            "3 bytes",
            "again after 0ns",
            "from 3 of Some(6)",
            "3 bytes"
        ]
    );
    mock.finish();
}

#[test]
fn the_lower_layer_gives_its_buffers_back_and_times_each_transfer() {
    let mock = Mock::serve(vec![
        vec![
            expect("READ a 2 3\r\n"),
            reply(r#"{"status":"OK","size":9,"offset":2,"length":3,"etag":"e"}"#),
            Step::Send(b"cde".to_vec()),
        ],
        vec![
            expect("GET a\r\n\r\n"),
            Step::Send(base64_reply("QUJD")),
            Step::Drain,
        ],
    ]);
    let options = mock.options(DialectChoice::Extended);
    let mut received = Vec::new();
    let mut sink = |piece: &[u8]| {
        received.extend_from_slice(piece);
        Ok(())
    };
    let mut connection = Connection::open(&mock.address, &options).unwrap();
    let head = connection.read("a", 2, Some(3)).unwrap();
    let transfer = connection.receive(head.length, &mut sink).unwrap();
    assert!(transfer.timings.connected <= transfer.timings.first_byte && transfer.bytes == 3);
    let mut connection = Connection::open_with(&mock.address, &options, connection.into_buffers()).unwrap();
    assert_eq!(connection.get("a", &mut sink).unwrap().bytes, 3);
    assert_eq!(received, b"cdeABC");
    drop(connection);
    mock.finish();
}
