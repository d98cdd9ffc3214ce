//! What of the blocks concerns whom: each namespace by its scopes.

use crate::scope::{ALL, Scope};
use crate::{Applied, Work};
use std::collections::{BTreeMap, BTreeSet};
use types::{Block, Namespace, Transfer};

/// What the scopes of one namespace cover together.
#[derive(Default)]
struct Covered<'s> {
    all: bool,
    sources: BTreeSet<&'s str>,
}

/// What of the blocks concerns each namespace, by its scopes of a projection. A transfer that
/// several scopes cover is given once.
pub(crate) fn share(projection: &str, scopes: &[Scope], work: &[Work]) -> Vec<Applied> {
    let mut by_namespace: BTreeMap<&Namespace, Covered<'_>> = BTreeMap::new();
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
        .map(|(namespace, covered)| Applied {
            namespace: namespace.clone(),
            work: work.iter().filter_map(|one| covered.of(one)).collect(),
        });
    applied.filter(|applied| !applied.work.is_empty()).collect()
}

impl<'s> Covered<'s> {
    fn add(&mut self, source: &'s str) {
        self.all |= source == ALL;
        self.sources.insert(source);
    }

    fn covers(&self, transfer: &Transfer) -> bool {
        self.all || self.sources.contains(transfer.contract.as_str())
    }

    fn of(&self, work: &Work) -> Option<Work> {
        let transfers: Vec<Transfer> = work
            .transfers
            .iter()
            .filter(|transfer| self.covers(transfer))
            .cloned()
            .collect();
        (!transfers.is_empty()).then(|| Work {
            block: name_only(&work.block),
            transfers,
        })
    }
}

/// A projection needs the block's name, not its raw events.
fn name_only(block: &Block) -> Block {
    Block {
        chain: block.chain.clone(),
        height: block.height,
        hash: block.hash.clone(),
        parent: block.parent.clone(),
        time: block.time,
        events: Vec::new(),
        included: Vec::new(),
    }
}
