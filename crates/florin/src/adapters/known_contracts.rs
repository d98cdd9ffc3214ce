//! `policy::Contracts` over the registry of contracts.

use async_trait::async_trait;
use contracts::Contract;
use policy::{AccountInfo, ContractInfo};
use std::collections::BTreeMap;
use store::{Db, Tx};
use types::{ChainId, Digest, Json, Namespace};

/// What the registry of a namespace has.
pub(crate) struct KnownContracts {
    db: Db,
}

/// The registered contracts and the texts of their interfaces.
type Rows = (Vec<Contract>, BTreeMap<Digest, Json>);

impl KnownContracts {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }
}

#[async_trait]
impl policy::Contracts for KnownContracts {
    async fn known(
        &self,
        namespace: &Namespace,
        chain: &ChainId,
        addresses: &[String],
    ) -> Result<BTreeMap<String, AccountInfo>, String> {
        let args = (*chain, addresses.to_vec());
        let read = self.db.read_with(namespace, args, read).await;
        let (rows, interfaces) = read.map_err(|error| error.to_string())?;
        let mut known: BTreeMap<String, AccountInfo> = addresses
            .iter()
            .map(|address| (address.clone(), AccountInfo::Unregistered))
            .collect();
        for row in rows.into_iter().filter(|row| row.standard.is_some()) {
            known.insert(row.address.clone(), info(row, &interfaces));
        }
        Ok(known)
    }
}

fn read(tx: &mut Tx, (chain, addresses): &(ChainId, Vec<String>)) -> store::Result<Rows> {
    let rows = contracts::at(tx, chain, addresses)?;
    let hashes: Vec<Digest> = rows.iter().filter_map(|row| row.interface).collect();
    let interfaces = contracts::interfaces(tx, &hashes)?;
    Ok((rows, interfaces))
}

fn info(row: Contract, interfaces: &BTreeMap<Digest, Json>) -> AccountInfo {
    let interface = row.interface.and_then(|hash| interfaces.get(&hash));
    let contract = intent::KnownContract {
        name: row.id.to_string(),
        standards: row.standard.into_iter().collect(),
        interface: interface.map(contracts::decode_interface),
        underlying: None,
        changed: None,
    };
    AccountInfo::Contract(Box::new(ContractInfo {
        contract,
        registered_by: Some(row.created_by),
        registered_at: Some(row.created),
        ..ContractInfo::default()
    }))
}
