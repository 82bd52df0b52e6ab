//! What is allowed to which client. There are no users yet: what `--writable` allows, it allows to every
//! client.

use haul_store::Key;

use super::Operation;

/// The client that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// A peer that has not said who it is.
    Anonymous,
}

/// What is allowed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Permissions {
    /// Whether anything that is stored may be changed.
    pub(crate) writable: bool,
}

/// The operation is not allowed to this identity.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Denied;

impl Permissions {
    /// Asked once for each operation, before the store is. `key` is `None` for the root, for operations that
    /// have no object, and for names that cannot be a key: those are refused later, if the operation is
    /// allowed at all.
    pub(super) fn authorize(
        self,
        identity: Identity,
        operation: Operation,
        key: Option<&Key>,
    ) -> Result<(), Denied> {
        let (Identity::Anonymous, _) = (identity, key);
        if operation.changes_store() && !self.writable {
            return Err(Denied);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_not_writable_allows_what_changes_nothing() {
        let allowed = |writable, operation| {
            let permissions = Permissions { writable };
            permissions.authorize(Identity::Anonymous, operation, None) == Ok(())
        };
        for operation in Operation::ALL {
            assert!(allowed(true, operation), "{operation:?}");
            assert_eq!(
                allowed(false, operation),
                !operation.changes_store(),
                "{operation:?}"
            );
        }
    }
}
