//! `policy::Contracts` over the registry, the chains and the data model.

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use contracts::{Contracts, Known, KnownContract};
use data::Data;
use policy::{AccountInfo, ContractInfo};
use std::collections::BTreeMap;
use types::{ChainId, Namespace};

/// What a namespace knows of accounts: what a controller registered and the chain confirms.
pub(crate) struct KnownContracts {
    contracts: Contracts,
    data: Data,
}

impl KnownContracts {
    pub(crate) fn new(contracts: Contracts, data: Data) -> Self {
        Self { contracts, data }
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
        let known = contracts::known(&self.contracts, namespace, chain, addresses);
        let known = known.await.map_err(|error| error.to_string())?;
        let assets = data::token_assets(&self.data, namespace, chain, addresses);
        let mut assets = assets.await.map_err(|error| error.to_string())?;
        let info = |(address, known): (String, Known)| {
            let info = match known {
                Known::Registered(known) => AccountInfo::Contract(Box::new(info(
                    *known,
                    assets.remove(&address).unwrap_or_default(),
                ))),
                Known::NoCode => AccountInfo::NoCode,
                Known::Unregistered => AccountInfo::Unregistered,
                Known::Unreadable(why) => AccountInfo::Unreadable(why),
            };
            (address, info)
        };
        Ok(known.into_iter().map(info).collect())
    }
}

fn info(known: KnownContract, assets: Vec<String>) -> ContractInfo {
    let KnownContract {
        contract,
        interface,
        problem,
    } = known;
    ContractInfo {
        contract: intent::KnownContract {
            name: contract.name.unwrap_or_default(),
            standards: contract.standards,
            interface,
            underlying: contract.underlying,
            changed: problem,
        },
        code_hash: contract.code_hash,
        implementation: contract.implementation,
        decimals: contract.decimals,
        symbol: contract.symbol,
        assets,
        registered_by: contract.registered_by,
        registered_at: contract.registered,
    }
}
