//! The two layers of the line protocol.

use crate::closed_list;

closed_list! {
    /// Which verbs of the line protocol a client uses.
    pub Dialect, "a dialect" {
        /// The verbs that every server of the exercise knows, on a new connection for each request, with content in base64.
        Classic = "classic",
        /// The verbs of haul, on a connection that is used again, with content as it is.
        Extended = "extended",
    }
}
