//! Base64 in pieces, both ways, at the speed of memory.
//!
//! Whole blocks go through a SIMD codec; only what is left of a quartet or triple between two pieces, and
//! blocks that hold padding or something that is no base64, take a slower path, which is still linear.
//! Strict as RFC 4648 (standard alphabet, padding required, unused bits zero) but for one thing: padding may
//! stand in the middle, because programs join separately encoded pieces.

use base64_turbo::{STANDARD, STANDARD_NO_PAD};

use crate::Progress;

/// How many symbols are decoded at once, at most: both sides of the work stay in the first-level cache.
const BLOCK_SYMBOLS_MAX: usize = 16 << 10;

/// Where the size of a block starts. One that succeeds doubles the next; one that holds padding or the end of the
/// text fails as a whole, is decoded again up to there, and sets the size of the next. So the end costs little in
/// a short text, and padding costs time in proportion to the symbols around it, however much of it there is.
const BLOCK_SYMBOLS_FIRST: usize = 1 << 10;

/// Blocks do not get smaller than this.
const BLOCK_SYMBOLS_MIN: usize = 64;

/// The value of a byte that is no symbol.
const NO_SYMBOL: u8 = 0xff;

/// The six bits that each symbol stands for.
const BITS: [u8; 256] = {
    let symbols = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = [NO_SYMBOL; 256];
    let mut at = 0;
    while at < symbols.len() {
        bits[symbols[at] as usize] = at as u8;
        at += 1;
    }
    bits
};

/// The length in base64 of so many bytes of content.
///
/// # Panics
/// If the result does not fit a `usize`.
#[must_use]
pub const fn encoded_len(content: usize) -> usize {
    content.div_ceil(3) * 4
}

/// Encodes content that comes in pieces of any size into one base64 text.
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    carry: [u8; 2],
    carried: usize,
}

impl Encoder {
    /// An encoder at the start of a text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes a piece into the front of `out` and returns how many bytes it wrote. Up to two bytes of the
    /// content are kept for the next call; pieces whose lengths are multiples of three are the fastest.
    ///
    /// # Panics
    /// If `out` is shorter than `encoded_len(input.len() + 2)`.
    pub fn encode(&mut self, input: &[u8], out: &mut [u8]) -> usize {
        assert!(
            out.len() >= encoded_len(input.len() + 2),
            "no room for the encoded piece"
        );
        let mut input = input;
        let mut written = 0;
        if self.carried > 0 {
            let wanted = 3 - self.carried;
            if input.len() < wanted {
                self.keep(input);
                return 0;
            }
            let mut triple = [self.carry[0], self.carry[1], 0];
            triple[self.carried..].copy_from_slice(&input[..wanted]);
            input = &input[wanted..];
            self.carried = 0;
            written = encode_whole(&triple, out);
        }
        let whole = input.len() / 3 * 3;
        written += encode_whole(&input[..whole], &mut out[written..]);
        self.keep(&input[whole..]);
        written
    }

    /// Ends the text: writes the last quartet with its padding, if there is one, and returns 0 or 4. The
    /// encoder is at the start of a text again.
    ///
    /// # Panics
    /// If `out` is shorter than 4 bytes.
    pub fn finish(&mut self, out: &mut [u8]) -> usize {
        assert!(out.len() >= 4, "no room for the last quartet");
        let carried = std::mem::take(&mut self.carried);
        encode_whole(&self.carry[..carried], out)
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.carry[self.carried..self.carried + bytes.len()].copy_from_slice(bytes);
        self.carried += bytes.len();
    }
}

fn encode_whole(input: &[u8], out: &mut [u8]) -> usize {
    STANDARD
        .encode_slice(input, out)
        .expect("the callers made sure of the room")
}

/// Decodes a base64 text that comes in pieces of any size. Padding may stand in the middle of it.
#[derive(Debug, Clone)]
pub struct Decoder {
    carry: [u8; 4],
    carried: usize,
    block_symbols: usize,
    invalid: bool,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a [`Decoder`] went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecoderStop {
    /// All of the input is consumed.
    NeedInput,
    /// `out` has no room for the next quartet.
    OutputFull,
    /// The byte at `consumed` is neither a base64 symbol nor `=`: the end of the text, or a fault, as the
    /// caller knows.
    NotBase64,
    /// A quartet has its padding in a wrong place or bits that must be zero: this is no base64, and nothing
    /// more comes out.
    Invalid,
}

impl Decoder {
    /// The room that a call needs in order to get anywhere, in bytes.
    pub const ROOM_BYTES_MIN: usize = 3;

