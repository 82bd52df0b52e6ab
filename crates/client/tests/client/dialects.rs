//! Which dialect a client chooses, and which connection it uses.

use std::time::Duration;

use haul_client::{Client, Code, Dialect, DialectChoice, EntryKind, Error, Options};

use crate::mock::{Mock, Step, expect, expect_hello, hello, refusal, reply};

fn names() -> Step {
    reply(r#"{"status":"OK","data":["a","b c"]}"#)
}

/// What a client makes of a server that does one of `answers` after each HELLO, and knows the classic verbs on new
/// connections.
fn falls_back_after(answers: Vec<Vec<Step>>) {
    let mut scripts: Vec<Vec<Step>> = answers.into_iter().map(after_hello).collect();
    let classic = || vec![expect("LIST\r\n\r\n"), names()];
    scripts.extend([classic(), classic()]);
    let mock = Mock::serve(scripts);
    let mut client = mock.client(DialectChoice::Auto);
    for _ in 0..2 {
        let listed = client.list("", &mut ()).unwrap();
        assert_eq!(
            listed.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(),
            ["a", "b c"]
        );
        assert_eq!((listed[0].kind, listed[0].size_bytes), (EntryKind::File, None));
    }
    mock.finish();
}

/// How a client fails at a server that does `answer` after HELLO.
fn fails_after(answer: Vec<Step>) -> Error {
    let mock = Mock::serve(vec![after_hello(answer)]);
    let options = Options {
        queue_timeout: Duration::from_millis(30),
        timeout: Duration::from_millis(30),
        ..mock.options(DialectChoice::Auto)
    };
    let mut client = Client::new(mock.address.clone(), options);
    let error = client.list("", &mut ()).unwrap_err();
    mock.finish();
    error
}

fn after_hello(answer: Vec<Step>) -> Vec<Step> {
    let mut script = vec![expect_hello()];
    script.extend(answer);
    script
}

#[test]
fn a_server_that_knows_hello_is_spoken_to_in_the_extended_dialect_on_the_same_connection() {
    let entries = r#"{"status":"OK","data":[{"name":"d","kind":"dir","size":0,"modified":"2026-01-01T00:00:00Z"},{"name":"f","kind":"file","size":7,"modified":"2026-01-02T00:00:00Z"}]}"#;
    let mock = Mock::serve(vec![vec![
        expect_hello(),
        hello(),
        expect("LS\r\n"),
        reply(entries),
        expect("LS some%20folder\r\n"),
        reply(entries),
    ]]);
    let mut client = mock.client(DialectChoice::Auto);
    assert_eq!(client.dialect(&mut ()).unwrap(), Dialect::Extended);
    assert_eq!(client.list("", &mut ()).unwrap()[0].kind, EntryKind::Dir);
    assert_eq!(
        client.list("some folder", &mut ()).unwrap()[1].size_bytes,
        Some(7)
    );
    mock.finish();
}

#[test]
fn a_server_that_refuses_hello_is_spoken_to_in_the_classic_dialect() {
    falls_back_after(vec![vec![refusal("unknown-verb"), Step::Drain]]);
    let python = r#"{"status": "ERROR", "data": "request tidak dikenali"}"#;
    falls_back_after(vec![vec![reply(python), Step::Drain]]);
    falls_back_after(vec![vec![reply(r#"{"status":"OK"}"#), Step::Drain]]);
}

#[test]
fn a_server_of_a_later_version_of_the_protocol_is_spoken_to_in_the_classic_dialect() {
    let later = |protocol: u32| {
        let verbs = r#"["LS","STAT","READ","WRITE"]"#;
        reply(&format!(
            r#"{{"status":"OK","protocol":{protocol},"verbs":{verbs}}}"#
        ))
    };
    falls_back_after(vec![vec![later(2), Step::Drain]]);
    let mock = Mock::serve(vec![vec![expect_hello(), later(1)]]);
    let dialect = mock.client(DialectChoice::Auto).dialect(&mut ());
    assert_eq!(dialect.unwrap(), Dialect::Extended);
    mock.finish();
}

#[test]
fn a_server_that_closes_or_resets_twice_after_hello_is_spoken_to_in_the_classic_dialect() {
    falls_back_after(vec![vec![], vec![]]);
    falls_back_after(vec![vec![Step::Reset], vec![Step::Reset]]);
}

#[test]
fn a_server_that_closed_while_it_was_restarted_is_asked_again() {
    let mock = Mock::serve(vec![
        vec![expect_hello(), Step::Reset],
        vec![expect_hello(), hello()],
    ]);
    let dialect = mock.client(DialectChoice::Auto).dialect(&mut ());
    assert_eq!(dialect.unwrap(), Dialect::Extended);
    mock.finish();
}

#[test]
fn a_server_that_is_silent_after_hello_is_not_taken_for_a_classic_one() {
    let error = fails_after(vec![Step::Hold]);
    assert!(matches!(error, Error::NoAnswer(_)), "{error}");
}

#[test]
fn a_server_that_answers_nonsense_to_hello_is_not_taken_for_a_classic_one() {
    for nonsense in [
        "null",
        "HTTP/1.1 400 Bad Request\r\nConnection: close",
        "\u{ff}\u{ff}",
    ] {
        let error = fails_after(vec![reply(nonsense), Step::Drain]);
        assert!(
            matches!(error, Error::Protocol(_)) && error.to_string().contains("is this a haul server?"),
            "{error}"
        );
    }
}

#[test]
fn a_server_of_ours_that_is_draining_is_not_taken_for_another() {
    let mock = Mock::serve(vec![vec![expect_hello(), refusal("draining")]]);
    assert_eq!(
        mock.client(DialectChoice::Auto)
            .list("", &mut ())
            .unwrap_err()
            .code(),
        Some(Code::Draining)
    );
    mock.finish();
}

#[test]
fn a_dialect_that_was_asked_for_needs_no_hello() {
    let mock = Mock::serve(vec![
        vec![expect("LIST\r\n\r\n"), names()],
        vec![expect("LS\r\n"), reply(r#"{"status":"OK","data":[]}"#)],
    ]);
    assert_eq!(
        mock.client(DialectChoice::Classic)
            .list("", &mut ())
            .unwrap()
            .len(),
        2
    );
    assert_eq!(
        mock.client(DialectChoice::Extended)
            .list("", &mut ())
            .unwrap()
            .len(),
        0
    );
    mock.finish();
}

#[test]
fn what_only_one_dialect_can_ask_is_said_to_be_unsupported() {
    let mock = Mock::serve(vec![vec![expect("STATS\r\n"), refusal("unknown-verb")]]);
    let mut classic = mock.client(DialectChoice::Classic);
    assert!(matches!(classic.stat("a", &mut ()), Err(Error::Unsupported(_))));
    assert!(matches!(
        classic.list("folder", &mut ()),
        Err(Error::Unsupported(_))
    ));
    assert!(matches!(
        mock.client(DialectChoice::Extended).stats(&mut ()),
        Err(Error::Unsupported(_))
    ));
    mock.finish();
}

#[test]
fn a_reply_without_a_code_still_says_what_is_missing() {
    let python = r#"{"status": "ERROR", "data": "[Errno 2] No such file or directory: 'a'"}"#;
    let mock = Mock::serve(vec![vec![expect("DELETE a\r\n\r\n"), reply(python)]]);
    assert!(
        mock.client(DialectChoice::Classic)
            .remove("a", &mut ())
            .unwrap_err()
            .is_not_found()
    );
    mock.finish();
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_is_replaced_without_a_word() {
    let nothing = || reply(r#"{"status":"OK","data":[]}"#);
    let mock = Mock::serve(vec![
        vec![expect("LS\r\n"), nothing(), expect("LS\r\n")],
        vec![expect("LS\r\n"), nothing()],
        vec![expect("LS\r\n"), nothing()],
    ]);
    let mut client = mock.client(DialectChoice::Extended);
    for _ in 0..3 {
        client.list("", &mut ()).unwrap();
    }
    mock.finish();
}

#[test]
fn a_kept_connection_that_breaks_within_a_reply_is_an_interruption() {
    let mock = Mock::serve(vec![vec![
        expect("LS\r\n"),
        reply(r#"{"status":"OK","data":[]}"#),
        expect("LS\r\n"),
        Step::Send(b"{".to_vec()),
    ]]);
    let mut client = mock.client(DialectChoice::Extended);
    client.list("", &mut ()).unwrap();
    assert!(matches!(client.list("", &mut ()), Err(Error::Interrupted(_))));
    mock.finish();
}

#[test]
fn bytes_that_nobody_asked_for_are_not_taken_for_the_next_reply() {
    let stray = r#"{"status":"OK","data":[]}"#;
    let mock = Mock::serve(vec![
        vec![
            expect("LS\r\n"),
            Step::Send(format!("{stray}\r\n\r\n{stray}\r\n\r\n").into_bytes()),
            Step::Drain,
        ],
        vec![expect("STAT a\r\n"), refusal("not-found")],
    ]);
    let mut client = mock.client(DialectChoice::Extended);
    client.list("", &mut ()).unwrap();
    assert!(client.stat("a", &mut ()).unwrap_err().is_not_found());
    mock.finish();
}

#[test]
fn a_refusal_is_not_tried_again_and_leaves_the_connection_usable() {
    let mock = Mock::serve(vec![vec![
        expect("DELETE a\r\n\r\n"),
        refusal("forbidden"),
        expect("LS\r\n"),
        reply(r#"{"status":"OK","data":[]}"#),
    ]]);
    let mut client = mock.persistent_client(DialectChoice::Extended);
    assert_eq!(
        client.remove("a", &mut ()).unwrap_err().code(),
        Some(Code::Forbidden)
    );
    client.list("", &mut ()).unwrap();
    mock.finish();
}

#[test]
fn an_interrupted_removal_that_finds_nothing_the_second_time_is_done() {
    let mock = Mock::serve(vec![
        vec![expect("DELETE a\r\n\r\n")],
        vec![expect("DELETE a\r\n\r\n"), refusal("not-found")],
    ]);
    mock.persistent_client(DialectChoice::Extended)
        .remove("a", &mut ())
        .unwrap();
    mock.finish();
}

#[test]
fn nobody_listening_is_a_failure_to_connect_after_all_retries() {
    let mock = Mock::serve(vec![]);
    let mut client = mock.persistent_client(DialectChoice::Auto);
    mock.finish();
    assert!(matches!(client.list("", &mut ()), Err(Error::Connect { .. })));
}

#[test]
fn a_name_with_a_line_end_is_refused_before_it_is_sent() {
    for (dialect, connections) in [
        (DialectChoice::Classic, vec![]),
        (DialectChoice::Extended, vec![vec![Step::ExpectEnd]]),
    ] {
        let mock = Mock::serve(connections);
        let mut client = mock.client(dialect);
        assert_eq!(
            client.remove("a\r\nDELETE b", &mut ()).unwrap_err().code(),
            Some(Code::InvalidName)
        );
        drop(client);
        mock.finish();
    }
}
