//! `data::Chains` over the configuration and the index.

use std::collections::BTreeMap;
use std::sync::RwLock;
use store::UnscopedTx;
use types::{ChainId, Height, Namespace};

/// The default chain of each namespace, and the final height of each chain.
pub(crate) struct DefaultChains {
    chains: Vec<ChainId>,
    by_namespace: RwLock<BTreeMap<Namespace, ChainId>>,
}

impl DefaultChains {
    pub(crate) fn new(chains: Vec<ChainId>) -> Self {
        Self {
            chains,
            by_namespace: RwLock::default(),
        }
    }

    /// Replace all default chains.
    pub(crate) fn replace(&self, by_namespace: BTreeMap<Namespace, ChainId>) {
        *self
            .by_namespace
            .write()
            .expect("no thread panics while it holds the lock") = by_namespace;
    }

    /// Change the default chain of one namespace.
    pub(crate) fn set(&self, namespace: &Namespace, chain: &ChainId) {
        let mut by_namespace = self
            .by_namespace
            .write()
            .expect("no thread panics while it holds the lock");
        by_namespace.insert(*namespace, *chain);
    }

    fn fallback(&self) -> ChainId {
        // Without a configured chain the data model still needs a chain id.
        self.chains
            .first()
            .cloned()
            .unwrap_or_else(|| ChainId::evm(1))
    }
}

impl data::Chains for DefaultChains {
    fn default_chain(&self, namespace: &Namespace) -> ChainId {
        let by_namespace = self
            .by_namespace
            .read()
            .expect("no thread panics while it holds the lock");
        by_namespace
            .get(namespace)
            .cloned()
            .unwrap_or_else(|| self.fallback())
    }

    fn final_heights(&self, tx: &mut UnscopedTx) -> store::Result<Vec<(ChainId, Height)>> {
        let mut final_heights = Vec::with_capacity(self.chains.len());
        for chain in &self.chains {
            let status = index::status(tx, chain)?;
            final_heights.extend(
                status
                    .and_then(|status| status.finalized)
                    .map(|tip| (*chain, tip.height)),
            );
        }
        Ok(final_heights)
    }
}
