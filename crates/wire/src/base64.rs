//! Base64 in pieces, both ways, at the speed of memory.
//!
//! Whole blocks go through a SIMD codec; only what is left of a quartet or triple between two pieces, and
//! blocks that hold padding or something that is no base64, take a slower path, which is still linear.
//! Strict as RFC 4648 (standard alphabet, padding required, unused bits zero) but for one thing: padding may
//! stand in the middle, because programs join separately encoded pieces.

use base64_turbo::{STANDARD, STANDARD_NO_PAD};

/// How many letters are decoded at once, at most: both sides of the work stay in the first-level cache.
const BLOCK_LETTERS_MAX: usize = 16 << 10;

/// Where the size of a block starts. A block that holds padding or the end of the text fails as a whole, and
/// is tried again in a quarter of its size; one that succeeds doubles the next. So the end costs little in a
/// short text, and padding costs time in proportion to the letters around it, however much of it there is.
const BLOCK_LETTERS_FIRST: usize = 1 << 10;

/// Blocks do not get smaller than this: below it, quartets are taken one by one.
const BLOCK_LETTERS_MIN: usize = 64;

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
    block_letters: usize,
    faulty: bool,
}

/// What one call of [`Decoder::decode`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Letters of the input that are dealt with.
    pub consumed: usize,
    /// Bytes of content at the front of `out`.
    pub written: usize,
    /// Why it went no further.
    pub stop: Stop,
}

/// Why a [`Decoder`] went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All of the input is consumed.
    Spent,
    /// `out` has no room for the next quartet.
    Full,
    /// The byte at `consumed` is neither a base64 letter nor `=`: the end of the text, or a fault, as the
    /// caller knows.
    Foreign,
    /// A quartet has its padding in a wrong place or bits that must be zero: this is no base64, and nothing
    /// more comes out.
    Faulty,
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
            block_letters: BLOCK_LETTERS_FIRST,
            faulty: false,
        }
    }

    /// Whether the text may end here: no quartet is begun and none was faulty.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.carried == 0 && !self.faulty
    }

    /// Decodes the front of `input` into the front of `out`, as far as it goes.
    ///
    /// What comes out before a stop depends on the text only, not on how it was cut into pieces.
    pub fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Progress {
        let mut run = Run {
            input,
            consumed: 0,
            out,
            written: 0,
        };
        let stop = if self.faulty {
            Stop::Faulty
        } else {
            self.run(&mut run)
        };
        self.faulty = stop == Stop::Faulty;
        Progress {
            consumed: run.consumed,
            written: run.written,
            stop,
        }
    }

    fn run(&mut self, run: &mut Run<'_>) -> Stop {
        loop {
            if self.carried == 0 {
                self.blocks(run);
            }
            if let Some(stop) = self.quartet(run) {
                return stop;
            }
        }
    }

    /// Takes whole quartets without padding, as long as they come in blocks.
    fn blocks(&mut self, run: &mut Run<'_>) {
        loop {
            let room = (run.out.len() - run.written) / 3 * 4;
            let left = run.input.len() - run.consumed;
            let letters = left.min(room).min(self.block_letters) / 4 * 4;
            if letters == 0 {
                return;
            }
            if run.block(letters) {
                self.block_letters = (self.block_letters * 2).min(BLOCK_LETTERS_MAX);
            } else if letters > BLOCK_LETTERS_MIN {
                self.block_letters = (letters / 4).max(BLOCK_LETTERS_MIN);
            } else {
                return;
            }
        }
    }

    /// Takes one quartet a letter at a time: the one that two pieces share, one with padding, the one before
    /// a foreign byte.
    fn quartet(&mut self, run: &mut Run<'_>) -> Option<Stop> {
        if run.out.len() - run.written < Self::ROOM_BYTES_MIN {
            return Some(if run.consumed == run.input.len() {
                Stop::Spent
            } else {
                Stop::Full
            });
        }
        while self.carried < 4 {
            let Some(&letter) = run.input.get(run.consumed) else {
                return Some(Stop::Spent);
            };
            if !is_letter(letter) && letter != b'=' {
                return Some(Stop::Foreign);
            }
            self.carry[self.carried] = letter;
            self.carried += 1;
            run.consumed += 1;
        }
        self.carried = 0;
        match STANDARD.decode_slice(self.carry, &mut run.out[run.written..]) {
            Ok(written) => {
                run.written += written;
                None
            }
            Err(_) => Some(Stop::Faulty),
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// One call's way through its input and its room.
struct Run<'a> {
    input: &'a [u8],
    consumed: usize,
    out: &'a mut [u8],
    written: usize,
}

impl Run<'_> {
    /// Decodes a block, all of it or nothing.
    fn block(&mut self, letters: usize) -> bool {
        let block = &self.input[self.consumed..self.consumed + letters];
        match STANDARD_NO_PAD.decode_slice(block, &mut self.out[self.written..]) {
            Ok(written) => {
                self.consumed += letters;
                self.written += written;
                true
            }
            Err(_) => false,
        }
    }
}
