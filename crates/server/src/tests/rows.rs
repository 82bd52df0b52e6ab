//! Rows of the protocol's tables: a request, what has to come of it, and every awkward way to cut its bytes.

use serde_json::Value;

use haul_wire::testing::{self, expect_content, expect_names};
pub(super) use haul_wire::testing::{cuts, expect_done, keys, pieces};

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
        Outcome::Names(names) => expect_names(&reply, names),
        Outcome::Content(name, bytes) => expect_content(&text, name, &super::base64(bytes)),
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

/// A refusal with a code and a sentence.
pub(super) fn expect_refusal(reply: &Value, code: &str) {
    testing::expect_refusal(reply, code);
}
