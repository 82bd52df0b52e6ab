//! The end of a server: stop accepting, let what is in flight finish, cut what does not.

use std::io;

use tokio_util::sync::CancellationToken;

use crate::listener::Wakeup;

/// Tells every connection and every waiting worker of one process that the server drains. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Drain {
    begun: CancellationToken,
    cut: CancellationToken,
    wakeup: Wakeup,
}

impl Drain {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            begun: CancellationToken::new(),
            cut: CancellationToken::new(),
            wakeup: Wakeup::new()?,
        })
    }

    /// No new connections and no new requests from now on.
    pub(crate) fn begin(&self) {
        self.begun.cancel();
        self.wakeup.notify();
    }

    /// What is still in flight is abandoned.
    pub(crate) fn cut(&self) {
        self.begin();
        self.cut.cancel();
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    pub(crate) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    pub(crate) async fn was_cut(&self) {
        self.cut.cancelled().await;
    }

    pub(crate) fn wakeup(&self) -> Wakeup {
        self.wakeup.clone()
    }
}
