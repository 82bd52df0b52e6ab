//! The limit on open files: raised as far as a run needs it, or the run is refused.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit cannot be raised as far as the run needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "--clients: with so many clients and workers a process of this run opens up to {need} files, and the system allows \
     {allowed}; raise the hard limit (`ulimit -Hn`), or ask for fewer --clients or --workers"
)]
pub struct DescriptorError {
    /// How many are needed.
    pub need: u64,
    /// How many are allowed at most.
    pub allowed: u64,
}

/// Lets this process, and all that it starts, open so many files.
///
/// # Errors
///
/// If the system allows fewer.
pub fn allow_descriptors(need: u64) -> Result<(), DescriptorError> {
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX);
    let Some(raised) = raised(limit.current.unwrap_or(u64::MAX), allowed, need)? else {
        return Ok(());
    };
    let limit = Rlimit {
        current: Some(raised),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, limit).map_err(|_| DescriptorError { need, allowed })
}

/// The limit to be set; `None` if the present one is enough.
fn raised(current: u64, allowed: u64, need: u64) -> Result<Option<u64>, DescriptorError> {
    match need {
        _ if need <= current => Ok(None),
        _ if need <= allowed => Ok(Some(need)),
        _ => Err(DescriptorError { need, allowed }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_64_is_raised_where_the_system_allows_it_and_else_refused() {
        assert_eq!(raised(1024, 4096, 164), Ok(None));
        assert_eq!(raised(64, 4096, 164), Ok(Some(164)));
        let error = DescriptorError {
            need: 164,
            allowed: 64,
        };
        assert_eq!(raised(64, 64, 164), Err(error));
        assert!(error.to_string().contains("164 files"), "{error}");
    }
}
