//! Cache of compiled documents: the text of a version never changes, so each is compiled once.

use crate::DocumentError;
use crate::document::{Compiled, compile};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use types::Digest;

/// The largest number of cached documents; beyond it the cache is cleared, and documents in use are
/// cached again.
const MAX_DOCUMENTS: usize = 2_000;

/// A document with the result of its compilation.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) hash: Digest,
    pub(crate) compiled: Result<Compiled, DocumentError>,
}

/// The recently used documents, by the hash of their text.
#[derive(Debug, Default)]
pub(crate) struct DocumentCache(Mutex<HashMap<Digest, Arc<Document>>>);

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
    /// A cached document.
    pub(crate) fn get(&self, hash: &Digest) -> Option<Arc<Document>> {
        self.lock().get(hash).cloned()
    }

    /// Compile a document and cache it.
    pub(crate) fn compile_and_insert(&self, text: &str) -> Arc<Document> {
        let document = Arc::new(Document::new(text));
        let mut documents = self.lock();
        if documents.len() >= MAX_DOCUMENTS {
            documents.clear();
        }
        documents.insert(document.hash, document.clone());
        document
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Document>>> {
        self.0
            .lock()
            .expect("no code panics while holding the lock")
    }
}
