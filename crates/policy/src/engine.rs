//! The engine: what every verb works with.

use crate::shelf::Shelf;
use crate::threads::Threads;
use crate::{Config, Lookups, PermitSigner};
use std::sync::Arc;
use store::{Db, Lease};

/// Policy. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    pub(crate) db: Db,
    pub(crate) lease: Lease,
    pub(crate) signer: Arc<dyn PermitSigner>,
    pub(crate) lookups: Arc<dyn Lookups>,
    pub(crate) config: Arc<Config>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) threads: Threads,
}

impl Policy {
    /// On a database and the partition of a lease; permits are signed by `signer`, lookups answered
    /// by `lookups`. Starts the threads that evaluate; they end with the last clone.
    pub fn new(
        db: Db,
        lease: Lease,
        signer: Arc<dyn PermitSigner>,
        lookups: Arc<dyn Lookups>,
        config: Config,
    ) -> Self {
        let threads = Threads::start(config.limits.threads);
        Self {
            db,
            lease,
            signer,
            lookups,
            config: Arc::new(config),
            shelf: Arc::default(),
            threads,
        }
    }

    /// The same engine on another lease, after the old one was lost.
    #[must_use]
    pub fn on(&self, lease: Lease) -> Self {
        Self {
            lease,
            ..self.clone()
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }
}
