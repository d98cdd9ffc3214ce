//! A small bounded cache of values that can be made again.

use hashlink::LruCache;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A bounded cache that many threads share; beyond its capacity the least recently used value is
/// dropped.
pub struct Cache<K, V> {
    values: Mutex<LruCache<K, Arc<V>>>,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    /// A cache of at most `capacity` values.
    pub fn new(capacity: usize) -> Self {
        Self {
            values: Mutex::new(LruCache::new(capacity)),
        }
    }

    /// The value of a key, if it is cached.
    pub fn get(&self, key: &K) -> Option<Arc<V>> {
        self.lock().get(key).cloned()
    }

    /// Caches a value and returns it.
    pub fn insert(&self, key: K, value: impl Into<Arc<V>>) -> Arc<V> {
        let value = value.into();
        self.lock().insert(key, Arc::clone(&value));
        value
    }

    /// The value of a key, which is made and cached if there is none. All callers get the same.
    pub fn get_or_default(&self, key: K) -> Arc<V>
    where
        V: Default,
    {
        let value = Arc::<V>::default();
        let mut values = self.lock();
        match values.get(&key) {
            Some(cached) => Arc::clone(cached),
            None => {
                values.insert(key, Arc::clone(&value));
                value
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<K, Arc<V>>> {
        // No code of a caller runs under the lock, so a cache is never left half changed.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_drops_the_least_recently_used_value() {
        let cache = Cache::new(2);
        for (key, value) in [("a", 1), ("b", 2)] {
            assert_eq!(*cache.insert(key, value), value);
        }
        assert_eq!(cache.get(&"a").as_deref(), Some(&1));
        cache.insert("c", 3);
        assert_eq!(cache.get(&"b"), None);
        assert_eq!(cache.get(&"a").as_deref(), Some(&1));
        assert_eq!(cache.get(&"c").as_deref(), Some(&3));
        assert_eq!(
            (*cache.get_or_default("c"), *cache.get_or_default("d")),
            (3, 0)
        );
    }
}
