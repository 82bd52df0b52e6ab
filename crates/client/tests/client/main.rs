//! The client against a server that follows a script, over real sockets: what it makes of every way in which a server
//! may answer, stay silent, break off or lie.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests as well")]

mod dialects;
mod family;
mod fetching;
mod mock;
mod resuming;
mod sending;
mod waiting;
