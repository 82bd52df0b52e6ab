//! What this machine's processors can do, as far as it decides how bytes are moved.

use std::fs;
use std::path::Path;
use std::thread;

/// Below this, a second-level cache does not hold what passes through a worker's buffer on its way to the
/// kernel together with what waits unsent.
const SMALL_CACHE_BYTES: u64 = 1 << 20;

/// Processors and their caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Processors {
    count: u64,
    /// As far as the system tells it.
    second_level_bytes: Option<u64>,
}

impl Processors {
    pub(crate) fn of_this_machine() -> Self {
        Self {
            count: thread::available_parallelism().map_or(1, |count| count.get() as u64),
            second_level_bytes: second_level_bytes(Path::new("/sys/devices/system/cpu/cpu0/cache")),
        }
    }

    /// Whether it pays that the kernel sends file contents by itself while `transfers` requests are in
    /// progress, this one included. It spares the server half of its work but leaves the first touch of cold
    /// memory to the receiver. So it pays where the processors are the limit, and not where a client waits
    /// for a processor that has time.
    pub(crate) fn favour_send_file(&self, transfers: u64) -> bool {
        transfers > self.count
            || self
                .second_level_bytes
                .is_some_and(|bytes| bytes < SMALL_CACHE_BYTES)
    }
}

/// The size of the data or common cache of the second level, from the kernel's description of one processor.
fn second_level_bytes(caches: &Path) -> Option<u64> {
    let text = |cache: &Path, fact: &str| fs::read_to_string(cache.join(fact)).unwrap_or_default();
    let entries = fs::read_dir(caches).ok()?.flatten();
    entries
        .map(|entry| entry.path())
        .find(|cache| text(cache, "level").trim() == "2" && text(cache, "type").trim() != "Instruction")
        .and_then(|cache| text(&cache, "size").trim().strip_suffix('K')?.parse::<u64>().ok())
        .map(|kibibytes| kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_level_cache_is_found_among_the_others() {
        let caches = tempfile::tempdir().unwrap();
        for (index, level, kind, size) in [
            ("index0", "1", "Data", "32K"),
            ("index1", "2", "Instruction", "64K"),
            ("index2", "2", "Unified", "512K"),
            ("index3", "3", "Unified", "16384K"),
        ] {
            let cache = caches.path().join(index);
            fs::create_dir(&cache).unwrap();
            for (fact, value) in [("level", level), ("type", kind), ("size", size)] {
                fs::write(cache.join(fact), format!("{value}\n")).unwrap();
            }
        }
        assert_eq!(second_level_bytes(caches.path()), Some(512 << 10));
        assert_eq!(second_level_bytes(&caches.path().join("nothing")), None);
    }

    #[test]
    fn files_are_sent_by_the_kernel_where_processors_are_busy_or_caches_small() {
        let processors = |second_level_bytes| Processors {
            count: 2,
            second_level_bytes,
        };
        for large in [None, Some(2 << 20)] {
            assert!(!processors(large).favour_send_file(2));
            assert!(processors(large).favour_send_file(3));
        }
        assert!(processors(Some(512 << 10)).favour_send_file(1));
    }
}
