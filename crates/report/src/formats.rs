//! Every format of a report, each a function of the one model.

pub(crate) mod csv;
pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod pdf;
pub(crate) mod terminal;
pub(crate) mod xlsx;
