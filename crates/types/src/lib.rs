//! What several crates must agree on. Values and their texts only: no input or output, no clock, no runtime.
//!
//! Each grammar that a person types exists once, here: the spec of a pool ([`PoolSpec`]), a size ([`ByteSize`]), a time
//! ([`duration`]) and every word of a closed list ([`closed_list!`]). An error quotes what was typed and gives an example.
//!
//! ```
//! use haul_types::{ByteSize, Durability, PoolKind, PoolSpec};
//!
//! let pool: PoolSpec = "processes:2x2048".parse()?;
//! assert_eq!((pool.kind, pool.capacity()), (PoolKind::Processes, 4096));
//! assert_eq!("1.5GiB".parse::<ByteSize>()?, ByteSize::mib(1536));
//! assert_eq!(Durability::Synced.as_str(), "synced");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

pub mod closed_list;
mod condition;
mod dialect;
mod durability;
mod pool;
mod printable;
mod size;
mod time;

/// A BLAKE3 digest of an object's content.
pub use blake3::Hash as Digest;
pub use closed_list::{ClosedList, UnknownWord};
pub use condition::Condition;
pub use dialect::Dialect;
pub use durability::Durability;
pub use pool::{PoolKind, PoolSpec, PoolSpecError};
pub use printable::{Printable, printable};
pub use size::{ByteSize, ByteSizeError, GIB, KIB, MIB};
pub use time::{DURATION_MAX, DurationError, duration};
