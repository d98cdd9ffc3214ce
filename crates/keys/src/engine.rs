//! The engine handle: the first argument of every verb.

use crate::Result;
use crate::backend::{AnswerTime, Backend, Backends, WalletSecrets};
use crate::hd::Template;
use intent::PolicyKey;
use secrets::Keyring;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Db, Lease, LeasedDb};
use types::{ChainId, Entropy, Time};

/// The settings of an installation for keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether secrets may be exported. Off by default.
    pub allow_export: bool,
    /// The derivation path templates of chains that do not use the default (BIP-44 for EVM, BIP-84
    /// for UTXO chains). The configuration cannot set them.
    #[serde(skip)]
    pub paths: BTreeMap<ChainId, Template>,
    /// How many decrypted branches stay in memory.
    pub cached_branches: usize,
    /// How long one call of a back end that answers later may take.
    pub backend_deadline_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_export: false,
            paths: BTreeMap::new(),
            cached_branches: 256,
            backend_deadline_ms: 10_000,
        }
    }
}

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
        backend.is_ok_and(|backend| backend.answer_time() == AnswerTime::Later)
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

    /// The database on the partition of this process.
    pub(crate) fn on(&self) -> LeasedDb<'_> {
        self.db().on(&self.0.lease)
    }
}
