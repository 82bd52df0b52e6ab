//! A folder's entries, in pages. Few listings are held at once, since each takes memory for the names of a
//! page.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use haul_store::{Detail, Key, Listing, Page, Store};

use super::{OpError, Operation, Service, store_error};
use crate::access::RequestLog;
use crate::budget::Permit;

/// FolderEntries of a page. A store looks through the whole folder for each page, so a page holds all but the
/// largest folders.
const PAGE_ENTRIES: NonZeroUsize = NonZeroUsize::new(1 << 17).expect("it is not zero");

/// A page of a listing, and the permit to hold it.
#[derive(Debug)]
pub(crate) struct FolderEntries<'c> {
    store: &'c dyn Store,
    folder: Option<Key>,
    detail: Detail,
    page: Listing,
    permit: Permit<'c>,
}

impl<'c> Service<'c> {
    /// The entries of a folder, hidden ones too, sorted by name; of the root where `folder` is `None`.
    pub(crate) async fn list(
        &self,
        log: &mut RequestLog,
        folder: Option<&str>,
        detail: Detail,
    ) -> Result<FolderEntries<'c>, OpError> {
        let folder = match folder {
            Some(name) => Some(self.enter(log, Operation::List, name)?),
            None => {
                self.enter_without_object(log, Operation::List)?;
                None
            }
        };
        let permit = self.turn(&self.context.listings).await?;
        let mut entries = FolderEntries {
            store: self.store(),
            folder,
            detail,
            page: Listing::default(),
            permit,
        };
        entries.load(None, log).await?;
        Ok(entries)
    }
}

impl FolderEntries<'_> {
    pub(crate) fn page(&self) -> &Listing {
        &self.page
    }

    /// Goes on to the next page; breaks where there is none.
    pub(crate) async fn next_page(&mut self, log: &RequestLog) -> Result<ControlFlow<()>, OpError> {
        let Some(after) = self.page.next().map(str::to_owned) else {
            return Ok(ControlFlow::Break(()));
        };
        self.page = Listing::default();
        self.load(Some(&after), log).await?;
        Ok(ControlFlow::Continue(()))
    }

    /// Whether other requests wait until this listing is dropped.
    pub(crate) fn are_waited_for(&self) -> bool {
        self.permit.is_wanted()
    }

    async fn load(&mut self, after: Option<&str>, log: &RequestLog) -> Result<(), OpError> {
        let page = Page {
            after,
            limit: PAGE_ENTRIES,
        };
        let listed = self.store.list(self.folder.as_ref(), page, self.detail).await;
        self.page = listed.map_err(|error| store_error(error, log))?;
        Ok(())
    }
}
