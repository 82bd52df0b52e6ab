//! When an upload counts as stored.

use crate::closed_list;

closed_list! {
    /// When an upload counts as stored.
    #[derive(Default)]
    pub Durability, "a durability" {
        /// When its content and its name are on the disk: it survives a power cut.
        #[default]
        Synced = "synced",
        /// When the operating system has it: it survives the end of the server, not a power cut.
        Buffered = "buffered",
    }
}
