//! Cache of compiled documents: the text of a version never changes, so each is compiled once.

use crate::DocumentError;
use crate::document::{Compiled, compile};
use std::sync::Arc;
use types::{Cache, Digest};

/// The largest number of cached documents.
const MAX_DOCUMENTS: usize = 2_000;

/// A document with the result of its compilation.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) hash: Digest,
    pub(crate) compiled: Result<Compiled, DocumentError>,
}

/// The recently used documents, by the hash of their text.
pub(crate) struct DocumentCache(Cache<Digest, Document>);

impl Default for DocumentCache {
    fn default() -> Self {
        Self(Cache::new(MAX_DOCUMENTS))
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

    /// The compiled document. Error: `policy.invalid_document`.
    pub(crate) fn valid(&self) -> crate::Result<&Compiled> {
        let compiled = self.compiled.as_ref();
        compiled.map_err(|error| crate::Error::InvalidDocument(error.clone()))
    }
}

impl DocumentCache {
    /// A cached document.
    pub(crate) fn get(&self, hash: &Digest) -> Option<Arc<Document>> {
        self.0.get(hash)
    }

    /// Compile a document and cache it.
    pub(crate) fn compile_and_insert(&self, text: &str) -> Arc<Document> {
        let document = Document::new(text);
        self.0.insert(document.hash, document)
    }
}
