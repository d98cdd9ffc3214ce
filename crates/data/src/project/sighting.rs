//! A transfer as the chain told it, made fit for keys.

use super::Movements;
use crate::object::{Object, written};
use crate::table::transfer::Identity;
use crate::{Type, update};
use types::{ChainId, Digest, Transfer, TransferKind, hostile_text};

/// The longest text of a chain that becomes part of a key; addresses and hashes of known chains
/// have at most some 100.
const MAX_KEY: usize = 200;

/// One transfer of one block.
pub(super) struct Sighting<'a> {
    pub(super) block: &'a Movements<'a>,
    pub(super) identity: Identity,
    pub(super) protocol_id: String,
    pub(super) contract: String,
    /// The name of the pool or NFT within the contract.
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) told: &'a Transfer,
}

/// Text of a chain as part of a key: without what a database refuses, and known by its hash where
/// it is too long for an index.
fn key_text(text: &str) -> String {
    let clean = hostile_text(text.as_bytes());
    if clean.len() <= MAX_KEY {
        clean
    } else {
        format!("sha256:{}", Digest::of(text.as_bytes()))
    }
}

impl<'a> Sighting<'a> {
    pub(super) fn new(chain: &ChainId, block: &'a Movements<'a>, told: &'a Transfer) -> Self {
        let address = |text: &str| written(chain.as_str(), &key_text(text));
        let (kind, name) = match &told.what {
            TransferKind::Fungible { token_id: None } => (Type::Pool, "main".to_owned()),
            TransferKind::Fungible {
                token_id: Some(token),
            } => (Type::Pool, format!("id-{token}")),
            TransferKind::NonFungible { token_id } => (Type::Nft, format!("id-{token_id}")),
        };
        Self {
            block,
            identity: (key_text(&told.transaction), key_text(&told.path)),
            protocol_id: key_text(&told.protocol_id),
            contract: address(&told.contract),
            name,
            kind,
            from: address(&told.from),
            to: address(&told.to),
            told,
        }
    }

    /// Every address it names.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (&str, bool)> {
        let known = [
            (self.contract.as_str(), true),
            (self.from.as_str(), false),
            (self.to.as_str(), false),
        ];
        known.into_iter().filter(|(address, _)| !address.is_empty())
    }

    /// Where the pool or NFT is found: contract and name.
    pub(super) fn parent(&self) -> (Type, String, String) {
        (self.kind, self.contract.clone(), self.name.clone())
    }

    /// Write what the chain says into a row; what a person added stays.
    pub(super) fn write_into(&self, row: &mut Object, chain: &ChainId, parent: &str, batch: &str) {
        row.put_text("chain", chain.as_str());
        row.put_text("transaction_id", &*self.identity.0);
        row.put_text("path", &*self.identity.1);
        row.put_text("protocol_id", &*self.protocol_id);
        row.put_text(
            "position",
            update::position_in(self.block.height, &self.protocol_id),
        );
        row.put_text("from_address", &*self.from);
        row.put_text("to_address", &*self.to);
        row.put_amount("amount", self.told.amount);
        row.put_text("transaction_hash", &*self.identity.0);
        row.put_text("parent_type", self.kind.singular());
        row.put_text("parent_id", parent);
        row.put_text("source", &*self.contract);
        row.put_text("batch", batch);
        row.put_int("explicit", 0);
        row.put_int("height", self.block.height.stored());
        row.put_text("block_hash", key_text(self.block.hash));
        row.put_time("block_time", self.block.time);
        row.put_int("reverted", 0);
        row.put_text("type", update::derived_type(&self.from, &self.to));
        if let Some(operator) = &self.told.operator {
            row.put_text("signer", written(chain.as_str(), &key_text(operator)));
        }
    }
}

/// The hash of a block as rows keep it.
pub(super) fn block_key(hash: &str) -> String {
    key_text(hash)
}
