//! Where fetched content goes: the seam, and the target that only moves forward.

use std::io::{self, Write};

/// How much of an object a target has already, and of which version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Bytes from the object's beginning.
    pub bytes: u64,
    /// The version's etag.
    pub etag: String,
}

/// Receives the content of a fetch, over several tries if need be.
pub trait Target {
    /// The content that is here already. A fetch continues there if the server still has that version, and starts over if not.
    fn held(&self) -> Option<Held>;

    /// Content from byte `offset` on follows: zero, or as many bytes as are held. Without an etag nothing can be continued later.
    ///
    /// # Errors
    /// When the target cannot go there.
    fn begin(&mut self, offset: u64, etag: Option<&str>) -> io::Result<()>;

    /// Takes the next piece of content.
    ///
    /// # Errors
    /// When it cannot be kept; the fetch ends with [`Error::Local`](crate::Error::Local).
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Hands what is held to `reader`, from its beginning, so that it can be hashed; `false` if it is gone from here.
    ///
    /// # Errors
    /// When it cannot be read.
    fn replay(&mut self, reader: &mut dyn FnMut(&[u8])) -> io::Result<bool>;
}

/// Writes content straight on: standard output, a pipe, `/dev/null`. An interrupted fetch continues where it stopped
/// while the server still has the same version; it can never start over once a byte is written.
#[derive(Debug)]
pub struct StreamTarget<W> {
    writer: W,
    written_bytes: u64,
    etag: Option<String>,
}

impl<W: Write> StreamTarget<W> {
    /// A target that writes to `writer`, piece by piece and without a buffer of its own.
    pub fn new(writer: W) -> Self {
        Self {
            writer,
            written_bytes: 0,
            etag: None,
        }
    }
}

impl<W: Write> Target for StreamTarget<W> {
    fn held(&self) -> Option<Held> {
        let etag = self.etag.clone()?;
        (self.written_bytes > 0).then_some(Held {
            bytes: self.written_bytes,
            etag,
        })
    }

    fn begin(&mut self, offset: u64, etag: Option<&str>) -> io::Result<()> {
        if offset != self.written_bytes {
            let written = self.written_bytes;
            return Err(io::Error::other(format!(
                "cannot start over: {written} bytes are written already"
            )));
        }
        self.etag = etag.map(str::to_owned);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.written_bytes += bytes.len() as u64;
        Ok(())
    }

    fn replay(&mut self, _reader: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        Ok(false)
    }
}
