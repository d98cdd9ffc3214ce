//! What policy asks about API keys.

use store::Tx;
use types::{ApiKeyId, Role};

/// An API key as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStanding {
    pub id: ApiKeyId,
    /// Its roles, whether or not it is live.
    pub roles: Vec<Role>,
    /// Neither revoked nor expired.
    pub is_live: bool,
}

/// Reads the API keys of a namespace.
pub trait ApiKeys: Send + Sync {
    /// Those of these keys that the namespace has.
    fn standing(
        &self,
        tx: &mut Tx,
        keys: &[ApiKeyId],
        lock: Lock,
    ) -> store::Result<Vec<KeyStanding>>;
}

/// Whether what is read is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// It may change before the transaction ends.
    None,
    /// The rows are under a shared lock until the transaction ends, which writes: a change waits
    /// for it, or has it retried.
    Shared,
}

/// For principals without API keys: knows none, so that nothing is permitted to one that names a
/// key.
pub struct NoApiKeys;

impl ApiKeys for NoApiKeys {
    fn standing(&self, _: &mut Tx, _: &[ApiKeyId], _: Lock) -> store::Result<Vec<KeyStanding>> {
        Ok(Vec::new())
    }
}
