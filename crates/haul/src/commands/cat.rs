//! `haul cat`: `haul get -o -` under the name that it has elsewhere.

use super::{CommandOutcome, RemoteOptions, get};

/// What can be typed after `haul cat`.
#[derive(Debug, clap::Args)]
pub(crate) struct CatArgs {
    /// Objects: names on the server, or haul://HOST:PORT/NAME
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Runs `haul cat`.
pub(crate) fn run(args: CatArgs, options: &RemoteOptions) -> CommandOutcome {
    get::run(&get::GetArgs::to_standard_output(args.names), options)
}
