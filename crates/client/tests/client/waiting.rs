//! A server that answers late, in drops or not at all, and what older and newer servers can keep.

use std::io::{Cursor, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use haul_client::{
    Address, Client, Dialect, DialectChoice, Error, Options, Progress, SendOptions, StreamTarget, Verified,
    Verify,
};

use crate::mock::{Mock, Step, digest, expect, expect_hello, facts, head, hello, reply, written};

/// Hears that a wait has begun, and lets the server go on.
struct Waiting(u32, mpsc::Sender<()>);

impl Progress for Waiting {
    fn waiting(&mut self, _: Duration) {
        self.0 += 1;
        self.1.send(()).ok();
    }
}

/// A server that serves its connection only when the client has said that it waits.
fn busy(script: Vec<Step>) -> (Mock, Waiting) {
    let (sender, receiver) = mpsc::channel();
    let mut late = vec![Step::WaitFor(receiver)];
    late.extend(script);
    (Mock::serve(vec![late]), Waiting(0, sender))
}

/// The bytes of a WRITE of "abc" behind its first line.
fn body() -> Step {
    Step::Expect(format!("abc{}\r\n", digest(b"abc")).into_bytes())
}

#[test]
fn a_busy_server_is_waited_for_and_never_taken_for_a_classic_one() {
    let (mock, mut waiting) = busy(vec![
        expect_hello(),
        hello(),
        expect("STAT a\r\n"),
        facts(3, "e", &digest(b"abc")),
    ]);
    let mut client = mock.client(DialectChoice::Auto);
    assert_eq!(client.stat("a", &mut waiting).unwrap().size, 3);
    assert_eq!(client.peer().dialect(), Some(Dialect::Extended));
    assert_eq!(waiting.0, 1, "said once");
    mock.finish();
}

#[test]
fn an_upload_on_a_new_connection_waits_in_line_too() {
    // More than the system takes of a connection that nobody reads.
    let content = vec![0; 16 << 20];
    let mut request = format!("WRITE a {}\r\n", content.len()).into_bytes();
    request.extend_from_slice(&content);
    request.extend_from_slice(digest(&content).as_bytes());
    request.extend_from_slice(b"\r\n");
    let (mock, mut waiting) = busy(vec![Step::Expect(request), written(&content)]);
    let sent = mock.client(DialectChoice::Extended).send(
        "a",
        &mut Cursor::new(&content),
        &SendOptions::default(),
        &mut waiting,
    );
    assert_eq!(sent.unwrap().verified, Verified::Yes);
    assert_eq!(waiting.0, 1, "said once");
    mock.finish();
}

#[test]
fn a_reply_that_comes_in_drops_is_not_waited_for_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::new("127.0.0.1", listener.local_addr().unwrap().port());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Ends with the client's connection.
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let options = Options {
        timeout: Duration::from_millis(50),
        queue_timeout: Duration::from_millis(50),
        ..Options::default()
    };
    let error = Client::new(address, options).list("", &mut ()).unwrap_err();
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    server.join().unwrap();
}

#[test]
fn a_silent_server_is_asked_once() {
    let mock = Mock::serve(vec![vec![expect("LS\r\n"), Step::Hold]]);
    let options = Options {
        timeout: Duration::from_millis(30),
        queue_timeout: Duration::from_millis(30),
        ..mock.options(DialectChoice::Extended)
    };
    let error = Client::new(mock.address.clone(), options)
        .list("", &mut ())
        .unwrap_err();
    assert!(matches!(error, Error::NoAnswer(_)), "{error}");
    mock.finish();
}

#[test]
fn tries_that_get_further_are_not_counted() {
    let scripts = (0..6)
        .map(|at| {
            let offset = if at == 0 { String::new() } else { format!(" {at}") };
            vec![
                expect(&format!("READ a{offset}\r\n")),
                head(6, at, "e", None),
                Step::Send(vec![b'x']),
            ]
        })
        .collect();
    let mock = Mock::serve(scripts);
    let options = Options {
        retries: Some(1),
        verify: Verify::Length,
        ..mock.options(DialectChoice::Extended)
    };
    let mut received = Vec::new();
    let mut client = Client::new(mock.address.clone(), options);
    let fetched = client.fetch("a", &mut StreamTarget::new(&mut received), &mut ());
    assert_eq!(fetched.unwrap().verified, Verified::NotAsked);
    assert_eq!(received.len(), 6);
    drop(client);
    mock.finish();
}

