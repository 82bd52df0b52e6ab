//! A pool of processes: a supervisor, and workers that are the same binary started again.
//!
//! Each worker has a socket to its supervisor, on its standard input. Its configuration and descriptors
//! arrive there, later the message to drain; when the socket closes, the supervisor is gone and the worker
//! ends. A worker that dies is replaced with back-off ([`super::restart`]), its open requests are entered as
//! failed, and what it left in the store is swept.

mod control;
mod supervisor;
mod worker;

pub(crate) use supervisor::Supervisor;
pub use worker::run_worker;
