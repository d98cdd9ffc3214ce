//! The engine handle: the first argument of every verb.

use crate::document_cache::DocumentCache;
use crate::evaluation_pool::EvaluationPool;
use crate::{Config, Lookups, PermitSigner};
use std::sync::Arc;
use store::{Db, Lease};

/// The policy engine. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
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

    /// The same engine with another lease, after the old one was lost.
    #[must_use]
    pub fn with_lease(&self, lease: Lease) -> Self {
        Self {
            lease,
            ..self.clone()
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
