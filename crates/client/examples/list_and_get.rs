//! Lists what is at the top of a server, and fetches every object there into a folder.
//!
//! `cargo run --example list_and_get -- haul://HOST:46666 FOLDER`
#![expect(clippy::print_stdout, reason = "an example is read on a terminal")]

use std::error::Error;
use std::path::Path;

use haul_client::{Address, Client, EntryKind, Existing, Options, PartFile, landing, printable};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, folder] = arguments.as_slice() else {
        return Err("give an address and a folder".into());
    };
    get_all(&address.parse()?, Path::new(folder))
}

/// Fetches all objects at the top of the server into `folder`, in the place of files that are there.
pub(crate) fn get_all(address: &Address, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut client = Client::new(address.clone(), Options::default());
    for entry in client.list("", &mut ())? {
        if entry.kind != EntryKind::File {
            continue;
        }
        // A server is not trusted: its names lead nowhere but beneath the folder, and act on no terminal.
        let place = landing::beneath(folder, &entry.name)?;
        let mut part = PartFile::new(&place, Existing::Replace, address, &entry.name)?;
        let fetched = client.fetch(&entry.name, &mut part, &mut ())?;
        part.publish()?;
        println!("{}: {} bytes", printable(&entry.name), fetched.bytes);
    }
    Ok(())
}
