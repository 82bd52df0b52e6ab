//! What the tests of several crates hold a server to: the shape of its replies, and every awkward way to cut a request. They
//! are not written with the rest of this crate, so that a fault of the encoders is found.

use memchr::memmem;
use serde_json::Value;

/// Takes one reply without its terminator from the front of what was received, if it is there to its end. `searched` is how
/// far an earlier call has looked: 0 at first.
///
/// # Panics
/// If it is not one ASCII object on one line.
pub fn take_reply(received: &mut Vec<u8>, searched: &mut usize) -> Option<String> {
    let Some(found) = memmem::find(&received[*searched..], b"\r\n\r\n") else {
        *searched = received.len().saturating_sub(3);
        return None;
    };
    let end = *searched + found;
    let rest = received.split_off(end + 4);
    let mut reply = std::mem::replace(received, rest);
    reply.truncate(end);
    assert!(reply.is_ascii(), "a reply is ASCII");
    assert!(
        memchr::memchr2(b'\r', b'\n', &reply).is_none(),
        "a reply is one line"
    );
    assert!(
        reply.starts_with(b"{") && reply.ends_with(b"}"),
        "a reply is one object"
    );
    Some(String::from_utf8_lossy(&reply).into_owned())
}

/// A reply to LIST.
///
/// # Panics
/// If it is none, or lists other names.
pub fn expect_names(reply: &Value, names: &[&str]) {
    assert_eq!(keys(reply), ["data", "status"]);
    assert_eq!(reply["status"], "OK", "{reply}");
    assert_eq!(reply["data"], Value::from(names.to_vec()));
}

/// The text of a reply to GET, with the content in base64.
///
/// # Panics
/// If it is none, is about another object or has other content.
pub fn expect_content(text: &str, name: &str, encoded: &str) {
    let reply: Value = serde_json::from_str(text).expect("a reply is JSON");
    assert_eq!(reply["status"], "OK", "{text}");
    assert_eq!(keys(&reply), ["data_file", "data_namafile", "status"]);
    assert_eq!(reply["data_namafile"], name);
    assert!(reply["data_file"] == encoded, "the content of {name}");
    assert!(text.ends_with(&format!("{encoded}\"}}")), "data_file comes last");
}

/// A reply to UPLOAD or DELETE.
///
/// # Panics
/// If it is none, or is about another object.
pub fn expect_done(reply: &Value, name: &str) {
    assert_eq!(reply["status"], "OK", "{reply}");
    assert_eq!(keys(reply), ["data", "data_namafile", "message", "status"]);
    assert_eq!(reply["data"], reply["message"]);
    assert!(reply["data"].as_str().is_some_and(|text| !text.is_empty()));
    assert_eq!(reply["data_namafile"], name);
}

/// A refusal with a code and a sentence, which it returns.
///
/// # Panics
/// If it is none, or has another code.
pub fn expect_refusal<'r>(reply: &'r Value, code: &str) -> &'r str {
    assert_eq!(reply["status"], "ERROR", "{reply}");
    assert_eq!(keys(reply), ["code", "data", "message", "status"]);
    assert_eq!(reply["code"], code, "{reply}");
    let sentence = reply["message"].as_str().expect("a sentence is text");
    assert!(!sentence.is_empty() && sentence.len() < 2000, "{sentence}");
    if code == "unknown-verb" {
        assert_eq!(reply["data"], "request tidak dikenali");
    } else {
        assert_eq!(reply["data"], sentence);
    }
    sentence
}

/// The keys of an object, sorted.
///
/// # Panics
/// If it is no object.
#[must_use]
pub fn keys(reply: &Value) -> Vec<&str> {
    let object = reply.as_object().expect("a reply is an object");
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Ways to cut a request: whole, in the middle of each line end, in the middle of words, numbers and base64
/// quartets, byte by byte.
#[must_use]
pub fn cuts(request: &[u8]) -> Vec<Vec<&[u8]>> {
    let line_ends = memchr::memchr_iter(b'\n', request).filter(|&at| at > 0);
    vec![
        vec![request],
        pieces(request, line_ends),
        pieces(request, (3..request.len()).step_by(3)),
        pieces(request, (5..request.len()).step_by(7)),
        pieces(request, 1..request.len()),
    ]
}

/// The pieces between the places in `at`, which ascend.
pub fn pieces(whole: &[u8], at: impl IntoIterator<Item = usize>) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in at.into_iter().chain([whole.len()]) {
        pieces.push(&whole[start..end]);
        start = end;
    }
    pieces
}
