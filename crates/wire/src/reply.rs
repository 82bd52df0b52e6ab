//! Replies as the server writes them: one JSON object on one line, in ASCII only, ended by CR LF CR LF.
//!
//! Every function appends to a buffer of the caller. The reply to a GET and lists are written in pieces, so
//! that neither is ever held whole. The objects of the extended verbs are plain structures that the client
//! reads back with [`Reply::into`](crate::Reply::into).

use std::collections::BTreeMap;
use std::io;

use haul_types::closed_list;
use serde::{Deserialize, Serialize};
use serde_json::ser::{CompactFormatter, Formatter};

use crate::{Attributes, Refusal};

/// The end of every reply.
pub const END: &[u8] = b"\r\n\r\n";

/// The `data` of the refusal of an unknown verb: existing programs compare it with exactly these words.
pub const UNKNOWN_VERB: &str = "request tidak dikenali";

/// Appends the reply that says no: `status`, `data`, `message`, `code`. `data` and `message` are the same sentence but
/// for a verb that is not known.
pub fn refusal(out: &mut Vec<u8>, refusal: &Refusal) {
    #[derive(Serialize)]
    struct No<'a> {
        status: &'static str,
        data: &'a str,
        message: &'a str,
        code: crate::Code,
    }
    let sentence = refusal.sentence.as_str();
    json(
        out,
        &No {
            status: "ERROR",
            data: match refusal.code {
                crate::Code::UnknownVerb => UNKNOWN_VERB,
                _ => sentence,
            },
            message: sentence,
            code: refusal.code,
        },
    );
    out.extend_from_slice(END);
}

/// Appends the reply to an UPLOAD or DELETE that was done: `status`, `data`, `message`, `data_namafile`.
/// `name` is the name as it was asked for.
pub fn done(out: &mut Vec<u8>, name: &str, sentence: &str) {
    #[derive(Serialize)]
    struct Done<'a> {
        status: &'static str,
        data: &'a str,
        message: &'a str,
        data_namafile: &'a str,
    }
    json(
        out,
        &Done {
            status: "OK",
            data: sentence,
            message: sentence,
            data_namafile: name,
        },
    );
    out.extend_from_slice(END);
}

/// Appends the reply to a GET up to its content, which follows in base64
/// ([`base64::Encoder`](crate::base64::Encoder)), and then [`file_end`]. `name` is the name as it was asked for.
pub fn file_begin(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(br#"{"status":"OK","data_namafile":"#);
    json(out, name);
    out.extend_from_slice(br#","data_file":""#);
}

/// Appends what follows the content of a GET.
pub fn file_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"}");
    out.extend_from_slice(END);
}

/// The reply to a LIST (of names) or an LS (of [`LsEntry`]), written an item at a time.
///
/// The buffer may be written out and emptied between any two calls.
#[derive(Debug)]
pub struct List {
    followed: bool,
}

impl List {
    /// Appends what precedes the items.
    #[must_use = "the reply has to be ended"]
    pub fn begin(out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(br#"{"status":"OK","data":["#);
        Self { followed: false }
    }

    /// Appends one item.
    pub fn item<T: Serialize + ?Sized>(&mut self, out: &mut Vec<u8>, item: &T) {
        if self.followed {
            out.push(b',');
        }
        self.followed = true;
        json(out, item);
    }

    /// Appends what follows the items.
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"]}");
        out.extend_from_slice(END);
    }
}

/// Appends a reply with `status` "OK" and the fields of `fields`.
///
/// # Panics
/// If `fields` is not serialised as a structure or a map with string keys.
pub fn object<T: Serialize>(out: &mut Vec<u8>, fields: &T) {
    #[derive(Serialize)]
    struct Ok<'a, T> {
        status: &'static str,
        #[serde(flatten)]
        fields: &'a T,
    }
    json(out, &Ok { status: "OK", fields });
    out.extend_from_slice(END);
}

