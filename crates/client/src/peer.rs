//! Knowledge about a server that all clients of it share; the first client that learns a fact stores it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use haul_types::Dialect;

use crate::spelling::{Blanks, UploadForm};

/// Knowledge of clients about one server. Clones share it: hand one to each further client of the same server
/// ([`Client::with_peer`](crate::Client::with_peer)), and what one learns, all know.
#[derive(Debug, Clone, Default)]
pub struct Peer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    has_answered: AtomicBool,
    known: Mutex<PeerFacts>,
}

#[derive(Debug, Default)]
struct PeerFacts {
    dialect: Option<Dialect>,
    offers: Option<Offers>,
    is_ours: Option<bool>,
    blanks: Option<Blanks>,
    uploads_quoted: Option<bool>,
    upload_form: Option<UploadForm>,
    keeps_names: bool,
    keeps_line_ends: bool,
}

/// Abilities that not every haul server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Offers {
    pub(crate) remove_dir: bool,
    pub(crate) modified: bool,
    pub(crate) mode: bool,
}

impl Peer {
    /// The dialect that the server speaks, once that is known.
    pub fn dialect(&self) -> Option<Dialect> {
        self.known().dialect
    }

    /// Whether the server has ever answered anything.
    pub fn has_answered(&self) -> bool {
        self.shared.has_answered.load(Ordering::Relaxed)
    }

    pub(crate) fn note_answer(&self) {
        self.shared.has_answered.store(true, Ordering::Relaxed);
    }

    pub(crate) fn note_dialect(&self, dialect: Dialect) {
        self.known().dialect = Some(dialect);
    }

    pub(crate) fn note_offers(&self, offers: Offers) {
        self.known().offers = Some(offers);
    }

    /// The abilities of the server, where it was asked.
    pub(crate) fn offers(&self) -> Option<Offers> {
        self.known().offers
    }

    /// Whether the server is one of ours, where it was asked.
    pub(crate) fn is_ours(&self) -> Option<bool> {
        self.known().is_ours
    }

    pub(crate) fn note_ours(&self, is_ours: bool) {
        self.known().is_ours = Some(is_ours);
    }

    /// How the server has shown to read names with blanks.
    pub(crate) fn blanks(&self) -> Option<Blanks> {
        self.known().blanks
    }

    pub(crate) fn note_blanks(&self, blanks: Blanks) {
        self.known().blanks = Some(blanks);
    }

    /// Whether the server reads quotes in the line of an UPLOAD, where it was asked.
    pub(crate) fn uploads_quoted(&self) -> Option<bool> {
        self.known().uploads_quoted
    }

    pub(crate) fn note_uploads_quoted(&self, is_quoted: bool) {
        self.known().uploads_quoted = Some(is_quoted);
    }

    /// The form in which the server takes a large UPLOAD, where it was asked.
    pub(crate) fn upload_form(&self) -> Option<UploadForm> {
        self.known().upload_form
    }

    pub(crate) fn note_upload_form(&self, form: UploadForm) {
        self.known().upload_form = Some(form);
    }

    /// Whether the server has shown that it takes a name with capitals as it is.
    pub(crate) fn keeps_names(&self) -> bool {
        self.known().keeps_names
    }

    pub(crate) fn note_kept_names(&self) {
        self.known().keeps_names = true;
    }

    /// Whether the server has shown that it takes the line ends behind a request for a part of the name.
    pub(crate) fn keeps_line_ends(&self) -> bool {
        self.known().keeps_line_ends
    }

    pub(crate) fn note_kept_line_ends(&self) {
        self.known().keeps_line_ends = true;
    }

    fn known(&self) -> MutexGuard<'_, PeerFacts> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
