//! The engine handle: the first argument of every verb.

use crate::backend::{Answers, Backend, Backends, WalletSecrets};
use crate::{Result, Settings};
use intent::PolicyKey;
use secrets::Keyring;
use std::future::Future;
use std::sync::Arc;
use store::{Db, Lease, Tx};
use types::{Entropy, Principal, Time};

/// What the engine works with.
pub struct Parts {
    pub db: Db,
    /// Facts go to its partition.
    pub lease: Lease,
    pub keyring: Keyring,
    /// Only permits signed by this key are accepted.
    pub policy_key: PolicyKey,
    /// Signing back ends besides those that every process has.
    pub backends: Vec<Arc<dyn Backend>>,
}

/// The engine that keeps wallets and signs under permits: the database, the back ends, and the
/// policy key that permits are verified with. Clones share it.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    db: Db,
    lease: Lease,
    policy_key: PolicyKey,
    settings: Arc<Settings>,
    secrets: Arc<WalletSecrets>,
    backends: Backends,
    large_issue_lock: tokio::sync::Mutex<()>,
}

impl Keys {
    /// Build the engine.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        let secrets = WalletSecrets::new(parts.keyring, settings.cached_branches);
        let secrets = Arc::new(secrets);
        Self(Arc::new(Inner {
            db: parts.db,
            lease: parts.lease,
            policy_key: parts.policy_key,
            backends: Backends::new(&secrets, parts.backends),
            secrets,
            settings: Arc::new(settings),
            large_issue_lock: tokio::sync::Mutex::new(()),
        }))
    }

    /// Whether the back end answers later, so that its signatures are requested. One that this
    /// process does not have counts as answering at once: [`sign`](crate::sign) then reports it.
    pub fn answers_later(&self, backend: &str) -> bool {
        let backend = self.0.backends.get(backend);
        backend.is_ok_and(|backend| backend.answers() == Answers::Later)
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn policy_key(&self) -> &PolicyKey {
        &self.0.policy_key
    }

    /// The settings. Shared, so that a closure waiting for the database does not keep the database
    /// open.
    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.0.settings
    }

    pub(crate) fn wallet_secrets(&self) -> &WalletSecrets {
        &self.0.secrets
    }

    /// A back end. Error: `keys.unknown_backend`.
    pub(crate) fn backend(&self, name: &str) -> Result<&Arc<dyn Backend>> {
        self.0.backends.get(name)
    }

    /// Serializes large address requests: at most one runs at a time.
    pub(crate) fn large_issue_lock(&self) -> &tokio::sync::Mutex<()> {
        &self.0.large_issue_lock
    }

    pub(crate) fn now(&self) -> Time {
        self.0.db.clock().now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.0.db.entropy().as_ref()
    }

    /// Read in the namespace of a principal.
    pub(crate) fn read<A, T, F>(
        &self,
        principal: &Principal,
        args: A,
        read: F,
    ) -> impl Future<Output = Result<T>> + use<A, T, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx, &A) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        self.0.db.read_with(&principal.namespace, args, read)
    }

    /// Write in the namespace of a principal, with facts in the engine's partition.
    pub(crate) fn write<A, T, E, F>(
        &self,
        principal: &Principal,
        args: A,
        mut write: F,
    ) -> impl Future<Output = std::result::Result<T, E>> + use<A, T, E, F>
    where
        A: Send + 'static,
        F: FnMut(&mut Tx, &Principal, &A) -> std::result::Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
    {
        let db = self.0.db.on(&self.0.lease);
        let args = (principal.clone(), args);
        db.write_with(&principal.namespace, args, move |tx, (principal, args)| {
            write(tx, principal, args)
        })
    }
}
