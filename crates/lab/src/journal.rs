//! The journal's file: each record is one write at its end, so that whatever stops the run leaves whole lines behind.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use haul_results::{JOURNAL, Journal, JournalError, JournalLine};

/// A journal that records are appended to.
#[derive(Debug)]
pub(crate) struct JournalFile(File);

/// Why a journal cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read.
    #[error("`{path}` cannot be read: {cause}")]
    Io {
        /// The journal.
        path: String,
        /// The system's error.
        cause: io::Error,
    },
    /// The content of the file cannot be used.
    #[error("`{path}`: {cause}")]
    Journal {
        /// The journal.
        path: String,
        /// The first thing that is wrong with it.
        cause: JournalError,
    },
}

/// Reads the journal of a run from its folder.
///
/// # Errors
///
/// If there is none, or it is damaged or of another version.
pub fn read_journal(folder: &Path) -> Result<Journal, OpenError> {
    let path = folder.join(JOURNAL);
    let shown = path.display().to_string();
    let bytes = std::fs::read(&path).map_err(|cause| OpenError::Io {
        path: shown.clone(),
        cause,
    })?;
    Journal::read(&bytes).map_err(|cause| OpenError::Journal { path: shown, cause })
}

impl JournalFile {
    /// A new journal; one that is there already is not touched.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path(folder))?;
        Ok(Self(file))
    }

    /// The journal of a run that goes on. A last line that was cut off in the middle is removed.
    pub(crate) fn go_on(folder: &Path, journal: &Journal) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).open(path(folder))?;
        file.set_len(journal.whole_bytes as u64)?;
        Ok(Self(file))
    }

    pub(crate) fn append(&mut self, record: &JournalLine) -> io::Result<()> {
        self.0.write_all(record.to_line().as_bytes())
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join(JOURNAL)
}
