//! Cache of compiled documents: the text of a version never changes, so each is compiled once.

use crate::DocumentError;
use crate::document::{Compiled, compile};
use hashlink::LruCache;
use std::sync::{Arc, Mutex, MutexGuard};
use types::Digest;

/// The largest number of cached documents; beyond it the least recently used is dropped.
const MAX_DOCUMENTS: usize = 2_000;

/// A document with the result of its compilation.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) hash: Digest,
    pub(crate) compiled: Result<Compiled, DocumentError>,
}

/// The recently used documents, by the hash of their text.
pub(crate) struct DocumentCache(Mutex<LruCache<Digest, Arc<Document>>>);

impl Default for DocumentCache {
    fn default() -> Self {
        Self::with_capacity(MAX_DOCUMENTS)
    }
}

impl Document {
    /// Compile a document; slow, so call it on a pool thread.
    pub(crate) fn new(text: &str) -> Self {
        let compiled = std::panic::catch_unwind(|| compile(text)).unwrap_or_else(|_| {
            let why = "the compiler panicked".to_owned();
            Err(DocumentError::Rego {
                position: String::new(),
                why,
            })
        });
        Self {
            hash: Digest::of(text.as_bytes()),
            compiled,
        }
    }
}

impl DocumentCache {
    fn with_capacity(documents: usize) -> Self {
        Self(Mutex::new(LruCache::new(documents)))
    }

    /// A cached document.
    pub(crate) fn get(&self, hash: &Digest) -> Option<Arc<Document>> {
        self.lock().get(hash).cloned()
    }

    /// Compile a document and cache it.
    pub(crate) fn compile_and_insert(&self, text: &str) -> Arc<Document> {
        let document = Arc::new(Document::new(text));
        self.lock().insert(document.hash, document.clone());
        document
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Digest, Arc<Document>>> {
        let locked = self.0.lock();
        locked.expect("no code panics while holding the lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_cache_drops_the_least_recently_used_document() {
        let cache = DocumentCache::with_capacity(2);
        let text = |name: &str| format!("package florin.{name}\nallow := true");
        let [first, second] = ["a", "b"].map(|name| cache.compile_and_insert(&text(name)).hash);
        assert!(cache.get(&first).is_some());
        let third = cache.compile_and_insert(&text("c")).hash;
        assert!(cache.get(&second).is_none());
        assert!(cache.get(&first).is_some() && cache.get(&third).is_some());
    }
}
