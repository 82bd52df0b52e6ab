//! The line protocol: bytes in, requests and replies out.
//!
//! State machines only: no sockets, no files, no clock, no runtime. The server feeds what it receives to a
//! [`RequestDecoder`] and writes replies with [`reply`]; the client writes requests with [`encode`] and feeds
//! what it receives to a [`ReplyDecoder`]. Payloads are decoded and encoded in pieces by [`base64`]; neither a
//! request nor a reply is ever held whole.
//!
//! | module | what it knows |
//! |---|---|
//! | `request_decoder` | which part of a request comes next; uses `request_line`, `operand`, `upload_line`, `next_line`, `request_json`, `raw_body`, `remainder` |
//! | `payload`, [`base64`] | how content is written, and how it is read in pieces |
//! | `foreign` | which lines belong to HTTP |
//! | `json`, `outline`, `string_payload` | one JSON object in pieces, with one string in it that is streamed |
//! | [`Progress`] | what a decoder made of its input |
//! | `reply_decoder`, [`reply`] | replies, read and written |
//! | [`encode`] | requests, written |
//! | [`Attributes`] | when a file was modified, and its permissions: as texts and as values |
//! | `messages` | what a refused peer is told |
//! | `testing` | what tests hold a server to, behind the feature of that name |
//!
//! ```
//! use haul_wire::{RequestDecoder, RequestEvent};
//!
//! let mut decoder = RequestDecoder::new();
//! let mut scratch = [0; 4096];
//! let mut input: &[u8] = b"UPLOAD a.txt QUJD\r\nLIST\r\n";
//! let mut seen = Vec::new();
//! loop {
//!     let decoded = decoder.decode(input, &mut scratch);
//!     input = &input[decoded.consumed..];
//!     match decoded.event {
//!         Some(RequestEvent::Request(request)) => seen.push(request.verb().as_str().to_owned()),
//!         Some(RequestEvent::Body(content)) => seen.push(format!("{} bytes", content.len())),
//!         Some(other) => seen.push(format!("{other:?}")),
//!         None => break, // Receive more.
//!     }
//! }
//! assert_eq!(seen, ["upload", "3 bytes", "BodyEnd { digest: None, name: None }", "list"]);
//! ```
#![forbid(unsafe_code)]

/// The version of the line protocol, which HELLO tells. It grows when a client of the version before could misread what
/// a server says or does. Verbs, keys, options and codes may be added without that.
pub const PROTOCOL_VERSION: u32 = 1;

mod attributes;
pub mod base64;
mod digest_line;
pub mod encode;
mod foreign;
mod json;
mod messages;
mod name;
mod next_line;
mod operand;
mod outline;
mod payload;
mod progress;
mod raw_body;
mod refusal;
mod remainder;
pub mod reply;
mod reply_decoder;
mod request;
mod request_decoder;
mod request_event;
mod request_json;
mod request_line;
mod string_payload;
#[cfg(feature = "testing")]
pub mod testing;
mod upload_line;

pub use attributes::{Attributes, mode_text, time_text};
pub use haul_types::{Condition, Digest};
pub use name::{Name, NameError};
pub use progress::Progress;
pub use refusal::{Code, Refusal};
pub use reply_decoder::{DecodedReply, Reply, ReplyDecoder, ReplyError, ReplyEvent};
pub use request::{Request, Verb};
pub use request_decoder::RequestDecoder;
pub use request_event::{Decoded, Phase, RequestEvent};
