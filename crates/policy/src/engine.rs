//! The engine handle: the first argument of every verb.

use crate::document_cache::DocumentCache;
use crate::evaluation_pool::EvaluationPool;
use crate::{Config, Lookups, PermitSigner, Result};
use std::sync::Arc;
use store::{Db, Lease, LeasedDb, Tx};
use types::Principal;

/// The policy engine. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    pub(crate) db: Db,
    lease: Lease,
    pub(crate) signer: Arc<dyn PermitSigner>,
    pub(crate) lookups: Arc<dyn Lookups>,
    pub(crate) config: Arc<Config>,
    pub(crate) cache: Arc<DocumentCache>,
    pub(crate) pool: EvaluationPool,
}

impl Policy {
    /// Create the engine on a database; facts go to the lease's partition. Permits are signed by
    /// `signer`, lookups answered by `lookups`. Starts the evaluation threads; they end with the
    /// last clone.
    pub fn new(
        db: Db,
        lease: Lease,
        signer: Arc<dyn PermitSigner>,
        lookups: Arc<dyn Lookups>,
        config: Config,
    ) -> Self {
        let pool = EvaluationPool::start(config.limits.threads);
        Self {
            db,
            lease,
            signer,
            lookups,
            config: Arc::new(config),
            cache: Arc::default(),
            pool,
        }
    }

    /// The database, for writes to the engine's partition.
    pub(crate) fn leased(&self) -> LeasedDb<'_> {
        self.db.on(&self.lease)
    }

    /// Read within the principal's namespace.
    pub(crate) async fn read<A, T>(
        &self,
        principal: &Principal,
        args: A,
        read: impl Fn(&mut Tx<'_, '_>, &A) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        self.db.read_with(&principal.namespace, args, read).await
    }

    /// Write within the principal's namespace. The closure may run more than once.
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
        let args = (principal.clone(), args);
        self.leased()
            .write_with(&principal.namespace, args, move |tx, (principal, args)| {
                write(tx, principal, args)
            })
            .await
    }
}
