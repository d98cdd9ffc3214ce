//! A projection that counts how often each transfer was applied, by namespace and block.

use index::{BlockId, NamespaceBlocks, Projection};
use store::{Db, Lease, Record as _, UnscopedTx, params};
use types::{Namespace, Transfer};

pub(crate) const NAME: &str = "counting";

pub(crate) struct CountingProjection;

/// Creates the projection's table if it does not exist.
pub(crate) async fn create_table(db: &Db, lease: &Lease) {
    db.on(lease)
        .write_unscoped(|tx| {
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

impl Projection for CountingProjection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(&self, tx: &mut UnscopedTx, applied: &[NamespaceBlocks]) -> store::Result<()> {
        for (namespace, block, transfer) in transfers(applied) {
            tx.execute(
                "INSERT INTO counted (namespace, chain, tx_id, path, block_hash, contract, times)
                 VALUES (?namespace, ?chain, ?tx_id, ?path, ?block_hash, ?contract, 1)
                 ON CONFLICT (namespace, chain, tx_id, path, block_hash) DO UPDATE SET times = counted.times + 1",
                params! {
                    namespace,
                    chain: block.chain,
                    tx_id: transfer.transaction,
                    path: transfer.path,
                    block_hash: block.hash,
                    contract: transfer.contract,
                },
            )?;
        }
        Ok(())
    }

    fn undo(&self, tx: &mut UnscopedTx, dropped: &[BlockId]) -> store::Result<()> {
        for block in dropped {
            tx.execute(
                "DELETE FROM counted WHERE chain = ?1 AND block_hash = ?2",
                (&block.chain, &block.hash),
            )?;
        }
        Ok(())
    }
}

fn transfers(
    applied: &[NamespaceBlocks],
) -> impl Iterator<Item = (&Namespace, &types::Block, &Transfer)> {
    applied.iter().flat_map(|applied| {
        applied.blocks.iter().flat_map(move |decoded| {
            decoded
                .transfers
                .iter()
                .map(move |transfer| (&applied.namespace, &decoded.block, transfer))
        })
    })
}

/// How often a transfer was counted.
#[derive(Debug, Clone, store::Record)]
#[record(table = "counted", read)]
pub(crate) struct Counted {
    pub(crate) namespace: String,
    #[record(column = "tx_id")]
    pub(crate) transaction: String,
    pub(crate) path: String,
    pub(crate) block_hash: String,
    pub(crate) times: i64,
}

pub(crate) async fn counted(db: &Db) -> Vec<Counted> {
    db.read_unscoped(|tx| {
        let sql = Counted::select("ORDER BY namespace, tx_id, path, block_hash");
        tx.rows(&sql, ())
    })
    .await
    .map_err(|error: store::Error| error)
    .unwrap()
}
