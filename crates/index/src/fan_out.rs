//! Distributes blocks to namespaces by their scopes.

use crate::scope::ALL;
use crate::table::scope::Scope;
use crate::{DecodedBlock, NamespaceBlocks};
use std::collections::{BTreeMap, BTreeSet};
use types::{Block, Namespace, Transfer};

/// The sources that the scopes of one namespace cover together.
#[derive(Default)]
struct Coverage<'s> {
    all: bool,
    sources: BTreeSet<&'s str>,
}

/// The transfers for each namespace, by its scopes of a projection. A transfer that several scopes
/// cover is delivered once.
pub(crate) fn fan_out(
    projection: &str,
    scopes: &[Scope],
    blocks: &[DecodedBlock],
) -> Vec<NamespaceBlocks> {
    let mut by_namespace: BTreeMap<&Namespace, Coverage<'_>> = BTreeMap::new();
    for scope in scopes
        .iter()
        .filter(|scope| scope.projection == projection && scope.quarantined.is_none())
    {
        by_namespace
            .entry(&scope.namespace)
            .or_default()
            .add(&scope.source);
    }
    let applied = by_namespace
        .into_iter()
        .map(|(namespace, coverage)| NamespaceBlocks {
            namespace: *namespace,
            blocks: blocks
                .iter()
                .filter_map(|block| coverage.select(block))
                .collect(),
        });
    applied
        .filter(|applied| !applied.blocks.is_empty())
        .collect()
}

impl<'s> Coverage<'s> {
    fn add(&mut self, source: &'s str) {
        self.all |= source == ALL;
        self.sources.insert(source);
    }

    fn covers(&self, transfer: &Transfer) -> bool {
        self.all || self.sources.contains(transfer.contract.as_str())
    }

    /// The block with its covered transfers; none if there are none.
    fn select(&self, decoded: &DecodedBlock) -> Option<DecodedBlock> {
        let transfers: Vec<Transfer> = decoded
            .transfers
            .iter()
            .filter(|transfer| self.covers(transfer))
            .cloned()
            .collect();
        (!transfers.is_empty()).then(|| DecodedBlock {
            block: without_contents(&decoded.block),
            transfers,
        })
    }
}

/// The block without its events and inclusions, which a projection does not need.
fn without_contents(block: &Block) -> Block {
    Block {
        chain: block.chain,
        height: block.height,
        hash: block.hash.clone(),
        parent: block.parent.clone(),
        time: block.time,
        events: Vec::new(),
        inclusions: Vec::new(),
    }
}
