//! The engine handle: the first argument of the verbs on a running installation.

use crate::blocking::blocking;
use crate::keyring::Keyring;
use crate::master_key::MasterKey;
use crate::{Error, Result};
use std::sync::Arc;
use store::{Db, Lease};
use types::{Entropy, Time};

/// Returns the master key whenever the keyring must be unlocked again, or the reason why it cannot.
pub type MasterSource = Arc<dyn Fn() -> std::result::Result<MasterKey, String> + Send + Sync>;

/// What the engine works with.
pub struct Parts {
    pub db: Db,
    /// Facts go to its partition.
    pub lease: Lease,
    /// From [`open_keyring`](crate::open_keyring). The other engines hold clones of it.
    pub keyring: Keyring,
    /// Where the master key is read when the keyring must be unlocked again, after a rotation by
    /// this or another process.
    pub master_source: Option<MasterSource>,
}

/// The settings of an installation for secrets.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long after the start of a rotation no data key is retired. Within that time every
    /// process must load the new data key and stop encrypting under older ones.
    pub retire_delay_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retire_delay_ms: 10_000,
        }
    }
}

/// The keyring of an installation. Clones share it.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    parts: Parts,
    settings: Settings,
}

impl Secrets {
    /// The engine on an open database and an unlocked keyring.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        Self(Arc::new(Inner { parts, settings }))
    }

    /// Wait until a secret under a data key is found that this process has not unlocked: time to
    /// call [`refresh`](crate::refresh).
    pub async fn wait_for_unknown_key(&self) {
        self.keyring().wait_for_unknown_key().await;
    }

    /// The master key, from its source. Error: `secrets.master_key_unavailable`.
    pub(crate) async fn master(&self) -> Result<MasterKey> {
        let source = self.0.parts.master_source.clone();
        let source = source.ok_or_else(|| Error::MasterKeyUnavailable {
            why: "this process has no source for it".to_owned(),
        })?;
        blocking(move || source().map_err(|why| Error::MasterKeyUnavailable { why })).await
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.parts.db
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.0.parts.lease
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.parts.keyring
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn now(&self) -> Time {
        self.db().clock().now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        self.db().entropy().as_ref()
    }
}
