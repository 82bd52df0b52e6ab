//! The content of a run: made from its seed, so that any process can make or check any part of it from an offset, with
//! 128 KiB of memory however large the content and however many clients there are.
//!
//! A stream is a sequence of blocks of 64 KiB. Each block is a window of a base of random bytes; where the window begins
//! follows from the seed, the stream and the block's number. So a byte that is wrong, missing, moved or from another
//! stream is found by comparing memory, which costs little beside moving it.

use std::io::{self, Read};
use std::sync::Arc;

use haul_results::ByteSize;

const BLOCK_BYTES: usize = 64 * 1024;

/// All streams of one seed.
#[derive(Debug, Clone)]
pub(crate) struct RunContent {
    base: Arc<[u8]>,
    seed: u64,
}

/// One content of a known length.
#[derive(Debug, Clone)]
pub(crate) struct ContentStream {
    content: RunContent,
    id: u64,
    length: u64,
}

impl RunContent {
    pub(crate) fn new(seed: u64) -> Self {
        let mut base = vec![0; 2 * BLOCK_BYTES];
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.finalize_xof().fill(&mut base);
        Self {
            base: base.into(),
            seed,
        }
    }

    /// The content that every client downloads as the object of this volume.
    pub(crate) fn served(&self, volume: ByteSize) -> ContentStream {
        self.stream(1 << 63 | volume.0, volume)
    }

    /// The content that a client uploads in a trial; no other client and no other trial of the run uploads the same.
    pub(crate) fn uploaded(&self, trial: u32, client: u32, volume: ByteSize) -> ContentStream {
        self.stream(u64::from(trial) << 31 | u64::from(client), volume)
    }

    fn stream(&self, id: u64, length: ByteSize) -> ContentStream {
        ContentStream {
            content: self.clone(),
            id,
            length: length.0,
        }
    }
}

impl ContentStream {
    /// How long it is, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn reader(&self) -> ContentReader {
        ContentReader {
            stream: self.clone(),
            at: 0,
        }
    }

    pub(crate) fn check(&self) -> Check {
        Check {
            stream: self.clone(),
            at: 0,
            first_wrong: None,
        }
    }

    /// The bytes from `at` to the end of their block or of the stream; empty behind the end.
    fn window(&self, at: u64) -> &[u8] {
        let block = at / BLOCK_BYTES as u64;
        let within = usize::try_from(at % BLOCK_BYTES as u64).expect("a block fits in memory");
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let count = left.min(BLOCK_BYTES - within);
        let number = mix(self.content.seed ^ mix(self.id ^ mix(block)));
        let start = usize::try_from(number % BLOCK_BYTES as u64).expect("a block fits in memory");
        &self.content.base[start + within..start + within + count]
    }
}

/// A bijection of 64-bit numbers that leaves no pattern (SplitMix64's).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Gives a stream from its beginning.
#[derive(Debug)]
pub(crate) struct ContentReader {
    stream: ContentStream,
    at: u64,
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let window = self.stream.window(self.at);
            let count = window.len().min(buffer.len() - filled);
            if count == 0 {
                break;
            }
            buffer[filled..filled + count].copy_from_slice(&window[..count]);
            filled += count;
            self.at += count as u64;
        }
        Ok(filled)
    }
}

/// Compares what arrives, in pieces of any size, with a stream.
#[derive(Debug)]
pub(crate) struct Check {
    stream: ContentStream,
    at: u64,
    first_wrong: Option<u64>,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckResult {
    /// All bytes are there and right.
    Same,
    /// So many bytes came, all right, but the content is longer.
    Short(u64),
    /// More came than there is.
    Long(u64),
    /// The piece with this offset, or one behind it, is the first that is wrong.
    Wrong(u64),
}

impl Check {
    /// Takes the next piece.
    pub(crate) fn take(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while !rest.is_empty() {
            let window = self.stream.window(self.at);
            if window.is_empty() {
                self.at += rest.len() as u64;
                return;
            }
            let count = window.len().min(rest.len());
            if self.first_wrong.is_none() && rest[..count] != window[..count] {
                self.first_wrong = Some(self.at);
            }
            self.at += count as u64;
            rest = &rest[count..];
        }
    }

    /// How many bytes have come.
    pub(crate) fn bytes(&self) -> ByteSize {
        ByteSize(self.at)
    }

    pub(crate) fn result(&self) -> CheckResult {
        match self.first_wrong {
            Some(at) => CheckResult::Wrong(at),
            None if self.at < self.stream.length => CheckResult::Short(self.at),
            None if self.at > self.stream.length => CheckResult::Long(self.at),
            None => CheckResult::Same,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    const LENGTH: ByteSize = ByteSize(3 * 65_536 + 17);

    fn bytes(stream: &ContentStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        stream.reader().read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn checked(stream: &ContentStream, bytes: &[u8], piece: usize) -> CheckResult {
        let mut check = stream.check();
        bytes.chunks(piece).for_each(|piece| check.take(piece));
        check.result()
    }

    #[test]
    fn a_stream_agrees_with_itself_however_it_is_cut() {
        let stream = RunContent::new(5).served(LENGTH);
        let whole = bytes(&stream);
        assert_eq!(whole.len() as u64, LENGTH.0);
        for piece in [1, 7, 65_536, 65_537, whole.len()] {
            assert_eq!(checked(&stream, &whole, piece), CheckResult::Same, "{piece}");
        }
    }

    #[test]
    fn one_wrong_bit_anywhere_is_found() {
        let stream = RunContent::new(5).uploaded(1, 2, LENGTH);
        let whole = bytes(&stream);
        for place in [0, 1, 65_535, 65_536, 100_000, whole.len() - 1] {
            let mut wrong = whole.clone();
            wrong[place] ^= 1;
            assert!(
                matches!(checked(&stream, &wrong, 1000), CheckResult::Wrong(at) if at <= place as u64),
                "{place}"
            );
        }
    }

    #[test]
    fn blocks_that_changed_places_are_found() {
        let stream = RunContent::new(5).served(LENGTH);
        let mut whole = bytes(&stream);
        let (first, second) = whole.split_at_mut(65_536);
        first.swap_with_slice(&mut second[..65_536]);
        assert_eq!(checked(&stream, &whole, 4096), CheckResult::Wrong(0));
    }

    #[test]
    fn what_is_too_short_or_too_long_is_found() {
        let stream = RunContent::new(5).served(LENGTH);
        let mut whole = bytes(&stream);
        assert_eq!(checked(&stream, &whole[..100], 30), CheckResult::Short(100));
        whole.push(0);
        assert_eq!(checked(&stream, &whole, 1 << 20), CheckResult::Long(LENGTH.0 + 1));
    }

    #[test]
    fn no_two_streams_are_alike() {
        let content = RunContent::new(5);
        let volume = ByteSize(65_536);
        let streams = [
            content.served(volume),
            content.uploaded(0, 0, volume),
            content.uploaded(0, 1, volume),
            content.uploaded(1, 0, volume),
            RunContent::new(6).served(volume),
        ];
        let distinct: std::collections::BTreeSet<_> = streams.iter().map(bytes).collect();
        assert_eq!(distinct.len(), streams.len());
    }
}
