//! A transfer of a block, with its texts sanitized for use in keys.

use super::BlockTransfers;
use crate::object::{Object, normalize_address};
use crate::table::transfer::Identity;
use crate::{Type, update};
use types::{ChainId, Digest, Transfer, TransferKind, sanitize_text};

/// The name of the pool of a contract that has one.
pub(super) const MAIN: &str = "main";
/// Bytes of chain text in a key. Addresses and hashes of known chains have about 100 at most.
const MAX_KEY: usize = 200;

/// One transfer of a block.
pub(super) struct ObservedTransfer<'a> {
    pub(super) block: &'a BlockTransfers<'a>,
    pub(super) identity: Identity,
    pub(super) protocol_id: String,
    pub(super) contract: String,
    /// The name of the pool or NFT within the contract.
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) transfer: &'a Transfer,
}

/// Chain text as part of a key: sanitized, and replaced by its hash if it is too long for an index.
fn key_text(text: &str) -> String {
    let clean = sanitize_text(text.as_bytes());
    if clean.len() <= MAX_KEY {
        clean
    } else {
        format!("sha256:{}", Digest::of(text.as_bytes()))
    }
}

impl<'a> ObservedTransfer<'a> {
    pub(super) fn new(
        chain: &ChainId,
        block: &'a BlockTransfers<'a>,
        transfer: &'a Transfer,
    ) -> Self {
        let address = |text: &str| normalize_address(chain.as_str(), &key_text(text));
        let (kind, name) = match &transfer.what {
            TransferKind::Fungible { token_id: None } => (Type::Pool, MAIN.to_owned()),
            TransferKind::Fungible {
                token_id: Some(token),
            } => (Type::Pool, format!("id-{token}")),
            TransferKind::NonFungible { token_id } => (Type::Nft, format!("id-{token_id}")),
        };
        Self {
            block,
            identity: Identity {
                transaction_id: key_text(&transfer.transaction),
                path: key_text(&transfer.path),
            },
            protocol_id: key_text(&transfer.protocol_id),
            contract: address(&transfer.contract),
            name,
            kind,
            from: address(&transfer.from),
            to: address(&transfer.to),
            transfer,
        }
    }

    /// The addresses of the transfer, and whether each is the contract.
    pub(super) fn addresses(&self) -> impl Iterator<Item = (&str, bool)> {
        let addresses = [
            (self.contract.as_str(), true),
            (self.from.as_str(), false),
            (self.to.as_str(), false),
        ];
        addresses
            .into_iter()
            .filter(|(address, _)| !address.is_empty())
    }

    /// The pool or NFT of the transfer: type, contract and name.
    pub(super) fn parent(&self) -> (Type, String, String) {
        (self.kind, self.contract.clone(), self.name.clone())
    }

    /// Write the chain's data into a row. Fields that callers added stay.
    pub(super) fn write_into(&self, row: &mut Object, chain: &ChainId, parent: &str, batch: &str) {
        row.put_text("chain", chain.as_str());
        row.put_text("transaction_id", &*self.identity.transaction_id);
        row.put_text("path", &*self.identity.path);
        row.put_text("protocol_id", &*self.protocol_id);
        row.put_text(
            "position",
            update::position_in(self.block.height, &self.protocol_id),
        );
        row.put_text("from_address", &*self.from);
        row.put_text("to_address", &*self.to);
        row.put_amount("amount", self.transfer.amount);
        row.put_text("transaction_hash", &*self.identity.transaction_id);
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
        if let Some(operator) = &self.transfer.operator {
            row.put_text(
                "signer",
                normalize_address(chain.as_str(), &key_text(operator)),
            );
        }
    }
}

/// A block hash as stored in rows.
pub(super) fn block_key(hash: &str) -> String {
    key_text(hash)
}
