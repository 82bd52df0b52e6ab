//! The examples do what they say.
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a test that cannot go on fails; each example has a main of its own"
)]

#[path = "../examples/list_and_get.rs"]
mod list_and_get;
#[path = "../examples/put.rs"]
mod put;
#[path = "support/server.rs"]
mod server;
#[path = "../examples/verified_copy.rs"]
mod verified_copy;

use std::fs;

use haul_client::Location;

#[test]
fn every_object_at_the_top_is_fetched() {
    let address = server::holding(&[("a.txt", "one"), ("b.txt", "two")]);
    let folder = tempfile::tempdir().unwrap();
    list_and_get::get_all(&address, folder.path()).unwrap();
    for (name, content) in [("a.txt", "one"), ("b.txt", "two")] {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), content);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_file_that_was_put_can_be_copied_to_another_server() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.txt");
    fs::write(&file, "content").unwrap();
    let on = |address, name: &str| Location {
        address,
        name: name.to_owned(),
    };
    let from = on(server::holding(&[]), "a.txt");
    let to = on(server::holding(&[]), "copies/a.txt");
    assert_eq!(put::put(&from, &file).unwrap().bytes, 7);
    assert_eq!(verified_copy::copy(&from, &to).unwrap(), 7);
    assert_eq!(verified_copy::copy(&to, &from).unwrap(), 7);
}
