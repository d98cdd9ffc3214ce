//! Mentioning and reading contracts.

use crate::table::contract::{self as table, Contract, Filter};
use crate::{Contracts, Error, Result, Settings, interfaces};
use std::collections::{BTreeMap, BTreeSet};
use store::named::{self, Named as _};
use store::{Fact, ScopedTable as _, Tx};
use types::{ChainId, ContractId, Json, Namespace, Page, Principal};

/// The row of a contract, which is created if this is the first mention of its address. `address`
/// is in canonical form ([`canonical_address`]). Errors: `contracts.limit_exceeded`.
pub fn ensure(
    settings: &Settings,
    tx: &mut Tx,
    principal: &Principal,
    chain: &ChainId,
    address: &str,
) -> Result<Contract> {
    if let Some(known) = table::find(tx, chain, address)? {
        table::hold(tx, &known.id)?;
        return Ok(known);
    }
    let new = mentioned(tx, principal, chain, address);
    insert(settings, tx, &new)?;
    tx.append(fact("contract.mentioned", principal, None, &new));
    Ok(new)
}

/// A contract of which only the address is known.
pub(crate) fn mentioned(
    tx: &mut Tx,
    principal: &Principal,
    chain: &ChainId,
    address: &str,
) -> Contract {
    let created = tx.now();
    Contract {
        id: ContractId::new(created, tx.entropy()),
        name: None,
        chain: *chain,
        address: address.to_owned(),
        standards: BTreeSet::new(),
        interface: None,
        code_hash: None,
        proxy: None,
        implementation: None,
        implementation_code_hash: None,
        decimals: None,
        symbol: None,
        underlying: None,
        verified: None,
        changed: None,
        registered_by: None,
        registered: None,
        created,
        created_by: principal.id.clone(),
        updated: created,
        version: 1,
    }
}

pub(crate) fn insert(settings: &Settings, tx: &mut Tx, new: &Contract) -> Result<()> {
    let limit = settings.contracts_per_namespace;
    if Contract::count(tx)? >= limit as u64 {
        return Err(Error::LimitExceeded {
            field: "contracts",
            unit: "contracts in a namespace",
            limit,
        });
    }
    if table::insert(tx, new)? {
        Ok(())
    } else {
        Err(Error::contended())
    }
}

/// Writes a changed contract as its next version, with a fact of this kind about what was and is.
pub(crate) fn change(
    contracts: &Contracts,
    tx: &mut Tx,
    principal: &Principal,
    kind: &'static str,
    before: &Contract,
    mut after: Contract,
) -> Result<Contract> {
    if !is_known_as(before, &after) {
        contracts.references().withdraw(tx)?;
    }
    after.touch(tx.now());
    after.check_name(tx)?;
    if !after.update(tx)? {
        return Err(Error::contended());
    }
    tx.append(fact(kind, principal, Some(before), &after));
    Ok(after)
}

/// Whether two versions of a contract differ in nothing but when the chain was read.
fn is_known_as(before: &Contract, after: &Contract) -> bool {
    let verified = after.verified;
    *after
        == Contract {
            verified,
            ..before.clone()
        }
}

/// Reads a contract by name or id. Error: `contracts.unknown_contract`.
pub async fn contract(
    contracts: &Contracts,
    principal: &Principal,
    name_or_id: &str,
) -> Result<Contract> {
    named::get(contracts.db(), principal, (), name_or_id).await
}

/// Lists contracts, in the order in which they became known. The cursor of a page is the id of its
/// last contract.
pub async fn contracts(
    contracts: &Contracts,
    principal: &Principal,
    filter: Filter,
    page: &Page,
) -> Result<Vec<Contract>> {
    let read = |tx: &mut Tx, (filter, page): &(Filter, Page)| Ok(table::list(tx, filter, page)?);
    let args = (filter, page.clone());
    contracts
        .db()
        .read_with(&principal.namespace, args, read)
        .await
}

/// The text of a contract's interface.
pub async fn interface_of(
    contracts: &Contracts,
    principal: &Principal,
    contract: &Contract,
) -> Result<Option<Json>> {
    let Some(hash) = contract.interface else {
        return Ok(None);
    };
    let read = move |tx: &mut Tx| Ok(interfaces(tx, &[hash])?.remove(&hash));
    contracts.db().read(&principal.namespace, read).await
}

/// The interface that is registered for an address, in whatever form it is written. Error:
/// `intent.invalid_address`.
pub async fn registered_interface(
    contracts: &Contracts,
    namespace: &Namespace,
    chain: &ChainId,
    address: &str,
) -> Result<Option<Json>> {
    let args = (*chain, canonical_address(chain, address)?);
    let read = |tx: &mut Tx, (chain, address): &(ChainId, String)| {
        let contract = table::find(tx, chain, address)?;
        let hash = contract.and_then(|contract| contract.interface);
        match hash {
            Some(hash) => Ok(interfaces(tx, &[hash])?.remove(&hash)),
            None => Ok(None),
        }
    };
    contracts.db().read_with(namespace, args, read).await
}

/// The addresses of contracts; those that the namespace does not have are left out.
pub fn addresses(tx: &mut Tx, ids: &[ContractId]) -> store::Result<BTreeMap<ContractId, String>> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = table::addresses(tx, ids)?.into_iter();
    Ok(rows.map(|row| (row.id, row.address)).collect())
}

/// The canonical form of an address. Errors: `intent.invalid_address`, `intent.unknown_family`.
pub fn canonical_address(chain: &ChainId, address: &str) -> Result<String> {
    Ok(intent::parse_recipient(chain, address)?.account)
}

pub(crate) fn fact(
    kind: &'static str,
    actor: &Principal,
    before: Option<&Contract>,
    after: &Contract,
) -> Fact {
    let mut payload = described(after);
    payload["was"] = before.map_or(serde_json::Value::Null, described);
    Fact::new(kind, 2)
        .subject(&after.id, after.version)
        .actor(actor)
        .payload(&payload)
}

fn described(contract: &Contract) -> serde_json::Value {
    serde_json::json!({
        "name": contract.name,
        "chain": contract.chain,
        "address": contract.address,
        "standards": contract.standards,
        "interface": contract.interface,
        "code_hash": contract.code_hash,
        "proxy": contract.proxy,
        "implementation": contract.implementation,
        "implementation_code_hash": contract.implementation_code_hash,
        "decimals": contract.decimals,
        "symbol": contract.symbol,
        "underlying": contract.underlying,
        "verified_at": contract.verified,
        "changed": contract.changed,
    })
}
