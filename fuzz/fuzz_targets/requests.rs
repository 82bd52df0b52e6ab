//! Whatever arrives, cutting it changes nothing that the server sees, whether it takes uploads or refuses them, and not
//! waiting for the next piece only where an upload may go on in the next line.
#![no_main]

#[path = "../../crates/wire/tests/support/mod.rs"]
mod support;

use haul_wire::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [piece, scratch, input @ ..] = data else { return };
    let piece = usize::from(*piece).max(1);
    let scratch = usize::from(*scratch).max(3);
    let takes = |_: &Request| false;
    let refuses = |request: &Request| matches!(request, Request::Upload { .. } | Request::Write { .. });
    let whole = support::requests_with([input], 1 << 16, takes);
    assert_eq!(support::requests_with(input.chunks(piece), scratch, takes), whole);
    let (at_once, was_undecided) = support::requests_at_once(input.chunks(piece), scratch);
    assert!(was_undecided || at_once == whole);
    let whole = support::requests_with([input], 1 << 16, refuses);
    assert_eq!(support::requests_with(input.chunks(piece), scratch, refuses), whole);
});
