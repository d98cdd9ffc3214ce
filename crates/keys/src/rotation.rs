//! The secrets of wallets, as a target of the keyring's rotation.

use crate::blocking::map_parallel;
use crate::secret::context_row;
use crate::table::wallet::{self as table, Reencrypted, WalletSecret};
use crate::{Error, Keys, Result};
use async_trait::async_trait;
use secrets::{ReencryptionStep, RotationTarget};
use store::{Fact, InNamespace, Lease, UnscopedTx};
use types::{Namespace, Principal};

/// Secrets re-encrypted per transaction.
const STEP: u32 = 200;
const TARGET: &str = "wallets";

/// Re-encrypts the secrets of all wallets. The lease is that of the rotation's worker.
pub struct WalletTarget {
    pub keys: Keys,
    pub lease: Lease,
}

#[async_trait]
impl RotationTarget for WalletTarget {
    fn name(&self) -> &'static str {
        TARGET
    }

    async fn remaining(&self) -> secrets::Result<u64> {
        let version = self.keys.wallet_secrets().version();
        let read = move |tx: &mut UnscopedTx| table::count_before(tx, version);
        let count = self.keys.db().read_unscoped(read).await;
        count.map_err(target_error)
    }

    async fn step(&self, after: &str) -> secrets::Result<ReencryptionStep> {
        self.reencrypt(after).await.map_err(target_error)
    }
}

fn target_error(error: Error) -> secrets::Error {
    match error {
        Error::Store(error) => error.into(),
        other => secrets::Error::RotationBlocked {
            target: TARGET,
            why: other.to_string(),
        },
    }
}

impl WalletTarget {
    async fn reencrypt(&self, after: &str) -> Result<ReencryptionStep> {
        let version = self.keys.wallet_secrets().version();
        let db = self.keys.db();
        let read = db.read_unscoped_with(after.to_owned(), move |tx, after| {
            let (namespace, wallet) = after.split_once('/').unwrap_or_default();
            table::encrypted_before(tx, version, namespace, wallet, STEP)
        });
        let old = read.await?;
        let position =
            |last: &InNamespace<WalletSecret>| context_row(&last.namespace, &last.row.id);
        let Some(after) = old.last().map(position) else {
            return Ok(ReencryptionStep::default());
        };
        let count = old.len() as u64;
        let engine = self.keys.clone();
        let reencrypted = map_parallel(old, move |row| reencrypt(&engine, row)).await?;
        let rows: Vec<Reencrypted> = reencrypted.into_iter().flatten().collect();
        let undecryptable = count - rows.len() as u64;
        Ok(ReencryptionStep {
            reencrypted: self.store(version, rows).await?,
            undecryptable,
            after: Some(after),
        })
    }

    async fn store(&self, version: u32, rows: Vec<Reencrypted>) -> Result<u64> {
        let db = self.keys.db().on(&self.lease);
        let write = db.write_unscoped_with(rows, move |tx, rows| {
            let reencrypted = table::reencrypt(tx, rows)?;
            if reencrypted > 0 {
                let payload = serde_json::json!({ "version": version, "target": TARGET, "reencrypted": reencrypted });
                let installation = Namespace::installation();
                let fact = Fact::new("keyring.reencrypted", 1)
                    .actor(&Principal::system("rotation", installation))
                    .payload(&payload);
                tx.append(&installation, fact);
            }
            Ok::<_, Error>(reencrypted)
        });
        write.await
    }
}

fn reencrypt(keys: &Keys, old: InNamespace<WalletSecret>) -> Option<Reencrypted> {
    let (namespace, WalletSecret { id: wallet, secret }) = (old.namespace, old.row);
    let (secrets, entropy) = (keys.wallet_secrets(), keys.entropy());
    match secrets.reencrypt(&namespace, &wallet, &secret, entropy) {
        Ok(new) => Some(Reencrypted {
            namespace,
            wallet,
            old_version: secret.version,
            secret: new,
        }),
        Err(error) => {
            tracing::error!(event = "wallet_secret.undecryptable", %namespace, %wallet, %error, "a wallet's secret cannot be decrypted");
            None
        }
    }
}