    /// A decoder at the start of a text.
    #[must_use]
    pub fn new() -> Self {
        Self {
            carry: [0; 4],
            carried: 0,
            block_symbols: BLOCK_SYMBOLS_FIRST,
            invalid: false,
        }
    }

    /// Whether the text may end here: no quartet is begun and none was faulty.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.carried == 0 && !self.invalid
    }

    /// Decodes the front of `input` into the front of `out`, as far as it goes.
    ///
    /// The content before a stop depends on the text only, not on how it was cut into pieces.
    pub fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Progress<DecoderStop> {
        let mut work = Work {
            input,
            consumed: 0,
            out,
            written: 0,
        };
        let stop = if self.invalid {
            DecoderStop::Invalid
        } else {
            self.run(&mut work)
        };
        self.invalid = stop == DecoderStop::Invalid;
        Progress {
            consumed: work.consumed,
            written: work.written,
            stop,
        }
    }

    fn run(&mut self, work: &mut Work<'_>) -> DecoderStop {
        loop {
            if self.carried == 0 {
                self.blocks(work);
            }
            if let Some(stop) = self.quartet(work) {
                return stop;
            }
        }
    }

    /// Takes whole quartets without padding, up to the first that is something else.
    fn blocks(&mut self, work: &mut Work<'_>) {
        loop {
            let room = (work.out.len() - work.written) / 3 * 4;
            let rest = &work.input[work.consumed..];
            let symbols = rest.len().min(room).min(self.block_symbols) / 4 * 4;
            if symbols == 0 || rest[3] == b'=' {
                return;
            }
            if work.block(symbols) {
                self.block_symbols = (self.block_symbols * 2).min(BLOCK_SYMBOLS_MAX);
                continue;
            }
            let block = &rest[..symbols];
            let until_padding = memchr::memchr(b'=', block).unwrap_or(symbols) / 4 * 4;
            self.block_symbols = until_padding.clamp(BLOCK_SYMBOLS_MIN, BLOCK_SYMBOLS_MAX);
            if until_padding == symbols || !work.block(until_padding) {
                let symbols = block
                    .iter()
                    .position(|&byte| BITS[usize::from(byte)] == NO_SYMBOL);
                work.block(symbols.unwrap_or_default() / 4 * 4);
            }
            return;
        }
    }

    /// Takes one quartet a symbol at a time: the one that two pieces share, one with padding, the one before
    /// a foreign byte.
    fn quartet(&mut self, work: &mut Work<'_>) -> Option<DecoderStop> {
        if work.out.len() - work.written < Self::ROOM_BYTES_MIN {
            return Some(if work.consumed == work.input.len() {
                DecoderStop::NeedInput
            } else {
                DecoderStop::OutputFull
            });
        }
        while self.carried < 4 {
            let Some(&symbol) = work.input.get(work.consumed) else {
                return Some(DecoderStop::NeedInput);
            };
            if BITS[usize::from(symbol)] == NO_SYMBOL && symbol != b'=' {
                return Some(DecoderStop::NotBase64);
            }
            self.carry[self.carried] = symbol;
            self.carried += 1;
            work.consumed += 1;
        }
        self.carried = 0;
        match content(self.carry) {
            Some((bytes, count)) => {
                work.out[work.written..work.written + count].copy_from_slice(&bytes[..count]);
                work.written += count;
                None
            }
            None => Some(DecoderStop::Invalid),
        }
    }
}

/// The content of one quartet, which may have padding, and its length.
fn content(quartet: [u8; 4]) -> Option<([u8; 3], usize)> {
    let count = match quartet {
        [_, _, b'=', b'='] => 1,
        [_, _, _, b'='] => 2,
        _ => 3,
    };
    let mut bits = 0;
    for symbol in &quartet[..=count] {
        let symbol = BITS[usize::from(*symbol)];
        if symbol == NO_SYMBOL {
            return None;
        }
        bits = bits << 6 | u32::from(symbol);
    }
    bits <<= 6 * (3 - count);
    let [_, bytes @ ..] = bits.to_be_bytes();
    // The bits that are not used must be zero.
    bytes[count..]
        .iter()
        .all(|byte| *byte == 0)
        .then_some((bytes, count))
}

/// One call's way through its input and its room.
struct Work<'a> {
    input: &'a [u8],
    consumed: usize,
    out: &'a mut [u8],
    written: usize,
}

