//! The classic verbs on a connection: they work with every server of the family. Each is a question and the receiving
//! of its answer, so that a caller can tell a wait in the queue from the answer.

use std::io::Read;

use haul_wire::{Reply, Request, base64, encode};

use crate::connection::{Sink, wire_name};
use crate::feed::{Feed, Silent, read_piece, shrunk};
use crate::spelling::{Spelling, UploadForm};
use crate::{Connection, Error, Timings, Transfer};

/// How a classic line spells a payload of no bytes.
const EMPTY: &[u8] = b"''";

/// The end of a classic request.
const END: &[u8] = b"\r\n\r\n";

/// The end of an UPLOAD as JSON, after its payload.
const JSON_END: &[u8] = b"\"}\r\n\r\n";

impl Connection {
    /// `LIST`: the names of the objects at the top.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// assert_eq!(connection.list()?, ["notes.txt"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Interrupted`], [`Error::Timeout`], [`Error::NoAnswer`], [`Error::Protocol`].
    pub fn list(&mut self) -> Result<Vec<String>, Error> {
        self.ask_list()?;
        self.receive_names()
    }

    /// `GET`: the content goes to `sink` in pieces of at most three quarters of the buffer. Nothing says how long it
    /// is before it is over, and nothing but the end of the reply says that it was whole.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// let mut content = Vec::new();
    /// connection.get("notes.txt", &mut |piece| {
    ///     content.extend_from_slice(piece);
    ///     Ok(())
    /// })?;
    /// assert_eq!(content, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Connection::list`], [`Error::Corrupt`] if it is not base64, [`Error::Local`] from `sink`.
    pub fn get(&mut self, name: &str, sink: &mut Sink<'_>) -> Result<Transfer, Error> {
        self.ask_get(name)?;
        self.receive_content(sink)
    }

    /// `UPLOAD`: stores what `source` gives until its end. If `length_bytes` is given and the source ends before, the
    /// connection is given up, so that nothing is stored; what goes beyond it is not sent.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// let transfer = connection.upload("new.txt", &mut "content".as_bytes(), Some(7))?;
    /// assert_eq!(transfer.bytes, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Connection::list`], [`Error::Local`] from `source`. A refusal that comes in the middle ends the sending.
    pub fn upload(
        &mut self,
        name: &str,
        source: &mut dyn Read,
        length_bytes: Option<u64>,
    ) -> Result<Transfer, Error> {
        let bytes = self.send_upload(
            name,
            &Spelling::Ours,
            UploadForm::Line,
            &mut Silent(source),
            length_bytes,
        )?;
        let timings = self.receive_done()?;
        Ok(Transfer { bytes, timings })
    }

    /// `DELETE`, which extended clients use too.
    ///
    /// ```
    /// # use haul_client::{Connection, Options};
    /// # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/server.rs")); }
    /// # let address = server::holding(&[("notes.txt", "hello")]);
    /// # let mut connection = Connection::open(&address, &Options::default())?;
    /// connection.delete("notes.txt")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Connection::list`].
    pub fn delete(&mut self, name: &str) -> Result<(), Error> {
        self.ask_delete(name)?;
        self.receive_done().map(drop)
    }

    pub(crate) fn ask_list(&mut self) -> Result<(), Error> {
        self.ask_classic(&Request::List)
    }

    pub(crate) fn receive_names(&mut self) -> Result<Vec<String>, Error> {
        let names = self.receive_plain()?.names()?;
        self.end_request();
        Ok(names)
    }

    pub(crate) fn ask_get(&mut self, name: &str) -> Result<(), Error> {
        let name = wire_name(name)?;
        self.ask_classic(&Request::Get { name })
    }

    pub(crate) fn receive_content(&mut self, sink: &mut Sink<'_>) -> Result<Transfer, Error> {
        self.receive_named_content(sink).map(|(transfer, _)| transfer)
    }

    /// Receives the reply to a GET, and gives the name that it tells.
    pub(crate) fn receive_named_content(
        &mut self,
        sink: &mut Sink<'_>,
    ) -> Result<(Transfer, Option<String>), Error> {
        let mut bytes = 0;
        let reply = self.receive_reply(&mut |piece| {
            bytes += piece.len() as u64;
            sink(piece)
        })?;
        if !reply.had_body {
            return Err(Error::Protocol("there is no data_file in it".to_owned()));
        }
        let timings = self.end_request();
        Ok((Transfer { bytes, timings }, told_name(&reply)))
    }

    /// GET with the name in a spelling that this server understands; `ends` says whether line ends follow.
    pub(crate) fn ask_get_as(&mut self, name: &str, spelling: &Spelling, ends: bool) -> Result<(), Error> {
        let name = wire_name(name)?;
        self.ask_as(&Request::Get { name }, spelling, ends)
    }

