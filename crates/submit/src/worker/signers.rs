//! The keys of signers, and their wallets as policies see them.

use super::Worker;
use crate::{Result, record};
use keys::KeyLocation;
use policy::WalletRef;
use std::collections::BTreeMap;
use types::{ChainId, Namespace, WalletId};

/// The key of a signer, and its wallet.
#[derive(Debug, Clone)]
pub(super) struct SignerKey {
    pub(super) location: KeyLocation,
    pub(super) wallet: WalletRef,
}

/// The key of each of these accounts of a namespace, if the namespace holds it.
pub(super) async fn find_keys(
    worker: &Worker,
    accounts: Vec<(Namespace, ChainId, String)>,
) -> Result<Vec<Option<SignerKey>>> {
    let namespaces: Vec<Namespace> = accounts.iter().map(|(namespace, ..)| *namespace).collect();
    let read = worker.db().read_unscoped_with(accounts, |tx, accounts| {
        let find = |(namespace, chain, signer): &(Namespace, ChainId, String)| {
            keys::find(&mut tx.scoped(namespace), chain, signer)
        };
        accounts.iter().map(find).collect::<keys::Result<Vec<_>>>()
    });
    let locations = read.await?;
    let (mut wallets, mut keys) = (BTreeMap::new(), Vec::with_capacity(locations.len()));
    for (namespace, location) in namespaces.into_iter().zip(locations) {
        let Some(location) = location else {
            keys.push(None);
            continue;
        };
        let wallet = wallet(worker, &mut wallets, namespace, location.wallet).await?;
        keys.push(Some(SignerKey { location, wallet }));
    }
    Ok(keys)
}

/// A wallet, read once for all its keys.
async fn wallet(
    worker: &Worker,
    read: &mut BTreeMap<WalletId, WalletRef>,
    namespace: Namespace,
    id: WalletId,
) -> Result<WalletRef> {
    if let Some(wallet) = read.get(&id) {
        return Ok(wallet.clone());
    }
    let system = record::system(&namespace);
    let wallet = keys::wallet(worker.submit.keys(), &system, &id.to_string()).await?;
    let wallet = WalletRef {
        id: wallet.id,
        name: wallet.name,
        kind: <&str>::from(wallet.kind).to_owned(),
    };
    read.insert(id, wallet.clone());
    Ok(wallet)
}
