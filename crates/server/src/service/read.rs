//! An object's content on its way out.

use std::io;
use std::os::fd::BorrowedFd;

use haul_store::{Meta, Reader};

use super::{OpError, Operation, Service, store_error};
use crate::access::RequestLog;

/// Which part of an object is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ByteRange {
    /// The first byte.
    pub(crate) offset: u64,
    /// How many bytes at most; to the end where absent.
    pub(crate) length: Option<u64>,
}

/// An object that is read from front to back, within a range.
#[derive(Debug)]
pub(crate) struct ObjectReader {
    reader: Box<dyn Reader>,
    at: u64,
    end: u64,
}

/// The object cannot be read to the end that was promised. The log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadError;

impl Service<'_> {
    /// Opens an object.
    pub(crate) async fn read(
        &self,
        log: &mut RequestLog,
        name: &str,
        range: ByteRange,
    ) -> Result<ObjectReader, OpError> {
        let key = self.enter(log, Operation::Read, name)?;
        let opened = self.store().open(&key).await;
        let reader = opened.map_err(|error| store_error(error, log))?;
        let (size, offset) = (reader.meta().size, range.offset);
        let Some(rest) = size.checked_sub(offset) else {
            return Err(OpError::OffsetBehindEnd { size, offset });
        };
        let length = range.length.map_or(rest, |length| length.min(rest));
        Ok(ObjectReader {
            reader,
            at: offset,
            end: offset + length,
        })
    }
}

impl ObjectReader {
    pub(crate) fn meta(&self) -> &Meta {
        self.reader.meta()
    }

    /// Where the next piece begins.
    pub(crate) fn offset(&self) -> u64 {
        self.at
    }

    /// Bytes of the range that have not been read yet.
    pub(crate) fn remaining(&self) -> u64 {
        self.end - self.at
    }

    /// Reads the next piece, which may be shorter than `buffer`; at least one byte while any remains.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let wanted = usize::try_from(self.remaining())
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        match self.reader.read_at(self.at, &mut buffer[..wanted]).await {
            Ok(0) => Err(self.became_shorter()),
            Ok(read) => {
                self.at += read as u64;
                Ok(read)
            }
            Err(error) => Err(self.unreadable(&error)),
        }
    }

    /// A descriptor from which the kernel can send what comes next, where there is one.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.reader.descriptor()
    }

    /// The kernel has sent so many bytes.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at += bytes as u64;
    }

    /// The object has become shorter than it was when it was opened.
    pub(crate) fn became_shorter(&self) -> ReadError {
        tracing::warn!(
            offset = self.at,
            end = self.end,
            "an object became shorter while it was sent; the connection is reset"
        );
        ReadError
    }

    pub(crate) fn unreadable(&self, error: &io::Error) -> ReadError {
        tracing::error!(%error, offset = self.at, "an object cannot be read to its end; the connection is reset");
        ReadError
    }
}
