//! Rows of the protocol's tables: a request, what has to come of it, and every awkward way to cut its bytes.

use serde_json::Value;

use super::served::Served;
use super::talk::Talk;

/// What has to come of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Outcome<'e> {
    /// LIST: these names.
    Names(&'e [&'e str]),
    /// GET: the name as asked for, and the content.
    Content(&'e str, &'e [u8]),
    /// UPLOAD: the name and what is stored under it.
    Stored(&'e str, &'e [u8]),
    /// DELETE: the name.
    Deleted(&'e str),
    /// Refused, with this code.
    Refused(&'e str),
}

pub(super) const PHOTO: &[u8] = b"\xff\xd8\xff photo\r\n\r\n";
pub(super) const SPACED: &[u8] = b"spaced";

/// Sends each row cut in every way on a connection of its own, with the same files before each.
pub(super) fn expect_rows(served: &Served, rows: &[(&str, Outcome<'_>)]) {
    for &(request, outcome) in rows {
        for cut in cuts(request.as_bytes()) {
            served.clear();
            served.place("a.jpg", PHOTO);
            served.place("my file.txt", SPACED);
            let mut talk = served.talk();
            if cut.len() > 1 {
                // A pause in the first words of a connection would count as the end of an unterminated
                // request.
                assert_eq!(talk.ask("HELLO\r\n")["status"], "OK");
            }
            talk.send_pieces(cut);
            expect(&mut talk, served, outcome);
            talk.finish();
        }
    }
}

/// Reads one reply and checks it against what has to come of the request.
pub(super) fn expect(talk: &mut Talk, served: &Served, outcome: Outcome<'_>) {
    let text = talk.reply_text();
    let reply: Value = serde_json::from_str(&text).unwrap();
    match outcome {
        Outcome::Names(names) => {
            assert_eq!(keys(&reply), ["data", "status"]);
            assert_eq!(reply["status"], "OK", "{text}");
            assert_eq!(reply["data"], Value::from(names.to_vec()));
        }
        Outcome::Content(name, bytes) => {
            assert_eq!(reply["status"], "OK", "{text}");
            assert_eq!(keys(&reply), ["data_file", "data_namafile", "status"]);
            assert_eq!(reply["data_namafile"], name);
            let encoded = super::base64(bytes);
            assert!(reply["data_file"] == encoded.as_str(), "the content of {name}");
            assert!(text.ends_with(&format!("{encoded}\"}}")), "data_file comes last");
        }
        Outcome::Stored(name, bytes) => {
            expect_done(&reply, name);
            assert!(
                served.read(name) == bytes,
                "{name} holds {:?}",
                String::from_utf8_lossy(&served.read(name))
            );
        }
        Outcome::Deleted(name) => {
            expect_done(&reply, name);
            assert!(!served.exists(name));
        }
        Outcome::Refused(code) => expect_refusal(&reply, code),
    }
}

/// A reply to UPLOAD or DELETE.
pub(super) fn expect_done(reply: &Value, name: &str) {
    assert_eq!(reply["status"], "OK", "{reply}");
    assert_eq!(keys(reply), ["data", "data_namafile", "message", "status"]);
    assert_eq!(reply["data"], reply["message"]);
    assert!(!reply["data"].as_str().unwrap().is_empty());
    assert_eq!(reply["data_namafile"], name);
}

/// A refusal with a code and a sentence.
pub(super) fn expect_refusal(reply: &Value, code: &str) {
    assert_eq!(reply["status"], "ERROR", "{reply}");
    assert_eq!(keys(reply), ["code", "data", "message", "status"]);
    assert_eq!(reply["code"], code, "{reply}");
    let sentence = reply["message"].as_str().unwrap();
    assert!(!sentence.is_empty() && sentence.len() < 2000, "{sentence}");
    if code == "unknown-verb" {
        assert_eq!(reply["data"], "request tidak dikenali");
    } else {
        assert_eq!(reply["data"], sentence);
    }
}

/// The keys of an object, sorted.
pub(super) fn keys(reply: &Value) -> Vec<&str> {
    let object = reply.as_object().expect("a reply is an object");
    let mut keys: Vec<&str> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// Ways to cut a request: whole, in the middle of each line end, in the middle of words, numbers and base64
/// quartets, byte by byte.
pub(super) fn cuts(request: &[u8]) -> Vec<Vec<&[u8]>> {
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
pub(super) fn pieces(whole: &[u8], at: impl IntoIterator<Item = usize>) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for end in at.into_iter().chain([whole.len()]) {
        pieces.push(&whole[start..end]);
        start = end;
    }
    pieces
}
