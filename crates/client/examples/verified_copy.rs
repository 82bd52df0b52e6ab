//! Copies an object from one server to another, and says nothing of success before every byte was compared.
//!
//! `cargo run --example verified_copy -- haul://HOST:46666/NAME haul://OTHER:46666/NAME`
#![expect(clippy::print_stdout, reason = "an example is read on a terminal")]

use std::error::Error;
use std::fs::File;

use haul_client::{Client, FileSource, Location, Options, SendOptions, StreamTarget, Verify};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else {
        return Err("give two locations".into());
    };
    let bytes = copy(&from.parse()?, &to.parse()?)?;
    println!("{bytes} bytes copied and compared");
    Ok(())
}

/// Copies the object, and gives its size in bytes.
pub(crate) fn copy(from: &Location, to: &Location) -> Result<u64, Box<dyn Error>> {
    // Asks for digests that are not known, so that there is always something to compare with.
    let options = Options {
        verify: Verify::Ask,
        ..Options::default()
    };
    let mut file: File = tempfile::tempfile()?;
    let mut client = Client::new(from.address.clone(), options.clone());
    let fetched = client.fetch(&from.name, &mut StreamTarget::new(&mut file), &mut ())?;
    if !fetched.verified.is_yes() {
        return Err("the server of the object tells no digest".into());
    }
    std::io::Seek::rewind(&mut file)?;
    let mut source = FileSource::from_here(file)?;
    let mut client = Client::new(to.address.clone(), options);
    let sent = client.send(&to.name, &mut source, &SendOptions::default(), &mut ())?;
    if !sent.verified.is_yes() {
        return Err("the other server compared nothing".into());
    }
    Ok(sent.bytes)
}
