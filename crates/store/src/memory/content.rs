//! Content in memory, in chunks: an upload of a gigabyte is never copied to make room for its next byte.

/// The largest piece of content in one allocation.
const CHUNK_BYTES: usize = 256 * 1024;

/// Bytes that were appended, of which all chunks but the last have [`CHUNK_BYTES`].
#[derive(Debug, Default)]
pub(super) struct ChunkedContent {
    chunks: Vec<Vec<u8>>,
}

impl ChunkedContent {
    pub(super) fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.chunks.last().map_or(0, |chunk| CHUNK_BYTES - chunk.len());
            if room == 0 {
                self.chunks.push(Vec::new());
                continue;
            }
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            if let Some(chunk) = self.chunks.last_mut() {
                chunk.extend_from_slice(now);
            }
            bytes = later;
        }
    }

    pub(super) fn len(&self) -> u64 {
        let last = self.chunks.last().map_or(0, Vec::len);
        (self.chunks.len().saturating_sub(1) * CHUNK_BYTES + last) as u64
    }

    /// Gives back what was allocated for bytes that have not come.
    pub(super) fn shrink(&mut self) {
        if let Some(last) = self.chunks.last_mut() {
            last.shrink_to_fit();
        }
    }

    /// What lies at `offset`, up to the end of a chunk; empty behind the end.
    pub(super) fn at(&self, offset: u64) -> &[u8] {
        let Ok(offset) = usize::try_from(offset) else {
            return &[];
        };
        let chunk = self.chunks.get(offset / CHUNK_BYTES);
        chunk
            .and_then(|chunk| chunk.get(offset % CHUNK_BYTES..))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_found_where_it_was_appended_however_it_was_cut() {
        for cut in [
            1000,
            CHUNK_BYTES - 1,
            CHUNK_BYTES,
            CHUNK_BYTES + 1,
            3 * CHUNK_BYTES,
        ] {
            let bytes = crate::contract::bytes(2 * CHUNK_BYTES + 5, cut as u64);
            let mut content = ChunkedContent::default();
            bytes.chunks(cut).for_each(|piece| content.append(piece));
            assert_eq!(content.len(), bytes.len() as u64);
            let mut read = Vec::new();
            while (read.len() as u64) < content.len() {
                read.extend_from_slice(content.at(read.len() as u64));
            }
            assert!(read == bytes, "pieces of {cut}");
            assert!(content.at(content.len()).is_empty() && content.at(u64::MAX).is_empty());
        }
    }
}
