//! The names that the lab gives: to its scratch spaces, and to its objects on a server.

use haul_results::ByteSize;

/// How the names of all scratch spaces begin.
pub(crate) const SCRATCH_PREFIX: &str = "haul-bench-";

/// How the names of all objects of the lab begin.
const OBJECT_PREFIX: &str = "haul-bench-";

/// How the names of the served objects begin.
pub(crate) const SERVED_PREFIX: &str = "haul-bench-volume-";

/// The object that clients download, for a volume.
pub(crate) fn served_name(volume: ByteSize) -> String {
    format!("{SERVED_PREFIX}{}.bin", volume.0)
}

/// The object that a client uploads.
pub(crate) fn upload_name(client: u32) -> String {
    format!("{OBJECT_PREFIX}upload-{client:04}.bin")
}

/// The object that a client uploads to warm up.
pub(crate) fn warm_up_name(client: u32) -> String {
    format!("{OBJECT_PREFIX}warm-up-{client:04}.bin")
}
