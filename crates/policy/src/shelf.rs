//! Compiled documents, shared: a document is compiled once, and a version never changes its text.

use crate::Refusal;
use crate::document::{Compiled, compile};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use types::Digest;

/// Documents that are kept compiled; beyond, all are dropped and those in use come back by
/// themselves.
const MOST: usize = 2_000;

/// A document, compiled or refused.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) hash: Digest,
    pub(crate) compiled: Result<Compiled, Refusal>,
}

/// The documents that were asked for lately, by the hash of their text.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<HashMap<Digest, Arc<Document>>>);

impl Document {
    /// Compile; slow, so on a blocking thread.
    pub(crate) fn new(text: &str) -> Self {
        let compiled = std::panic::catch_unwind(|| compile(text)).unwrap_or_else(|_| {
            let why = "the compiler broke off".to_owned();
            Err(Refusal::Rego {
                place: String::new(),
                why,
            })
        });
        Self {
            hash: Digest::of(text.as_bytes()),
            compiled,
        }
    }
}

impl Shelf {
    /// A document that is there already.
    pub(crate) fn get(&self, hash: &Digest) -> Option<Arc<Document>> {
        self.lock().get(hash).cloned()
    }

    /// Put a text there, compiled.
    pub(crate) fn put(&self, text: &str) -> Arc<Document> {
        let document = Arc::new(Document::new(text));
        let mut documents = self.lock();
        if documents.len() >= MOST {
            documents.clear();
        }
        documents.insert(document.hash, document.clone());
        document
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Document>>> {
        self.0
            .lock()
            .expect("nobody panics while holding the shelf")
    }
}
