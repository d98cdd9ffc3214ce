//! The handle of the verbs: the first argument of each.

use crate::Result;
use store::{Db, Lease, Tx};
use types::Principal;

/// The index as seen by callers other than its worker. Writes to the caller's own partition.
#[derive(Clone)]
pub struct Index {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
}

impl Index {
    /// Creates a handle. `lease` is the partition that receives the facts of its operations.
    pub fn new(db: Db, lease: Lease) -> Self {
        Self { db, lease }
    }

    /// Writes within the principal's namespace. The closure may run more than once.
    pub(crate) async fn write<A, T>(
        &self,
        principal: &Principal,
        args: A,
        write: impl Fn(&mut Tx<'_, '_>, &Principal, &A) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        let namespace = principal.namespace;
        let leased = self.db.on(&self.lease);
        let args = (principal.clone(), args);
        leased
            .write_with(&namespace, args, move |tx, (principal, args)| {
                write(tx, principal, args)
            })
            .await
    }
}
