//! The line protocol: bytes in, requests and replies out.
//!
//! State machines only: no sockets, no files, no clock, no runtime. The server feeds what it receives to a
//! [`RequestDecoder`] and writes replies with [`reply`]; the client writes requests with [`encode`] and feeds
//! what it receives to a [`ReplyDecoder`]. Payloads are decoded and encoded in pieces by [`base64`]; neither a
//! request nor a reply is ever held whole.
#![forbid(unsafe_code)]

pub mod base64;
pub mod encode;
mod json;
mod name;
mod payload;
mod refusal;
pub mod reply;
mod reply_decoder;
mod request;
mod request_decoder;
mod request_json;
mod request_line;
mod sentence;

pub use blake3::Hash as Digest;
pub use name::{Name, NameError};
pub use refusal::{Code, Refusal};
pub use reply_decoder::{DecodedReply, Reply, ReplyDecoder, ReplyError, ReplyEvent};
pub use request::{Condition, Request, Verb};
pub use request_decoder::{Decoded, Phase, RequestDecoder, RequestEvent};
