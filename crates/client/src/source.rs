//! Where sent content comes from: anything of a known length that can be read again from its beginning.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Content to send, over several tries if need be.
pub trait Source: Read {
    /// How many bytes [`Read`] gives from the beginning to the end.
    fn length_bytes(&self) -> u64;

    /// Goes back to the beginning.
    ///
    /// # Errors
    /// When the source cannot.
    fn rewind(&mut self) -> io::Result<()>;
}

/// A regular file from where it stands to the end that it had when it was handed over. If it grows meanwhile, what
/// was added is not sent; if it shrinks, the transfer fails.
///
/// ```
/// use haul_client::{FileSource, Source};
///
/// let source = FileSource::spooled(&mut "what a pipe gives".as_bytes())?;
/// assert_eq!(source.length_bytes(), 17);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FileSource {
    file: File,
    start: u64,
    length_bytes: u64,
    left: u64,
}

impl FileSource {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened, or is no regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        // A FIFO without a writer would hang in `open` without a limit, so look first.
        if !path.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is not a regular file",
            ));
        }
        Self::from_here(File::open(path)?)
    }

    /// Copies everything that `reader` gives into an unnamed temporary file (in `TMPDIR`, else `/tmp`): a stream has no
    /// length before its end and cannot be read twice, and a send needs both.
    ///
    /// # Errors
    /// When it cannot be read, or there is no room for it.
    pub fn spooled(reader: &mut dyn Read) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        io::copy(reader, &mut file)?;
        file.rewind()?;
        Self::from_here(file)
    }

    /// An open file from its present position on.
    ///
    /// # Errors
    /// When it has no position (a pipe, a terminal).
    pub fn from_here(mut file: File) -> io::Result<Self> {
        let start = file.stream_position()?;
        let length_bytes = file.metadata()?.len().saturating_sub(start);
        Ok(Self {
            file,
            start,
            length_bytes,
            left: length_bytes,
        })
    }
}

impl Read for FileSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.file.read(&mut buffer[..most])?;
        self.left -= count as u64;
        Ok(count)
    }
}

impl Source for FileSource {
    fn length_bytes(&self) -> u64 {
        self.length_bytes
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.start))?;
        self.left = self.length_bytes;
        Ok(())
    }
}

/// Content in memory.
impl<T: AsRef<[u8]>> Source for io::Cursor<T> {
    fn length_bytes(&self) -> u64 {
        self.get_ref().as_ref().len() as u64
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.set_position(0);
        Ok(())
    }
}
