//! The result of one step of a decoder: the same three facts for every decoder of this crate.

/// How far a decoder came, and why it went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<S> {
    /// Bytes of the input that are dealt with.
    pub consumed: usize,
    /// Bytes at the front of the output that are written.
    pub written: usize,
    /// Why it went no further.
    pub stop: S,
}

impl<S> Progress<S> {
    /// A step that wrote nothing.
    pub(crate) fn consumed(consumed: usize, stop: S) -> Self {
        Self {
            consumed,
            written: 0,
            stop,
        }
    }

    /// Counts a further step.
    pub(crate) fn add<T>(&mut self, step: &Progress<T>) {
        self.consumed += step.consumed;
        self.written += step.written;
    }

    /// The same for another reason.
    pub(crate) fn stopped<T>(self, stop: T) -> Progress<T> {
        self.map(|_| stop)
    }

    /// The same with the reason in other words.
    pub(crate) fn map<T>(self, words: impl FnOnce(S) -> T) -> Progress<T> {
        Progress {
            consumed: self.consumed,
            written: self.written,
            stop: words(self.stop),
        }
    }
}