#[test]
fn a_digest_is_asked_for_where_the_server_has_none_and_that_is_wanted() {
    for (verify, verified) in [(Verify::Digest, Verified::NoDigest), (Verify::Ask, Verified::Yes)] {
        let mut script = vec![
            expect("READ a\r\n"),
            head(3, 0, "e", None),
            Step::Send(b"abc".to_vec()),
        ];
        if verify == Verify::Ask {
            // A server that keeps the digest may give the object another etag for it.
            script.extend([expect("STAT a digest\r\n"), facts(3, "e2", &digest(b"abc"))]);
        }
        let mock = Mock::serve(vec![script]);
        let options = Options {
            verify,
            ..mock.options(DialectChoice::Extended)
        };
        let fetched = Client::new(mock.address.clone(), options).fetch(
            "a",
            &mut StreamTarget::new(Vec::new()),
            &mut (),
        );
        assert_eq!(fetched.unwrap().verified, verified);
        mock.finish();
    }
}

fn of_a_file() -> SendOptions {
    SendOptions {
        modified: Some(UNIX_EPOCH),
        mode: Some(0o600),
        ..SendOptions::default()
    }
}

#[test]
fn what_an_older_server_cannot_keep_is_left_out_and_told() {
    let mock = Mock::serve(vec![vec![
        expect_hello(),
        hello(),
        expect("WRITE a 3\r\n"),
        body(),
        written(b"abc"),
    ]]);
    let mut client = mock.client(DialectChoice::Auto);
    let sent = client
        .send("a", &mut Cursor::new(b"abc"), &of_a_file(), &mut ())
        .unwrap();
    assert!(!sent.took_modified && !sent.took_mode);
    assert!(matches!(
        client.remove_folder("d", &mut ()),
        Err(Error::Unsupported(_))
    ));
    mock.finish();
}

#[test]
fn time_and_mode_travel_both_ways_and_folders_are_removed() {
    let server =
        r#"{"status":"OK","verbs":["LS","STAT","READ","WRITE","RMDIR"],"write_options":["modified","mode"]}"#;
    let read = r#"{"status":"OK","size":3,"offset":0,"length":3,"etag":"e","modified":"1970-01-01T00:00:00Z","mode":"0600"}"#;
    let mock = Mock::serve(vec![vec![
        expect_hello(),
        reply(server),
        expect("WRITE a 3 modified=1970-01-01T00:00:00Z mode=0600\r\n"),
        body(),
        written(b"abc"),
        expect("READ a\r\n"),
        reply(read),
        Step::Send(b"abc".to_vec()),
        expect("RMDIR d\r\n"),
        reply(r#"{"status":"OK","data":"d is removed"}"#),
    ]]);
    let mut client = mock.client(DialectChoice::Auto);
    let sent = client
        .send("a", &mut Cursor::new(b"abc"), &of_a_file(), &mut ())
        .unwrap();
    assert!(sent.took_modified && sent.took_mode);
    let fetched = client
        .fetch("a", &mut StreamTarget::new(Vec::new()), &mut ())
        .unwrap();
    assert_eq!((fetched.modified, fetched.mode), (Some(UNIX_EPOCH), Some(0o600)));
    client.remove_folder("d", &mut ()).unwrap();
    mock.finish();
}

/// Starts a server at an address as soon as a try has failed.
struct Late(std::net::SocketAddr, Option<thread::JoinHandle<()>>);

impl Progress for Late {
    fn retrying(&mut self, _: &Error, _: Duration) {
        if self.1.is_some() {
            return;
        }
        let listener = TcpListener::bind(self.0).unwrap();
        self.1 = Some(thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream
                .write_all(b"{\"status\":\"OK\",\"data\":[]}\r\n\r\n")
                .unwrap();
            // Until the client closes.
            std::io::copy(&mut stream, &mut std::io::sink()).ok();
        }));
    }
}

#[test]
fn a_server_that_comes_back_is_found_again() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut late = Late(gone, None);
    let options = Options {
        dialect: DialectChoice::Extended,
        retry_pause: Duration::from_millis(1),
        ..Options::default()
    };
    let mut client = Client::new(Address::new("127.0.0.1", gone.port()), options);
    assert!(client.list("", &mut late).unwrap().is_empty());
    drop(client);
    late.1.unwrap().join().unwrap();
}