impl Work<'_> {
    /// Decodes symbols only, all of them or none.
    fn block(&mut self, symbols: usize) -> bool {
        let block = &self.input[self.consumed..self.consumed + symbols];
        match STANDARD_NO_PAD.decode_slice(block, &mut self.out[self.written..]) {
            Ok(written) => {
                self.consumed += symbols;
                self.written += written;
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD as ORACLE;
    use proptest::prelude::*;

    use super::*;

    /// Decodes with the room given, in pieces of the length given; `None` if it is no base64 up to its end.
    fn decoded(text: &[u8], piece: usize, room: usize) -> (Vec<u8>, bool) {
        let mut decoder = Decoder::new();
        let mut out = vec![0; room];
        let mut content = Vec::new();
        for mut piece in text.chunks(piece) {
            loop {
                let progress = decoder.decode(piece, &mut out);
                content.extend_from_slice(&out[..progress.written]);
                piece = &piece[progress.consumed..];
                match progress.stop {
                    DecoderStop::OutputFull => assert!(progress.written > 0, "it got nowhere"),
                    DecoderStop::NeedInput => break,
                    DecoderStop::NotBase64 | DecoderStop::Invalid => return (content, false),
                }
            }
        }
        (content, decoder.is_complete())
    }

    fn encoded(content: &[u8], piece: usize) -> Vec<u8> {
        let mut encoder = Encoder::new();
        let mut text = Vec::new();
        let mut out = vec![0; encoded_len(piece + 2)];
        for piece in content.chunks(piece) {
            let written = encoder.encode(piece, &mut out);
            text.extend_from_slice(&out[..written]);
        }
        let written = encoder.finish(&mut out);
        text.extend_from_slice(&out[..written]);
        text
    }

    #[test]
    fn every_symbol_is_known_and_nothing_else() {
        for byte in 0..=u8::MAX {
            let quartet = [b'A', b'A', byte, b'A'];
            let ours = decoded(&quartet, 4, 8).1;
            let in_a_block = decoded(&[quartet; 40].concat(), 4000, 4000).1;
            let oracle = ORACLE.decode(quartet).is_ok();
            assert_eq!((ours, in_a_block), (oracle, oracle), "{byte}");
        }
    }

    #[test]
    fn a_fault_is_found_wherever_it_is_and_what_precedes_it_comes_out() {
        let good = encoded(&[0x5a; 3 * 300], 3000);
        for at in 0..good.len() {
            for fault in [b'=', b'!', b'\n', 0x80] {
                let mut text = good.clone();
                text[at] = fault;
                // Padding at the end of a quartet is legal, if the bits before it are zero, which they are not here.
                let (content, is_complete) = decoded(&text, 4000, 4000);
                if fault != b'=' || at % 4 != 3 {
                    assert_eq!(
                        (content.len(), is_complete),
                        (at / 4 * 3, false),
                        "{fault} at {at}"
                    );
                }
            }
        }
    }

    #[test]
    fn padding_in_every_quartet_is_legal() {
        let text = b"QQ==".repeat(10_000);
        assert_eq!(decoded(&text, text.len(), 4096), (vec![b'A'; 10_000], true));
    }

    #[test]
    #[should_panic(expected = "no room")]
    fn too_little_room_for_an_encoded_piece_is_told() {
        Encoder::new().encode(b"AB", &mut [0; 4]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn encoding_in_pieces_is_encoding(content in prop::collection::vec(any::<u8>(), 0..3000), piece in 1..500_usize) {
            prop_assert_eq!(encoded(&content, piece), ORACLE.encode(&content).into_bytes());
        }

        #[test]
        fn decoding_in_pieces_is_decoding(content in prop::collection::vec(any::<u8>(), 0..60_000), piece in 1..70_000_usize, room in 3..70_000_usize) {
            prop_assert_eq!(decoded(ORACLE.encode(&content).as_bytes(), piece, room), (content, true));
        }

        #[test]
        fn pieces_with_their_own_padding_are_joined(
            contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..9),
            piece in 1..9000_usize,
        ) {
            let text: String = contents.iter().map(|content| ORACLE.encode(content)).collect();
            prop_assert_eq!(decoded(text.as_bytes(), piece, 5000), (contents.concat(), true));
        }

        #[test]
        fn it_is_as_strict_as_the_library_of_reference(text in "[A-Za-z0-9+/=_ -]{0,12}") {
            // The reference takes no padding in the middle.
            let middle = text.trim_end_matches('=').contains('=');
            if !middle {
                prop_assert_eq!(decoded(text.as_bytes(), 5, 5).1, ORACLE.decode(&text).is_ok(), "{}", text);
            }
        }
    }
}
