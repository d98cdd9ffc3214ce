//! `data::Chains` over the configuration and the index.

use std::collections::BTreeMap;
use std::sync::RwLock;
use store::Unbound;
use types::{ChainId, Height, Namespace};

/// Which chain each namespace means where none is named, and how far each chain is final.
pub(crate) struct Homes {
    chains: Vec<ChainId>,
    homes: RwLock<BTreeMap<Namespace, ChainId>>,
}

impl Homes {
    pub(crate) fn new(chains: Vec<ChainId>) -> Self {
        Self {
            chains,
            homes: RwLock::default(),
        }
    }

    /// Know these from now on, and no others.
    pub(crate) fn learn(&self, homes: BTreeMap<Namespace, ChainId>) {
        *self
            .homes
            .write()
            .expect("no thread panics while it holds the homes") = homes;
    }

    /// A namespace means another chain from now on.
    pub(crate) fn moved(&self, namespace: &Namespace, chain: &ChainId) {
        let mut homes = self
            .homes
            .write()
            .expect("no thread panics while it holds the homes");
        homes.insert(namespace.clone(), chain.clone());
    }

    fn first(&self) -> ChainId {
        // Without any chain the model still needs a name for "no chain in particular".
        self.chains
            .first()
            .cloned()
            .unwrap_or_else(|| ChainId::evm(1))
    }
}

impl data::Chains for Homes {
    fn home(&self, namespace: &Namespace) -> ChainId {
        let homes = self
            .homes
            .read()
            .expect("no thread panics while it holds the homes");
        homes
            .get(namespace)
            .cloned()
            .unwrap_or_else(|| self.first())
    }

    fn finals(&self, tx: &mut Unbound<'_, '_>) -> store::Result<Vec<(ChainId, Height)>> {
        let mut finals = Vec::with_capacity(self.chains.len());
        for chain in &self.chains {
            let status = index::status(tx, chain)?;
            finals.extend(
                status
                    .and_then(|status| status.finalized)
                    .map(|tip| (chain.clone(), tip.height)),
            );
        }
        Ok(finals)
    }
}
