//! Transactions of watched signers: one row for each thing they used up.

use super::with_intake;
use crate::event::StoredIncluded;
use std::collections::{BTreeMap, BTreeSet};
use store::{FromRow as _, Result, Row, ToValue as _, Unbound, Value};
use types::{Block, ChainId, Height, Included, Status, Witness};

/// The columns that never change, in the order that the fact's root covers them.
pub(crate) const COLUMNS: [&str; 10] = [
    "chain",
    "witness",
    "block_hash",
    "tx_id",
    "signer",
    "height",
    "tx_index",
    "status",
    "fee",
    "created",
];

/// The rows of a block's transactions by watched signers, in the order of the witnesses, as
/// inserted and as covered by its fact.
pub(crate) fn rows(block: &Block) -> Vec<Vec<Value<'_>>> {
    let each = block
        .included
        .iter()
        .flat_map(|one| one.witnesses.iter().map(move |witness| (witness, one)));
    let sorted: BTreeMap<&Witness, &Included> = each.collect();
    sorted
        .into_iter()
        .map(|(witness, one)| row(block, witness, one))
        .collect()
}

fn row<'b>(block: &'b Block, witness: &'b Witness, one: &'b Included) -> Vec<Value<'b>> {
    vec![
        block.chain.to_value(),
        witness.to_value(),
        block.hash.to_value(),
        one.transaction.to_value(),
        one.signer.to_value(),
        block.height.to_value(),
        one.index.to_value(),
        status_text(one.status).to_value(),
        one.fee.to_value(),
        one.created.to_value(),
    ]
}

/// Store transactions of watched signers with their block.
pub(crate) fn insert(tx: &mut Unbound<'_, '_>, rows: &[Vec<Value<'_>>]) -> Result<()> {
    tx.execute_rows(
        "INSERT INTO chain_included (chain, witness, block_hash, tx_id, signer, height, tx_index, status, fee, created, intake, reverted)
         {rows}",
        (),
        &with_intake(rows, ""),
    )?;
    Ok(())
}

/// The transactions of a block that came back are valid again.
pub(crate) fn revive(tx: &mut Unbound<'_, '_>, chain: &ChainId, block_hash: &str) -> Result<u64> {
    tx.execute(
        "UPDATE chain_included SET reverted = 0 WHERE chain = ?1 AND block_hash = ?2",
        (chain, block_hash),
    )
}

/// Store transactions whose signer was not watched yet when their block was read first; the
/// witnesses of those that were missing.
pub(crate) fn insert_missing(
    tx: &mut Unbound<'_, '_>,
    rows: &[Vec<Value<'_>>],
    intake: &str,
) -> Result<BTreeSet<Witness>> {
    let added: Vec<(Witness,)> = tx.query_rows(
        "INSERT INTO chain_included (chain, witness, block_hash, tx_id, signer, height, tx_index, status, fee, created, intake, reverted)
         {rows} ON CONFLICT (chain, witness, block_hash) DO NOTHING RETURNING witness",
        (),
        &with_intake(rows, intake),
    )?;
    Ok(added.into_iter().map(|(witness,)| witness).collect())
}

fn status_text(status: Status) -> &'static str {
    match status {
        Status::Succeeded => "succeeded",
        Status::Reverted => "reverted",
    }
}

const INCLUDED: &str = "SELECT witness, tx_id, signer, block_hash, height, status, fee, created, reverted FROM chain_included";

fn stored_included(row: Row) -> Result<StoredIncluded> {
    type Columns = (
        Witness,
        String,
        String,
        String,
        Height,
        String,
        types::Amount,
        Option<String>,
        bool,
    );
    let (witness, transaction, signer, block_hash, height, status, fee, created, reverted) =
        Columns::from_row(row)?;
    let status = if status == "succeeded" {
        Status::Succeeded
    } else {
        Status::Reverted
    };
    Ok(StoredIncluded {
        witness,
        transaction,
        signer,
        block_hash,
        height,
        status,
        fee,
        created,
        reverted,
    })
}

/// Transactions of watched signers in a block.
pub(crate) fn in_block(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    block_hash: &str,
) -> Result<Vec<StoredIncluded>> {
    let sql = format!("{INCLUDED} WHERE chain = ?1 AND block_hash = ?2 ORDER BY tx_index, witness");
    let rows: Vec<Row> = tx.rows(&sql, (chain, block_hash))?;
    rows.into_iter().map(stored_included).collect()
}

/// Valid transactions of watched signers above a height and up to another, in chain order.
pub(crate) fn between(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    above: Option<Height>,
    through: Height,
) -> Result<Vec<StoredIncluded>> {
    let sql = format!(
        "{INCLUDED} WHERE chain = ?1 AND reverted = 0 AND height > ?2 AND height <= ?3 ORDER BY height, tx_index, witness"
    );
    let above = above.map_or(-1, Height::stored);
    let rows: Vec<Row> = tx.rows(&sql, (chain, above, through))?;
    rows.into_iter().map(stored_included).collect()
}

/// The valid transactions that used up these things.
pub(crate) fn by_witness(
    tx: &mut Unbound<'_, '_>,
    chain: &ChainId,
    witnesses: &[Witness],
) -> Result<Vec<StoredIncluded>> {
    let rows: Vec<(&Witness,)> = witnesses.iter().map(|witness| (witness,)).collect();
    let found: Vec<Row> = tx.query_rows(
        &format!("{INCLUDED} WHERE chain = ?1 AND reverted = 0 AND witness IN ({{rows}})"),
        (chain,),
        &rows,
    )?;
    found.into_iter().map(stored_included).collect()
}
