//! The classic verbs on a connection: they work with every server of the family.

use std::io::Read;

use haul_wire::{Request, base64, encode};

use crate::{
    Connection, Error, Transfer,
    connection::{Sink, read_piece, shrunk, travelling},
};

/// How a classic line spells a payload of no bytes.
const EMPTY: &[u8] = b"''";

impl Connection {
    /// `LIST`: the names of the objects at the top.
    ///
    /// # Errors
    /// [`Error::Refused`], [`Error::Interrupted`], [`Error::Timeout`], [`Error::Protocol`].
    pub fn list(&mut self) -> Result<Vec<String>, Error> {
        self.begin_request()?;
        let mut request = Vec::new();
        encode::classic(&mut request, &Request::List);
        self.send_request(&request)?;
        let names = self.receive_plain()?.names()?;
        self.end_request();
        Ok(names)
    }

    /// `GET`: the content goes to `sink` in pieces of at most three quarters of the buffer. Nothing says how long it
    /// is before it is over, and nothing but the end of the reply says that it was whole.
    ///
    /// # Errors
    /// As [`Connection::list`], [`Error::Corrupt`] if it is not base64, [`Error::Local`] from `sink`.
    pub fn get(&mut self, name: &str, sink: &mut Sink<'_>) -> Result<Transfer, Error> {
        let name = travelling(name)?;
        self.begin_request()?;
        let mut request = Vec::new();
        encode::classic(&mut request, &Request::Get { name });
        self.send_request(&request)?;
        let mut bytes = 0;
        let reply = self.receive_reply(&mut |piece| {
            bytes += piece.len() as u64;
            sink(piece)
        })?;
        if !reply.had_body {
            return Err(Error::Protocol("there is no data_file in it".to_owned()));
        }
        Ok(Transfer {
            bytes,
            timings: self.end_request(),
        })
    }

    /// `UPLOAD`: stores what `source` gives until its end. If `length_bytes` is given and the source ends before, the
    /// connection is given up, so that nothing is stored; what goes beyond it is not sent.
    ///
    /// # Errors
    /// As [`Connection::list`], [`Error::Local`] from `source`. A refusal that comes in the middle ends the sending.
    pub fn upload(
        &mut self,
        name: &str,
        source: &mut dyn Read,
        length_bytes: Option<u64>,
    ) -> Result<Transfer, Error> {
        let name = travelling(name)?;
        self.begin_request()?;
        let mut head = Vec::new();
        let end = encode::classic(&mut head, &Request::Upload { name });
        let bytes = self.send_encoded(&head, end, source, length_bytes)?;
        self.wait_at_most(self.work_timeout)?;
        self.receive_plain()?;
        Ok(Transfer {
            bytes,
            timings: self.end_request(),
        })
    }

    /// `DELETE`, which extended clients use too.
    ///
    /// # Errors
    /// As [`Connection::list`].
    pub fn delete(&mut self, name: &str) -> Result<(), Error> {
        let name = travelling(name)?;
        self.begin_request()?;
        let mut request = Vec::new();
        encode::classic(&mut request, &Request::Delete { name });
        self.send_request(&request)?;
        self.receive_plain()?;
        self.end_request();
        Ok(())
    }

    /// Sends head, content and end, encoding each piece straight into the buffer that is sent.
    fn send_encoded(
        &mut self,
        head: &[u8],
        end: &[u8],
        source: &mut dyn Read,
        length_bytes: Option<u64>,
    ) -> Result<u64, Error> {
        let mut encoder = base64::Encoder::new();
        let mut filled = self.stage_head(head)?;
        let mut bytes = 0;
        loop {
            let left = length_bytes.map(|length| length - bytes);
            let count = read_piece(source, &mut self.buffers.scratch, left)?;
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
            self.send_piece(0..filled)?;
            if last {
                return Ok(bytes);
            }
            filled = 0;
        }
    }
}
