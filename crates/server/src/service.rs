//! What can be asked of a server: one method for each operation, whatever the protocol.
//!
//! A method parses the name, asks whether the operation is allowed, holds it to the limits, calls the store
//! and says for the ledger what was asked. No other module calls a store. An error says what it means for the
//! operation (`error`), so that a front only has to put it into its protocol's words.

mod authorize;
mod digest;
mod error;
mod list;
mod operation;
mod read;
mod write;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use haul_store::{Key, Meta, Store};
use haul_types::PoolSpec;

pub(crate) use authorize::{Identity, Permissions};
pub(crate) use error::OpError;
pub(crate) use list::FolderEntries;
pub(crate) use operation::{Operation, Protocol, RequestKind};
pub(crate) use read::{ByteRange, ObjectReader, ReadError};
pub(crate) use write::{ObjectWriter, WriteFacts};

use crate::access::RequestLog;
use crate::budget::{Budget, Permit};
use crate::buffers::BufferPool;
use crate::connections::{ServedConnection, Waited};
use crate::drain::Drain;
use crate::ledger::{ConnectionPhase, Ledger, LedgerStats};
use crate::{Config, Limits};

/// What the services of all connections of a process share.
#[derive(Debug)]
pub(crate) struct ServiceContext {
    store: Arc<dyn Store>,
    permissions: Permissions,
    facts: ServerFacts,
    ledger: Ledger,
    listings: Budget,
    digests: Budget,
}

/// What a server says of itself.
#[derive(Debug)]
pub(crate) struct ServerFacts {
    pub(crate) pool: PoolSpec,
    pub(crate) upload_bytes_max: Option<u64>,
    pub(crate) connections_max: u32,
    pub(crate) idle_timeout: Duration,
    pub(crate) stall_timeout: Duration,
}

/// The ledger and what it is of.
#[derive(Debug)]
pub(crate) struct ServerStats<'c> {
    pub(crate) pool: &'c PoolSpec,
    pub(crate) ledger: LedgerStats,
}

impl ServiceContext {
    pub(crate) fn new(config: &Config, store: Arc<dyn Store>, ledger: Ledger) -> Self {
        Self {
            store,
            permissions: Permissions {
                writable: config.writable,
            },
            facts: ServerFacts {
                pool: config.pool,
                upload_bytes_max: config.limits.upload_bytes_max,
                connections_max: config.connections_served_max(),
                idle_timeout: config.limits.idle_timeout,
                stall_timeout: config.limits.stall_timeout,
            },
            ledger,
            listings: Budget::new(Limits::LISTINGS_MAX, Limits::LISTINGS_MAX / 2),
            digests: Budget::new(Limits::DIGESTS_MAX, Limits::DIGESTS_MAX / 2),
        }
    }
}

/// What one connection can ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service<'c> {
    pub(crate) context: &'c ServiceContext,
    pub(crate) identity: Identity,
    pub(crate) connection: &'c ServedConnection,
    pub(crate) buffers: &'c BufferPool,
    pub(crate) drain: &'c Drain,
}

impl<'c> Service<'c> {
    /// An object's facts.
    pub(crate) async fn stat(&self, log: &mut RequestLog, name: &str) -> Result<Meta, OpError> {
        let key = self.enter(log, Operation::Stat, name)?;
        let stated = self.store().stat(&key).await;
        stated.map_err(|error| store_error(error, log))
    }

    /// Removes an object.
    pub(crate) async fn remove(&self, log: &mut RequestLog, name: &str) -> Result<(), OpError> {
        let key = self.enter(log, Operation::Remove, name)?;
        let removed = self.store().remove(&key).await;
        removed.map_err(|error| store_error(error, log))
    }

    /// Removes an empty folder.
    pub(crate) async fn remove_folder(&self, log: &mut RequestLog, name: &str) -> Result<(), OpError> {
        let key = self.enter(log, Operation::RemoveFolder, name)?;
        let removed = self.store().remove_dir(&key).await;
        removed.map_err(|error| store_error(error, log))
    }

    /// What this server is, and its limits.
    pub(crate) fn describe(&self, log: &mut RequestLog) -> Result<&'c ServerFacts, OpError> {
        self.enter_without_object(log, Operation::Describe)?;
        Ok(&self.context.facts)
    }

    /// The ledger as it is now; this request is not in it yet.
    pub(crate) fn stats(&self, log: &mut RequestLog) -> Result<ServerStats<'c>, OpError> {
        self.enter_without_object(log, Operation::Stats)?;
        let mut ledger = self.context.ledger.stats(SystemTime::now());
        if !self.connection.peer().ip().to_canonical().is_loopback() {
            // Process ids are of use on this machine only.
            ledger.slots.iter_mut().for_each(|slot| slot.process = None);
        }
        Ok(ServerStats {
            pool: &self.context.facts.pool,
            ledger,
        })
    }

    /// Enters what is asked about which object, and asks whether that is allowed.
    fn enter(&self, log: &mut RequestLog, operation: Operation, name: &str) -> Result<Key, OpError> {
        log.identify_operation(operation);
        log.name_object(name);
        let parsed = name.parse::<Key>();
        self.authorize(operation, parsed.as_ref().ok())?;
        parsed.map_err(OpError::InvalidName)
    }

    fn enter_without_object(&self, log: &mut RequestLog, operation: Operation) -> Result<(), OpError> {
        log.identify_operation(operation);
        self.authorize(operation, None)
    }

    fn authorize(&self, operation: Operation, key: Option<&Key>) -> Result<(), OpError> {
        let permissions = self.context.permissions;
        let authorized = permissions.authorize(self.identity, operation, key);
        authorized.map_err(|authorize::Denied| OpError::ReadOnly)
    }

    fn store(&self) -> &'c dyn Store {
        &*self.context.store
    }

    /// Waits for the request's turn at something of which there is little.
    async fn turn(&self, budget: &'c Budget) -> Result<Permit<'c>, OpError> {
        let _working = Working::begin(self.connection);
        let turn = budget.take(self.connection.host());
        match self.connection.wait(Limits::TURN_WAIT, turn).await {
            Waited::Done(permit) => Ok(permit),
            Waited::TimedOut | Waited::GiveWay => Err(OpError::TooMany),
        }
    }
}

/// What an error of the store means for the request.
fn store_error(error: haul_store::Error, log: &RequestLog) -> OpError {
    OpError::from_store(error, log.kind().operation, log.name())
}

/// Marks the connection as one on which the server works, or waits for a turn, as opposed to its peer.
#[derive(Debug)]
struct Working<'c>(&'c ServedConnection);

impl<'c> Working<'c> {
    fn begin(connection: &'c ServedConnection) -> Self {
        connection.enter(ConnectionPhase::Work);
        Self(connection)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.enter(ConnectionPhase::Request);
    }
}
