//! The engine handle: the first argument of every verb.

use crate::document_cache::{Document, DocumentCache};
use crate::evaluation_pool::EvaluationPool;
use crate::{Lookups, PermitSigner, Result, Settings};
use std::sync::Arc;
use store::{Db, Lease, LeasedDb, Tx};
use types::Principal;

/// What the engine works with.
#[derive(Clone)]
pub struct Parts {
    pub db: Db,
    /// Facts go to its partition.
    pub lease: Lease,
    /// Signs the permits.
    pub signer: Arc<dyn PermitSigner>,
    /// Answers the lookups of documents.
    pub lookups: Arc<dyn Lookups>,
}

/// The policy engine. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    parts: Parts,
    pub(crate) settings: Arc<Settings>,
    pub(crate) cache: Arc<DocumentCache>,
    pub(crate) pool: EvaluationPool,
}

impl Policy {
    /// Creates the engine and starts its evaluation threads, which end with the last clone.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        let pool = EvaluationPool::start(settings.limits.threads);
        Self {
            parts,
            settings: Arc::new(settings),
            cache: Arc::default(),
            pool,
        }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.parts.db
    }

    pub(crate) fn signer(&self) -> &dyn PermitSigner {
        self.parts.signer.as_ref()
    }

    pub(crate) fn lookups(&self) -> &dyn Lookups {
        self.parts.lookups.as_ref()
    }

    /// Compile a document on a thread of the pool, and cache it.
    pub(crate) async fn compile(&self, text: String) -> Result<Arc<Document>> {
        let cache = self.cache.clone();
        self.pool.run(move || cache.compile_and_insert(&text)).await
    }

    /// The database, for writes to the engine's partition.
    pub(crate) fn leased(&self) -> LeasedDb<'_> {
        self.db().on(&self.parts.lease)
    }

    /// Read within the principal's namespace.
    pub(crate) async fn read<A, T>(
        &self,
        principal: &Principal,
        args: A,
        read: impl Fn(&mut Tx, &A) -> Result<T> + Send + 'static,
    ) -> Result<T>
    where
        A: Send + 'static,
        T: Send + 'static,
    {
        self.db().read_with(&principal.namespace, args, read).await
    }

    /// Write within the principal's namespace. The closure may run more than once.
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
        self.leased()
            .write_with(&principal.namespace, args, move |tx, (principal, args)| {
                write(tx, principal, args)
            })
            .await
    }
}
