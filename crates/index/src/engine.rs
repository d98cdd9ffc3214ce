//! The handle of the verbs: the first argument of each.

use crate::Result;
use contracts::Contracts;
use store::{Db, Lease, LeasedDb, Tx};
use types::Principal;

/// What the verbs work with. They have no settings; those of a chain belong to its worker.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    /// The partition that receives the facts of the verbs.
    pub lease: Lease,
    /// The registry that tracked sources name their contracts in.
    pub contracts: Contracts,
}

/// The index as callers other than its worker see it.
#[derive(Clone)]
pub struct Index {
    parts: Parts,
}

impl Index {
    /// Build the engine.
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts.db
    }

    pub(crate) fn contracts(&self) -> &Contracts {
        &self.parts.contracts
    }

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.parts.lease)
    }

    /// Writes within the principal's namespace. The closure may run more than once.
    pub(crate) async fn write<A, T>(
        &self,
        principal: &Principal,
        args: A,
        write: impl Fn(&mut Tx, &Principal, &A) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let args = (principal.clone(), args);
        self.on()
            .write_with(&principal.namespace, args, move |tx, (principal, args)| {
                write(tx, principal, args)
            })
            .await
    }
}
