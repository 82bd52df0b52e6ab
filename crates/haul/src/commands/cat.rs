//! `haul cat`: `haul get -o -` under the name that it has elsewhere.

use super::{Globals, Outcome, get};

/// What can be typed after `haul cat`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Objects: names on the server, or haul://HOST:PORT/NAME
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Runs `haul cat`.
pub(crate) fn run(args: Args, globals: &Globals) -> Outcome {
    get::run(&get::Args::to_standard_output(args.names), globals)
}
