//! A projection that counts: what was applied for each namespace, in which block, and how often.

use index::{Applied, Dropped, Projection};
use store::{Db, Lease, Unbound};
use types::{Namespace, Transfer};

pub(crate) const NAME: &str = "ledger";

pub(crate) struct Ledger;

/// Make the projection's table, in a database where it is missing.
pub(crate) async fn make_table(db: &Db, lease: &Lease) {
    db.on(lease)
        .write_unbound(|tx| {
            tx.execute(
                "CREATE TABLE IF NOT EXISTS counted (namespace TEXT NOT NULL, chain TEXT NOT NULL, tx_id TEXT NOT NULL,
                   path TEXT NOT NULL, block_hash TEXT NOT NULL, contract TEXT NOT NULL, times BIGINT NOT NULL,
                   PRIMARY KEY (namespace, chain, tx_id, path, block_hash))",
                (),
            )
            .map(drop)
        })
        .await
        .unwrap();
}

impl Projection for Ledger {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&self, tx: &mut Unbound<'_, '_>, applied: &[Applied]) -> store::Result<()> {
        for (namespace, block, transfer) in all(applied) {
            tx.execute(
                "INSERT INTO counted (namespace, chain, tx_id, path, block_hash, contract, times) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)
                 ON CONFLICT (namespace, chain, tx_id, path, block_hash) DO UPDATE SET times = counted.times + 1",
                (namespace, &block.chain, &transfer.transaction, &transfer.path, &block.hash, &transfer.contract),
            )?;
        }
        Ok(())
    }

    fn undo(&self, tx: &mut Unbound<'_, '_>, dropped: &[Dropped]) -> store::Result<()> {
        for block in dropped {
            tx.execute(
                "DELETE FROM counted WHERE chain = ?1 AND block_hash = ?2",
                (&block.chain, &block.hash),
            )?;
        }
        Ok(())
    }
}

fn all(applied: &[Applied]) -> impl Iterator<Item = (&Namespace, &types::Block, &Transfer)> {
    applied.iter().flat_map(|one| {
        let work = one.work.iter();
        work.flat_map(move |work| {
            work.transfers
                .iter()
                .map(move |transfer| (&one.namespace, &work.block, transfer))
        })
    })
}

/// What is counted: namespace, transaction, path, block, times.
pub(crate) type Counted = (String, String, String, String, i64);

pub(crate) async fn counted(db: &Db) -> Vec<Counted> {
    db.read_unbound(|tx| {
        tx.rows(
            "SELECT namespace, tx_id, path, block_hash, times FROM counted ORDER BY namespace, tx_id, path, block_hash",
            (),
        )
    })
    .await
    .map_err(|error: store::Error| error)
    .unwrap()
}
