//! `haul rm`: removes objects.

use super::{Globals, Outcome, batch::Fleet, console::Console, operand::Remote};

/// What can be typed after `haul rm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Objects: names on the server, or haul://HOST:PORT/NAME
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Runs `haul rm`.
pub(crate) fn run(args: Args, globals: &Globals) -> Outcome {
    let console = Console::new("rm", globals);
    let Args { names } = args;
    let mut remotes = Vec::new();
    for name in &names {
        match Remote::parse(name, &globals.server) {
            Ok(remote) => remotes.push(remote),
            Err(error) => return console.usage(name, &error.to_string()),
        }
    }
    let fleet = Fleet::new(globals.options());
    let mut clients = fleet.clients();
    let mut total = Outcome::Done;
    for Remote { address, name } in &remotes {
        let removed = clients
            .of(address)
            .and_then(|client| client.remove(name, &mut ()));
        let outcome = removed
            .err()
            .map_or(Outcome::Done, |error| console.failed(name, &error));
        total = total.and(outcome);
        if outcome == Outcome::NotConnected {
            break;
        }
    }
    total
}
