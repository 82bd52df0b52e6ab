//! `haul stat`: what the server knows of an object.

use haul_client::{Facts, printable};

use super::console::Console;
use super::operand::RemoteOperand;
use super::record::Item;
use super::{CommandOutcome, RemoteOptions};

/// What can be typed after `haul stat`.
#[derive(Debug, clap::Args)]
pub(crate) struct StatArgs {
    /// An object: a name on the server, or haul://HOST:PORT/NAME
    #[arg(value_name = "NAME", value_hint = clap::ValueHint::Other)]
    name: String,
    /// Have the server read the object for its BLAKE3 digest if it does not know it
    #[arg(long)]
    digest: bool,
}

/// Runs `haul stat`.
pub(crate) fn run(args: StatArgs, options: &RemoteOptions) -> CommandOutcome {
    let console = Console::new("stat", options);
    let StatArgs { name, digest } = args;
    let remote = match RemoteOperand::parse(&name, &options.server) {
        Ok(remote) => remote,
        Err(sentence) => return console.usage(&name, &sentence),
    };
    let name = remote.object();
    let mut client = options.client(&remote.address);
    let mut patience = console.patience(name);
    let facts = if digest {
        client.stat_with_digest(name, &mut patience)
    } else {
        client.stat(name, &mut patience)
    };
    match facts {
        Ok(facts) if options.json => console.print_json(&facts),
        Ok(facts) => console.print(&lines(&facts)),
        Err(error) => console.failed(name, Item::object(name), &error),
    }
}

fn lines(facts: &Facts) -> String {
    let Facts {
        name,
        size,
        modified,
        etag,
        digest,
        ..
    } = facts;
    let digest = digest.as_deref().unwrap_or("not known; --digest has it computed");
    let mut lines = vec![
        format!("name      {}", printable(name)),
        format!("size      {size}"),
        format!("modified  {}", printable(modified)),
    ];
    lines.extend(
        facts
            .mode
            .as_deref()
            .map(|mode| format!("mode      {}", printable(mode))),
    );
    lines.push(format!("etag      {}", printable(etag)));
    lines.push(format!("digest    {}", printable(digest)));
    lines.join("\n")
}
