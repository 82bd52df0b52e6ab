//! Sending: what is on the wire, early refusals, and replies that were lost.

use std::fs;
use std::io::{self, Cursor, Read};
use std::time::Duration;

use haul_client::{
    Body, Client, Code, Condition, Connection, DialectChoice, Error, FileSource, Options, SendOptions, Source,
};

use crate::mock::{
    Mock, Step, content, digest, expect, facts, listed, refusal, reply, takes_no_json, written,
};

/// More than all socket buffers of this machine hold.
const LARGE_BYTES: u64 = 1 << 28;

/// A source that seems to hold a lot and takes no room.
struct Large {
    left: u64,
}

impl Read for Large {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.left.min(buffer.len() as u64);
        self.left -= count;
        Ok(count as usize)
    }
}

impl Source for Large {
    fn length_bytes(&self) -> u64 {
        LARGE_BYTES
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.left = LARGE_BYTES;
        Ok(())
    }
}

fn write_of(content: &[u8], condition: &str) -> Step {
    let mut request = format!("WRITE a {}{condition}\r\n", content.len()).into_bytes();
    request.extend_from_slice(content);
    request.extend_from_slice(digest(content).as_bytes());
    request.extend_from_slice(b"\r\n");
    Step::Expect(request)
}

fn stored() -> Step {
    reply(r#"{"status":"OK","data":"a is stored","message":"a is stored","data_namafile":"a"}"#)
}

fn send(client: &mut Client, content: &[u8], options: &SendOptions) -> Result<haul_client::Sent, Error> {
    client.send("a", &mut Cursor::new(content), options, &mut ())
}

fn if_absent() -> SendOptions {
    SendOptions {
        condition: Condition::Absent,
        ..SendOptions::default()
    }
}

#[test]
fn raw_content_of_any_size_is_sent_with_its_digest() {
    let sizes = [0, 1, 262_143, 262_144, 262_145, 1_000_000];
    let contents: Vec<Vec<u8>> = sizes.into_iter().map(content).collect();
    let script = contents
        .iter()
        .flat_map(|content| [write_of(content, ""), written(content)])
        .collect();
    let mock = Mock::serve(vec![script]);
    let mut client = mock.client(DialectChoice::Extended);
    for content in &contents {
        let sent = send(&mut client, content, &SendOptions::default()).unwrap();
        assert!(
            sent.verified.is_yes()
                && sent.etag.as_deref() == Some("e1")
                && sent.bytes == content.len() as u64
        );
    }
    mock.finish();
}

#[test]
fn classic_content_is_sent_in_base64_and_ends_with_two_line_ends() {
    let mock = Mock::serve(vec![
        vec![expect("UPLOAD a ''\r\n\r\n"), stored()],
        listed(&["a"]),
        vec![expect("UPLOAD a aGVsbG8sIHdvcmxkIQ==\r\n\r\n"), stored()],
        listed(&["a"]),
    ]);
    for content in [&b""[..], b"hello, world!"] {
        send(
            &mut mock.client(DialectChoice::Classic),
            content,
            &SendOptions::default(),
        )
        .unwrap();
    }
    mock.finish();
}

#[test]
fn classic_content_of_many_pieces_is_one_base64_text() {
    let zeros = vec![0; 1_000_000];
    // A million zero bytes are 1,333,333 times A and the rest of one byte: AA==.
    let upload = vec![
        expect(&format!("UPLOAD a {}==\r\n\r\n", "A".repeat(1_333_334))),
        stored(),
    ];
    let mock = Mock::serve(vec![takes_no_json(), upload, listed(&["a"])]);
    send(
        &mut mock.client(DialectChoice::Classic),
        &zeros,
        &SendOptions::default(),
    )
    .unwrap();
    mock.finish();
}

#[test]
fn a_known_digest_is_sent_as_it_is() {
    let mock = Mock::serve(vec![vec![write_of(b"abc", " if-match=e0"), written(b"abc")]]);
    let mut connection = Connection::open(&mock.address, &mock.options(DialectChoice::Extended)).unwrap();
    let body = Body {
        source: &mut &b"abc"[..],
        length_bytes: 3,
        digest: Some(blake3::hash(b"abc")),
    };
    connection
        .write("a", body, Condition::Matches("e0".into()))
        .unwrap();
    drop(connection);
    mock.finish();
}

#[test]
fn a_refusal_in_the_middle_ends_the_sending() {
    for dialect in [DialectChoice::Extended, DialectChoice::Classic] {
        // One server reads on, as a careful one does; one does not, so that the client is stuck in sending.
        for ending in [Step::Drain, Step::Hold] {
            let (first, start) = if dialect == DialectChoice::Classic {
                (Some(takes_no_json()), "UPLOAD a AAAA")
            } else {
                (None, "WRITE a 268435456\r\n")
            };
            let upload = vec![expect(start), refusal("no-space"), ending];
            let mock = Mock::serve(first.into_iter().chain([upload]).collect());
            let mut source = Large { left: 0 };
            let mut client = mock.persistent_client(dialect);
            let sent = client.send("a", &mut source, &SendOptions::default(), &mut ());
            assert_eq!(sent.unwrap_err().code(), Some(Code::NoSpace));
            mock.finish();
        }
    }
}

#[test]
fn a_refusal_followed_by_a_reset_is_still_heard() {
    let mock = Mock::serve(vec![vec![
        expect("WRITE a 268435456\r\n"),
        refusal("too-large"),
        Step::Reset,
    ]]);
    let mut client = mock.client(DialectChoice::Extended);
    let sent = client.send("a", &mut Large { left: 0 }, &SendOptions::default(), &mut ());
    assert_eq!(sent.unwrap_err().code(), Some(Code::TooLarge));
    mock.finish();
}

#[test]
fn a_server_that_closes_in_the_middle_is_an_interruption() {
    let mock = Mock::serve(vec![vec![expect("WRITE a 268435456\r\n"), Step::Reset]]);
    let mut client = mock.client(DialectChoice::Extended);
    let sent = client.send("a", &mut Large { left: 0 }, &SendOptions::default(), &mut ());
    assert!(matches!(sent, Err(Error::Interrupted(_))));
    mock.finish();
}

#[test]
fn a_server_that_takes_nothing_more_is_silent_for_too_long() {
    let mock = Mock::serve(vec![vec![expect("WRITE a 268435456\r\n"), Step::Hold]]);
    let options = Options {
        timeout: Duration::from_millis(30),
        queue_timeout: Duration::from_millis(30),
        retries: Some(0),
        ..mock.options(DialectChoice::Extended)
    };
    let mut client = Client::new(mock.address.clone(), options);
    let sent = client.send("a", &mut Large { left: 0 }, &SendOptions::default(), &mut ());
    assert!(matches!(sent, Err(Error::NoAnswer(_))));
    mock.finish();
}

#[test]
fn a_success_before_the_content_was_whole_is_not_believed() {
    let mock = Mock::serve(vec![
        takes_no_json(),
        vec![expect("UPLOAD a AAAA"), stored(), Step::Drain],
    ]);
    let mut client = mock.client(DialectChoice::Classic);
    let sent = client.send("a", &mut Large { left: 0 }, &SendOptions::default(), &mut ());
    assert!(matches!(sent, Err(Error::Protocol(_))));
    mock.finish();
}

#[test]
fn an_interrupted_upload_is_sent_again_from_its_beginning() {
    let content = content(600_000);
    let mock = Mock::serve(vec![
        vec![expect("WRITE a 600000\r\n")],
        vec![write_of(&content, ""), written(&content)],
    ]);
    let sent = send(
        &mut mock.persistent_client(DialectChoice::Extended),
        &content,
        &SendOptions::default(),
    );
    assert_eq!(sent.unwrap().bytes, 600_000);
    mock.finish();
}

#[test]
fn an_upload_that_was_stored_before_its_reply_was_lost_is_a_success() {
    let mock = Mock::serve(vec![
        vec![write_of(b"abc", " if-none-match")],
        vec![
            write_of(b"abc", " if-none-match"),
            refusal("exists"),
            expect("STAT a digest\r\n"),
            facts(3, "e7", &digest(b"abc")),
        ],
    ]);
    let sent = send(
        &mut mock.persistent_client(DialectChoice::Extended),
        b"abc",
        &if_absent(),
    )
    .unwrap();
    assert_eq!(sent.etag.as_deref(), Some("e7"));
    mock.finish();
}

#[test]
fn an_object_that_was_there_before_is_a_refusal() {
    let mock = Mock::serve(vec![
        vec![write_of(b"abc", " if-none-match"), refusal("exists")],
        vec![write_of(b"abc", " if-none-match")],
        vec![
            write_of(b"abc", " if-none-match"),
            refusal("exists"),
            expect("STAT a digest\r\n"),
            facts(3, "e7", &digest(b"xyz")),
        ],
    ]);
    for _ in 0..2 {
        let sent = send(
            &mut mock.persistent_client(DialectChoice::Extended),
            b"abc",
            &if_absent(),
        );
        assert_eq!(sent.unwrap_err().code(), Some(Code::Exists));
    }
    mock.finish();
}

#[test]
fn a_condition_cannot_be_kept_in_the_classic_dialect() {
    let mock = Mock::serve(vec![]);
    let sent = send(&mut mock.client(DialectChoice::Classic), b"abc", &if_absent());
    assert!(matches!(sent, Err(Error::Unsupported(_))));
    mock.finish();
}

#[test]
fn a_server_that_stored_something_else_is_found_out() {
    let mock = Mock::serve(vec![vec![write_of(b"abc", ""), written(b"xyz")]]);
    let sent = send(
        &mut mock.client(DialectChoice::Extended),
        b"abc",
        &SendOptions::default(),
    );
    assert!(matches!(sent, Err(Error::Corrupt(_))));
    mock.finish();
}

#[test]
fn a_source_that_ends_too_soon_is_not_passed_off_as_whole() {
    struct Short;
    impl Read for Short {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Ok(0)
        }
    }
    impl Source for Short {
        fn length_bytes(&self) -> u64 {
            5
        }
        fn rewind(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for dialect in [DialectChoice::Extended, DialectChoice::Classic] {
        let mock = Mock::serve(vec![vec![Step::ExpectEnd]]);
        let sent = mock
            .persistent_client(dialect)
            .send("a", &mut Short, &SendOptions::default(), &mut ());
        assert!(matches!(sent, Err(Error::Local(_))));
        mock.finish();
    }
}

#[test]
fn a_file_that_grows_meanwhile_is_sent_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, "abc").unwrap();
    let mut source = FileSource::open(&path).unwrap();
    fs::write(&path, "abcdef").unwrap();
    let mock = Mock::serve(vec![vec![write_of(b"abc", ""), written(b"abc")]]);
    mock.client(DialectChoice::Extended)
        .send("a", &mut source, &SendOptions::default(), &mut ())
        .unwrap();
    mock.finish();
}

#[test]
fn a_stream_is_spooled_so_that_it_has_a_length_and_can_be_sent_again() {
    let mut source = FileSource::spooled(&mut &b"abc"[..]).unwrap();
    let mock = Mock::serve(vec![
        vec![write_of(b"abc", "")],
        vec![write_of(b"abc", ""), written(b"abc")],
    ]);
    mock.persistent_client(DialectChoice::Extended)
        .send("a", &mut source, &SendOptions::default(), &mut ())
        .unwrap();
    mock.finish();
}

#[test]
fn what_is_no_regular_file_is_no_source() {
    assert!(FileSource::open("/dev/null".as_ref()).is_err());
    assert!(FileSource::open("/".as_ref()).is_err());
}
