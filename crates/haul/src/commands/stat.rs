//! `haul stat`: what the server knows of an object.

use haul_client::{Facts, shown};

use super::{Globals, Outcome, console::Console, operand::Remote};

/// What can be typed after `haul stat`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// An object: a name on the server, or haul://HOST:PORT/NAME
    #[arg(value_name = "NAME")]
    name: String,
    /// Have the server read the object for its BLAKE3 digest if it does not know it
    #[arg(long)]
    digest: bool,
}

/// Runs `haul stat`.
pub(crate) fn run(args: Args, globals: &Globals) -> Outcome {
    let console = Console::new("stat", globals);
    let Args { name, digest } = args;
    let remote = match Remote::parse(&name, &globals.server) {
        Ok(remote) => remote,
        Err(error) => return console.usage(&name, &error.to_string()),
    };
    let mut client = globals.client(&remote.address);
    let facts = if digest {
        client.stat_with_digest(&remote.name, &mut ())
    } else {
        client.stat(&remote.name, &mut ())
    };
    match facts {
        Ok(facts) if globals.json => console.print_json(&facts),
        Ok(facts) => console.print(&lines(&facts)),
        Err(error) => console.failed(&remote.name, &error),
    }
}

fn lines(facts: &Facts) -> String {
    let Facts {
        name,
        size,
        modified,
        mode,
        etag,
        digest,
    } = facts;
    let mode = mode.as_deref().map(|mode| format!("mode      {}", shown(mode)));
    let digest = digest.as_deref().unwrap_or("not known; --digest has it computed");
    let lines = [
        Some(format!("name      {}", shown(name))),
        Some(format!("size      {size}")),
        Some(format!("modified  {}", shown(modified))),
        mode,
        Some(format!("etag      {}", shown(etag))),
        Some(format!("digest    {}", shown(digest))),
    ];
    lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
