//! One accepted connection, from start to end: the same driver under every kind of pool.

use std::net::SocketAddr;

use crate::context::Context;
use crate::front::{Ending, Front};
use crate::ledger::Slot;
use crate::session::Session;
use crate::stream::{Peeked, Stream};

/// Serves a connection to its end, in the worker of `slot`. Never fails: what goes wrong concerns this
/// connection only, and is in the log.
pub(crate) async fn serve(stream: Stream, peer: SocketAddr, context: &Context, slot: &Slot) -> Ending {
    // Dropped after the record of the connection: a peer that sees the end is not counted as open any more.
    let mut stream = Peeked::new(stream);
    let connection = context.connections.open(slot, peer);
    if let Err(error) = stream.get_ref().send_without_delay() {
        tracing::debug!(%peer, %error, "small replies may be delayed");
    }
    let session = Session::new(context, slot, &connection);
    let ending = tokio::select! {
        biased;
        ending = speak(&mut stream, &session) => ending,
        () = context.drain.was_cut() => Ending::Reset,
    };
    if ending == Ending::Reset {
        // The peer must not take the piece that it has for the whole.
        if let Err(error) = stream.get_ref().reset_on_drop() {
            tracing::debug!(%peer, %error, "the connection ends without a reset");
        }
    }
    ending
}

/// Chooses the front by the first bytes and has it serve. A TLS handshake would come before.
async fn speak(stream: &mut Peeked, session: &Session<'_>) -> Ending {
    match session.idle.wait(session.begun, stream.peek()).await {
        Some(Ok(first)) if !first.is_empty() => {
            let front = Front::choose(first);
            front.serve(stream, session).await
        }
        Some(Ok(_) | Err(_)) | None => Ending::Close,
    }
}
