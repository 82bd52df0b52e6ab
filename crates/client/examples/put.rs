//! Stores a file on a server, unless there is an object of that name already.
//!
//! `cargo run --example put -- haul://HOST:46666/NAME FILE`
#![expect(clippy::print_stdout, reason = "an example is read on a terminal")]

use std::error::Error;
use std::path::Path;

use haul_client::{Client, Condition, FileSource, Location, Options, SendOptions, Sent};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [location, file] = arguments.as_slice() else {
        return Err("give a location and a file".into());
    };
    let sent = put(&location.parse()?, Path::new(file))?;
    println!("{} bytes stored, as version {:?}", sent.bytes, sent.etag);
    Ok(())
}

/// Stores the file. The server compares the content with its digest, which is computed on the way, before it answers.
pub(crate) fn put(to: &Location, file: &Path) -> Result<Sent, Box<dyn Error>> {
    let mut client = Client::new(to.address.clone(), Options::default());
    let mut source = FileSource::open(file)?;
    let options = SendOptions {
        condition: Condition::Absent,
        modified: Some(file.metadata()?.modified()?),
        ..SendOptions::default()
    };
    Ok(client.send(&to.name, &mut source, &options, &mut ())?)
}
