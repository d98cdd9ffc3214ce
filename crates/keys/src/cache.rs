//! Opened branches, so that a signature costs neither the opening of a secret nor the stretching of
//! words.

use crate::secret::Signer;
use std::collections::HashMap;
use std::sync::Arc;
use types::{Namespace, WalletId};

/// Wallets whose generation is remembered before all are forgotten.
const MAX_WALLETS: usize = 100_000;

/// A branch: namespace, wallet, path.
type Key = (Namespace, WalletId, String);

/// The branches used last, at most so many. What leaves is wiped once nobody signs with it any
/// more.
pub(crate) struct Cache {
    limit: usize,
    clock: u64,
    held: HashMap<Key, (u64, Arc<Signer>)>,
    generations: HashMap<WalletId, i64>,
}

impl Cache {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            clock: 0,
            held: HashMap::new(),
            generations: HashMap::new(),
        }
    }

    /// A branch, if it is there.
    pub(crate) fn get(&mut self, key: &Key) -> Option<Arc<Signer>> {
        self.clock += 1;
        let (used, signer) = self.held.get_mut(key)?;
        *used = self.clock;
        Some(signer.clone())
    }

    /// Keep a branch; the one unused for longest makes room.
    pub(crate) fn put(&mut self, key: Key, signer: Arc<Signer>) {
        if self.held.len() >= self.limit && !self.held.contains_key(&key) {
            let oldest = self
                .held
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| self.held.remove(&key));
        }
        self.clock += 1;
        self.held.insert(key, (self.clock, signer));
    }

    /// The generation of a wallet now: after a freeze or a rotation, by whichever process, its
    /// branches are forgotten.
    pub(crate) fn observe(&mut self, namespace: &Namespace, wallet: &WalletId, generation: i64) {
        if self.generations.len() >= MAX_WALLETS {
            self.clear();
        }
        if self
            .generations
            .insert(*wallet, generation)
            .is_some_and(|before| before != generation)
        {
            self.held
                .retain(|(space, of, _), _| (space, of) != (namespace, wallet));
        }
    }

    /// Forget everything.
    pub(crate) fn clear(&mut self) {
        self.held.clear();
        self.generations.clear();
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.held.len()
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
    fn the_one_unused_for_longest_makes_room() {
        let mut cache = Cache::new(2);
        cache.put(key("a", 1), signer());
        cache.put(key("a", 2), signer());
        assert!(cache.get(&key("a", 1)).is_some());
        cache.put(key("a", 3), signer());
        assert!(cache.get(&key("a", 2)).is_none());
        assert!(cache.get(&key("a", 1)).is_some() && cache.get(&key("a", 3)).is_some());
        assert_eq!(cache.len(), 2);
    }

    #[test]
    fn a_new_generation_forgets_its_wallet_alone() {
        let mut cache = Cache::new(9);
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
