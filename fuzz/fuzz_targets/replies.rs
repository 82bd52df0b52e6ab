//! Whatever a server sends, cutting it changes nothing that the client sees.
#![no_main]

#[path = "../../crates/wire/tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [piece, scratch, input @ ..] = data else { return };
    let piece = usize::from(*piece).max(1);
    let scratch = usize::from(*scratch).max(3);
    let whole = support::reply([input], 1 << 16);
    assert_eq!(support::reply(input.chunks(piece), scratch), whole);
});
