//! Definitions that were read lately: a version never changes, so it is read once.

use crate::definition::Definition;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use types::VersionId;

/// Versions that are kept at hand.
const MOST: usize = 500;

#[derive(Default)]
pub(crate) struct Shelf(Mutex<HashMap<VersionId, Arc<Definition>>>);

impl Shelf {
    pub(crate) fn get(&self, id: VersionId) -> Option<Arc<Definition>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
    }

    pub(crate) fn put(&self, id: VersionId, definition: Arc<Definition>) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() >= MOST {
            // Which one goes matters little: it is read again.
            let victim = shelf.keys().next().copied();
            victim.map(|victim| shelf.remove(&victim));
        }
        shelf.insert(id, definition);
    }
}
