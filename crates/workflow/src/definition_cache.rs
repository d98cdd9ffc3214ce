//! Cache of parsed definitions. Versions are immutable, so entries never expire.

use crate::definition::Definition;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use types::VersionId;

/// Number of cached versions.
const CAPACITY: usize = 500;

#[derive(Default)]
pub(crate) struct DefinitionCache(Mutex<HashMap<VersionId, Arc<Definition>>>);

impl DefinitionCache {
    pub(crate) fn get(&self, id: VersionId) -> Option<Arc<Definition>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    pub(crate) fn put(&self, id: VersionId, definition: Arc<Definition>) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CAPACITY {
            // Any victim will do: it can be parsed again.
            let victim = cache.keys().next().copied();
            victim.map(|victim| cache.remove(&victim));
        }
        cache.insert(id, definition);
    }
}