    /// DELETE, likewise.
    pub(crate) fn ask_delete_as(&mut self, name: &str, spelling: &Spelling, ends: bool) -> Result<(), Error> {
        let name = wire_name(name)?;
        self.ask_as(&Request::Delete { name }, spelling, ends)
    }

    /// A request line as it is.
    pub(crate) fn ask_line(&mut self, line: &str) -> Result<(), Error> {
        self.begin_request();
        let mut bytes = line.as_bytes().to_vec();
        bytes.extend_from_slice(END);
        self.send_request(&bytes)
    }

    pub(crate) fn ask_delete(&mut self, name: &str) -> Result<(), Error> {
        let name = wire_name(name)?;
        self.ask_classic(&Request::Delete { name })
    }

    /// Receives the reply to an UPLOAD or a DELETE.
    pub(crate) fn receive_done(&mut self) -> Result<Timings, Error> {
        self.receive_named_done().map(|(timings, _)| timings)
    }

    /// The same, with the name that the reply tells.
    pub(crate) fn receive_named_done(&mut self) -> Result<(Timings, Option<String>), Error> {
        let reply = self.receive_plain()?;
        Ok((self.end_request(), told_name(&reply)))
    }

    /// Sends an UPLOAD with all its content, and gives the bytes of it.
    pub(crate) fn send_upload(
        &mut self,
        name: &str,
        spelling: &Spelling,
        form: UploadForm,
        feed: &mut dyn Feed,
        length_bytes: Option<u64>,
    ) -> Result<u64, Error> {
        let name = wire_name(name)?;
        self.begin_request();
        let mut head = Vec::new();
        let end = match (form, spelling) {
            (UploadForm::Json, _) => {
                let name = serde_json::Value::from(name.as_str());
                head.extend_from_slice(
                    format!(r#"{{"command": "upload", "filename": {name}, "filedata": ""#).as_bytes(),
                );
                JSON_END
            }
            (UploadForm::Line, Spelling::Ours) => {
                encode::classic(&mut head, &Request::Upload { name, shorter: None })
            }
            (UploadForm::Line, Spelling::Text(text)) => {
                head.extend_from_slice(format!("UPLOAD {text} ").as_bytes());
                END
            }
        };
        let bytes = self.send_encoded(&head, end, feed, length_bytes)?;
        self.allow_work();
        Ok(bytes)
    }

    fn ask_classic(&mut self, request: &Request) -> Result<(), Error> {
        self.ask_as(request, &Spelling::Ours, true)
    }

    fn ask_as(&mut self, request: &Request, spelling: &Spelling, ends: bool) -> Result<(), Error> {
        self.begin_request();
        let mut bytes = Vec::new();
        match spelling {
            Spelling::Ours => {
                encode::classic(&mut bytes, request);
            }
            Spelling::Text(text) => {
                let word = request.verb().as_str().to_ascii_uppercase();
                bytes.extend_from_slice(format!("{word} {text}").as_bytes());
                bytes.extend_from_slice(END);
            }
        }
        if !ends {
            bytes.truncate(bytes.len() - END.len());
        }
        self.send_request(&bytes)
    }

    /// Sends head, content and end, encoding each piece straight into the buffer that is sent.
    fn send_encoded(
        &mut self,
        head: &[u8],
        end: &[u8],
        feed: &mut dyn Feed,
        length_bytes: Option<u64>,
    ) -> Result<u64, Error> {
        let mut encoder = base64::Encoder::new();
        let mut filled = self.stage_head(head)?;
        let mut bytes = 0;
        loop {
            let left = length_bytes.map(|length| length - bytes);
            let count = read_piece(feed, &mut self.buffers.scratch, left)?;
            bytes += count as u64;
            let last = count == 0 || length_bytes == Some(bytes);
            let outgoing = &mut self.buffers.outgoing;
            filled += encoder.encode(&self.buffers.scratch[..count], &mut outgoing[filled..]);
            if last {
                if let Some(length) = length_bytes.filter(|length| *length != bytes) {
                    return Err(shrunk(bytes, length));
                }
                filled += encoder.finish(&mut outgoing[filled..]);
                if bytes == 0 && end.starts_with(b"\r\n") {
                    // Some servers split the line at blanks and would miss an operand that is not there.
                    outgoing[filled..filled + EMPTY.len()].copy_from_slice(EMPTY);
                    filled += EMPTY.len();
                }
                outgoing[filled..filled + end.len()].copy_from_slice(end);
                filled += end.len();
            }
            self.send_piece(0..filled, feed)?;
            if last {
                return Ok(bytes);
            }
            filled = 0;
        }
    }
}

/// The name of the object that a reply is about, where it tells one.
fn told_name(reply: &Reply) -> Option<String> {
    let told = reply.fields.get("data_namafile")?.as_str()?;
    Some(told.to_owned())
}
