//! When an upload may publish its object.

/// When an upload may publish its object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// Always; an object of that name is replaced.
    #[default]
    Always,
    /// Only where there is no object of that name (`if-none-match` in the line protocol).
    Absent,
    /// Only where the object there has this etag (`if-match` in the line protocol).
    Matches(String),
}
