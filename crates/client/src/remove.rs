//! Removing objects and folders, and the doubt after a lost reply.

use std::cell::Cell;

use crate::family::{self, Access};
use crate::spelling::{self, Spelling};
use crate::{Client, Dialect, Error, Progress};

impl Client {
    /// Removes an object. If an interrupted try is followed by the refusal that there is no such object, it is gone, and that is success.
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// client.remove("notes.txt", &mut ())?;
    /// assert!(client.remove("notes.txt", &mut ()).unwrap_err().is_not_found());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::list`].
    pub fn remove(&mut self, name: &str, progress: &mut dyn Progress) -> Result<(), Error> {
        let requests = Cell::new(0);
        let removed = self.retrying(progress, |client, progress| {
            let spelling = match client.find_out(progress)? {
                Dialect::Extended => Spelling::Ours,
                Dialect::Classic => family::spell(client, name, Access::Change, progress)?,
            };
            client.minding_line_ends(name, |client, ends| {
                client.request(
                    progress,
                    |connection| {
                        requests.set(requests.get() + 1);
                        connection.ask_delete_as(name, &spelling, ends)
                    },
                    |connection| {
                        let (_, told) = connection.receive_named_done()?;
                        spelling::check_name(told.as_deref(), name)
                    },
                )
            })
        });
        gone_already(removed, requests.get())
    }

    /// Removes an empty folder. An interrupted try counts as in [`Self::remove`].
    ///
    /// ```
    /// # use haul_client::{Client, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut client = Client::new(address, Options::default());
    /// client.remove_folder("old", &mut ())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::list`]; [`Code::Exists`](crate::Code::Exists) if something is in it, [`Code::BadRequest`](crate::Code::BadRequest) if it is an object,
    /// [`Error::Unsupported`] if the server knows no RMDIR.
    pub fn remove_folder(&mut self, name: &str, progress: &mut dyn Progress) -> Result<(), Error> {
        let requests = Cell::new(0);
        let removed = self.retrying(progress, |client, progress| {
            if client.find_out(progress)? == Dialect::Classic {
                return Err(Error::Unsupported(
                    "this server speaks the classic verbs only, which remove no folders",
                ));
            }
            if client
                .peer_ref()
                .offers()
                .is_some_and(|offers| !offers.remove_dir)
            {
                return Err(Error::Unsupported("this server is too old to remove folders"));
            }
            client.request(
                progress,
                |connection| {
                    requests.set(requests.get() + 1);
                    connection.ask_remove_dir(name)
                },
                |connection| connection.receive_done().map(drop),
            )
        });
        gone_already(removed, requests.get())
    }
}

/// An object that is missing after an interrupted try was removed by that try.
fn gone_already(removed: Result<(), Error>, requests: u32) -> Result<(), Error> {
    match removed {
        Err(error) if error.is_not_found() && requests > 1 => Ok(()),
        other => other,
    }
}
