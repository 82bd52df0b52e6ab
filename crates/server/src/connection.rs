//! One accepted connection, from start to end: the same driver under every kind of pool.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use crate::context::WorkerContext;
use crate::front::{Ending, line};

/// Serves a connection to its end. Never fails: what goes wrong concerns this connection only, and is in the log.
pub(crate) async fn serve(mut stream: TcpStream, peer: SocketAddr, worker: &WorkerContext) {
    let connection = worker.context.connections.open(&worker.slot, peer);
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "small replies may be delayed");
    }
    let drain = &worker.context.drain;
    // The line protocol is the only front yet; another would be chosen here, by the first bytes.
    let ending = tokio::select! {
        biased;
        ending = line::serve(&mut stream, &connection, worker) => ending,
        () = drain.was_cut() => Ending::Reset,
    };
    if ending == Ending::Reset {
        // The peer must not take the piece that it has for the whole.
        if let Err(error) = stream.set_zero_linger() {
            tracing::debug!(%peer, %error, "the connection ends without a reset");
        }
    }
}
