//! The operands of a request line: names and numbers.

use percent_encoding::percent_decode;

use crate::{Name, Refusal, Verb, messages};

/// Of a classic verb the name is the rest of the line; whitespace and one pair of quotes around it are dropped.
pub(crate) fn classic_name(verb: Verb, operands: &[u8]) -> Result<Name, Refusal> {
    let name = match operands.trim_ascii() {
        [] => return Err(messages::missing_name(verb)),
        [open @ (b'\'' | b'"'), inner @ .., close] if open == close => inner,
        name => name,
    };
    Name::from_bytes(name).map_err(|cause| messages::invalid_name(name, cause))
}

/// The operands of an extended verb, separated by single spaces.
pub(crate) struct Operands<'l> {
    verb: Verb,
    line: &'l [u8],
    rest: std::vec::IntoIter<&'l [u8]>,
}

impl<'l> Operands<'l> {
    pub(crate) fn new(verb: Verb, line: &'l [u8], operands: &'l [u8]) -> Result<Self, Refusal> {
        let operands: Vec<_> = operands
            .trim_ascii_end()
            .split(|byte| *byte == b' ')
            .skip(1)
            .collect();
        if operands
            .iter()
            .any(|operand| operand.is_empty() || operand.iter().any(u8::is_ascii_whitespace))
        {
            let line = messages::quoted(line);
            return Err(messages::bad_request(format!(
                "the operands of {line} must be separated by single spaces"
            )));
        }
        Ok(Self {
            verb,
            line,
            rest: operands.into_iter(),
        })
    }

    pub(crate) fn next(&mut self) -> Option<&'l [u8]> {
        self.rest.next()
    }

    pub(crate) fn name(&mut self) -> Result<Name, Refusal> {
        extended_name(self.next().ok_or_else(|| messages::missing_name(self.verb))?)
    }

    pub(crate) fn end(mut self) -> Result<(), Refusal> {
        match self.next() {
            None => Ok(()),
            Some(_) => Err(messages::too_many_operands(self.verb, self.line)),
        }
    }
}

pub(crate) fn extended_name(operand: &[u8]) -> Result<Name, Refusal> {
    let bytes = unescape(operand).ok_or_else(|| messages::badly_escaped_name(operand))?;
    Name::from_bytes(&bytes).map_err(|cause| messages::invalid_name(&bytes, cause))
}

/// Percent-decodes, and unlike the library refuses a `%` without its two digits.
pub(crate) fn unescape(operand: &[u8]) -> Option<Vec<u8>> {
    let is_escape = |rest: &[u8]| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit);
    let well_formed = memchr::memchr_iter(b'%', operand).all(|at| is_escape(&operand[at + 1..]));
    well_formed.then(|| percent_decode(operand).collect())
}

pub(crate) fn number(operand: &[u8]) -> Result<u64, Refusal> {
    let digits = std::str::from_utf8(operand)
        .ok()
        .filter(|_| operand.iter().all(u8::is_ascii_digit));
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| {
        let operand = messages::quoted(operand);
        messages::bad_request(format!(
            "{operand} is not a number of bytes; send it in decimal digits, below 2^64"
        ))
    })
}
