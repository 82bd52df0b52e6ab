//! The server: a listener, a pool of workers, and one driver for every connection.
//!
//! [`Server::bind`] binds the listeners, [`Server::run`] starts the pool and serves until a signal drains it.
//! A pool is threads, supervised processes or asynchronous tasks (`pool`); each worker runs the same
//! `connection`, which chooses a `front` by the first bytes; the front acts on requests against the store and
//! enters each in the `ledger`. [`run_worker`] is the other end of a supervised process: the same binary,
//! started again.
#![deny(unsafe_code)]

mod access;
mod budget;
mod buffers;
mod config;
mod connection;
mod connections;
mod context;
mod drain;
mod error;
mod front;
mod ledger;
mod listener;
mod log_limit;
mod pool;
mod processors;
mod queue;
mod server;
mod service;
mod session;
mod signals;
mod stream;
#[cfg(test)]
mod tests;

pub use config::{Config, Limits, ServedRoot, WorkerCommand};
pub use error::{ServeError, StartError};
pub use haul_types::Durability;
pub use pool::processes::run_worker;
pub use server::Server;
