//! Cache of decrypted branches, so that a signature needs neither to decrypt a secret nor to derive
//! the seed from its mnemonic.

use crate::secret::Signer;
use std::collections::HashMap;
use std::sync::Arc;
use types::{Namespace, WalletId};

/// The number of wallets whose generation is remembered; beyond it, the cache is cleared.
const MAX_WALLETS: usize = 100_000;

/// The branch: namespace, wallet, path.
type Key = (Namespace, WalletId, String);

struct Cached {
    last_used: u64,
    signer: Arc<Signer>,
}

/// A least-recently-used cache of branch signers. An evicted signer is wiped when its last user
/// drops it.
pub(crate) struct SignerCache {
    limit: usize,
    clock: u64,
    signers: HashMap<Key, Cached>,
    generations: HashMap<WalletId, i64>,
}

impl SignerCache {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            clock: 0,
            signers: HashMap::new(),
            generations: HashMap::new(),
        }
    }

    /// A cached signer.
    pub(crate) fn get(&mut self, key: &Key) -> Option<Arc<Signer>> {
        self.clock += 1;
        let cached = self.signers.get_mut(key)?;
        cached.last_used = self.clock;
        Some(cached.signer.clone())
    }

    /// Insert a signer; the least recently used one is evicted.
    pub(crate) fn put(&mut self, key: Key, signer: Arc<Signer>) {
        if self.signers.len() >= self.limit && !self.signers.contains_key(&key) {
            let oldest = self
                .signers
                .iter()
                .min_by_key(|(_, cached)| cached.last_used)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| self.signers.remove(&key));
        }
        self.clock += 1;
        let last_used = self.clock;
        self.signers.insert(key, Cached { last_used, signer });
    }

    /// Record the current generation of a wallet. If it changed, by a freeze or a rotation in any
    /// process, the wallet's branches are evicted.
    pub(crate) fn observe(&mut self, namespace: &Namespace, wallet: &WalletId, generation: i64) {
        if self.generations.len() >= MAX_WALLETS {
            self.clear();
        }
        if self
            .generations
            .insert(*wallet, generation)
            .is_some_and(|previous| previous != generation)
        {
            self.signers
                .retain(|(branch_namespace, branch_wallet, _), _| {
                    (branch_namespace, branch_wallet) != (namespace, wallet)
                });
        }
    }

    pub(crate) fn clear(&mut self) {
        self.signers.clear();
        self.generations.clear();
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.signers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Ulid;

    fn key(namespace: &str, number: u128) -> Key {
        (
            namespace.parse().expect("legal"),
            WalletId::from_ulid(Ulid::from_bits(number)),
            "m".to_owned(),
        )
    }

    fn signer() -> Arc<Signer> {
        Arc::new(Signer::Single([7; 32].into()))
    }

    #[test]
    fn the_least_recently_used_signer_is_evicted() {
        let mut cache = SignerCache::new(2);
        cache.put(key("a", 1), signer());
        cache.put(key("a", 2), signer());
        assert!(cache.get(&key("a", 1)).is_some());
        cache.put(key("a", 3), signer());
        assert!(cache.get(&key("a", 2)).is_none());
        assert!(cache.get(&key("a", 1)).is_some() && cache.get(&key("a", 3)).is_some());
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn a_new_generation_evicts_only_its_wallet() {
        let mut cache = SignerCache::new(9);
        let (a, b) = (key("a", 1), key("a", 2));
        cache.observe(&a.0, &a.1, 0);
        cache.observe(&b.0, &b.1, 0);
        cache.put(a.clone(), signer());
        cache.put(b.clone(), signer());
        cache.observe(&a.0, &a.1, 0);
        assert!(cache.get(&a).is_some());
        cache.observe(&a.0, &a.1, 1);
        assert!(cache.get(&a).is_none() && cache.get(&b).is_some());
    }
}