/// The reply to HELLO.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The server's name and version.
    pub server: String,
    /// The version of the protocol, see [`PROTOCOL_VERSION`](crate::PROTOCOL_VERSION); 0 from servers that do not
    /// tell it, which speak the first one.
    #[serde(default)]
    pub protocol: u32,
    /// The verbs that it knows, in capitals.
    pub verbs: Vec<String>,
    /// The spec of its pool.
    pub pool: String,
    /// Its limits.
    pub limits: HelloLimits,
    /// The options of WRITE beside its condition: `modified`, `mode`. Older servers know none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write_options: Vec<String>,
}

/// The limits that a server tells with HELLO.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelloLimits {
    /// The largest object that may be uploaded, in bytes; none where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_upload: Option<u64>,
    /// The longest name, in bytes.
    pub max_name: u32,
    /// How many connections are open at once.
    pub max_connections: u32,
    /// How long a connection may be idle between requests, in seconds.
    pub idle_timeout_seconds: u64,
    /// How long a sender may be silent in the middle of a request, in seconds.
    pub stall_timeout_seconds: u64,
}

closed_list! {
    /// The kind of a folder's entry.
    pub EntryKind, "a kind of entry" {
        /// An object.
        File = "file",
        /// A folder.
        Dir = "dir",
    }
}

/// One entry of the reply to LS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LsEntry {
    /// The entry's name within its folder.
    pub name: String,
    /// Whether it is an object or a folder.
    pub kind: EntryKind,
    /// Its size in bytes; 0 for a folder.
    pub size: u64,
    /// When it was last modified, in RFC 3339.
    pub modified: String,
}

/// The reply to STAT.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The object's name as it was asked for.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last modified, in RFC 3339.
    pub modified: String,
    /// Its permissions in octal, such as `0644`, where the store has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// A text that changes when the object does.
    pub etag: String,
    /// Its BLAKE3 digest in hexadecimal, where it is known or was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl Facts {
    /// `modified` and `mode` as values; `None` for what is absent or cannot be read.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        Attributes::of_reply(Some(&self.modified), self.mode.as_deref())
    }
}

/// The reply to READ, which is followed by exactly `length` raw bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadHead {
    /// The size of the whole object in bytes.
    pub size: u64,
    /// The first byte that follows.
    pub offset: u64,
    /// How many bytes follow.
    pub length: u64,
    /// When the object was last modified, in RFC 3339. Older servers do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// Its permissions in octal, such as `0644`, where the store has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// A text that changes when the object does.
    pub etag: String,
    /// The BLAKE3 digest of the whole object in hexadecimal, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl ReadHead {
    /// `modified` and `mode` as values; `None` for what is absent or cannot be read.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        Attributes::of_reply(self.modified.as_deref(), self.mode.as_deref())
    }
}

/// The reply to a WRITE that was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// The object's size in bytes.
    pub size: u64,
    /// Its BLAKE3 digest in hexadecimal.
    pub digest: String,
    /// A text that changes when the object does.
    pub etag: String,
}

/// The reply to STATS: the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// The spec of the server's pool.
    pub pool: String,
    /// How long the server has been up, in seconds.
    pub uptime_seconds: f64,
    /// Its workers.
    pub workers: Vec<WorkerStats>,
}

/// The counters of one worker in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStats {
    /// The worker's number, from 0.
    pub worker: u32,
    /// Its state.
    pub state: String,
    /// How many connections it has accepted so far.
    pub connections: u64,
    /// How many of them are open.
    pub open: u64,
    /// How its requests ended, by verb.
    pub verbs: BTreeMap<String, VerbStats>,
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// How often it was replaced after it died.
    pub restarts: u64,
    /// Its process, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// How the requests of one verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VerbStats {
    /// Requests that were done.
    pub ok: u64,
    /// Requests that were refused or cut.
    pub failed: u64,
}

/// Appends `value` as JSON in printable ASCII.
pub(crate) fn json<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let mut serializer = serde_json::Serializer::with_formatter(out, Ascii);
    value
        .serialize(&mut serializer)
        .expect("writing plain data to memory cannot fail");
}

/// Writes everything outside printable ASCII as `\uXXXX`: classic clients decode each received piece on its
/// own, and a character of several bytes could be cut in two.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| !matches!(c, ' '..='~')) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            let foreign = rest[at..]
                .chars()
                .next()
                .expect("find gave the place of a character");
            for unit in foreign.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &rest[at + foreign.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}
