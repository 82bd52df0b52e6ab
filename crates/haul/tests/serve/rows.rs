//! What has to come of a request, and every awkward way to cut its bytes.

use haul_wire::testing::{self, expect_content, expect_names};
pub(crate) use haul_wire::testing::{cuts, expect_done, keys};
use serde_json::Value;

use crate::served::Served;
use crate::talk::Talk;

/// What has to come of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome<'e> {
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

/// Reads one reply and checks it against what has to come of the request.
pub(crate) fn expect(talk: &mut Talk, served: &Served, outcome: Outcome<'_>) {
    let text = talk.reply_text();
    let reply: Value = serde_json::from_str(&text).unwrap();
    match outcome {
        Outcome::Names(names) => expect_names(&reply, names),
        Outcome::Content(name, bytes) => expect_content(&text, name, &crate::base64(bytes)),
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
            assert!(!served.path(name).exists());
        }
        Outcome::Refused(code) => expect_refusal(&reply, code, served),
    }
}

/// A refusal with a code and a sentence that shows nothing of the server's machine.
pub(crate) fn expect_refusal(reply: &Value, code: &str, served: &Served) {
    let sentence = testing::expect_refusal(reply, code);
    assert!(
        !sentence.contains(served.root().to_str().unwrap()),
        "a path of the machine: {sentence}"
    );
}
